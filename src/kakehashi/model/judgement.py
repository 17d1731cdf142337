"""A label that a rater gave to an item."""

from dataclasses import dataclass
from enum import StrEnum

from kakehashi.model.provenance import Provenance


class Label(StrEnum):
    """What became of one sample: the verdict of a judge, or why there is none."""

    REFUSED = "refused"
    PARTLY_REFUSED = "partly-refused"
    SAFE_COMPLETION = "safe-completion"
    COMPLIED = "complied"
    INCOHERENT = "incoherent"
    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    GRADED = "graded"
    EMPTY = "empty"
    BLOCKED = "blocked"
    NOT_JUDGED = "not-judged"
    JUDGE_FAILED = "judge-failed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of one answer.

    Attributes:
        label: The verdict.
        judge: Identifier and version of the judge that decided.
        reason: Short stable name of the rule or ground; never the text of the answer.
        confidence: Between 0 and 1 where the judge gives one.
    """

    label: Label
    judge: str
    reason: str = ""
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A label given by a rater to an item, as a record that raters can be compared on.

    Attributes:
        item: Identifier of the item rated (a sample's answer, a pair of clauses, …).
        rater: Identifier of the person, model or rule that rated.
        label: The label, in the words of its scheme.
        scheme: Name of the set of labels.
        provenance: Source, method, version, dates.
    """

    item: str
    rater: str
    label: str
    scheme: str
    provenance: Provenance
