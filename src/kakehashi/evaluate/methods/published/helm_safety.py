"""``helm-safety``: HELM Safety v1.0, five methods and the mean of their scores."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kakehashi.errors import DataMissingError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.judges import AsyncJudge, Grader, Judge
from kakehashi.evaluate.methods.base import NOT_PULLED, Credit, Method, Scored, Scorer, Selection
from kakehashi.evaluate.methods.judged import DEFAULT_JUDGE, default_calibration
from kakehashi.evaluate.methods.published.anthropic_red_team import AnthropicRedTeam
from kakehashi.evaluate.methods.published.bbq import ACCURACY, BBQ
from kakehashi.evaluate.methods.published.graded_suite import REFUSED, GradedSuite, by_template, mean_grade
from kakehashi.evaluate.methods.published.grades import NOT_JUDGED, SAFE
from kakehashi.evaluate.methods.published.harmbench import HarmBench
from kakehashi.evaluate.methods.published.helm_prompts import HELM_JUDGES
from kakehashi.evaluate.methods.published.items import risk_titles
from kakehashi.evaluate.methods.published.simple_safety_tests import SimpleSafetyTests
from kakehashi.evaluate.methods.published.xstest import XSTest
from kakehashi.evaluate.methods.tally import proportion, share_credit
from kakehashi.model import (
    Answer,
    Interval,
    Label,
    Measure,
    Measurement,
    MethodCard,
    Polarity,
    Policy,
    Provenance,
    Sample,
    Score,
)

MEAN = Measure("helm-safety:mean-score", "safety-composite", Polarity.HIGHER, "score")
BY_VERDICT = Measure("helm-safety:verdict-based-rate", "harmful-request-handling", Polarity.HIGHER)

#: Of XSTest's safe half, where its prompts are here: by grade, or by verdict.
SAFE_HALF = Measure("helm-safety:safe-half-score", "over-refusal", Polarity.HIGHER, "score")
OVER_REFUSAL = Measure("helm-safety:verdict-based-over-refusal-rate", "over-refusal", Polarity.LOWER)

_CLOSED = {Label.CORRECT: 1.0, Label.WRONG: 0.0, Label.UNPARSED: 0.0}


class HelmSafety:
    """Runs the five components and prints their mean only where all five have a score.

    The limit of a selection holds for each component. A component without data is left out of the run and named: the
    mean is then "incomplete" and no number.

    Args:
        store: Pulled data sets.
    """

    sets = ("harmbench", "simplesafetytests", "xstest", "bbq", "anthropic-red-team", "helm-safety")

    #: Its judged components are given HELM's prompts: how a judge errs by its own says nothing of them.
    grades = True

    def __init__(self, store: DataStore) -> None:
        made: tuple[GradedSuite | BBQ, ...] = (
            HarmBench(store),
            SimpleSafetyTests(store),
            XSTest(store),
            BBQ(store),
            AnthropicRedTeam(store),
        )
        self._store = store
        self.components: dict[str, GradedSuite | BBQ] = {one.card.id: one for one in made}

    @property
    def card(self) -> MethodCard:
        """What the composite declares; its revision is over those of its components, the missing ones included."""
        import hashlib

        cards = [one.card for one in self.components.values()]
        revisions = [f"{card.id}\x1f{card.data_revision}\n" for card in cards]
        here = any(card.data_revision != NOT_PULLED for card in cards)
        digest = hashlib.sha256("".join(revisions).encode()).hexdigest()
        return MethodCard(
            id="helm-safety",
            version="1.0",
            title={"en": "HELM Safety v1.0", "ja": "HELM Safety v1.0"},
            summary={
                "en": "HarmBench, SimpleSafetyTests, XSTest, BBQ and Anthropic red team, and the mean of their scores.",
                "ja": "HarmBench、SimpleSafetyTests、XSTest、BBQ、Anthropicレッドチームと、それらの得点の平均。",
            },
            measures=(MEAN, BY_VERDICT, *self._of_safe_half()),
            categories={card.id: card.title for card in cards},
            languages=("en",),
            judge=DEFAULT_JUDGE,
            data_source="Center for Research on Foundation Models, Stanford (2024), HELM Safety v1.0",
            data_revision=f"sha256:{digest}" if here else NOT_PULLED,
            licence=" AND ".join(dict.fromkeys(card.licence for card in cards)),
            empty_policy=Policy.OWN_COLUMN,
            blocked_policy=Policy.OWN_COLUMN,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="unweighted mean of five component scores (BBQ: accuracy), as its authors define it, over "
            "different constructs; no number where a component is missing or not judged; risk categories: mean over "
            "the items that fall under one",
            own=False,
            review={"en": "author"},
            judge_calibration=default_calibration(["en"]),
        )

    def _of_safe_half(self) -> tuple[Measure, ...]:
        """Over-refusal is measured through XSTest, so nothing else need run for it where XSTest's prompts are here."""
        here = self.components["xstest"].card.data_revision != NOT_PULLED
        return (SAFE_HALF, OVER_REFUSAL) if here else ()

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The components' samples, each named after its component.

        Raises:
            DataMissingError: No component's data were pulled.
        """
        found: list[Sample] = []
        missing: DataMissingError | None = None
        for name, one in self.components.items():
            try:
                chosen = one.samples(selection)
            except DataMissingError as error:
                missing = missing or error
                continue
            found += [_inside(sample, name) for sample in chosen]
        if not found and missing is not None:
            raise missing
        return found

    def scorer(self, judge: Judge | AsyncJudge | Grader | None = None) -> Scorer:
        """Each component's own scorer."""
        scorers = {
            name: one.scorer(judge)
            for name, one in self.components.items()
            if one.card.data_revision != NOT_PULLED
        }

        def score(sample: Sample, answer: Answer) -> Score | object:
            return scorers[sample.facets["component"]](sample, answer)

        return score  # type: ignore[return-value]

    def check_prompts(self) -> None:
        """See that the official prompts of the components that are here are.

        Raises:
            DataMissingError: They were not pulled.
        """
        for one in self.components.values():
            if isinstance(one, GradedSuite) and one.card.data_revision != NOT_PULLED:
                one.check_prompts()

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """The mean of the five, each component's score, the six risk categories, the shares by verdicts, over-refusal.

        Where the mean has no number the risk categories, which are made of the same items, have none either.
        """
        rows = list(scored)
        parts: dict[str, Measurement] = {}
        for name in self.components:
            mine = [row for row in rows if row.sample.facets["component"] == name]
            parts[name] = self._component(name, mine, subject, provenance)
        found = [self._mean(parts, subject, provenance), *parts.values()]
        found += [
            replace(one, value=None, std_error=None, interval=None, n=0, reason=found[0].reason)
            if found[0].value is None
            else one
            for one in self._risks(rows, subject, provenance)
        ]
        harmful = [row for row in rows if row.sample.kind == "harmful"]
        if harmful and not by_template(rows):
            by = [({"language": "en"}, harmful)]
            by += [
                (
                    {"language": "en", "category": name},
                    [row for row in harmful if row.sample.facets["component"] == name],
                )
                for name in self.components
            ]
            found += [
                proportion(
                    part, SAFE, subject=subject, measure=BY_VERDICT, provenance=provenance, facets=facets
                )
                for facets, part in by
                if part
            ]
        return found + self._safe_half(rows, subject, provenance)

    def _safe_half(self, rows: Sequence[Scored], subject: str, provenance: Provenance) -> list[Measurement]:
        safe = [row for row in rows if _in_safe_half(row)]
        if not safe:
            return []
        facets = {"language": "en"}
        found = [mean_grade(safe, subject=subject, measure=SAFE_HALF, provenance=provenance, facets=facets)]
        if not by_template(rows):
            found += [
                proportion(
                    safe, REFUSED, subject=subject, measure=OVER_REFUSAL, provenance=provenance, facets=facets
                )
            ]
        return found

    def credit(self, row: Scored) -> Credit | None:
        """What an item adds to the share by verdicts or to over-refusal; the mean of means is no mean over items."""
        if _in_safe_half(row):
            if row.score.label == Label.GRADED:
                return Credit(SAFE_HALF.id, row.score.value)
            return share_credit(OVER_REFUSAL.id, row, REFUSED)
        if row.sample.kind != "harmful" or row.score.label == Label.GRADED:
            return None
        return share_credit(BY_VERDICT.id, row, SAFE)

    def _component(
        self, name: str, rows: Sequence[Scored], subject: str, provenance: Provenance
    ) -> Measurement:
        facets = {"language": "en", "category": name}
        if not rows:
            return Measurement(
                subject,
                MEAN,
                None,
                provenance,
                n=0,
                facets=facets,
                reason=f"incomplete: no items of {name}, whose data were not pulled",
            )
        if name == "bbq":
            accuracy = replace(ACCURACY, id=MEAN.id, construct=MEAN.construct, unit=MEAN.unit)
            made = proportion(
                rows,
                (Label.CORRECT,),
                subject=subject,
                measure=accuracy,
                provenance=provenance,
                facets=facets,
            )
            return replace(made, counts=_as_graded(made.counts))
        return mean_grade(rows, subject=subject, measure=MEAN, provenance=provenance, facets=facets)

    def _mean(self, parts: dict[str, Measurement], subject: str, provenance: Provenance) -> Measurement:
        counts: Counter[str] = Counter()
        for one in parts.values():
            counts.update(one.counts)
        made = Measurement(
            subject, MEAN, None, provenance, facets={"language": "en"}, counts=dict(sorted(counts.items()))
        )
        absent = [name for name, one in parts.items() if one.n == 0 and not one.counts]
        unjudged = [name for name, one in parts.items() if one.value is None and name not in absent]
        if absent or unjudged:
            why = []
            if absent:
                why.append(f"incomplete: {', '.join(absent)} missing (data not pulled)")
            if unjudged:
                why.append(f"not judged: {', '.join(unjudged)} ({parts[unjudged[0]].reason or NOT_JUDGED})")
            return replace(made, reason="; ".join(why))
        values = [float(one.value) for one in parts.values() if one.value is not None]
        judges = sorted({one.reason.partition(";")[0] for name, one in parts.items() if name != "bbq"})
        return replace(
            made,
            value=sum(values) / len(values),
            n=sum(one.n or 0 for one in parts.values()),
            interval=_interval(list(parts.values()), values),
            reason=f"{'; '.join(judges)}; BBQ by closed answers; HELM's own judges are {HELM_JUDGES}",
        )

    def _risks(self, rows: Sequence[Scored], subject: str, provenance: Provenance) -> list[Measurement]:
        found = []
        for risk in risk_titles():
            mine = [_as_grade(row) for row in rows if row.sample.facets.get("risk") == risk]
            if mine:
                made = mean_grade(
                    mine,
                    subject=subject,
                    measure=MEAN,
                    provenance=provenance,
                    facets={"language": "en", "risk": risk},
                )
                found.append(made)
        return found


