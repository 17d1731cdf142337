"""Sheets for human annotators: blinded and shuffled on the way out, checked, adjudicated and joined on the way in."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from kakehashi.compare import Estimate, cohen_kappa
from kakehashi.errors import FormatVersionError, InputError, NotEstimableError, UnknownNameError, UsageError
from kakehashi.evaluate.judges.labels import label_rows, verdict_class
from kakehashi.evaluate.methods.judged import OFFICIAL_PROMPTS
from kakehashi.ledger.files import write_whole
from kakehashi.model import Label
from kakehashi.work import sheet_book
from kakehashi.work.sheet_files import FORMS, read_sheet, sheet_at, write_csv, write_sheet

FORMAT = "kakehashi.sheet/1"
LABELS = tuple(
    label.value
    for label in (
        Label.REFUSED,
        Label.PARTLY_REFUSED,
        Label.SAFE_COMPLETION,
        Label.COMPLIED,
        Label.INCOHERENT,
    )
)
KEY = "key.jsonl"
ADJUDICATE = "adjudicate"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """An answer that may be labelled, as the key knows it.

    Attributes:
        item: The item.
        model: Who answered.
        language: Language of the item.
        prompt: The request.
        answer: The answer.
        category: Category of the item.
        cluster: What the answer stands or falls with.
        judge: The class that a judge gave it, or ``""``.
        row: Its name on the sheets, or ``""`` where it is on none.
    """

    item: str
    model: str
    language: str
    prompt: str
    answer: str
    category: str = ""
    cluster: str = ""
    judge: str = ""
    row: str = ""


@dataclass(frozen=True, slots=True)
class SheetLabels:
    """What came back.

    Attributes:
        rows: Rows on the sheets.
        labelled: Annotator → rows that it labelled.
        agreed: Rows on which all who labelled agree.
        adjudicated: Rows on which they do not, settled.
        open: Rows on which they do not, not settled yet: left out.
        unlabelled: Rows that nobody, or only some, labelled: left out.
        kappa: Pair of annotators → agreement over the labels as given, with its interval.
        binary: The same of refused (partly included) or not.
        reasons: Pair → why there is no figure.
        labels: File of the labels, for ``judge calibrate``.
        answers: File of all answers with label and verdict, for ``compare judges``; ``None`` without any verdict.
        adjudicate: File of the open disagreements, or ``None``.
    """

    rows: int
    labelled: Mapping[str, int]
    agreed: int
    adjudicated: int
    open: int
    unlabelled: int
    kappa: Mapping[str, Estimate] = field(default_factory=dict)
    binary: Mapping[str, Estimate] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    labels: str = ""
    answers: str | None = None
    adjudicate: str | None = None


def rows_of_run(ledger: Path, run: str) -> list[SheetRow]:
    """The judged answers of a sealed run, with their texts and the class that its judge gave.

    Raises:
        UnknownNameError: No such run.
        StorageError: The texts were purged or are not in this copy.
        InputError: Nothing of the run was judged.
    """
    from kakehashi.ledger import Ledger
    from kakehashi.work.view import load_run

    view = load_run(ledger, run)
    judged = {
        name
        for name, card in view.cards.items()
        if card.judge_calibration or card.judge.endswith(OFFICIAL_PROMPTS)
    }
    found: list[SheetRow] = []
    with Ledger.open(ledger) as opened:
        for record in opened.records(kind="result", run=view.run):
            if record.text("method") not in judged:
                continue
            texts = {text["sample"]: text for text in opened.texts(record.id)}
            items = opened.items(record=record.id)
            for place, sample in enumerate(items["sample"]):
                text = texts.get(sample)
                if text is None or not str(text["response"] or "").strip():
                    continue
                found.append(
                    SheetRow(
                        item=str(sample),
                        model=record.text("subject"),
                        language=str(items["language"][place]),
                        prompt=str(text["prompt"]),
                        answer=str(text["response"]),
                        category=str(items["category"][place] or ""),
                        cluster=str(items["cluster"][place] or sample),
                        judge=verdict_class(str(items["label"][place])) or "",
                    )
                )
    if not found:
        raise InputError(f"no answer of {view.run} was judged", hint="Name a run of a judged method.")
    return found


def rows_of_file(path: Path) -> list[SheetRow]:
    """Answers from CSV or JSONL with ``prompt``, ``answer``, ``language`` and, where there are, ``model`` and ``item``.

    Raises:
        InputError: The file cannot be read or lacks a column.
    """
    found = []
    for number, raw in label_rows(path):
        absent = [name for name in ("prompt", "answer", "language") if name not in raw]
        if absent:
            raise InputError(f"a row lacks {absent[0]!r}", path=path, row=number)
        item = str(raw.get("item") or raw.get("id") or f"row-{number}")
        found.append(
            SheetRow(
                item=item,
                model=str(raw.get("model") or ""),
                language=str(raw["language"]),
                prompt=str(raw["prompt"]),
                answer=str(raw["answer"]),
                category=str(raw.get("category") or raw.get("kind") or ""),
                cluster=str(raw.get("cluster") or item),
                judge=verdict_class(str(raw.get("judge") or "")) or "",
            )
        )
    if not found:
        raise InputError("the file holds no answer", path=path)
    return found


def export_sheet(
    rows: Sequence[SheetRow],
    out: Path,
    *,
    annotators: int = 2,
    items: int | None = None,
    seed: int = 0,
    source: str = "",
    form: str = "csv",
) -> list[Path]:
    """Write one sheet for each annotator, the guide in two languages, and the key, which stays with you.

    The sheets show neither model nor verdict, and each has an order of its own. The same rows and seed give the same
    files.

    Args:
        rows: All answers; the key keeps those that are on no sheet too, so that rates over all can be corrected.
        out: A folder that is empty or not there.
        annotators: How many, 2 to 9.
        items: How many answers to label, drawn at random; all without it.
        seed: Seed of the draw and of the orders.
        source: What they are answers of.
        form: ``"csv"``, or ``"xlsx"`` for workbooks with a list of the labels to choose from.

    Raises:
        UsageError: An impossible number, another form, or a folder that is not empty.
        MissingExtraError: Workbooks need the extra ``tables``.
        InputError: A text is longer than a cell of a workbook may be.
    """
    if not 2 <= annotators <= 9:
        raise UsageError(f"annotators are 2 to 9, not {annotators}")
    if items is not None and not 1 <= items <= len(rows):
        raise UsageError(f"{items} answers cannot be drawn from {len(rows)}")
    if form not in FORMS:
        raise UsageError(f"{form!r} is no form of a sheet", hint=f"Forms: {', '.join(FORMS)}.")
    if form == "xlsx":
        sheet_book.library("writing sheets as workbooks")
        sheet_book.check_fits((text, out) for row in rows for text in (row.prompt, row.answer))
    if out.exists() and any(out.iterdir()):
        raise UsageError(
            f"{out} is not empty", hint="Name a new folder: sheets are never written over labels."
        )
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(rows))[: items or len(rows)]
    names = {int(place): f"r{number:05d}" for number, place in enumerate(chosen, 1)}
    out.mkdir(parents=True, exist_ok=True)
    head = {
        "format": FORMAT,
        "source": source,
        "seed": seed,
        "annotators": annotators,
        "labels": list(LABELS),
        "on_sheets": len(names),
    }
    lines = [_json(head)]
    for place, row in enumerate(rows):
        known = {name: getattr(row, name) for name in SheetRow.__slots__ if getattr(row, name)}
        if place in names:
            known["row"] = names[place]
        else:  # its texts are nobody's business here
            known = {name: value for name, value in known.items() if name not in ("prompt", "answer")}
        lines.append(_json(known))
    written = [out / KEY]
    write_whole(out / KEY, ("\n".join(lines) + "\n").encode())
    for number in range(1, annotators + 1):
        order = rng.permutation(chosen)
        table = [
            [names[place], rows[place].language, rows[place].prompt, rows[place].answer, "", ""]
            for place in map(int, order)
        ]
        path = out / f"annotator-{number}.{form}"
        write_sheet(path, ["row", "language", "prompt", "answer", "label", "note"], table, LABELS)
        written.append(path)
    for language in ("en", "ja"):
        text = files("kakehashi.evaluate.judges").joinpath(f"data/sheet_guide_{language}.md").read_bytes()
        write_whole(out / f"guide.{language}.md", text)
        written.append(out / f"guide.{language}.md")
    return written


def import_sheet(folder: Path, *, out: Path | None = None, seed: int = 0) -> SheetLabels:
    """Read the sheets back, measure agreement, and write the labels.

    Where annotators disagree, the row goes into ``adjudicate.csv`` (or ``.xlsx``, as the sheets are): fill its column
    ``label`` and import again. What is not settled, and what somebody left empty, is left out and counted.

    Args:
        folder: What :func:`export_sheet` wrote, with labels filled in.
        out: Where ``labels.jsonl`` and ``answers.csv`` go; ``folder`` by default.
        seed: Seed of the intervals.

    Raises:
        InputError: A sheet is missing, damaged, or has rows that are not of this key.
        UnknownNameError: A label that is none of the five.
    """
    head, rows = _read_key(folder / KEY)
    by_name = {row["row"]: row for row in rows if row.get("row")}
    names = [f"annotator-{number}" for number in range(1, int(head["annotators"]) + 1)]
    sheets = {name: sheet_at(folder, name) for name in names}
    given = {name: _read_labels(path, by_name, head["labels"]) for name, path in sheets.items()}
    settling = sheet_at(folder, ADJUDICATE, sheets[names[0]].suffix)
    settled = _read_labels(settling, by_name, head["labels"]) if settling.exists() else {}
    final: dict[str, str] = {}
    disputed: list[str] = []
    counts: Counter[str] = Counter()
    for name in by_name:
        said = [given[annotator].get(name, "") for annotator in names]
        if not all(said):
            counts["unlabelled"] += 1
        elif len(set(said)) == 1:
            counts["agreed"] += 1
            final[name] = said[0]
        elif settled.get(name):
            counts["adjudicated"] += 1
            final[name] = settled[name]
        else:
            counts["open"] += 1
        if all(said) and len(set(said)) > 1:
            disputed.append(name)
    target = out or folder
    target.mkdir(parents=True, exist_ok=True)
    adjudicate = _write_disputed(settling, disputed, by_name, given, names, settled) if disputed else None
    kappa, binary, reasons = _agreement(given, names, by_name, seed)
    labels = target / "labels.jsonl"
    lines = [_label_line(by_name[name], label, name, given, names) for name, label in final.items()]
    write_whole(labels, "".join(lines).encode())
    answers = None
    if any(row.get("judge") for row in rows):
        answers = target / "answers.csv"
        _write_answers(answers, rows, final)
    return SheetLabels(
        rows=len(by_name),
        labelled={name: sum(bool(label) for label in given[name].values()) for name in names},
        agreed=counts["agreed"],
        adjudicated=counts["adjudicated"],
        open=counts["open"],
        unlabelled=counts["unlabelled"],
        kappa=kappa,
        binary=binary,
        reasons=reasons,
        labels=str(labels),
        answers=None if answers is None else str(answers),
        adjudicate=None if adjudicate is None else str(adjudicate),
    )


def _agreement(
    given: Mapping[str, Mapping[str, str]],
    names: Sequence[str],
    by_name: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> tuple[dict[str, Estimate], dict[str, Estimate], dict[str, str]]:
    kappa: dict[str, Estimate] = {}
    binary: dict[str, Estimate] = {}
    reasons: dict[str, str] = {}
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            pair = f"{first}, {second}"
            both = [n for n in by_name if given[first].get(n) and given[second].get(n)]
            one, two = [given[first][n] for n in both], [given[second][n] for n in both]
            clusters = [str(by_name[n].get("cluster") or by_name[n]["item"]) for n in both]
            refused = ("refused", "partly-refused")
            folded = [[label in refused for label in side] for side in (one, two)]
            for into, sides, what in (
                (kappa, [one, two], ""),
                (binary, folded, ", refused or not"),
            ):
                try:
                    into[pair] = cohen_kappa(sides[0], sides[1], clusters=clusters, rng=seed)
                except NotEstimableError as error:
                    reasons[pair + what] = error.message
    return kappa, binary, reasons


def _label_line(
    row: Mapping[str, Any],
    label: str,
    name: str,
    given: Mapping[str, Mapping[str, str]],
    names: Sequence[str],
) -> str:
    told = {
        "prompt": row["prompt"],
        "answer": row["answer"],
        "language": row["language"],
        "label": label,
        "rater1": given[names[0]][name],
        "rater2": given[names[1]][name],
        "item": row["item"],
        "cluster": row.get("cluster") or row["item"],
        "model": row.get("model", ""),
        "kind": row.get("category", ""),
    }
    return _json(told) + "\n"


def _write_disputed(
    path: Path,
    disputed: Sequence[str],
    by_name: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, Mapping[str, str]],
    names: Sequence[str],
    settled: Mapping[str, str],
) -> Path:
    header = ["row", "language", "prompt", "answer", *(f"label_{i + 1}" for i in range(len(names))), "label"]
    write_sheet(
        path,
        header,
        [
            [
                name,
                by_name[name]["language"],
                by_name[name]["prompt"],
                by_name[name]["answer"],
                *(given[annotator][name] for annotator in names),
                settled.get(name, ""),
            ]
            for name in disputed
        ],
        LABELS,
    )
    return path


def _write_answers(path: Path, rows: Iterable[Mapping[str, Any]], final: Mapping[str, str]) -> None:
    """Every answer with the judge's class and, where there is one, the human class: what ``compare judges`` takes."""
    write_csv(
        path,
        ["model", "item", "language", "category", "judge", "human"],
        [
            [
                row.get("model", ""),
                row["item"],
                row["language"],
                row.get("category", ""),
                row.get("judge", ""),
                verdict_class(final[row["row"]]) or "" if row.get("row") in final else "",
            ]
            for row in rows
        ],
        bom=False,
    )


