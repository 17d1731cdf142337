"""Language editions of a method: a sheet for human translators, and a method of the workspace made of it.

An edition is a method of its own (``own/core-fr``), so that a workspace with an edition still runs the original at its
own revision. It says what it is an edition of, and how well each item was reviewed.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError, UsageError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.methods.base import Method, Scored, Selection
from kakehashi.evaluate.methods.own import FORMAT
from kakehashi.evaluate.methods.registry import get_method
from kakehashi.evaluate.methods.suite import REVIEWED
from kakehashi.model import Label, Sample, Score

COLUMNS = (
    *("id", "category", "kind", "source", "draft", "back_translation"),
    *("translator", "reviewer", "cultural_note", "status", "target", "pair"),
    *("method", "version", "part", "from", "to", "source_sha256"),
)
UNREVIEWED, LEFT_OUT = "unreviewed", "left-out"
#: What a row of a sheet may say of itself.
STATUSES = (UNREVIEWED, "second-read", "native-reviewed", LEFT_OUT)
_CARRIED = ("draft", "back_translation", "translator", "reviewer", "cultural_note", "status")


@dataclass(frozen=True, slots=True)
class Edition:
    """A language edition as a sheet gives it.

    Attributes:
        described: The method description, as :func:`~kakehashi.evaluate.methods.write_method` writes it.
        left_out: Ids of items that the translators left out, with their reason.
        unreviewed: Number of items that nobody has reviewed.
        as_source: Ids of items whose translation is word for word the source.
    """

    described: Mapping[str, Any]
    left_out: Mapping[str, str]
    unreviewed: int
    as_source: tuple[str, ...]


def translation_sheet(
    name: str,
    to: str,
    *,
    source_language: str = "en",
    category: str = "",
    own_methods: Path | None = None,
    data: DataStore | None = None,
) -> str:
    """The sheet of a method for translators, as CSV text.

    Drafts are filled in from an edition that exists already: the method's own in that language, or the workspace's.

    Args:
        name: The method.
        to: Language of the edition, ISO 639.
        source_language: Language to translate from.
        category: Only items of this category.
        own_methods: Folder of the workspace's own methods.
        data: Pulled data sets, for published methods.

    Raises:
        UsageError: A language that is none, items of several constructs, or items that cannot be translated one by one.
        UnknownNameError: No such method.
    """
    if not re.fullmatch(r"[a-z]{2,3}", to) or to == source_language:
        raise UsageError(
            f"cannot translate from {source_language!r} to {to!r}",
            hint="Give an ISO 639 code such as --to fr",
        )
    method = get_method(name, own_methods, data)
    samples = _translatable(method, source_language, category)
    known = _existing(method, to, own_methods, category)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    card = method.card
    for key, sample in samples.items():
        writer.writerow(
            {
                "id": key,
                "category": sample.category,
                "kind": _kind(sample),
                "source": sample.turns[0],
                "status": UNREVIEWED,
                "target": sample.target or "",
                "pair": sample.cluster,
                "method": card.id,
                "version": card.version,
                "part": category,
                "from": source_language,
                "to": to,
                "source_sha256": _hash(sample.turns[0]),
                **known.get(key, {}),
            }
        )
    return out.getvalue()


def read_sheet(path: Path, own_methods: Path | None = None, data: DataStore | None = None) -> Edition:
    """A language edition out of a sheet that translators have filled in.

    Raises:
        InputError: Unknown, doubled or missing ids, an empty translation, a review without reviewer, a changed source.
    """
    rows = _rows(path)
    method, to, source_language, category = _head(rows, path, own_methods, data)
    samples = _translatable(method, source_language, category)
    items: list[dict[str, str]] = []
    left_out: dict[str, str] = {}
    seen: set[str] = set()
    for line, row in rows:
        key = row["id"]
        if key not in samples:
            raise InputError(f"{method.card.id} has no item {key!r}", path=path, row=line)
        if key in seen:
            raise InputError(f"the item {key!r} stands twice", path=path, row=line)
        seen.add(key)
        item = _item(row, samples[key], path, line)
        if item is None:
            left_out[key] = row["cultural_note"]
        else:
            items.append(item)
    missing = [key for key in samples if key not in seen]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(samples)} items are missing: {', '.join(missing[:5])}"
            f"{', …' if len(missing) > 5 else ''}",
            path=path,
            hint=f"Put the rows back; an item that cannot be translated gets the status {LEFT_OUT!r} and a note why.",
        )
    if not items:
        raise InputError("every item is left out", path=path)
    card = method.card
    described = {
        "format": FORMAT,
        "name": edition_name(card.id, to, category),
        "version": "1.0",
        "title": f"{card.title['en']} ({to})",
        "construct": construct_of(method, samples.values()),
        "language": to,
        "licence": card.licence,
        "edition_of": {
            "method": card.id,
            "version": card.version,
            "data_revision": card.data_revision,
            "language": source_language,
        },
        "left_out": left_out,
        "items": items,
    }
    return Edition(
        described,
        left_out,
        sum(item["review"] == UNREVIEWED for item in items),
        tuple(item["id"] for item in items if item["prompt"] == samples[item["id"]].turns[0]),
    )


def write_edition(edition: Edition, folder: Path) -> Path:
    """Write an edition into a folder of methods; one that was changed since gets the next version.

    Raises:
        InputError: A method of that name is there that is no edition of the same method.
    """
    folder.mkdir(parents=True, exist_ok=True)
    described = dict(edition.described)
    path = folder / f"{described['name']}.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before.get("edition_of", {}).get("method") != described["edition_of"]["method"]:
            raise InputError(f"own/{described['name']} is there and no edition of the same method", path=path)
        described["version"] = before["version"]
        if before == described:
            return path
        major, _, minor = str(before["version"]).partition(".")
        described["version"] = f"{major}.{int(minor) + 1}"
    text = json.dumps(described, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return path


def edition_name(method: str, to: str, category: str = "") -> str:
    """Name of an edition, such as ``core-fr``."""
    parts = [method.rpartition("/")[2], category, to]
    return "-".join(re.sub(r"[^a-z0-9._-]+", "-", part.lower()) for part in parts if part)


def construct_of(method: Method, samples: Any) -> str:
    """What the items are meant to measure, twins that stand for over-refusal aside.

    Raises:
        UsageError: They measure several things.
    """
    constructs: dict[str, set[str]] = {}
    measures = {measure.id: measure.construct for measure in method.card.measures}
    for sample in samples:
        if sample.kind == "benign":
            continue
        label = Label.CORRECT if sample.target else Label.REFUSED
        credit = method.credit(Scored(sample, Score(sample.id, label, "none")))
        if credit is not None:
            constructs.setdefault(measures[credit.measure], set()).add(sample.category)
    if len(constructs) > 1:
        parts = "; ".join(f"{name}: {', '.join(sorted(where))}" for name, where in sorted(constructs.items()))
        raise UsageError(
            f"the items of {method.card.id} measure several things ({parts})",
            hint="Translate one at a time with --category.",
        )
    return next(iter(constructs), method.card.measures[0].construct)


def _translatable(method: Method, language: str, category: str) -> dict[str, Sample]:
    """Items by id without the language's suffix."""
    card = method.card
    if language not in card.languages:
        raise UsageError(
            f"{card.id} has no items in {language!r}", hint=f"It has: {', '.join(card.languages)}"
        )
    samples = [
        s for s in method.samples(Selection(languages=(language,))) if not category or s.category == category
    ]
    if not samples:
        raise UsageError(
            f"{card.id} has no items of category {category!r}", hint=f"It has: {', '.join(card.categories)}"
        )
    for sample in samples:
        if len(sample.turns) != 1 or sample.system is not None or "technique" in sample.facets:
            raise UsageError(
                f"the items of {card.id} are not single prompts ({sample.id}), so they cannot be translated one by one"
            )
        if not sample.target and sample.kind not in ("harmful", "benign"):
            raise UsageError(f"the item {sample.id} of {card.id} is neither a request nor a closed question")
    if not category:
        construct_of(method, samples)
    return {_key(sample): sample for sample in samples}


