"""An Inspect task behind the interface of our methods: Inspect runs it, we count."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kakehashi.errors import UsageError
from kakehashi.evaluate.inspect.adapter import InspectAdapter
from kakehashi.evaluate.judges import AsyncJudge, Judge
from kakehashi.evaluate.methods.base import Credit, Scored, Scorer, Selection
from kakehashi.evaluate.methods.tally import MISSING, mean
from kakehashi.model import Measure, Measurement, MethodCard, Policy, Provenance, Sample


class InspectMethod:
    """A task of Inspect as a method.

    Args:
        adapter: What is said of the task.
        grader: Name of the grader, or ``""``.
        samples: The samples, once a log was read; before the run nobody knows them.
        score: The score that was taken, once a log was read.
        versions: What the logs say of versions.
    """

    def __init__(
        self,
        adapter: InspectAdapter,
        grader: str = "",
        samples: Sequence[Sample] = (),
        score: str = "",
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self.adapter = adapter
        self.grader = grader
        self._samples = tuple(samples)
        self._score = score or adapter.score
        self._versions = dict(versions or {})

    @property
    def measure_of_card(self) -> Measure:
        """The one measure."""
        adapter = self.adapter
        return Measure(
            f"{adapter.id}:{adapter.measure}",
            adapter.construct,
            adapter.polarity,
            unit="proportion" if (adapter.low, adapter.high) == (0.0, 1.0) else "score",
            low=adapter.low,
            high=adapter.high,
        )

    @property
    def card(self) -> MethodCard:
        """What is known of the task; what nobody has said is not made up."""
        adapter = self.adapter
        said = "" if adapter.stated else " Nobody has said what its score means (no adapter)."
        said_ja = "" if adapter.stated else "評価値の意味は示されていない(アダプターなし)。"
        judge = self._score.partition("/")[0] or "its own scorer"
        versions = ", ".join(
            f"{name} {version}" for name, version in sorted(self._versions.items()) if version
        )
        categories = sorted({sample.category for sample in self._samples} - {"all"})
        return MethodCard(
            id=adapter.id,
            version=adapter.version,
            title=adapter.title,
            summary={
                "en": f"A task of Inspect, run and scored by Inspect ({adapter.id.removeprefix('inspect/')}).{said}",
                "ja": f"Inspectのタスク。実行と採点はInspectによる({adapter.id.removeprefix('inspect/')})。{said_ja}",
            },
            measures=(self.measure_of_card,),
            categories={name: {"en": name, "ja": name} for name in categories},
            languages=(adapter.language,),
            judge=f"inspect:{judge}" + (f", grader {self.grader}" if self.grader else ""),
            data_source=f"Inspect task {adapter.id.removeprefix('inspect/')}"
            + (f" ({versions})" if versions else ""),
            data_revision=self._revision(),
            licence=adapter.licence,
            empty_policy=Policy.OWN_COLUMN,
            blocked_policy=Policy.OWN_COLUMN,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="mean of the task's own score, clustered by sample",
            own=False,
        )

    def _revision(self) -> str:
        if not self._samples:
            return "not known before the run"
        digest = hashlib.sha256()
        for sample in sorted(self._samples, key=lambda one: one.id):
            for text in (sample.cluster, sample.turns[0]):
                data = text.encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "big") + data)
        return f"sha256:{digest.hexdigest()}"

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The samples that a log held; none before the run."""
        return self._samples

    def scorer(self, judge: Judge | AsyncJudge | None = None) -> Scorer:
        """Inspect scores; there is nothing for our judges to do.

        Raises:
            UsageError: Always.
        """
        raise UsageError(f"{self.adapter.id} is scored by Inspect", hint="Leave out --judge for it.")

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """Mean of the task's own score, whole and by category; what has no number is counted apart."""
        rows = list(scored)
        language = self.adapter.language
        parts: list[tuple[dict[str, str], list[Scored]]] = [({"language": language}, rows)]
        categories = sorted({row.sample.category for row in rows} - {"all"})
        parts += [
            ({"language": language, "category": name}, [r for r in rows if r.sample.category == name])
            for name in categories
        ]
        return [self._mean(part, facets, subject, provenance) for facets, part in parts]

    def _mean(
        self, rows: list[Scored], facets: dict[str, str], subject: str, provenance: Provenance
    ) -> Measurement:
        present = [row for row in rows if row.score.value is not None and row.score.label not in MISSING]
        counts: dict[str, int] = {}
        for row in rows:
            counts[str(row.score.label)] = counts.get(str(row.score.label), 0) + 1
        found = mean(
            present,
            lambda row: float(row.score.value or 0.0),
            subject=subject,
            measure=self.measure_of_card,
            provenance=provenance,
            facets=facets,
        )
        absent = len(rows) - len(present)
        reason = found.reason or (f"{absent} of {len(rows)} items have no outcome" if absent else "")
        return replace(found, counts=dict(sorted(counts.items())), reason=reason)

    def credit(self, row: Scored) -> Credit | None:
        """The task's own score of a sample."""
        value = None if row.score.label in MISSING else row.score.value
        return Credit(self.measure_of_card.id, value)
