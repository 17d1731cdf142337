"""How FACTS Grounding judges: eligible first, then grounded, by each judge of a panel.

Version 1 uses the prompts of ``evaluation_prompts.csv``; version 2 those of its reference notebook. In both a judge
compares the answer with a baseline, and an answer that every judge finds wanting is ineligible and counts 0.

References:
    Jacovi et al. (2025). The FACTS Grounding leaderboard. arXiv:2501.03200.
    Cheng et al. (2025). The FACTS leaderboard, section 6. arXiv:2512.10791.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kakehashi.errors import UsageError
from kakehashi.evaluate.judges import (
    AsyncJudge,
    Complete,
    Grader,
    Judge,
    JudgeTemplate,
    ModelJudge,
    PanelJudge,
)
from kakehashi.evaluate.judges.developers import lineage
from kakehashi.model import Answer, Message, Status

_RATING = re.compile(
    r'\{\s*"Instruction Following"\s*:\s*"(No Issues|Minor Issue\(s\)|Major Issue\(s\))"\s*\}'
)
_MAJOR, _INVALID = "Major Issue(s)", "Invalid"
_FENCE = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.DOTALL)


def instruction_rating(text: str) -> str:
    """The first rating in the agreed shape, or ``"Invalid"``.

    Examples:
        >>> instruction_rating('Analysis … {"Instruction Following": "Minor Issue(s)"}'), instruction_rating("Fine.")
        ('Minor Issue(s)', 'Invalid')
    """
    found = _RATING.search(text)
    return found[1] if found else _INVALID


@dataclass(frozen=True, slots=True)
class SentenceParser:
    r"""One JSON object a sentence, each with a label: grounded where none has one of the ``against`` labels.

    A line that is no JSON counts as its ``against`` label where it names one in quotes (so does version 2's reference
    code) and makes the reply unreadable otherwise.

    Examples:
        >>> SentenceParser(("unsupported", "contradictory")).parse('{"sentence": "A.", "label": "supported"}')
        1.0
        >>> SentenceParser(("not_supported",)).parse('{"sentence": "A "b" c", "label": "not_supported"}')
        0.0
        >>> SentenceParser(("not_supported",)).parse("Everything is supported.") is None
        True
    """

    against: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name and settings."""
        return f"sentences:{','.join(self.against)}"

    def parse(self, text: str) -> float | None:
        """1 grounded, 0 not, ``None`` where no sentence can be read."""
        if len(text) > 400_000:
            return None
        fenced = _FENCE.findall(text)
        body = "\n".join(fenced) if fenced else text
        read = against = 0
        for line in _objects(body):
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                entry = None
            if isinstance(entry, dict):
                read += 1
                against += str(entry.get("label", "")) in self.against
            elif any(f'"{label}"' in line for label in self.against):
                read += 1
                against += 1
        return None if read == 0 else float(against == 0)


def _objects(text: str) -> list[str]:
    """Pieces that each should be one object: an object ends where a closing brace ends a line."""
    pieces = re.split(r"(?<=\})[ \t]*,?[ \t]*\n", text)
    return [piece.strip().lstrip(",").strip("[] \t\r\n") for piece in pieces if "{" in piece]


@dataclass(frozen=True, slots=True)
class Member:
    """One judge of a panel.

    Attributes:
        model: Name of its model.
        complete: Asks it.
        languages: Languages in which it judges.
    """

    model: str
    complete: Complete
    languages: tuple[str, ...]


def members_of(judge: Judge | AsyncJudge | Grader | None) -> tuple[Member, ...]:
    """The models of a judge or panel; judges that ask no model cannot follow the official prompts and are none.

    Examples:
        >>> members_of(None)
        ()
    """
    if isinstance(judge, ModelJudge):
        return (Member(judge.model, judge.complete, tuple(judge.languages)),)
    if isinstance(judge, PanelJudge):
        return tuple(member for one in judge.members for member in members_of(one))
    return ()


