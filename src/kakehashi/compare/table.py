"""What the comparison is made on: a table of scores, or the items behind it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.compare.resampling import FloatArray, cluster_codes, critical_value
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError
from kakehashi.model.measurement import Measurement, Polarity


def _names(names: Iterable[str], what: str) -> tuple[str, ...]:
    found = tuple(names)
    if not found:
        raise InputError(f"the table has no {what}", hint=f"Give at least one of the {what}.")
    for name in found:
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{what}: {name!r} is not a name", hint="Names are text that is not empty.")
    seen: set[str] = set()
    for row, name in enumerate(found, start=1):
        if name in seen:
            raise InputError(
                f"{what}: {name!r} stands in the table twice",
                row=row,
                hint="Keep one row for each name, or give the versions different names.",
            )
        seen.add(name)
    return found


def _matrix(
    values: ArrayLike, shape: tuple[int, int], rows: Sequence[str], columns: Sequence[str], what: str
) -> FloatArray:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} holds something that is not a number: {error}") from None
    if array.shape != shape:
        raise InputError(
            f"{what} has shape {array.shape}, but there are {shape[0]} models and {shape[1]} columns",
            hint="Rows are models, columns are methods or items.",
        )
    if np.isinf(array).any():
        i, j = np.argwhere(np.isinf(array))[0]
        raise InputError(
            f"{what} of {rows[i]!r} by {columns[j]!r} is infinite",
            row=int(i) + 1,
            hint="Write NaN for a missing value.",
        )
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, eq=False)
class ScoreTable:
    """Scores that methods gave to models.

    Attributes:
        models: Names of the systems, M of them, each once.
        methods: Names of the methods, K of them, each once.
        values: M x K scores in the methods' own units; NaN is a missing cell.
        higher_is_better: For each method whether a higher score is the better one.
        std_error: M x K standard errors; NaN is "unknown", which is never zero. ``None``: none is known.
        constructs: What each method is meant to measure, K of them, or ``None``.
        n: M x K numbers of items behind the scores, NaN where unknown, or ``None``.
        source: Where the scores come from, with a date.
        left_out: Names of models and methods left out on the way here, with the reason.

    Raises:
        InputError: A name twice, wrong shapes, infinity, a model or a method without any value.
    """

    models: tuple[str, ...]
    methods: tuple[str, ...]
    values: FloatArray
    higher_is_better: tuple[bool, ...]
    std_error: FloatArray | None = None
    constructs: tuple[str, ...] | None = None
    n: FloatArray | None = None
    source: str = ""
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "models", _names(self.models, "models"))
        put(self, "methods", _names(self.methods, "methods"))
        shape = (len(self.models), len(self.methods))
        put(self, "values", _matrix(self.values, shape, self.models, self.methods, "the score"))
        put(self, "higher_is_better", tuple(bool(flag) for flag in self.higher_is_better))
        if len(self.higher_is_better) != shape[1]:
            raise InputError(
                f"higher_is_better has {len(self.higher_is_better)} entries for {shape[1]} methods",
                hint="State the direction of every method.",
            )
        if self.constructs is not None:
            put(self, "constructs", tuple(self.constructs))
            if len(self.constructs) != shape[1]:
                raise InputError(f"constructs has {len(self.constructs)} entries for {shape[1]} methods")
        for name in ("std_error", "n"):
            given = getattr(self, name)
            if given is not None:
                array = _matrix(given, shape, self.models, self.methods, name)
                if (array < 0).any():
                    i, j = np.argwhere(array < 0)[0]
                    raise InputError(
                        f"{name} of {self.models[i]!r} by {self.methods[j]!r} is negative: {array[i, j]}",
                        row=int(i) + 1,
                    )
                put(self, name, array)
        for axis, names, what in ((1, self.models, "model"), (0, self.methods, "method")):
            empty = np.isnan(self.values).all(axis=axis)
            if empty.any():
                i = int(np.flatnonzero(empty)[0])
                raise InputError(
                    f"{what} {names[i]!r} has no value at all",
                    row=i + 1 if what == "model" else None,
                    hint=f"Leave this {what} out, or find its values.",
                )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of models and of methods."""
        return len(self.models), len(self.methods)

    def oriented(self) -> "ScoreTable":
        """The same table with every method turned so that higher is better."""
        sign = np.where(np.array(self.higher_is_better), 1.0, -1.0)
        return replace(self, values=self.values * sign, higher_is_better=(True,) * len(self.methods))

    def select(
        self, *, models: Iterable[str] | None = None, methods: Iterable[str] | None = None
    ) -> "ScoreTable":
        """The part of the table with these models and methods, in the order given.

        Raises:
            UnknownNameError: A name that is not in the table.
        """
        rows = self._positions("model", self.models, models)
        columns = self._positions("method", self.methods, methods)
        block = np.ix_(rows, columns)
        return replace(
            self,
            models=tuple(self.models[i] for i in rows),
            methods=tuple(self.methods[j] for j in columns),
            values=self.values[block],
            higher_is_better=tuple(self.higher_is_better[j] for j in columns),
            std_error=None if self.std_error is None else self.std_error[block],
            constructs=None if self.constructs is None else tuple(self.constructs[j] for j in columns),
            n=None if self.n is None else self.n[block],
        )

    @staticmethod
    def _positions(kind: str, known: tuple[str, ...], wanted: Iterable[str] | None) -> list[int]:
        if wanted is None:
            return list(range(len(known)))
        position = {name: i for i, name in enumerate(known)}
        out = []
        for name in wanted:
            if name not in position:
                raise UnknownNameError(kind, name, known)
            out.append(position[name])
        return out

    @classmethod
    def from_measurements(cls, measurements: Iterable[Measurement], *, source: str = "") -> "ScoreTable":
        """A table from measurements of whole methods: one row a subject, one column a measure.

        Measurements with facets (a category, a language) are passed over. The standard error is the one
        stated; else half the stated interval over its critical value; else, for a proportion with ``n``,
        that of Wilson's interval; else unknown. Subjects and measures without any value, and measures
        without a direction, are left out and named in ``left_out``.

        Raises:
            InputError: One subject has two different values of one measure.
            NotEstimableError: No value is left.
        """
        cells: dict[tuple[str, str], Measurement] = {}
        measures: dict[str, Measurement] = {}
        subjects: dict[str, None] = {}
        left_out: list[str] = []
        for one in measurements:
            if one.facets:
                continue
            if one.measure.polarity is Polarity.NONE:
                left_out.append(f"{one.measure.id}: no direction")
                continue
            key = (one.subject, one.measure.id)
            before = cells.get(key)
            if before is not None and before.value != one.value:
                raise InputError(
                    f"{one.subject!r} has two values of {one.measure.id!r}: {before.value} and {one.value}",
                    hint="Retract one of them, or name the runs differently.",
                )
            cells[key] = one
            measures.setdefault(one.measure.id, one)
            subjects.setdefault(one.subject)
        kept_models = [
            s for s in subjects if any(c.value is not None for (sub, _), c in cells.items() if sub == s)
        ]
        kept_methods = [
            m for m in measures if any(c.value is not None for (_, mea), c in cells.items() if mea == m)
        ]
        left_out += [f"{s}: no value" for s in subjects if s not in kept_models]
        left_out += [f"{m}: no value" for m in measures if m not in kept_methods]
        if not kept_models and left_out and not cells:
            raise NotEstimableError(
                f"it is not stated whether higher or lower is better: {left_out[0].partition(': no direction')[0]}",
                diagnostic="no-direction",
                hint="State it in the column map, or for all of a table with --set higher_is_better=true.",
            )
        if not kept_models:
            raise NotEstimableError(
                "there is no value to compare",
                diagnostic="no-values",
                hint="Run at least one method on one subject.",
            )
        shape = (len(kept_models), len(kept_methods))
        values, errors, sizes = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
        for i, subject in enumerate(kept_models):
            for j, measure in enumerate(kept_methods):
                cell = cells.get((subject, measure))
                if cell is not None and cell.value is not None:
                    values[i, j] = cell.value
                    errors[i, j] = _std_error(cell)
                    sizes[i, j] = np.nan if cell.n is None else cell.n
        return cls(
            models=tuple(kept_models),
            methods=tuple(kept_methods),
            values=values,
            higher_is_better=tuple(measures[m].measure.polarity is Polarity.HIGHER for m in kept_methods),
            std_error=None if np.isnan(errors).all() else errors,
            constructs=tuple(measures[m].measure.construct for m in kept_methods),
            n=None if np.isnan(sizes).all() else sizes,
            source=source,
            left_out=tuple(dict.fromkeys(left_out)),
        )