def _key(sample: Sample) -> str:
    return sample.id.removesuffix(f".{sample.language}")


def _kind(sample: Sample) -> str:
    return "question" if sample.target else sample.kind


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _existing(method: Method, to: str, own_methods: Path | None, category: str) -> dict[str, dict[str, str]]:
    """Drafts from an edition in that language: the method's own, then the workspace's."""
    found: dict[str, dict[str, str]] = {}
    if to in method.card.languages:
        for sample in method.samples(Selection(languages=(to,))):
            status = sample.facets.get("review", UNREVIEWED)
            # An edition of the authors' own has no translator to name: a review of the sheet begins anew.
            found[_key(sample)] = {
                "draft": sample.turns[0],
                "status": UNREVIEWED,
                "cultural_note": f"from {method.card.id} {method.card.version}, {status}",
            }
    path = None if own_methods is None else own_methods / f"{edition_name(method.card.id, to, category)}.json"
    if path is not None and path.is_file():
        for item in json.loads(path.read_text(encoding="utf-8")).get("items", []):
            carried = {key: str(item.get(key, "")) for key in _CARRIED}
            found[item["id"]] = {**carried, "draft": item["prompt"], "status": item.get("review", UNREVIEWED)}
    return found


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("no such file", path=path) from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", path=path, hint="Save the file as CSV in UTF-8."
        ) from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
    if missing:
        raise InputError(
            f"no column {missing[0]!r}",
            path=path,
            row=1,
            hint="Begin with the sheet of `kakehashi methods translate NAME --to LANG`.",
        )
    rows = []
    for row in reader:
        if None in row:
            raise InputError("more cells than columns", path=path, row=reader.line_num)
        cells = {column: str(row.get(column) or "").replace("\r\n", "\n") for column in COLUMNS}
        bare = ("source", "draft", "back_translation", "cultural_note", "target")
        rows.append((reader.line_num, {k: v if k in bare else v.strip() for k, v in cells.items()}))
    if not rows:
        raise InputError("the sheet has no rows", path=path)
    return rows