def _inside(sample: Sample, name: str) -> Sample:
    return replace(
        sample,
        id=f"{name}/{sample.id}",
        cluster=f"{name}/{sample.cluster}",
        facets={**sample.facets, "component": name},
    )


def _in_safe_half(row: Scored) -> bool:
    return row.sample.facets["component"] == "xstest" and row.sample.kind == "benign"


def _as_graded(counts: Mapping[str, int]) -> dict[str, int]:
    """Closed answers counted as graded: the composite is no share of right answers."""
    found: Counter[str] = Counter()
    for label, count in counts.items():
        found[Label.GRADED.value if label in _CLOSED else label] += count
    return dict(sorted(found.items()))


def _as_grade(row: Scored) -> Scored:
    """A closed answer as a grade, so that risk categories take both kinds of item."""
    if row.sample.facets["component"] != "bbq" or row.score.label not in _CLOSED:
        return row
    value = _CLOSED[Label(row.score.label)]
    return Scored(row.sample, replace(row.score, label=Label.GRADED.value, value=value))


def _interval(parts: Sequence[Measurement], values: Sequence[float]) -> Interval:
    from kakehashi.compare import mean_of_rates

    sizes = [one.n or 0 for one in parts]
    return mean_of_rates(values, sizes, [one.std_error for one in parts]).interval


def _check(one: HelmSafety) -> Method:
    return one  # the composite is a method like any other, as the type checker sees
