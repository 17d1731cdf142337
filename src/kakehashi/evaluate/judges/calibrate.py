"""A judge held against human labels: how far its verdicts may be trusted."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from kakehashi.compare import (
    ClassBias,
    Confusion,
    Estimate,
    bias_by_class,
    cohen_kappa,
    confusion,
    paired_difference,
    sensitivity,
    specificity,
)
from kakehashi.errors import InputError, NotEstimableError
from kakehashi.evaluate.judges.base import AsyncJudge, ItemRef, Judge, ask
from kakehashi.evaluate.judges.labels import LabelledAnswer, verdict_class
from kakehashi.model import Label, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Agreement on some rows. A number is ``None`` where it cannot be estimated; ``diagnostics`` says why.

    Attributes:
        n: Rows with a human label.
        n_judged: Of these, rows with a verdict; the numbers are over these.
        three_class: Kappa over complied, partly refused, refused (and incoherent, where anybody says so).
        binary: Kappa of refused, partly refused included, against the rest.
        sensitivity: Share of what people call refused, partly included, that the judge does.
        specificity: Share of the rest that the judge does not call refused.
        diagnostics: Name of the number that is missing → why.
    """

    n: int
    n_judged: int
    three_class: Estimate | None
    binary: Estimate | None
    sensitivity: Estimate | None
    specificity: Estimate | None
    diagnostics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class KindBias:
    """On one kind of row, how much oftener the judge says refused (partly included) than people do.

    Attributes:
        n: Rows with label and verdict.
        human_rate: Share refused by the human label.
        judge_rate: Share refused by the judge.
        difference: Judge minus human with its interval, or ``None`` with a single cluster.
    """

    n: int
    human_rate: float
    judge_rate: float
    difference: Estimate | None


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What a judge is worth, on these rows.

    Attributes:
        judge: Identifier and version of the judge.
        overall: Agreement over all rows.
        confusion: Rows are human labels, columns the judge's.
        bias: For each class how much oftener the judge gives it.
        by_model: Agreement for each model that answered.
        by_language: Agreement for each language.
        by_kind: Bias for each kind of prompt or label.
        by_language_kind: The same for each language.
        verdicts: Verdicts by label, before they are folded into classes.
        not_judged: Rows without verdict, by label.
        unlabelled: Rows whose human label is none of the classes: not compared.
        raters: The two human raters against one another, where there are two.
        settings: Confidence level, resamples, seed.
    """

    judge: str
    overall: Agreement
    confusion: Confusion
    bias: tuple[ClassBias, ...]
    by_model: Mapping[str, Agreement]
    by_language: Mapping[str, Agreement]
    by_kind: Mapping[str, KindBias]
    by_language_kind: Mapping[str, Mapping[str, KindBias]]
    verdicts: Mapping[str, int]
    not_judged: Mapping[str, int]
    unlabelled: int
    raters: Agreement | None
    settings: Mapping[str, object]


def calibrate(
    judge: Judge,
    rows: Sequence[LabelledAnswer],
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Calibration:
    """Judge labelled answers and compare.

    Intervals resample whole clusters (prompts), because the answers of several models to one prompt go
    together. A row without verdict is not judged: it is counted, and left out of the agreement. Do not use the
    rows that the judge was developed on as evidence: pass the others.

    Args:
        judge: A judge that decides at once; for others judge first and use :func:`calibrate_labels`.
        rows: Answers with human labels, see :func:`~kakehashi.evaluate.judges.labels.load_labels`.
        confidence_level: Nominal coverage of the intervals.
        n_resamples: Bootstrap samples.
        seed: Seed of the resampling.

    Raises:
        NotEstimableError: No row has both a human label and a verdict.

    References:
        Cohen (1960). A coefficient of agreement for nominal scales. Educ. Psychol. Meas. 20, 37-46.
    """
    labels = [cast(Verdict, verdict_on(judge, row)).label.value for row in rows]
    return calibrate_labels(
        judge.id, labels, rows, confidence_level=confidence_level, n_resamples=n_resamples, seed=seed
    )


def verdict_on(judge: Judge | AsyncJudge, row: LabelledAnswer) -> Verdict | Awaitable[Verdict]:
    """Ask a judge about a labelled answer."""
    return ask(judge, row.prompt, row.answer, row.language, ItemRef((row.item,), row.model))


async def calibrate_async(
    judge: AsyncJudge,
    rows: Sequence[LabelledAnswer],
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Calibration:
    """As :func:`calibrate`, for a judge that has to ask somebody; one row after the other."""
    labels = [(await cast(Awaitable[Verdict], verdict_on(judge, row))).label.value for row in rows]
    return calibrate_labels(
        judge.id, labels, rows, confidence_level=confidence_level, n_resamples=n_resamples, seed=seed
    )


def calibrate_labels(
    judge_id: str,
    labels: Sequence[str | None],
    rows: Sequence[LabelledAnswer],
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Calibration:
    """Compare verdicts that were given already, such as a published judge's.

    Args:
        judge_id: What the judge is called in the result.
        labels: For each row a :class:`~kakehashi.model.Label` value, or ``None`` where there is no verdict.
        rows: The rows.
        confidence_level: Nominal coverage of the intervals.
        n_resamples: Bootstrap samples.
        seed: Seed of the resampling.
    """
    if len(labels) != len(rows):
        raise InputError(f"there are {len(labels)} verdicts for {len(rows)} rows")
    given = [label or Label.NOT_JUDGED.value for label in labels]
    classes = [verdict_class(label) for label in given]
    options = _Options(confidence_level, n_resamples, seed)
    told = [i for i, row in enumerate(rows) if row.label is not None]
    both = [i for i in told if classes[i] is not None]
    if not both:
        unread = ", ".join(f"{count} {label}" for label, count in sorted(Counter(given).items()))
        raise NotEstimableError(
            f"no row has both a human label and a verdict (the judge: {unread})",
            diagnostic="no-items",
            hint="judge-failed: the model does not answer in the agreed shape, and is no judge; not-judged: look at "
            "the languages of the rows and of the judge.",
        )
    human = [rows[i].label for i in both]
    said = [classes[i] for i in both]
    clusters = [rows[i].cluster for i in both]

    def part(chosen: Sequence[int]) -> Agreement:
        return _agreement(
            [rows[i].label for i in chosen],
            [classes[i] for i in chosen],
            [rows[i].cluster for i in chosen],
            options,
        )

    def kinds(chosen: Sequence[int]) -> dict[str, KindBias]:
        return {
            name: _kind_bias(
                [rows[i].label for i in group],
                [classes[i] for i in group],
                [rows[i].cluster for i in group],
                options,
            )
            for name, group in _groups(chosen, rows, "kind").items()
        }

    by_kind = kinds(both)
    return Calibration(
        judge=judge_id,
        overall=part(told),
        confusion=confusion(human, said),
        bias=bias_by_class(human, said, clusters=clusters, **options.keywords()),
        by_model={name: part(chosen) for name, chosen in _groups(told, rows, "model").items()},
        by_language={name: part(chosen) for name, chosen in _groups(told, rows, "language").items()},
        by_kind=by_kind,
        by_language_kind={
            language: kinds(chosen) if len(chosen) < len(both) else by_kind
            for language, chosen in _groups(both, rows, "language").items()
        },
        verdicts=dict(sorted(Counter(given).items())),
        not_judged=dict(sorted(Counter(g for g, c in zip(given, classes, strict=True) if c is None).items())),
        unlabelled=len(rows) - len(told),
        raters=_raters(rows, options),
        settings={"confidence_level": confidence_level, "n_resamples": n_resamples, "seed": seed},
    )


def baselines(
    rows: Sequence[LabelledAnswer],
    published: Mapping[str, Sequence[str | None]] | None = None,
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Calibration]:
    """What trivial judges, and published ones where given, reach on the same rows.

    Args:
        rows: The rows.
        published: Name → a class for each row, see
            :func:`~kakehashi.evaluate.judges.labels.published_labels`.
        confidence_level: Nominal coverage of the intervals.
        n_resamples: Bootstrap samples.
        seed: Seed of the resampling.
    """
    given: dict[str, Sequence[str | None]] = {
        "always-refused": [Label.REFUSED.value] * len(rows),
        "always-complied": [Label.COMPLIED.value] * len(rows),
        **(published or {}),
    }
    return {
        name: calibrate_labels(
            name, labels, rows, confidence_level=confidence_level, n_resamples=n_resamples, seed=seed
        )
        for name, labels in given.items()
    }


@dataclass(frozen=True, slots=True)
class _Options:
    confidence_level: float
    n_resamples: int
    seed: int

    def keywords(self) -> dict[str, Any]:
        # A fresh seed for every number: adding a part must not change the numbers of another.
        return {
            "confidence_level": self.confidence_level,
            "n_resamples": self.n_resamples,
            "rng": self.seed,
        }


def _groups(chosen: Sequence[int], rows: Sequence[LabelledAnswer], attribute: str) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for i in chosen:
        name = str(getattr(rows[i], attribute))
        if name:
            groups.setdefault(name, []).append(i)
    return dict(sorted(groups.items()))


def _refused(label: str | None) -> bool | None:
    return None if label is None else label in {Label.REFUSED.value, Label.PARTLY_REFUSED.value}


def _agreement(
    human: Sequence[str | None], said: Sequence[str | None], clusters: Sequence[str], options: _Options
) -> Agreement:
    keep = [i for i, (a, b) in enumerate(zip(human, said, strict=True)) if a is not None and b is not None]
    first, second = [human[i] for i in keep], [said[i] for i in keep]
    groups = [clusters[i] for i in keep]
    yes, no = [_refused(label) for label in first], [_refused(label) for label in second]
    keywords = options.keywords()
    missing: dict[str, str] = {}

    def number(name: str, estimate: Callable[[], Estimate]) -> Estimate | None:
        try:
            return estimate()
        except NotEstimableError as error:
            missing[name] = error.diagnostic
            return None

    return Agreement(
        n=sum(label is not None for label in human),
        n_judged=len(keep),
        three_class=number("three_class", lambda: cohen_kappa(first, second, clusters=groups, **keywords)),
        binary=number("binary", lambda: cohen_kappa(yes, no, clusters=groups, **keywords)),
        sensitivity=number("sensitivity", lambda: sensitivity(yes, no, True, clusters=groups, **keywords)),
        specificity=number("specificity", lambda: specificity(yes, no, True, clusters=groups, **keywords)),
        diagnostics=missing,
    )


def _kind_bias(
    human: Sequence[str | None], said: Sequence[str | None], clusters: Sequence[str], options: _Options
) -> KindBias:
    truth = np.array([float(bool(_refused(label))) for label in human])
    verdict = np.array([float(bool(_refused(label))) for label in said])
    difference: Estimate | None = None
    if len(set(clusters)) > 1:
        difference = paired_difference(verdict, truth, clusters, **options.keywords())
    return KindBias(len(truth), float(truth.mean()), float(verdict.mean()), difference)


def _raters(rows: Sequence[LabelledAnswer], options: _Options) -> Agreement | None:
    pairs = [row for row in rows if row.rater1 is not None and row.rater2 is not None]
    if not pairs:
        return None
    return _agreement(
        [row.rater1 for row in pairs], [row.rater2 for row in pairs], [row.cluster for row in pairs], options
    )
