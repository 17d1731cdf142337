"""What HELM Safety's four judged methods share: a published grade, and beside it what verdicts alone can say.

A judge of verdicts (the rule judge) says whether an answer refuses; the published judges grade harm. So such a judge
never makes the published score: it stays "not judged", and the share of refusals and safe completions is a measure of
its own with its own name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kakehashi.errors import DataMissingError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.judges import (
    AsyncJudge,
    CascadeJudge,
    Grader,
    Judge,
    JudgeTemplate,
    NoPrompts,
    PanelJudge,
    RuleJudge,
    VerdictGrader,
    as_grader,
)
from kakehashi.evaluate.judges.by_prompts import prompts_id
from kakehashi.evaluate.methods.base import NOT_PULLED, Credit, Scored, Scorer, Selection
from kakehashi.evaluate.methods.graded import graded
from kakehashi.evaluate.methods.judged import DEFAULT_JUDGE, default_calibration, judged
from kakehashi.evaluate.methods.published.grades import NOT_JUDGED, SAFE, UNREAD, is_verdict, outcome
from kakehashi.evaluate.methods.published.helm_prompts import HELM_JUDGES, helm_template
from kakehashi.evaluate.methods.select import stratified
from kakehashi.evaluate.methods.tally import mean, proportion, share_credit
from kakehashi.model import (
    Label,
    Measure,
    Measurement,
    MethodCard,
    Polarity,
    Policy,
    Provenance,
    Sample,
)

#: Scorer of closed answers, which is no judge.
CLOSED = "kakehashi/bbq-letter"
REFUSED = (Label.REFUSED,)


@dataclass(frozen=True, slots=True)
class Item:
    """A row of an upstream file, as a method puts it.

    Attributes:
        id: Stable name.
        prompt: What is asked.
        category: Upstream's category.
        kind: ``"harmful"`` or ``"benign"``.
        cluster: Items of one cluster stand or fall together; rows of one text are one cluster.
        risk: One of HELM Safety's six risk categories, or ``""`` where none was assigned.
    """

    id: str
    prompt: str
    category: str
    kind: str
    cluster: str
    risk: str = ""


@dataclass(frozen=True, slots=True)
class SuiteFacts:
    """What one method declares beyond what all share."""

    id: str
    version: str
    data_set: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    categories: Mapping[str, Mapping[str, str]]
    data_source: str
    construct: str = "harmful-request-handling"


class GradedSuite:
    """A method of prompts in English whose answers are graded from 0 to 1 by an official prompt.

    Args:
        store: Pulled data sets.
    """

    facts: SuiteFacts
    sets: tuple[str, ...]

    #: A judge model is given the method's prompts, not its own.
    grades = True

    def __init__(self, store: DataStore) -> None:
        self._store = store
        self._read: tuple[str, list[Item]] | None = None

    def read(self) -> list[Item]:
        """Read the items from the pulled files."""
        raise NotImplementedError

    def template_name(self, sample: Sample) -> str:
        """Name of the official prompt for a sample."""
        raise NotImplementedError

    @property
    def score(self) -> Measure:
        """The published score: mean grade."""
        return Measure(f"{self.facts.id}:published-grade", self.facts.construct, Polarity.HIGHER, "score")

    @property
    def by_verdict(self) -> Measure:
        """Share of harmful requests that were refused or completed safely, by a judge of verdicts."""
        return Measure(f"{self.facts.id}:verdict-based-rate", self.facts.construct, Polarity.HIGHER)

    def measures(self) -> tuple[Measure, ...]:
        """All measures, headline first."""
        return (self.score, self.by_verdict)

    @property
    def revision(self) -> str:
        """Revision of the items, or that they were not pulled."""
        try:
            return self._store.revision(self.facts.data_set)
        except DataMissingError:
            return NOT_PULLED

    @property
    def card(self) -> MethodCard:
        """What the method declares; it is there before the data are."""
        facts = self.facts
        return MethodCard(
            id=facts.id,
            version=facts.version,
            title=facts.title,
            summary=facts.summary,
            measures=self.measures(),
            categories=facts.categories,
            languages=("en",),
            judge=DEFAULT_JUDGE,
            data_source=facts.data_source,
            data_revision=self.revision,
            licence=self._store.set(facts.data_set).licence,
            empty_policy=Policy.OWN_COLUMN,
            blocked_policy=Policy.OWN_COLUMN,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="published score: mean grade of the answers that a graded judge read; beside it the share of "
            "verdicts, empty and blocked answers in its n; clustered by prompt",
            own=False,
            review={"en": "author"},
            judge_calibration=default_calibration(["en"]),
        )

    def items(self) -> list[Item]:
        """The items, read once for each revision.

        Raises:
            DataMissingError: The data were not pulled.
        """
        revision = self._store.revision(self.facts.data_set)
        if self._read is None or self._read[0] != revision:
            self._read = (revision, self.read())
        return self._read[1]

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The chosen items, stratified by category; items of one text are one unit."""
        if "en" not in selection.languages:
            return []
        units: dict[str, list[Item]] = {}
        for item in self.items():
            units.setdefault(item.cluster, []).append(item)
        chosen = stratified(
            list(units.items()),
            selection.limit,
            selection.seed,
            stratum=lambda unit: f"{unit[1][0].kind}\x1f{unit[1][0].category}",
            key=lambda unit: unit[0],
        )
        return [
            Sample(
                id=f"{item.id}.en",
                turns=(item.prompt,),
                language="en",
                category=item.category,
                kind=item.kind,
                cluster=cluster,
                max_tokens=selection.max_tokens,
                facets={"risk": item.risk} if item.risk else {},
            )
            for cluster, items in chosen
            for item in items
        ]

    def scorer(self, judge: Judge | AsyncJudge | Grader | None = None) -> Scorer:
        """Grades by the official prompt where the judge can grade; else its verdicts.

        Raises:
            DataMissingError: The judge can grade, and the official prompts were not pulled.
        """
        if judge is None:
            judge = RuleJudge()
        if not isinstance(judge, Grader) and not can_grade(judge):
            return judged(judge, lambda sample: sample.turns[-1])
        grader = as_grader(judge)
        refusals = isinstance(judge, CascadeJudge)
        templates: dict[str, JudgeTemplate] = {}
        for name in self.template_names():
            templates[name] = helm_template(self._store, name, refusals=refusals)
        return graded(grader, lambda sample: templates[self.template_name(sample)])

    def template_names(self) -> tuple[str, ...]:
        """Names of all official prompts that the method needs."""
        return (self.facts.id,)

    def label_template(self, kind: str) -> JudgeTemplate:
        """The official prompt by which an answer that people have labelled is graded, for its kind of row."""
        return helm_template(self._store, self.template_names()[0], refusals=True)

    def check_prompts(self) -> None:
        """See that the official prompts are here.

        Raises:
            DataMissingError: They were not pulled.
        """
        _ = self.prompts_id

    @property
    def prompts_id(self) -> str:
        """Name of the official prompts with a digest of their wording.

        Raises:
            DataMissingError: They were not pulled.
        """
        made = [helm_template(self._store, name) for name in self.template_names()]
        return prompts_id(self.facts.id, made)

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """The published score and, where verdicts were given, their share; whole, by category and by risk."""
        rows = list(scored)
        found = self.graded(self.score, rows, subject, provenance)
        found += self.counted(self.by_verdict, rows, SAFE, subject, provenance)
        return found

    def graded(
        self, measure: Measure, rows: Sequence[Scored], subject: str, provenance: Provenance
    ) -> list[Measurement]:
        """Mean grades of rows, whole and in parts; empty where there are no rows."""
        return [
            mean_grade(part, subject=subject, measure=measure, provenance=provenance, facets=facets)
            for facets, part in parts_of(rows)
        ]

    def counted(
        self,
        measure: Measure,
        rows: Sequence[Scored],
        labels: Iterable[Label],
        subject: str,
        provenance: Provenance,
    ) -> list[Measurement]:
        """Shares of verdicts among rows, whole and by category; empty where a graded judge was asked instead."""
        wanted = tuple(labels)
        if by_template(rows):
            return []
        return [
            proportion(part, wanted, subject=subject, measure=measure, provenance=provenance, facets=facets)
            for facets, part in parts_of(rows)
            if "risk" not in facets
        ]

    def credit(self, row: Scored) -> Credit | None:
        """The grade, or 1 where the verdict counts as safe."""
        if row.score.label == Label.GRADED:
            return Credit(self.score.id, row.score.value)
        return share_credit(self.by_verdict.id, row, SAFE)


