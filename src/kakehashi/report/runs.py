"""Pieces in one language as runs of plain text: what writers that are not HTML put down.

The HTML that a :class:`~kakehashi.report.voice.Voice` writes is the one rendering of a piece; runs are read back from
it, so no format can show another number than the page does.
"""

from dataclasses import dataclass
from html.parser import HTMLParser

from kakehashi.report.document import Piece
from kakehashi.report.voice import Voice


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one look.

    Attributes:
        text: The words, without markup.
        code: An identifier, a hash, a setting.
        blank: A word that stands for a missing value.
        language: Language of the words where it is not the document's, else ``""``.
        value: The number that the text shows, ``None`` where it shows none.
        date: The date that the text shows in ISO 8601, ``""`` where it shows none.
        link: Where it leads: ``"#id"`` within the document or an address; ``""``: nowhere.
        anchor: Id by which others lead here, ``""``: none.
    """

    text: str
    code: bool = False
    blank: bool = False
    language: str = ""
    value: float | None = None
    date: str = ""
    link: str = ""
    anchor: str = ""


def runs_of(piece: Piece | str, voice: Voice) -> tuple[Run, ...]:
    """A piece as runs.

    Examples:
        >>> from kakehashi.report.document import Number
        >>> runs_of(Number(0.25, "percent"), Voice("en"))[0].text
        '25.0%'
    """
    reader = _Reader()
    reader.feed(str(voice.html(piece)))
    reader.close()
    return tuple(reader.runs)


class _Reader(HTMLParser):
    """Reads the few elements that a voice writes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.runs: list[Run] = []
        self._open: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _ in self._open}
        found: dict[str, str] = {}
        for _, attributes in self._open:
            found |= attributes
            attributes.pop("id", None)  # what leads here leads to the first of several runs
        self.runs.append(
            Run(
                data,
                code="code" in tags,
                blank="blank" in found.get("class", ""),
                language=found.get("lang", ""),
                value=float(found["value"]) if "data" in tags else None,
                date=found.get("datetime", ""),
                link=found.get("href", ""),
                anchor=found.get("id", ""),
            )
        )