@dataclass(frozen=True, slots=True)
class Protocol:
    """The official prompts of one version.

    Attributes:
        eligibility: Compares the answer with a baseline; its reply is read by :func:`instruction_rating`.
        grounding: Prompt of the grounding phase by family of the judge; ``""`` for any other.
        judges: How many judges the published panel has.
        grade_ineligible: Whether ineligible answers are judged for grounding as well.
        unread_is_ungrounded: Whether a grounding reply that cannot be read counts as not grounded (version 2), or is
            a failure of the judge.
    """

    eligibility: JudgeTemplate
    grounding: Mapping[str, JudgeTemplate]
    judges: int
    grade_ineligible: bool
    unread_is_ungrounded: bool

    def grounding_for(self, model: str) -> JudgeTemplate:
        """The grounding prompt that a judge is given."""
        families = lineage(model).families
        return next((self.grounding[one] for one in self.grounding if one in families), self.grounding[""])


@dataclass(frozen=True, slots=True)
class Judging:
    """What a panel says of one answer.

    Attributes:
        eligible: Whether at least one judge found no major issue; ``None`` where none could be asked.
        invalid: Ratings that could not be read; they count as no major issue, as in version 2's reference code.
        grounded: Verdict by place of the judge, from 1; ``None`` for a judge whose reply was a failure.
        failed: Why the panel failed, or ``""``.
    """

    eligible: bool | None
    invalid: int
    grounded: Mapping[int, float | None]
    failed: str = ""

    @property
    def unadjusted(self) -> float | None:
        """Mean over the judges that gave a verdict."""
        given = [value for value in self.grounded.values() if value is not None]
        return sum(given) / len(given) if given else None

    @property
    def reason(self) -> str:
        """Short stable ground: eligibility, then each judge's verdict by its place."""
        verdicts = ",".join(
            f"{place}={'failed' if value is None else f'{value:g}'}" for place, value in self.grounded.items()
        )
        parts = ["eligible" if self.eligible else "ineligible"]
        parts += [f"grounded:{verdicts}"] if verdicts else []
        parts += [f"invalid-ratings:{self.invalid}"] if self.invalid else []
        return ";".join(parts)


async def judge_answer(
    panel: Sequence[Member], protocol: Protocol, fields: Mapping[str, str], answer: str
) -> Judging:
    """Ask a panel, each judge in its order.

    Args:
        panel: At least one judge.
        protocol: The prompts.
        fields: ``user_request``, ``context_document`` and ``full_prompt`` of the item.
        answer: The answer under test.

    Raises:
        UsageError: The panel is empty.
    """
    if not panel:
        raise UsageError("FACTS Grounding needs at least one judge that asks a model")
    eligible, invalid, failed = False, 0, ""
    for member in panel:
        rating = await _rating(member, protocol.eligibility, fields, answer)
        if rating is None:
            failed = failed or "eligibility"
            continue
        invalid += rating == _INVALID
        if rating != _MAJOR:
            eligible = True
            break
    if failed and not eligible:
        return Judging(None, invalid, {}, failed)
    grounded: dict[int, float | None] = {}
    if eligible or protocol.grade_ineligible:
        for place, member in enumerate(panel, start=1):
            template = protocol.grounding_for(member.model)
            reply = await _ask(member, template, {**fields, "answer": answer})
            if reply.status is not Status.OK:
                grounded[place] = None
                continue
            read = template.parser.parse(reply.text)
            grounded[place] = 0.0 if read is None and protocol.unread_is_ungrounded else read
    return Judging(eligible, invalid, grounded)


async def _rating(
    member: Member, template: JudgeTemplate, fields: Mapping[str, str], answer: str
) -> str | None:
    """The judge's own answer is the baseline that it then compares with."""
    baseline = await member.complete([Message("user", fields["full_prompt"])])
    if baseline.status not in (Status.OK, Status.EMPTY):
        return None
    reply = await _ask(member, template, {**fields, "answer": answer, "baseline": baseline.text})
    return instruction_rating(reply.text) if reply.status is Status.OK else None


async def _ask(member: Member, template: JudgeTemplate, fields: Mapping[str, str]) -> Answer:
    messages = [Message("system", template.system)] if template.system else []
    return await member.complete([*messages, Message("user", template.filled(fields))])