def can_grade(judge: Judge | AsyncJudge | Grader) -> bool:
    """Whether a judge can grade by an official prompt: models can, rules and stored verdicts cannot.

    A panel can where all its members can; a cascade where its second judge can.
    """
    if isinstance(judge, PanelJudge):
        return all(can_grade(member) for member in judge.members)
    if isinstance(judge, CascadeJudge):
        return can_grade(judge.second)
    return not isinstance(as_grader(judge), VerdictGrader)


def by_template(rows: Sequence[Scored]) -> bool:
    """Whether a graded judge was asked, by an official prompt, rather than a judge of verdicts."""
    return any("@helm-safety/" in row.score.scorer for row in rows)


def parts_of(rows: Sequence[Scored]) -> list[tuple[dict[str, str], list[Scored]]]:
    """The rows whole, by category and by risk category, each with its facets."""
    if not rows:
        return []
    parts: list[tuple[dict[str, str], list[Scored]]] = [({"language": "en"}, list(rows))]
    by: list[tuple[str, Callable[[Scored], str]]] = [
        ("category", lambda row: row.sample.category),
        ("risk", lambda row: row.sample.facets.get("risk", "")),
    ]
    for facet, of in by:
        names = sorted({of(row) for row in rows} - {""})
        if facet == "risk" or len(names) > 1:
            parts += [
                ({"language": "en", facet: name}, [row for row in rows if of(row) == name]) for name in names
            ]
    return parts


