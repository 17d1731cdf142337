"""The catalogue of upstream data sets, as a dated record."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError

FORMAT = "kakehashi.data/1"
FORMATS = ("csv", "tsv", "jsonl", "json", "parquet", "arrow-stream", "text")


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a set.

    Attributes:
        path: Name in the workspace's folder of the set.
        url: Where upstream keeps it, at the pinned revision.
        format: One of :data:`FORMATS`.
        mirror: Path below the root of a mirror.
        sha256: SHA-256 of its bytes, or ``None`` where nobody has checked them for this catalogue.
        bytes: Its size, or ``None`` where unknown.
    """

    path: str
    url: str
    format: str
    mirror: str
    sha256: str | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class PromptColumns:
    """Where a form keeps what a system is asked, so that rows that stand twice can be counted.

    Attributes:
        files: Pattern of the files' names, such as ``"category_*.csv"``.
        columns: Columns that together are the prompt.
        under: For JSON, the key of the list of rows.
    """

    files: str
    columns: tuple[str, ...]
    under: str = ""


@dataclass(frozen=True, slots=True)
class DataForm:
    """One form in which a set is to be had: a set is here when one of its forms is here whole.

    Attributes:
        name: Name of the form, unique in the set.
        home: Page of the repository.
        revision: Commit or tag.
        files: Its files.
        note: What a user must know of this form.
        prompts: Where its prompts stand, or ``None`` where it has none.
    """

    name: str
    home: str
    revision: str
    files: tuple[DataFile, ...]
    note: str = ""
    prompts: PromptColumns | None = None


@dataclass(frozen=True, slots=True)
class DataSet:
    """An upstream data set.

    Attributes:
        name: Name, such as ``"harmbench"``.
        title: Its title.
        licence: SPDX expression.
        terms: What a user should know before taking it.
        citation: How its authors are cited.
        harmful: Whether its rows are or ask for harmful content.
        rows: Rows of the whole set.
        forms: Its forms, the fullest first.
    """

    name: str
    title: str
    licence: str
    terms: str
    citation: str
    harmful: bool
    rows: int
    forms: tuple[DataForm, ...]

    @property
    def files(self) -> dict[str, DataFile]:
        """Every file of every form by its path."""
        return {file.path: file for form in self.forms for file in form.files}

    def form(self, name: str) -> DataForm:
        """The form of that name.

        Raises:
            UnknownNameError: No such form.
        """
        for form in self.forms:
            if form.name == name:
                return form
        raise UnknownNameError(f"form of {self.name}", name, [form.name for form in self.forms])


@cache
def data_sets() -> tuple[DataSet, ...]:
    """All sets of the shipped catalogue."""
    text = (files("kakehashi.evaluate") / "data" / "datasets.yaml").read_text(encoding="utf-8")
    return parse_catalogue(text, "datasets.yaml")


def read_catalogue(path: Path) -> tuple[DataSet, ...]:
    """The sets of a catalogue file of the user's own.

    Raises:
        InputError: The file cannot be read or used.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", path=path) from None
    return parse_catalogue(text, path)


def data_set(name: str, sets: tuple[DataSet, ...] | None = None) -> DataSet:
    """The set of that name.

    Raises:
        UnknownNameError: No such set; the nearest are suggested.
    """
    known = data_sets() if sets is None else sets
    for one in known:
        if one.name == name:
            return one
    raise UnknownNameError("data set", name, [one.name for one in known])


def parse_catalogue(text: str, path: Path | str) -> tuple[DataSet, ...]:
    """The sets that a catalogue's text describes.

    Raises:
        InputError: Something is missing or wrong; a set without a licence is refused.
        FormatVersionError: A newer format.
    """
    try:
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise InputError(f"is not YAML ({error})", path=path) from None
    if not isinstance(content, dict) or not isinstance(content.get("sets"), list):
        raise InputError(
            "is not a catalogue of data sets", path=path, hint=f"It begins with format: {FORMAT}"
        )
    if content.get("format") != FORMAT:
        raise FormatVersionError(str(content.get("format")), FORMAT, path=path)
    found = tuple(_set(row, path) for row in content["sets"])
    if len({one.name for one in found}) != len(found):
        raise InputError("two sets bear one name", path=path)
    return found


def _set(row: Mapping[str, Any], path: Path | str) -> DataSet:
    name = str(row.get("name") or "?")
    if not row.get("licence"):
        raise InputError(
            f"the set {name!r} states no licence",
            path=path,
            hint="A set without a licence may not be taken; ask its authors, and write what they say.",
        )
    try:
        forms = tuple(
            DataForm(
                name=str(form["name"]),
                home=str(form["home"]),
                revision=str(form["revision"]),
                note=str(form.get("note") or ""),
                files=tuple(_file(file, name, path) for file in form["files"]),
                prompts=_prompts(form.get("prompts")),
            )
            for form in row["forms"]
        )
        made = DataSet(
            name=name,
            title=str(row["title"]),
            licence=str(row["licence"]),
            terms=str(row["terms"]),
            citation=str(row["citation"]),
            harmful=bool(row["harmful"]),
            rows=int(row["rows"]),
            forms=forms,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the set {name!r} is not described whole ({error})", path=path) from None
    if not forms or any(not form.files for form in forms):
        raise InputError(f"the set {name!r} has a form without files", path=path)
    if len(made.files) != sum(len(form.files) for form in forms):
        raise InputError(f"the set {name!r} names a file twice", path=path)
    return made


def _prompts(row: Mapping[str, Any] | None) -> PromptColumns | None:
    if row is None:
        return None
    columns = tuple(str(column) for column in row["columns"])
    return PromptColumns(str(row["files"]), columns, str(row.get("under") or ""))


def _file(row: Mapping[str, Any], name: str, path: Path | str) -> DataFile:
    sha256, size = row["sha256"], row["bytes"]
    made = DataFile(
        path=str(row["path"]),
        url=str(row["url"]),
        format=str(row["format"]),
        mirror=str(row["mirror"]),
        sha256=None if sha256 is None else str(sha256),
        bytes=None if size is None else int(size),
    )
    if made.format not in FORMATS:
        raise UnknownNameError(f"format of {made.path}", made.format, FORMATS)
    for place in (made.path, made.mirror):
        if Path(place).is_absolute() or ".." in Path(place).parts or not Path(place).parts:
            raise InputError(f"the set {name!r} would write to {place!r}", path=path)
    return made
