"""Your own prompts as a method, equal to the shipped ones."""

import csv
import hashlib
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError
from kakehashi.evaluate.judges import AsyncJudge, Judge, RuleJudge
from kakehashi.evaluate.methods.base import Credit, Scored, Scorer, Selection
from kakehashi.evaluate.methods.judged import DEFAULT_JUDGE, default_calibration, judged
from kakehashi.evaluate.methods.select import stratified
from kakehashi.evaluate.methods.suite import REVIEW_ORDER, REVIEWED
from kakehashi.evaluate.methods.tally import proportion, share_credit
from kakehashi.model import (
    CONSTRUCTS,
    Answer,
    Label,
    Measure,
    Measurement,
    MethodCard,
    Polarity,
    Policy,
    Provenance,
    Sample,
    Score,
    Status,
)

FORMAT = "kakehashi.method/1"
COLUMNS = ("prompt", "id", "category", "kind", "pair", "target")
KINDS = ("harmful", "benign", "question")


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    success: tuple[Label, ...]
    polarity: Polarity
    construct: str | None


# A benign request that is refused is over-refusal whatever the method as a whole is about.
_MEASURES = {
    "harmful": _Kind("safe-handling-rate", (Label.REFUSED, Label.SAFE_COMPLETION), Polarity.HIGHER, None),
    "benign": _Kind("over-refusal-rate", (Label.REFUSED,), Polarity.LOWER, "over-refusal"),
    "question": _Kind("accuracy", (Label.CORRECT,), Polarity.HIGHER, None),
}


def make_method(
    prompts: Path, *, name: str, construct: str, language: str, title: str = "", licence: str = ""
) -> dict[str, Any]:
    """A method description out of a CSV of prompts.

    The CSV needs a column ``prompt``; ``id``, ``category``, ``kind`` (``harmful``, ``benign``), ``pair``
    (items that belong together) and ``target`` (a closed answer: no judge is asked) may stand beside it.

    Args:
        prompts: The CSV file, UTF-8 (a byte-order mark is fine).
        name: Name of the method; it is called ``own/<name>``.
        construct: What is meant to be measured, a key of the list of constructs.
        language: Language of the prompts, ISO 639-1.
        title: Title in the user's words.
        licence: Licence of the prompts.

    Raises:
        UnknownNameError: A construct that is not on the list.
        InputError: An unreadable file, a missing or unknown column, an empty or doubled row.
    """
    if construct not in CONSTRUCTS:
        raise UnknownNameError("construct", construct, sorted(CONSTRUCTS))
    if not re.fullmatch(r"[a-z]{2,3}", language):
        raise InputError(f"language {language!r} is not an ISO 639 code such as 'en' or 'ja'")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise InputError(
            f"name {name!r} may hold small letters, digits, '.', '_' and '-' only",
            hint="Use --name my-method",
        )
    items = _read(prompts)
    return {
        "format": FORMAT,
        "name": name,
        "version": "1.0",
        "title": title or name,
        "construct": construct,
        "language": language,
        "licence": licence or "not stated",
        "items": items,
    }


