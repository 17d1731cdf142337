"""What must stand wherever a suite's figures are shown: whose suite it is, and who read its items."""

from collections.abc import Iterable

from kakehashi.report.document import Block, Listed, Paragraph, Piece, Say
from kakehashi.report.pages.words import language, method_title
from kakehashi.report.values import Assessment, MethodFacts

#: Review statuses that a reader has to see beside the figures, the weakest first.
_MARKED = ("unreviewed", "second-read")


def marks(assessment: Assessment, methods: Iterable[MethodFacts]) -> list[Block]:
    """Our own suites are named as such, and items that no native reader vouches for are marked.

    Args:
        assessment: The values.
        methods: Methods whose figures follow.
    """
    shown = tuple(methods)
    blocks: list[Block] = []
    own = tuple(method_title(assessment, one.id) for one in shown if one.own)
    if own:
        blocks.append(Paragraph(Say("mark.own-suites", {"methods": Listed(own)}), "note"))
    for status in _MARKED:
        found = tuple(_items(assessment, one, code) for one, code in _with_status(assessment, shown, status))
        if found:
            said = Say(f"mark.{status}", {"items": Listed(found)})
            blocks.append(Paragraph(said, "warning" if status == "unreviewed" else "note"))
    return blocks


def marks_of(assessment: Assessment, names: Iterable[str]) -> list[Block]:
    """The marks of the methods with these ids, in the order of the run."""
    wanted = set(names)
    return marks(assessment, (one for one in assessment.methods if one.id in wanted))


def _with_status(
    assessment: Assessment, methods: tuple[MethodFacts, ...], status: str
) -> list[tuple[MethodFacts, str]]:
    return [
        (one, code) for one in methods for code in assessment.run.languages if one.review.get(code) == status
    ]


def _items(assessment: Assessment, method: MethodFacts, code: str) -> Piece:
    return Say("mark.items", {"method": method_title(assessment, method.id), "language": language(code)})