def _json(value: Mapping[str, Any]) -> str:
    """One line of JSON; half a surrogate pair stands in it as an escape, for UTF-8 cannot hold it."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True)
    return text


def _read_key(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        head, *rows = [json.loads(line) for line in lines if line]
    except (OSError, ValueError) as error:
        raise InputError(
            f"the key of the sheets cannot be read ({error})",
            path=path,
            hint="Name the folder that `kakehashi judge sheet export` wrote.",
        ) from error
    found = str(head.get("format", "")) if isinstance(head, dict) else ""
    if found != FORMAT:
        if found.startswith("kakehashi.sheet/"):
            raise FormatVersionError(found, FORMAT, path=path)
        raise InputError("not the key of a sheet", path=path)
    return head, rows


def _read_labels(path: Path, known: Mapping[str, Any], labels: Sequence[str]) -> dict[str, str]:
    columns, rows = read_sheet(path)
    if not {"row", "label"} <= set(columns):
        raise InputError(
            "the sheet has no columns 'row' and 'label'", path=path, hint="Leave the first line as it was."
        )
    given: dict[str, str] = {}
    for number, raw in enumerate(rows, 2):
        name = (raw["row"] or "").strip()
        label = (raw["label"] or "").strip().lower().replace("_", "-").replace(" ", "-")
        if not name and not label:
            continue
        if name not in known:
            raise InputError(f"row {name!r} is not on this sheet", path=path, row=number)
        if label and label not in labels:
            wrong = UnknownNameError("label", label, labels)
            raise InputError(wrong.message, path=path, row=number, hint=wrong.hint)
        if given.setdefault(name, label) != label:
            raise InputError(f"row {name!r} has two labels", path=path, row=number)
    return given