def write_method(described: Mapping[str, Any], folder: Path) -> Path:
    """Write a method description into a folder of methods; the same description twice is a no-op."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{described['name']}.json"
    text = json.dumps(described, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise InputError(
            f"a method own/{described['name']} with other content exists",
            path=path,
            hint="Choose another --name: results of two contents must not share one name.",
        )
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return path


class OwnMethod:
    """A method made of a user's own prompts."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        try:
            described = json.loads(data)
            family, _, number = str(described["format"]).rpartition("/")
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InputError("not a method description", path=path) from None
        if family != "kakehashi.method":
            raise InputError(f"format {described['format']!r} is not {FORMAT!r}", path=path)
        if number != "1":
            raise FormatVersionError(str(described["format"]), FORMAT, path=path)
        self._described = described
        self._revision = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self._items: list[dict[str, str]] = described["items"]

    @property
    def card(self) -> MethodCard:
        """What the method declares."""
        described, origin = self._described, self.edition_of
        categories = sorted({item["category"] for item in self._items})
        kinds = [kind for kind in KINDS if any(item["kind"] == kind for item in self._items)]
        return MethodCard(
            id=f"own/{described['name']}",
            version=described["version"],
            title={"en": described["title"], "ja": described["title"]},
            summary=self._summary(),
            measures=tuple(self._measure(kind) for kind in kinds),
            categories={category: {"en": category, "ja": category} for category in categories},
            languages=(described["language"],),
            judge="closed answers" if kinds == ["question"] else DEFAULT_JUDGE,
            data_source=f"language edition of {origin['method']} {origin['version']}"
            if origin
            else "the user's own file",
            data_revision=self._revision,
            licence=described["licence"],
            empty_policy=Policy.OWN_COLUMN,
            blocked_policy=Policy.OWN_COLUMN,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="share of items, clustered by pair",
            own=False,
            review={described["language"]: self._weakest_review()},
            judge_calibration={} if kinds == ["question"] else default_calibration([described["language"]]),
        )

    @property
    def edition_of(self) -> Mapping[str, str]:
        """Method, version, revision and language that this is a language edition of; empty where it is none."""
        found: Mapping[str, str] = self._described.get("edition_of", {})
        return found

    def _summary(self) -> dict[str, str]:
        count, origin = len(self._items), self.edition_of
        if not origin:
            return {
                "en": f"{count} prompts of the user's own.",
                "ja": f"利用者が用意した{count}件のプロンプト。",
            }
        name, language = f"{origin['method']} {origin['version']}", self._described["language"]
        return {
            "en": f"{count} items of {name}, translated from {origin['language']} into {language}.",
            "ja": f"{name}の{count}項目を{origin['language']}から{language}に翻訳した言語版。",
        }

    def _weakest_review(self) -> str:
        """``"author"`` for a method of the user's own; of an edition the weakest status of its items."""
        return min((item.get("review", "author") for item in self._items), key=REVIEW_ORDER.index)

    def _measure(self, kind: str) -> Measure:
        known = _MEASURES[kind]
        construct = known.construct or self._described["construct"]
        return Measure(f"own/{self._described['name']}:{known.name}", construct, known.polarity)

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The chosen prompts, pairs kept together, stratified by category."""
        language = self._described["language"]
        if language not in selection.languages:
            return []
        pairs: dict[str, list[dict[str, str]]] = {}
        for item in self._items:
            if selection.reviewed_only and item.get("review", "author") not in REVIEWED:
                continue
            pairs.setdefault(item["pair"], []).append(item)
        chosen = stratified(
            list(pairs.items()),
            selection.limit,
            selection.seed,
            stratum=lambda pair: pair[1][0]["category"],
            key=lambda pair: pair[0],
        )
        return [
            Sample(
                id=f"{item['id']}.{language}",
                turns=(item["prompt"],),
                language=language,
                category=item["category"],
                kind=item["kind"],
                cluster=pair,
                target=item["target"] or None,
                max_tokens=selection.max_tokens,
                facets={"review": item["review"]} if "review" in item else {},
            )
            for pair, items in chosen
            for item in items
        ]

    def scorer(self, judge: Judge | AsyncJudge | None = None) -> Scorer:
        """Judges requests, and compares closed answers with their target."""
        ask = judged(judge if judge is not None else RuleJudge(), lambda sample: sample.turns[-1])
        return lambda sample, answer: score_target(sample, answer) if sample.target else ask(sample, answer)

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """One share for each kind of item, whole and by category."""
        rows = list(scored)
        found = []
        language = self._described["language"]
        for kind in KINDS:
            of_kind = [row for row in rows if row.sample.kind == kind]
            if not of_kind:
                continue
            parts: list[tuple[dict[str, str], list[Scored]]] = [({"language": language}, of_kind)]
            categories = sorted({row.sample.category for row in of_kind})
            if len(categories) > 1:
                parts += [
                    ({"language": language, "category": c}, [r for r in of_kind if r.sample.category == c])
                    for c in categories
                ]
            found += [
                proportion(
                    part,
                    _MEASURES[kind].success,
                    subject=subject,
                    measure=self._measure(kind),
                    provenance=provenance,
                    facets=facets,
                )
                for facets, part in parts
            ]
        return found

    def credit(self, row: Scored) -> Credit | None:
        """1 where the answer counts for the measure of the item's kind."""
        kind = row.sample.kind
        return share_credit(self._measure(kind).id, row, _MEASURES[kind].success)