def _std_error(cell: Measurement) -> float:
    if cell.std_error is not None:
        return cell.std_error
    if cell.interval is not None:
        return (cell.interval.high - cell.interval.low) / 2 / critical_value(cell.interval.confidence_level)
    if cell.measure.unit == "proportion" and cell.n and cell.value is not None and 0 <= cell.value <= 1:
        z = critical_value(0.95)
        low, high = wilson_bounds(cell.value * cell.n, cell.n, z)
        return float((high - low) / 2 / z)
    return float("nan")


def wilson_bounds(k: ArrayLike, n: ArrayLike, z: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Ends of Wilson's interval for ``k`` of ``n`` (broadcast, fractions allowed) at critical value ``z``."""
    k, n, z = np.asarray(k, dtype=float), np.asarray(n, dtype=float), np.asarray(z, dtype=float)
    p = k / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(np.maximum(p * (1 - p), 0) / n + z**2 / (4 * n**2))
    low = np.where(k <= 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(k >= n, 1.0, np.minimum(centre + half, 1.0))
    return low, high


@dataclass(frozen=True, slots=True, eq=False)
class ItemScores:
    """Scores of models on single items, of one method or of several.

    Attributes:
        models: Names of the systems, M of them.
        items: Names of the items, N of them, each once.
        values: M x N scores; NaN is a missing cell. A float32 array is kept as it is, to halve the memory.
        clusters: For each item the cluster it stands or falls with (twins, a document); ``None``: each alone.
        method: For each item the method it belongs to; ``None``: all of one method.
        higher_is_better: Whether higher is better: one flag for all, or one for each method in order of
            first appearance.
        source: Where the scores come from.

    Raises:
        InputError: A name twice, wrong shapes, infinity.
    """

    models: tuple[str, ...]
    items: tuple[str, ...]
    values: NDArray[np.floating]
    clusters: tuple[str | int, ...] | None = None
    method: tuple[str, ...] | None = None
    higher_is_better: bool | tuple[bool, ...] = True
    source: str = ""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "models", _names(self.models, "models"))
        put(self, "items", _names(self.items, "items"))
        shape = (len(self.models), len(self.items))
        array = np.asarray(self.values)
        if array.dtype not in (np.float32, np.float64):
            array = _matrix(self.values, shape, self.models, self.items, "the score")
        if array.shape != shape:
            raise InputError(
                f"the scores have shape {array.shape}, but there are {shape[0]} models, {shape[1]} items"
            )
        if np.isinf(array).any():
            i, j = np.argwhere(np.isinf(array))[0]
            raise InputError(
                f"the score of {self.models[i]!r} on {self.items[j]!r} is infinite", row=int(i) + 1
            )
        view = array.view()
        view.flags.writeable = False
        put(self, "values", view)
        for name in ("clusters", "method"):
            given = getattr(self, name)
            if given is not None:
                put(self, name, tuple(given))
                if len(given) != shape[1]:
                    raise InputError(f"{name} has {len(given)} entries for {shape[1]} items")
        if not isinstance(self.higher_is_better, bool):
            put(self, "higher_is_better", tuple(bool(flag) for flag in self.higher_is_better))
            if len(self.directions) != len(self.methods):
                raise InputError(
                    f"higher_is_better has {len(self.directions)} entries for {len(self.methods)} methods"
                )

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods in order of first appearance."""
        return ("all items",) if self.method is None else tuple(dict.fromkeys(self.method))

    @property
    def directions(self) -> tuple[bool, ...]:
        """Whether higher is better, for each method."""
        if isinstance(self.higher_is_better, bool):
            return (self.higher_is_better,) * len(self.methods)
        return self.higher_is_better

    def method_codes(self) -> NDArray[np.int64]:
        """For each item the position of its method in :attr:`methods`."""
        if self.method is None:
            return np.zeros(len(self.items), dtype=np.int64)
        position = {name: i for i, name in enumerate(self.methods)}
        return np.array([position[name] for name in self.method], dtype=np.int64)

    def cluster_codes(self) -> tuple[NDArray[np.int64], int]:
        """Integer code of each item's cluster, and the number of clusters."""
        return cluster_codes(self.clusters, len(self.items))

    def table(self, *, constructs: Sequence[str] | None = None) -> ScoreTable:
        """Means over the items of each method, with cluster-robust standard errors.

        The standard error is that of a ratio mean over G clusters, with the factor G / (G - 1); it is
        NaN with a single cluster, and also where no variation was seen (which is not the same as certainty).
        """
        codes, _ = self.cluster_codes()
        method = self.method_codes()
        k = len(self.methods)
        means = np.full((len(self.models), k), np.nan)
        errors, sizes = np.full_like(means, np.nan), np.zeros_like(means)
        for j in range(k):
            columns = np.flatnonzero(method == j)
            block = np.asarray(self.values[:, columns], dtype=np.float64)
            present = ~np.isnan(block)
            sizes[:, j] = present.sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                means[:, j] = np.where(present, block, 0.0).sum(axis=1) / sizes[:, j]
            residual = np.where(present, block - means[:, [j]], 0.0)
            _, local = np.unique(codes[columns], return_inverse=True)
            local = local.reshape(-1)
            order = np.argsort(local, kind="stable")
            starts = np.flatnonzero(np.r_[True, np.diff(local[order]) > 0])
            totals = np.add.reduceat(residual[:, order], starts, axis=1)
            used = np.add.reduceat(present[:, order].astype(np.int64), starts, axis=1) > 0
            groups = used.sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                spread = np.sqrt((totals**2).sum(axis=1) * groups / (groups - 1)) / sizes[:, j]
            errors[:, j] = np.where((groups > 1) & (spread > 0), spread, np.nan)
        return ScoreTable(
            models=self.models,
            methods=self.methods,
            values=means,
            higher_is_better=self.directions,
            std_error=None if np.isnan(errors).all() else errors,
            constructs=None if constructs is None else tuple(constructs),
            n=sizes,
            source=self.source,
        )
