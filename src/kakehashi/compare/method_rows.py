"""The item rows of two methods on one subject, and their scores under each other's judge, policy and credit."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from kakehashi.compare.resampling import FloatArray, IntArray
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError


class Aspect(Enum):
    """What two methods may differ in."""

    CONSTRUCT = "construct"
    LANGUAGE = "language"
    ATTACK = "attack"
    ITEMS = "items"
    JUDGE = "judge"
    POLICY = "blank policy"


@dataclass(frozen=True, slots=True)
class MethodRows:
    """Rows of one method on one subject; a row is one answer.

    Attributes:
        name: Name of the method.
        construct: What it means to measure.
        judge: The judge whose verdicts make the method's score; a key of ``verdicts``.
        items: For each row its item; the same name in two methods is the same item.
        verdicts: For each judge a verdict a row: a label, or a number where ``credit`` is ``None``. ``None``
            or NaN is "not judged". Verdicts of the other method's judge on these answers belong here too.
        credit: What each label is worth; ``None``: verdicts are the scores.
        blank: For each row whether the answer was empty or blocked; its verdict is then not used.
        blank_credit: What such a row is worth; ``None``: it is left out.
        language: For each row its language.
        attack: For each row its attack.
        clusters: For each row the cluster it stands or falls with; ``None``: its item.
        higher_is_better: Direction of the score; the same for both methods.

    Raises:
        InputError: Lengths that differ, infinity.
        UnknownNameError: The judge has no verdicts, or a label has no credit.
    """

    name: str
    construct: str
    judge: str
    items: Sequence[str]
    verdicts: Mapping[str, Sequence[Any]]
    credit: Mapping[Any, float] | None = None
    blank: Sequence[bool] | None = None
    blank_credit: float | None = None
    language: Sequence[str] | None = None
    attack: Sequence[str] | None = None
    clusters: Sequence[Any] | None = None
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        n = len(self.items)
        if n == 0:
            raise NotEstimableError(f"{self.name!r} has no item rows", diagnostic="no-items")
        if self.judge not in self.verdicts:
            raise UnknownNameError("judge", self.judge, list(self.verdicts))
        given = {
            "blank": self.blank,
            "language": self.language,
            "attack": self.attack,
            "clusters": self.clusters,
            **{f"verdicts of {judge!r}": v for judge, v in self.verdicts.items()},
        }
        for what, values in given.items():
            if values is not None and len(values) != n:
                raise InputError(f"{self.name!r}: {what} has {len(values)} entries for {n} items")
        for judge, verdicts in self.verdicts.items():
            for row, verdict in enumerate(verdicts):
                if _unjudged(verdict) or (self.blank is not None and self.blank[row]):
                    continue
                if self.credit is None:
                    if isinstance(verdict, str) or not np.isfinite(verdict):
                        raise InputError(
                            f"{self.name!r}: the verdict {verdict!r} of {judge!r} is not a finite number",
                            row=row + 1,
                            hint="Give credit, a worth for each label.",
                        )
                elif judge == self.judge and verdict not in self.credit:
                    raise UnknownNameError("label", str(verdict), [str(k) for k in self.credit])


def _unjudged(verdict: Any) -> bool:
    return verdict is None or (isinstance(verdict, float | np.floating) and bool(np.isnan(verdict)))


@dataclass(frozen=True, slots=True)
class _Column:
    """One side's score in one state: whose judge, credit and policy, and which aspects of the rows are equal."""

    side: int
    judge: str
    credit: int
    policy: int
    equal: tuple[Aspect, ...]


