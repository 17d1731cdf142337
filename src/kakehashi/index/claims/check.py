"""Hold every figure of a text against the ledger of claims."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kakehashi.index.claims.figures import Figure, find_figures
from kakehashi.index.claims.match import Match, match_figure
from kakehashi.index.claims.numerals import plain_width
from kakehashi.index.claims.records import VERDICTS, ClaimBook, shipped_claims
from kakehashi.index.claims.sources import Passage, read_passages

#: Where a sentence ends: Japanese marks, or a Latin one before a capital (not in "U.S. AI" or "ch. 3").
_END = re.compile(r"[。！？][」』）)]*|(?<![A-Z.])(?<!ch)(?<!No)[.!?][\"”')]*(?=\s+[A-Z\"“(])|\s\|\s")


@dataclass(frozen=True, slots=True)
class CheckedFigure:
    """A figure of the text and what is known of it.

    Attributes:
        line: Its line, from 1 (in a Word file the paragraph).
        column: Its place in the line, from 1.
        sentence: The sentence that it stands in.
        figure: The figure.
        match: The claim and the verdict.
    """

    line: int
    column: int
    sentence: str
    figure: Figure
    match: Match


@dataclass(frozen=True, slots=True)
class ClaimCheck:
    """What was found in a text.

    Attributes:
        name: Name of the file.
        read: Day on which the list of claims was last reviewed.
        figures: Every figure in the order of the text.
    """

    name: str
    read: str
    figures: tuple[CheckedFigure, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Verdict → number of figures."""
        found = Counter(one.match.verdict for one in self.figures)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def matched(self) -> tuple[CheckedFigure, ...]:
        """Those that are in the ledger."""
        return tuple(one for one in self.figures if one.match.claim is not None)


def check_file(path: Path, book: ClaimBook | None = None) -> ClaimCheck:
    """Check a speech, an article or a table.

    Args:
        path: A file of text, Markdown, Word or CSV.
        book: The claims; the shipped ones by default.

    Raises:
        InputError: The file cannot be read; with its line.
    """
    book = book or shipped_claims()
    found = tuple(one for passage in read_passages(path) for one in check_passage(passage, book))
    return ClaimCheck(path.name, book.read, found)


def check_passage(passage: Passage, book: ClaimBook) -> Iterator[CheckedFigure]:
    """Check one paragraph or one row of a table."""
    plain = plain_width(passage.text)
    flat = plain.replace("\n", " ")
    figures = find_figures(passage.text)
    row = bool(passage.context)
    for start, end in [(0, len(flat))] if row else sentences(flat):
        inside = [one for one in figures if start <= one.start < end]
        sentence = flat[start:end]
        words = f"{passage.context} {sentence}" if row else sentence
        shift = len(passage.context) + 1 if row else 0
        for one in inside:
            found = match_figure(
                one, one.start - start + shift, words, f"{passage.context} {flat}", inside, book.claims
            )
            before = passage.text[: one.start]
            yield CheckedFigure(
                line=passage.line + before.count("\n"),
                column=one.start - (before.rfind("\n") + 1) + 1,
                sentence=passage.text[start:end].replace("\n", " ").strip(),
                figure=one,
                match=found,
            )


def sentences(text: str) -> list[tuple[int, int]]:
    """Places of the sentences of a paragraph.

    Examples:
        >>> sentences("甲である。乙は3件。")
        [(0, 5), (5, 10)]
    """
    cuts = [found.end() for found in _END.finditer(text)]
    ends = [*cuts, len(text)] if not cuts or cuts[-1] < len(text) else cuts
    return list(zip([0, *ends[:-1]], ends, strict=True))


def check_text(text: str, book: ClaimBook | None = None) -> list[CheckedFigure]:
    """Check one paragraph given as text."""
    return list(check_passage(Passage(1, text), book or shipped_claims()))


def figures_by_verdict(check: ClaimCheck, verdicts: Sequence[str]) -> list[CheckedFigure]:
    """The figures with one of some verdicts."""
    return [one for one in check.figures if one.match.verdict in verdicts]
