"""One language's voice: pieces of text become words, with numbers and dates as that language writes them."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import yaml
from markupsafe import Markup, escape

from kakehashi.errors import UnknownNameError, UsageError
from kakehashi.report.document import (
    Anchored,
    Blank,
    Code,
    Date,
    Linked,
    Listed,
    Number,
    Piece,
    Say,
    Span,
    Style,
    Term,
    Verbatim,
)

LANGUAGES = ("ja", "en")

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


#: The C parser where it is there: message files are read at every start.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: A year, or a month of one.
_PARTIAL = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2]))?")

#: A name up to this long is kept on one line.
_SHORT = 32


@cache
def messages(language: str) -> dict[str, str]:
    """The messages of a language: flat, key → text with placeholders in braces.

    They stand in ``<language>.yaml`` and, for single kinds of reports, in a folder of the language's name.

    Raises:
        UnknownNameError: There is no file for that language.
    """
    check_languages((language,))
    folder = files("kakehashi.report") / "messages"
    parts = sorted((one for one in (folder / language).iterdir()), key=lambda one: one.name)
    loaded: dict[str, str] = {}
    for file in (folder / f"{language}.yaml", *parts):
        more: dict[str, str] = yaml.load(file.read_text(encoding="utf-8"), _LOADER)
        if twice := set(more) & set(loaded):
            raise ValueError(f"{file.name} has messages that stand elsewhere: {sorted(twice)}")
        loaded |= more
    return loaded


def check_languages(languages: Sequence[str]) -> None:
    """Say at once, before anything is asked and paid for, that a report cannot be written in a language.

    Raises:
        UsageError: No language, or one twice.
        UnknownNameError: A language that there are no messages for.
    """
    if not languages or len(set(languages)) != len(languages):
        raise UsageError(
            f"languages of a report must be one or more, each once, not {list(languages)}",
            hint="Use --lang ja,en",
        )
    for language in languages:
        if language not in LANGUAGES:
            raise UnknownNameError("report language", language, LANGUAGES)


class Voice:
    """Renders pieces in one language.

    Args:
        language: ``"en"`` or ``"ja"``.

    Examples:
        >>> Voice("en").plain(Number(0.8333, "percent")), Voice("ja").plain(Span(0.1, 0.25))
        ('83.3%', '10.0～25.0%')
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._messages = messages(language)

    def has(self, key: str) -> bool:
        """Whether the message files know the key."""
        return key in self._messages

    def plain(self, piece: Piece | str) -> str:
        """The piece as text without markup."""
        return self.html(piece).striptags()

    def html(self, piece: Piece | str) -> Markup:
        """The piece as HTML; every number that measures something is a ``data`` element that holds its value."""
        match piece:
            case str():
                return escape(piece)
            case Say():
                parts = {name: self.html(part) for name, part in piece.parts.items()}
                return Markup(escape(self._messages[piece.key])).format(**parts)
            case Number(style="label"):
                return escape(self._digits(piece.value, piece.style))
            case Number():
                return _data(piece.value, self._number(piece.value, piece.style))
            case Span():
                return self._span(piece)
            case Date():
                return self._date(piece.iso)
            case Term():
                titles = piece.titles
                text = titles.get(self.language) or titles.get("en") or next(iter(titles.values()), "")
                return escape(text)
            case Verbatim():
                if piece.language and piece.language != self.language:
                    return Markup('<span lang="{}">{}</span>').format(piece.language, piece.text)
                return _named("span", piece.text)
            case Code():
                return _named("code", piece.text)
            case Listed():
                return self._list([self.html(part) for part in piece.pieces], piece.join)
            case Linked():
                if not piece.to.startswith(("https://", "http://")):
                    inner = Markup('<a class="to" href="#{}-{}">{}</a>')
                    return inner.format(self.language, piece.to, self.html(piece.piece))
                return Markup('<a href="{}" rel="noreferrer">{}</a>').format(piece.to, self.html(piece.piece))
            case Anchored():
                return Markup('<span id="{}-{}">{}</span>').format(
                    self.language, piece.name, self.html(piece.piece)
                )
            case Blank():
                return Markup('<span class="blank">{}</span>').format(self._messages[piece.why])

    def _list(self, parts: list[Markup], join: str) -> Markup:
        if join in ("and", "also") and len(parts) > 1:
            between, last = escape(self._messages["list.comma"]), escape(self._messages[f"list.{join}"])
            return Markup(between).join(parts[:-1]) + last + parts[-1]
        separator = "list.comma" if join == "and" else f"list.{join}"
        return Markup(escape(self._messages[separator])).join(parts)

    def _span(self, span: Span) -> Markup:
        """Both ends; the unit stands once, at the end."""
        unit = {"percent": "%", "points": self._messages["unit.points"]}.get(
            span.style.removeprefix("signed-"), ""
        )
        whole = all(float(end).is_integer() for end in (span.low, span.high))
        style = "rank-mean" if span.style == "count" and not whole else span.style
        low, high = (self._digits(end, style) for end in (span.low, span.high))
        ends = _data(span.low, low) + escape(self._messages["span.to"]) + _data(span.high, high + unit)
        return Markup('<span class="range">{}</span>').format(ends)

    def _number(self, value: float, style: Style) -> str:
        unit = {"percent": "%", "whole-percent": "%", "points": self._messages["unit.points"]}.get(
            style.removeprefix("signed-"), ""
        )
        return self._digits(value, style) + unit

    @staticmethod
    def _digits(value: float, style: Style) -> str:
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be shown: a missing number needs a Blank that says why")
        if style in ("percent", "points", "signed-points"):
            text = f"{value * 100:+.1f}" if style == "signed-points" else f"{value * 100:.1f}"
        elif style in ("score", "signed-score"):
            text = f"{value:+.3f}" if style == "signed-score" else f"{value:.3f}"
        elif style == "whole-percent":
            text = f"{value * 100:.0f}"
        elif style == "rank-mean":
            text = f"{value:.1f}"
        elif style == "coefficient":
            text = f"{value:.3f}"
        else:
            text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
        if not text.strip("+-0.,"):
            text = text.lstrip("+-")
        return text.replace("-", "−")

    def _date(self, iso: str) -> Markup:
        if partial := _PARTIAL.fullmatch(iso):
            year, month = int(partial[1]), int(partial[2] or 0)
            if self.language == "ja":
                text = f"{year}年{month}月" if month else f"{year}年"
            else:
                text = f"{_MONTHS[month - 1]} {year}" if month else f"{year}"
            return Markup('<time datetime="{}">{}</time>').format(iso, text)
        try:
            when = datetime.fromisoformat(iso)
        except ValueError:
            return Markup("<span>{}</span>").format(iso)
        timed = len(iso) > 10
        if timed and when.tzinfo is not None:
            when = when.astimezone(UTC)
        if self.language == "ja":
            text = f"{when.year}年{when.month}月{when.day}日"
            text += f"{when.hour}時{when.minute:02d}分（協定世界時）" if timed else ""
        else:
            text = f"{when.day} {_MONTHS[when.month - 1]} {when.year}"
            text += f", {when.hour:02d}:{when.minute:02d} UTC" if timed else ""
        return Markup('<time datetime="{}">{}</time>').format(iso, text)


def _named(tag: str, text: str) -> Markup:
    """Words that are not ours, or an identifier; a short one is kept on one line."""
    name = ' class="name"' if len(text) <= _SHORT and " " not in text else ""
    return Markup(f"<{tag}{name}>{{}}</{tag}>").format(text)


def _data(value: float, text: str) -> Markup:
    return Markup('<data value="{}">{}</data>').format(f"{value:.6g}", text)