class Sides:
    """Two methods' rows made comparable."""

    def __init__(self, first: MethodRows, second: MethodRows) -> None:
        if first.higher_is_better != second.higher_is_better:
            raise InputError(
                f"higher is better in {first.name!r} or in {second.name!r}, not in both",
                hint="Turn the credit of one of them, so that both point the same way.",
            )
        self.rows = (first, second)
        names = list(dict.fromkeys([str(i) for r in self.rows for i in r.items]))
        self.item_names = names
        place = {name: i for i, name in enumerate(names)}
        self.items = tuple(np.array([place[str(i)] for i in r.items], dtype=np.int64) for r in self.rows)
        labels = [[str(c) for c in (r.items if r.clusters is None else r.clusters)] for r in self.rows]
        known = {c: i for i, c in enumerate(dict.fromkeys(labels[0] + labels[1]))}
        self.clusters = tuple(np.array([known[c] for c in side], dtype=np.int64) for side in labels)
        self.n_clusters = len(known)
        self.blank = tuple(
            np.zeros(len(r.items), dtype=bool) if r.blank is None else np.asarray(r.blank, dtype=bool)
            for r in self.rows
        )
        self.facets: dict[Aspect, tuple[IntArray, IntArray]] = {Aspect.ITEMS: (self.items[0], self.items[1])}
        for aspect, values in (
            (Aspect.LANGUAGE, (first.language, second.language)),
            (Aspect.ATTACK, (first.attack, second.attack)),
        ):
            if values[0] is not None and values[1] is not None:
                seen = {
                    v: i for i, v in enumerate(dict.fromkeys([*map(str, values[0]), *map(str, values[1])]))
                }
                self.facets[aspect] = (
                    np.array([seen[str(v)] for v in values[0]], dtype=np.int64),
                    np.array([seen[str(v)] for v in values[1]], dtype=np.int64),
                )
        self._credit_cache: dict[tuple[int, str, int], FloatArray | None] = {}
        self._weight_cache: dict[tuple[Aspect, ...], tuple[FloatArray, FloatArray] | None] = {}
        for side in (0, 1):
            column = _Column(side, self.rows[side].judge, side, side, ())
            if not self.possible(column):
                raise NotEstimableError(
                    f"{self.rows[side].name!r} has no row that counts", diagnostic="no-items",
                    hint="All its answers are blank and left out, or none was judged.",
                )  # fmt: skip

    @property
    def constructs_differ(self) -> bool:
        """Whether the two mean to measure different things, even where a label is worth the same to both."""
        return self.rows[0].construct != self.rows[1].construct

    @property
    def n_shared_items(self) -> int:
        """Items that both methods have."""
        return int(np.intersect1d(self.items[0], self.items[1]).size)

    @property
    def reach(self) -> float:
        """Greatest less least score that an answer of either side can have (of those seen, without credit)."""
        found: list[float] = []
        for rows in self.rows:
            found += [] if rows.blank_credit is None else [rows.blank_credit]
            if rows.credit is None:
                found += [float(v) for v in rows.verdicts[rows.judge] if not _unjudged(v)]
            else:
                found += rows.credit.values()
        return max(found) - min(found)

    @property
    def n_unjudged(self) -> tuple[int, int]:
        """Rows of each side without a verdict of its own judge that are not blank: they are left out."""
        found = []
        for side in (0, 1):
            verdicts = self.rows[side].verdicts[self.rows[side].judge]
            found.append(sum(_unjudged(v) and not b for v, b in zip(verdicts, self.blank[side], strict=True)))
        return found[0], found[1]

    def differing(self) -> tuple[Aspect, ...]:
        """Aspects in which the two methods differ."""
        a, b = self.rows
        out = []
        if a.credit != b.credit or (a.credit is None and self.constructs_differ):
            out.append(Aspect.CONSTRUCT)
        for aspect in (Aspect.LANGUAGE, Aspect.ATTACK):
            codes = self.facets.get(aspect)
            one_sided = (getattr(a, aspect.value) is None) != (getattr(b, aspect.value) is None)
            if one_sided or (codes is not None and _mixes_differ(*codes)):
                out.append(aspect)
        if _mixes_differ(*self._keys((Aspect.LANGUAGE, Aspect.ATTACK, Aspect.ITEMS))):
            out.append(Aspect.ITEMS)
        if a.judge != b.judge:
            out.append(Aspect.JUDGE)
        if a.blank_credit != b.blank_credit and any(side.any() for side in self.blank):
            out.append(Aspect.POLICY)
        return tuple(out)

    def column(self, side: int, state: frozenset[Aspect], variant: Mapping[Aspect, int]) -> _Column:
        """The score of a side when the aspects of ``state`` are made equal."""
        judge = variant[Aspect.JUDGE] if Aspect.JUDGE in state else side
        return _Column(
            side,
            self.rows[judge].judge,
            variant[Aspect.CONSTRUCT] if Aspect.CONSTRUCT in state else side,
            variant[Aspect.POLICY] if Aspect.POLICY in state else side,
            tuple(a for a in (Aspect.LANGUAGE, Aspect.ATTACK, Aspect.ITEMS) if a in state),
        )

    def possible(self, column: Hashable) -> bool:
        """Whether every row that the state needs has a score in it."""
        assert isinstance(column, _Column)
        if any(a not in self.facets for a in column.equal):
            return False
        weights = self._weights(column.equal)
        scores = self._credits(column)
        if weights is None or scores is None:
            return False
        wanted = (weights[column.side] > 0) & ~self.blank[column.side]
        own = column.judge == self.rows[column.side].judge
        if not own:
            mine = self.rows[column.side].verdicts[self.rows[column.side].judge]
            wanted &= np.array([not _unjudged(v) for v in mine])
            if np.isnan(scores[wanted]).any():
                return False
        value, weight = self._scored(column, weights[column.side], scores)
        return bool((weight[~np.isnan(value)] > 0).any())

    def sums(self, column: Hashable) -> FloatArray:
        """Weighted scores and weights of a column by cluster: 2 x G."""
        assert isinstance(column, _Column)
        weights, scores = self._weights(column.equal), self._credits(column)
        assert weights is not None
        assert scores is not None
        value, weight = self._scored(column, weights[column.side], scores)
        codes = self.clusters[column.side]
        return np.stack(
            [np.bincount(codes, weights=w, minlength=self.n_clusters) for w in (value * weight, weight)]
        )

    def _scored(
        self, column: _Column, weight: FloatArray, scores: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        worth = self.rows[column.policy].blank_credit
        blank = self.blank[column.side]
        value = np.where(blank, np.nan if worth is None else worth, scores)
        weight = np.where(np.isnan(value), 0.0, weight)
        return np.where(np.isnan(value), 0.0, value), weight

    def _credits(self, column: _Column) -> FloatArray | None:
        """Scores of the side's answers by a judge with one side's credit; None where a label has none."""
        key = (column.side, column.judge, column.credit)
        if key not in self._credit_cache:
            rows, credit = self.rows[column.side], self.rows[column.credit].credit
            other = self.rows[column.credit]
            verdicts = rows.verdicts.get(column.judge)
            found: FloatArray | None
            if verdicts is None or (rows.credit is None) != (other.credit is None):
                found = None
            elif credit is None:
                alike = rows.construct == other.construct
                found = np.array([np.nan if _unjudged(v) else float(v) for v in verdicts]) if alike else None
            else:
                blank = self.blank[column.side]
                used = [None if b else v for v, b in zip(verdicts, blank, strict=True)]
                complete = all(_unjudged(v) or v in credit for v in used)
                found = np.array([np.nan if _unjudged(v) else credit[v] for v in used]) if complete else None
            self._credit_cache[key] = found
        return self._credit_cache[key]

    def _keys(self, equal: tuple[Aspect, ...]) -> tuple[IntArray, IntArray]:
        """One code a row for the combination of aspects."""
        codes = [np.zeros(len(self.items[side]), dtype=np.int64) for side in (0, 1)]
        for aspect in equal:
            if aspect in self.facets:
                pair = self.facets[aspect]
                width = int(max(pair[0].max(), pair[1].max())) + 1
                codes = [codes[side] * width + pair[side] for side in (0, 1)]
                _, joined = np.unique(np.concatenate(codes), return_inverse=True)
                joined = joined.reshape(-1)
                codes = [joined[: len(codes[0])], joined[len(codes[0]) :]]
        return codes[0], codes[1]

    def _weights(self, equal: tuple[Aspect, ...]) -> tuple[FloatArray, FloatArray] | None:
        """Row weights of both sides that give the shared combinations the same shares; None without any."""
        if equal not in self._weight_cache:
            first, second = self._keys(equal)
            size = int(max(first.max(), second.max())) + 1
            counts = [np.bincount(c, minlength=size).astype(np.float64) for c in (first, second)]
            shared = (counts[0] > 0) & (counts[1] > 0)
            if not shared.any():
                self._weight_cache[equal] = None
            else:
                target = np.where(shared, sum(c / c[shared].sum() for c in counts) / 2, 0.0)
                with np.errstate(divide="ignore", invalid="ignore"):
                    each = [np.where(shared, target / c, 0.0) for c in counts]
                self._weight_cache[equal] = (each[0][first], each[1][second])
        return self._weight_cache[equal]

    def why_not(self, aspect: Aspect) -> str:
        """Why an aspect could not be made equal."""
        a, b = self.rows
        if aspect is Aspect.JUDGE:
            return f"too few answers were judged by both {a.judge!r} and {b.judge!r}"
        if aspect is Aspect.ITEMS:
            return (
                "the methods share no item"
                if not self.n_shared_items
                else "no shared item counts on both sides"
            )
        if aspect is Aspect.CONSTRUCT:
            return f"the labels of {a.construct!r} and {b.construct!r} have no worth for one another"
        if aspect is Aspect.POLICY:
            return "one side would have no answer left"
        return f"the methods share no {aspect.value}, or one of them does not state it"

    def item_contributions(self) -> dict[str, tuple[float, bool]]:
        """For each item its part of the difference and whether both have it; the parts sum to the difference."""
        means, scored = [], []
        for side in (0, 1):
            column = _Column(side, self.rows[side].judge, side, side, ())
            scores = self._credits(column)
            assert scores is not None
            value, weight = self._scored(column, np.ones(len(scores)), scores)
            scored.append((value, weight / weight.sum()))
            means.append(float(value @ weight / weight.sum()))
        middle = sum(means) / 2
        total = np.zeros(len(self.item_names))
        seen = np.zeros((2, len(self.item_names)), dtype=bool)
        for side, sign in ((0, 1.0), (1, -1.0)):
            value, weight = scored[side]
            total += sign * np.bincount(
                self.items[side], weights=weight * (value - middle), minlength=total.size
            )
            seen[side, self.items[side]] = True
        return {
            name: (float(total[i]), bool(seen[0, i] and seen[1, i])) for i, name in enumerate(self.item_names)
        }


def _mixes_differ(first: IntArray, second: IntArray) -> bool:
    size = int(max(first.max(), second.max())) + 1
    one = np.bincount(first, minlength=size) / len(first)
    other = np.bincount(second, minlength=size) / len(second)
    return bool(np.abs(one - other).max() > 1e-12)