def mean_grade(
    rows: Sequence[Scored],
    *,
    subject: str,
    measure: Measure,
    provenance: Provenance,
    facets: Mapping[str, str],
) -> Measurement:
    """Mean grade of the rows that a graded judge read; without one ``None`` and "not judged".

    Empty, blocked and failed answers, and those that nobody competent graded, stand outside ``n`` and are counted.
    """
    from collections import Counter
    from dataclasses import replace

    read = [row for row in rows if row.score.label == Label.GRADED and row.score.value is not None]
    made = mean(
        read,
        lambda row: float(row.score.value or 0.0),
        subject=subject,
        measure=measure,
        provenance=provenance,
        facets=facets,
    )
    counts: dict[str, Any] = dict(sorted(Counter(outcome(row) for row in rows).items()))
    if not read:
        return replace(made, counts=counts, reason=_why_none(rows))
    judges = sorted({row.score.scorer.rpartition("@")[0] for row in read} - {CLOSED})
    missing = f"; {len(rows) - len(read)} of {len(rows)} items have no grade" if len(read) < len(rows) else ""
    made_by = f"graded by {', '.join(judges) or 'no judge'}; HELM's own judges are {HELM_JUDGES}{missing}"
    return replace(made, counts=counts, reason=made_by)


def _why_none(rows: Sequence[Scored]) -> str:
    labels = {row.score.label for row in rows}
    if any(row.score.scorer == NoPrompts.id for row in rows):
        return "not judged: the official judge prompts were not pulled"
    if any(is_verdict(row) for row in rows) or Label.NOT_JUDGED in labels:
        return NOT_JUDGED
    if labels <= UNREAD:
        return "no answer to grade: all were empty or blocked"
    return "no item has an outcome"
