"""Column maps: shipped ones by name, the user's own, and the published tables that they are for."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError
from kakehashi.ledger import (
    ColumnMap,
    ItemMap,
    Ledger,
    import_results,
    load_columns,
    shipped_maps,
)
from kakehashi.ledger.importers.column_map import (
    COLUMNS_FORMAT,
    MISSING,
    columns_from,
    fingerprint,
    with_settings,
)
from kakehashi.model import Polarity
from kakehashi.model.constructs import CONSTRUCTS

NAMES = sorted(shipped_maps())


def test_every_shipped_map_says_what_it_is() -> None:
    assert len(NAMES) == 13
    for name in NAMES:
        about, columns = shipped_maps()[name], load_columns(name)
        assert about["title"]
        assert about["file"].endswith(".csv")
        assert columns.licence, name
        assert columns.citation, name
        assert columns.notes, name
        assert "@" in columns.source
        constructs = [columns.construct] if isinstance(columns, ItemMap) else columns.constructs.values()
        assert set(constructs) <= CONSTRUCTS.keys()
    assert len({shipped_maps()[name]["file"] for name in NAMES}) == len(NAMES)
    assert len({fingerprint(load_columns(name)) for name in NAMES}) == len(NAMES)


def test_an_exact_name_goes_before_a_pattern_and_patterns_in_their_order() -> None:
    columns = ColumnMap(
        "s", "m", higher_is_better={"power.sum": True, "power.*": None, "*": False},  # type: ignore[dict-item]
        constructs={"a*": "bias", "ab*": "capability"}, units={"p_*": "percent"}, ranges={"p_*": (0, 100)},
        minimum=0, maximum=1,
    )  # fmt: skip
    assert columns.direction("power.sum") is Polarity.HIGHER
    assert columns.direction("power.money") is Polarity.NONE
    assert columns.direction("other") is Polarity.LOWER
    assert (columns.construct("abc"), columns.construct("zzz")) == ("bias", "own")
    assert (columns.unit_of("p_1"), columns.range_of("p_1")) == ("percent", (0, 100))
    assert (columns.unit_of("q"), columns.range_of("q")) == ("score", (0, 1))


def test_a_map_can_be_a_file_and_single_keys_can_be_set_anew(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(f"format: {COLUMNS_FORMAT}\nshape: wide\nsource: s\nsubject: m\nmeasures: [a, b]\n")
    columns = load_columns(path)
    assert isinstance(columns, ColumnMap)
    assert columns.measures == ("a", "b")
    changed = with_settings(load_columns("xstest"), {"measure": "other"})
    assert isinstance(changed, ItemMap)
    assert changed.measure == "other"
    assert changed.scores == load_columns("xstest").scores  # type: ignore[union-attr]
    with pytest.raises(InputError, match="unknown key 'color'"):
        with_settings(columns, {"color": 1})


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("format: kakehashi.columns/2\n", FormatVersionError, "kakehashi.columns/2"),
        ("format: other/1\n", InputError, "not a column map"),
        ("- a\n", InputError, "must be a mapping"),
        ("a: [\n", InputError, "not YAML"),
        ("shape: tall\n", InputError, "wide, long or items"),
        ("shape: wide\nsource: s\n", InputError, "does not say 'subject'"),
        ("shape: wide\nsource: s\nsubject: m\nconstructs: {a: goodness}\n", InputError, "'goodness' is not"),
        ("shape: wide\nsource: s\nsubject: m\nconstructs: bias\n", InputError, "'constructs' of the column map"),
        ("shape: wide\nsource: s\nsubject: m\nranges: {a: 1}\n", InputError, "the range of 'a' is not a pair"),
        ("shape: wide\nsource: s\nsubject: m\nsubject_missing: drop\n", InputError, "'refuse' or 'quarantine'"),
        ("shape: items\nsource: s\nsubject: m\nsample: i\n", InputError, "does not say 'scores'"),
        ("shape: items\nsource: s\nsubject: m\nsample: i\nscores: [{colum: x}]\n", InputError, "unknown key 'colum'"),
        ("shape: items\nsource: s\nsubject: m\nsample: i\nscores: x\nmethods: {a: {nam: b}}\n", InputError, "'nam'"),
    ],
)  # fmt: skip
def test_a_broken_map_is_one_clear_error(
    tmp_path: Path, text: str, error: type[InputError], words: str
) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text if text.startswith(("format", "-", "a:")) else f"format: {COLUMNS_FORMAT}\n{text}")
    with pytest.raises(error, match=words) as caught:
        load_columns(path)
    assert caught.value.path == str(path)


def test_an_unknown_map_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="xstest"):
        load_columns("xtest")
    with pytest.raises(InputError, match="no such column map"):
        load_columns("nowhere.yaml")


def test_rows_without_subject_go_into_quarantine_where_the_map_says_so(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("model,bench,score,maker\na,x,0.5,Org\nnan,x,0.6,\n,y,0.7,\na,y,0.25,nan\n")
    given = {
        "format": COLUMNS_FORMAT, "shape": "long", "source": "s", "subject": "model", "measure": "bench",
        "value": "score", "higher_is_better": True, "subject_missing": "quarantine", "describe": {"developer": "maker"},
    }  # fmt: skip
    with Ledger.init(tmp_path / "ledger") as ledger:
        (report,) = import_results(ledger, [path], columns=columns_from(given))
        assert (report.tally.rows, report.tally.kept, report.tally.quarantined) == (4, 2, 2)
        assert [(f.row, f.code) for _, f in report.findings] == [
            (3, "subject-missing"),
            (4, "subject-missing"),
        ]
        details = ledger.get(report.records[0]).body["details"]
        assert details["subject"] == {"developer": "Org"}
        assert [row["cells"]["score"] for row in details["quarantined_rows"]] == ["0.6", "0.7"]
    given["subject_missing"] = "refuse"
    with pytest.raises(InputError, match="cell of 'model' is empty"):
        import_results(None, [path], columns=columns_from(given))


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_of_the_published_tables_is_accounted_for(shared: Path, tmp_path: Path, name: str) -> None:
    path = shared / "results" / shipped_maps()[name]["file"]
    columns = load_columns(name)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    (report,) = import_results(None, [path], columns=columns, fix=True)
    tally = report.tally
    if len(report.subjects) <= 100:  # a record a subject: the largest tables only take longer
        with Ledger.init(tmp_path / "ledger") as ledger:
            (again,) = import_results(ledger, [path], columns=columns, fix=True)
            assert len(ledger.measurements()) == tally.kept + tally.repaired + tally.reduced
            assert again.tally == tally
            assert ledger.verify().ok
    assert tally.rows == tally.kept + tally.repaired + tally.reduced + tally.quarantined
    if isinstance(columns, ItemMap):
        assert tally.items == len(rows) * len(columns.scores)
        return
    if columns.long:
        cells = [row[columns.value] for row in rows]
    else:
        other = {columns.subject, *columns.ignore, *columns.describe.values()}
        read = columns.measures or tuple(c for c in rows[0] if c not in other)
        cells = [row[column] for row in rows for column in read]
    blank = sum(cell.strip().lower() in MISSING for cell in cells)
    assert (tally.missing, tally.rows) == (blank, len(cells) - blank)


def test_the_dirt_of_the_published_tables_is_what_plain_python_finds(shared: Path) -> None:
    folder = shared / "results"

    def codes(name: str) -> Counter[str]:
        (report,) = import_results(None, [folder / shipped_maps()[name]["file"]], columns=load_columns(name))
        return Counter(finding.code for _, finding in report.findings)

    markers = (folder / "eee_helm_classic_wide.csv").read_text().count(",-1.0")
    assert codes("helm-classic") == {"sentinel": markers}
    assert (
        codes("helm-lite")["sentinel"] == (folder / "eee_helm_lite_wide.csv").read_text().count(",-1.0") == 1
    )
    with (folder / "epoch_benchmarks_long.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = codes("epoch-benchmarks")
    assert found["subject-missing"] == sum(row["model_version"] == "nan" for row in rows)
    first: dict[tuple[str, str], str] = {}
    equal = 0
    for row in rows:
        if row["model_version"] != "nan":
            key = (row["model_version"].strip(), row["benchmark"])
            equal += first.setdefault(key, row["score"]) == row["score"]
    assert found["duplicate"] == equal - len(first)


def test_contradictions_in_the_published_table_are_named_at_the_rows_of_the_file(shared: Path) -> None:
    path = shared / "results" / "epoch_benchmarks_long.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(enumerate(csv.DictReader(stream), start=2))  # the head is row 1
    (report,) = import_results(None, [path], columns=load_columns("epoch-benchmarks"))
    found = [finding for _, finding in report.findings]
    nameless = [line for line, row in rows if row["model_version"] == "nan"]
    assert sorted(f.row for f in found if f.code == "subject-missing") == nameless
    assert len(nameless) == 414
    scores: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for line, row in rows:
        if row["model_version"] != "nan" and row["score"] not in ("", "nan"):
            key = (row["model_version"].strip(), row["benchmark"])
            scores.setdefault(key, []).append((line, float(row["score"])))
    contrary = {
        line for cells in scores.values() if len({value for _, value in cells}) > 1 for line, _ in cells
    }
    named = {f.row for f in found if f.code in ("duplicate-differs", "duplicate")}
    assert contrary <= named
    first, second = 1940, 1942  # of one model by one benchmark: 22.36, then 22.08
    (message,) = {f.message for f in found if f.row == second and f.code == "duplicate-differs"}
    assert message == f"22.36 in row {first}, 22.08 in row {second}"


def test_rows_that_contradict_each_other_are_named_by_their_lines(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("model,measure,value\nb,q,0.1\n\na,q,0.5\nnan,q,0.3\na,q,0.6\n")
    columns = ColumnMap(
        source="t@1", subject="model", measure="measure", value="value", subject_missing="quarantine",
        higher_is_better=True,
    )  # fmt: skip
    (report,) = import_results(None, [table], columns=columns)
    said = "0.5 in row 4, 0.6 in row 6"
    assert sorted((f.row, f.code, f.message) for _, f in report.findings) == [
        (4, "duplicate-differs", said),
        (5, "subject-missing", "measure q, value 0.3"),
        (6, "duplicate-differs", said),
    ]


def test_figures_of_two_publishers_are_two_reports_and_other_maps_are_the_maps_they_were(
    tmp_path: Path,
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("model,measure,value,by\na,q,0.5,A\na,q,0.6,B\na,q,0.7,B\na,r,0.1,\n")
    plain = {"source": "t@1", "subject": "model", "measure": "measure", "value": "value", "ignore": ("by",)}
    columns = ColumnMap.from_mapping({**plain, "ignore": (), "publisher": "by", "higher_is_better": True})
    (report,) = import_results(None, [table], columns=columns)
    assert [(f.row, f.code) for _, f in report.findings] == [
        (3, "duplicate-differs"),
        (4, "duplicate-differs"),
    ]
    assert fingerprint(ColumnMap.from_mapping(plain)) == "016a0d02a950"  # as before maps had the key
    assert fingerprint(columns) != fingerprint(replace(columns, publisher=""))