def _head(
    rows: Sequence[tuple[int, Mapping[str, str]]],
    path: Path,
    own_methods: Path | None,
    data: DataStore | None,
) -> tuple[Method, str, str, str]:
    first = rows[0][1]
    for line, row in rows:
        for column in ("method", "version", "part", "from", "to"):
            if row[column] != first[column]:
                raise InputError(
                    f"column {column!r} holds {row[column]!r} and {first[column]!r}", path=path, row=line
                )
    if not re.fullmatch(r"[a-z]{2,3}", first["to"]):
        raise InputError(f"column 'to' holds {first['to']!r}, which is no language", path=path, row=2)
    return get_method(first["method"], own_methods, data), first["to"], first["from"], first["part"]


def _item(row: Mapping[str, str], sample: Sample, path: Path, line: int) -> dict[str, str] | None:
    """One item of the edition, or None where it is left out."""
    key, source, status = row["id"], sample.turns[0], row["status"] or UNREVIEWED
    if row["source_sha256"] != _hash(source):
        raise InputError(
            f"the source of {key!r} has changed since the sheet was made",
            path=path,
            row=line,
            hint="Make the sheet again (drafts of an edition in the workspace are kept) and look at this item anew.",
        )
    if _hash(row["source"]) != row["source_sha256"] and row["source"].strip() != source.strip():
        raise InputError(f"the source of {key!r} was changed in the sheet", path=path, row=line)
    if status not in STATUSES:
        raise InputError(f"status {status!r} is not one of {', '.join(STATUSES)}", path=path, row=line)
    if status == LEFT_OUT:
        if not row["cultural_note"].strip():
            raise InputError(
                f"{key!r} is left out without a reason", path=path, row=line, hint="Say why in cultural_note."
            )
        return None
    draft = row["draft"].strip()
    if not draft:
        raise InputError(
            f"the translation of {key!r} is empty",
            path=path,
            row=line,
            hint=f"It stands in the column 'draft'. An item that cannot be translated has the status {LEFT_OUT!r}.",
        )
    if status in REVIEWED:
        names = row["translator"].casefold(), row["reviewer"].casefold()
        if not all(names) or names[0] == names[1]:
            raise InputError(
                f"{key!r} is {status}, but names no translator and another person as reviewer",
                path=path,
                row=line,
                hint=f"Name both, or give it the status {UNREVIEWED!r}.",
            )
    if sample.target and sample.target in source and sample.target not in draft:
        raise InputError(
            f"the translation of {key!r} lacks the answer word {sample.target!r}, which is kept as it is",
            path=path,
            row=line,
        )
    return {
        "id": key,
        "prompt": draft,
        "category": sample.category,
        "kind": _kind(sample),
        "pair": sample.cluster,
        "target": sample.target or "",
        "review": status,
        **{column: row[column] for column in ("back_translation", "translator", "reviewer", "cultural_note")},
    }