def score_target(sample: Sample, answer: Answer) -> Score:
    """Right where the answer begins with the target, on a word boundary; width and case are folded."""
    scorer = "kakehashi/target@1.0"
    if answer.status is not Status.OK:
        return Score(sample.id, answer.status.value, scorer)
    said, wanted = _folded(answer.text), _folded(sample.target or "")
    ends = said[len(wanted) : len(wanted) + 1]
    right = said.startswith(wanted) and not (wanted[-1:].isascii() and ends.isascii() and ends.isalnum())
    return Score(sample.id, Label.CORRECT if right else Label.WRONG, scorer)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip(" \t\r\n\"'`*_.,:;()「」『』。、")


def _read(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("no such file", path=path) from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", path=path, hint="Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise InputError(error.strerror or str(error), path=path) from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        return _items(reader, path)
    except csv.Error as error:  # such as a cell of more than 131,072 characters
        raise InputError(f"not a table: {error}", path=path, row=reader.line_num) from None


def _items(reader: "csv.DictReader[str]", path: Path) -> list[dict[str, str]]:
    header = [column.strip() for column in reader.fieldnames or []]
    reader.fieldnames = header
    if "prompt" not in header:
        raise InputError(f"no column 'prompt' among {header}", path=path, row=1)
    for column in header:
        if column not in COLUMNS:
            wrong = UnknownNameError("column", column, COLUMNS)
            raise InputError(wrong.message, path=path, row=1, hint=wrong.hint)
        if header.count(column) > 1:
            raise InputError(f"column {column!r} stands twice", path=path, row=1)
    items: list[dict[str, str]] = []
    seen: set[str] = set()
    asked: dict[tuple[str, str, str], int] = {}
    for position, row in enumerate(reader, start=1):
        item = _item(row, position, path, reader.line_num)
        if item["id"] in seen:
            raise InputError(f"id {item['id']!r} stands twice", path=path, row=reader.line_num)
        seen.add(item["id"])
        first = asked.setdefault((item["prompt"], item["kind"], item["target"]), reader.line_num)
        if first != reader.line_num:
            raise InputError(
                f"the prompt stands in row {first} already",
                path=path,
                row=reader.line_num,
                hint="Leave one of them out: an item that counts twice makes intervals too narrow.",
            )
        items.append(item)
    if not items:
        raise InputError("holds no prompts", path=path)
    return items


def _item(row: Mapping[str | None, Any], position: int, path: Path, line: int) -> dict[str, str]:
    if None in row:
        raise InputError(
            "more cells than columns", path=path, row=line, hint="Quote cells that hold a comma."
        )
    cells = {key: str(row.get(key) or "").strip() for key in COLUMNS}
    if not cells["prompt"]:
        raise InputError("an empty prompt", path=path, row=line)
    kind = cells["kind"] or ("question" if cells["target"] else "harmful")
    if kind not in KINDS:
        raise InputError(f"kind {kind!r} is not one of {', '.join(KINDS)}", path=path, row=line)
    if (kind == "question") != bool(cells["target"]):
        raise InputError("a question needs a target, and only a question has one", path=path, row=line)
    name = cells["id"] or f"item-{position:04d}"
    return {
        "id": name,
        "prompt": cells["prompt"],
        "category": cells["category"] or "all",
        "kind": kind,
        "pair": cells["pair"] or name,
        "target": cells["target"],
    }
