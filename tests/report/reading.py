"""Reading a page back, with nothing but the standard library."""

import re
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "hr", "img", "link"}


class Page(HTMLParser):
    """Elements, numbers, dates, words and wrong nesting of a page, by edition; where numbers lead nowhere."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.numbers: dict[str, list[str]] = {}
        self.dates: dict[str, list[str]] = {}
        self.words: dict[str, list[str]] = {}
        self.prose: dict[str, list[str]] = {}
        self.edition = ""
        self.section = ""
        self.loose: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> is not closed" for tag in self.stack]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if "id" in found:
            self.ids.append(str(found["id"]))
        if tag == "article":
            self.edition = str(found["lang"])
        if tag in ("section", "footer"):
            self.section = str(found.get("id", tag))
        if tag == "data" and "a" not in self.stack:
            self.loose.append(self.section)
        if tag == "data":
            self.numbers.setdefault(self.edition, []).append(str(found["value"]))
        if tag == "time":
            self.dates.setdefault(self.edition, []).append(str(found["datetime"]))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack[-1] != tag:
            self.wrong.append(f"</{tag}> closes {self.stack[-1:]}")
        else:
            self.stack.pop()
        if tag == "article":
            self.edition = ""

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] not in ("style", "script"):
            self.words.setdefault(self.edition, []).append(data)
            if not {"svg", "time"} & set(self.stack):
                self.prose.setdefault(self.edition, []).append(data)

    def text(self, edition: str) -> str:
        """All words of an edition."""
        return " ".join(" ".join(self.words[edition]).split())

    def digits(self, edition: str) -> set[str]:
        """Every number that a reader sees outside dates and figures, marked as one or standing in a text."""
        return set(re.findall(r"\d+(?:\.\d+)?", " ".join(self.prose[edition]).replace(",", "")))
