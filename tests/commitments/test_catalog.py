import re
from datetime import date
from pathlib import Path

import pytest
import yaml
from catalogs import catalog, crosswalk, instrument, line, write

from kakehashi.commitments import (
    Extent,
    check_catalog,
    compare_instruments,
    load_catalog,
    read_catalog,
    sound_catalog,
)
from kakehashi.errors import FormatVersionError, InputError, UnknownNameError


def test_the_shipped_catalog_is_sound_and_says_what_was_not_read():
    found = load_catalog()
    findings = check_catalog(found)
    assert [one for one in findings if one.level == "error"] == []
    # No text was read as a whole, so each of the searches is a note.
    assert {one.code for one in findings} == {"not-whole"}
    assert len(findings) == len(found.absences) == 11
    assert not any(one.reading.extent is Extent.WHOLE for one in found.instruments.values())


def test_every_word_of_the_shipped_catalog_is_there_in_both_languages():
    found = load_catalog()
    words = [
        text
        for one in found.instruments.values()
        for text in (one.title, one.short, one.issuer, one.licence, *(p.title for p in one.provisions))
    ]
    words += [p.summary for one in found.instruments.values() for p in one.provisions if p.summary]
    words += [each.gap for each in found.relations] + list(found.topics.values())
    for text in words:
        assert set(text) >= {"en", "ja"}
    kana = re.compile("[぀-ヿ一-鿿]")
    assert [t["ja"] for t in (each.gap for each in found.relations) if not kana.search(t["ja"])] == []
    # Japanese parentheses and colons, as an official would write them.
    assert [t["ja"] for t in words if re.search(r"[぀-ヿ一-鿿][(:]", t["ja"])] == []


def test_titles_are_those_that_the_glossary_cites():
    glossary = (Path(__file__).resolve().parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
    cited = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \|$", glossary, re.M)
    assert len(cited) == 6
    found = load_catalog()
    for name, title, whose in cited:
        # What follows it in parentheses is ours: the issuer, the number of an act.
        assert found.instrument(name).title["ja"].partition("（")[0] == title
        assert whose.strip()


def test_every_line_of_the_shipped_map_gives_its_reason_beside_the_gap():
    found = load_catalog().relations
    assert len(found) == 45
    for each in found:
        for language, beginning in (("en", "Both "), ("ja", "いずれも")):
            # What two texts share is why they are related; the gap is what they do not share.
            assert each.rationale[language].startswith(beginning), each.source
            assert each.rationale[language] != each.gap[language]
        assert each.rationale["ja"].endswith("。")


def test_that_a_text_lacks_something_is_said_of_what_was_read_alone():
    """No text was read whole: a gap may say what was not found in a restatement, and nothing of the text itself."""
    lacks = {
        "en": (
            r"\b(has no|have no|does not|asks? for no|neither|only the|was found|were found)\b",
            "restated|summary|quoted",
        ),
        "ja": (
            "(定め|求め|言及|規定)[はをも]?[^。]{0,6}ない|のみであ|見当たらない",
            "要約|引用|確認していない",
        ),
    }
    for each in load_catalog().relations:
        for language, (says_so, of_what) in lacks.items():
            for sentence in re.split(r"(?<=[。;])|\. ", f"{each.gap[language]} {each.rationale[language]}"):
                if re.search(says_so, sentence, re.IGNORECASE):
                    assert re.search(of_what, sentence), (each.source, sentence)


def test_counts_agree_with_the_instruments_themselves():
    found = load_catalog()
    count = {name: len(one.provisions) for name, one in found.instruments.items()}
    assert count["hiroshima-code"] == 11  # eleven actions
    assert count["frontier-commitments"] == 8 + 8  # commitments I to VIII; eight practices of the preamble
    assert count["aiia-2024"] == 6
    assert count["jp-aisi-eval"] == 10  # ten perspectives
    assert count["jp-business-guidelines"] == 10  # ten common principles
    eu = found.instruments["eu-gpai"].provisions
    assert sum(p.heading for p in eu) == 10  # commitments of the safety chapter
    # The reference counts 32 measures in the safety chapter; documentation and copyright stand beside them.
    assert sum(not p.heading for p in eu) == 32 + 2
    nist = found.instruments["nist-ai-rmf"].provisions
    assert (sum(p.heading for p in nist), sum(not p.heading for p in nist)) == (4, 19)


def test_what_was_carried_over_says_what_the_reference_says(shared):
    found = load_catalog()
    for file, name, prefix, own in (
        ("01-haip-code-of-conduct", "hiroshima-code", "haip-coc-", "hiroshima-code-"),
        ("06-china-aiia-commitments", "aiia-2024", "aiia-", "aiia-2024-"),
    ):
        items = yaml.safe_load((shared / "commitments" / f"{file}.yaml").read_text(encoding="utf-8"))[
            "catalog"
        ]["items"]
        assert [i["id"].replace(prefix, own) for i in items] == [
            p.id for p in found.instruments[name].provisions
        ]
        for item, provision in zip(items, found.instruments[name].provisions, strict=True):
            assert provision.title["en"] == item["title"]["en"]
            assert provision.verified == item.get("verified", True)


def test_unverified_provisions_stay_unverified():
    found = load_catalog()
    for name in ("aiia-2024", "china-framework-2025"):
        assert not any(p.verified for p in found.instruments[name].provisions), name
    # Two pages (2024-04-22 on version 1.0, 2026 on version 1.2) agree on the names 1 to 9; the tenth stands in one.
    guidelines = found.instruments["jp-business-guidelines"]
    assert [p.num for p in guidelines.provisions if not p.verified] == ["10"]
    assert not any(p.summary for p in guidelines.provisions)
    # Articles 7 and 16 were known from commentaries alone.
    assert [p.num for p in found.instruments["jp-ai-act"].provisions if not p.verified] == ["7", "16"]


def test_an_unknown_instrument_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="hiroshima-cod") as caught:
        load_catalog().instrument("hiroshima-cod")
    assert "hiroshima-code" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "line_of_error", "said"),
    [
        ("format: kakehashi.topics/1\ntopics:\n  no: {en: a, ja: b}\n", 3, "'no' is read as False"),
        (
            "format: kakehashi.topics/1\ntopics:\n  a: {en: a, ja: b}\n  a: {en: a, ja: b}\n",
            4,
            "stands twice",
        ),
        ("format: kakehashi.topics/1\ntopics:\n  a:\n    en: only\n", 4, "'ja' is a required property"),
        ("format: kakehashi.topics/1\ntopics: [\n", 3, "not YAML"),
        ("format: kakehashi.topics/1\ntopics: {a: {en: a, ja: ' '}}\n", 2, "topics.a.ja is empty"),
        ("format: kakehashi.topics/1\ntopics: {}\ntopic: {}\n", 3, "unknown key: 'topic'"),
        ("format: kakehashi.topics/1\ntopics: {}\n---\na: b\n", 3, "expected a single document"),
        ("format: something\n", 1, "is none of"),
        ("- a\n", None, "holds no mapping"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, text, line_of_error, said):
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        read_catalog([path])
    assert caught.value.path == str(path)
    assert caught.value.row == line_of_error


def test_a_line_deep_in_a_file_is_found(tmp_path):
    wrong = crosswalk("m", line("a-1", "equal-to", "b-1"), line("a-1", "resembles", "b-1"))
    (path,) = write(tmp_path, wrong)
    number = next(
        i for i, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if "resembles" in text
    )
    with pytest.raises(InputError, match="resembles") as caught:
        read_catalog([path])
    assert caught.value.row in range(number - 4, number + 1)  # the line on which the entry begins


@pytest.mark.parametrize(
    ("key", "value", "said", "hint"),
    [
        ("adopted", 2024, "adopted: 2024 is not a text", "quote it"),
        ("adopted", "2024-02-30", "'2024-02-30' is no date of the calendar", None),
        ("adopted", "30.2.2024", "'30.2.2024' is no date", "Write 2026-11-25"),
        ("version", 1.10, "version: 1.1 is not a text", "quote it"),
        ("addressees", "companies", "'companies' is no list", "[one, another]"),
        ("supersedes", ["Old One"], "'Old One' is no id", "Small letters"),
        ("status", "in force", "'in force' is not one of", None),
    ],
)
def test_a_wrong_value_is_named_with_the_line_of_its_key_and_what_to_write(tmp_path, key, value, said, hint):
    (path,) = write(tmp_path, {**instrument("a", "a-1"), key: value})
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        read_catalog([path])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[caught.value.row - 1].startswith(f"{key}:")
    assert hint is None or hint in caught.value.hint


def test_a_signature_without_a_day_says_what_is_needed(tmp_path):
    one = {"instrument": "a", "complete": False, "as_of": "2026", "signatures": [{"organization": "b"}]}
    one["source"] = {"title": "t", "publisher": "p", "date": "2026"}
    listed = {"format": "kakehashi.signatories/1", "id": "s", "organizations": [], "lists": [one]}
    with pytest.raises(InputError, match="exactly one of date, by is needed"):
        catalog(tmp_path, listed)


def test_a_newer_format_is_refused(tmp_path):
    with pytest.raises(FormatVersionError):
        catalog(tmp_path, {**instrument("a", "a-1"), "format": "kakehashi.instrument/2"})


def test_one_name_for_two_things_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"stands already in 0\.yaml"):
        catalog(tmp_path, instrument("a", "a-1"), instrument("b", "a-1"))


def test_bytes_that_are_no_utf8_and_absent_folders_are_said(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"format: \xff")
    with pytest.raises(InputError, match="not UTF-8 at byte 8"):
        read_catalog([path])
    with pytest.raises(InputError, match="no such folder"):
        load_catalog(tmp_path / "nowhere")


def test_own_files_stand_beside_the_shipped_ones(tmp_path):
    write(
        tmp_path,
        instrument("mine", "mine-1"),
        crosswalk("my-map", line("mine-1", "subset-of", "hiroshima-code-01")),
    )
    found = load_catalog(tmp_path)
    assert {"mine", "hiroshima-code"} <= set(found.instruments)
    assert check_catalog(found, today=date(2026, 12, 1))[0].level == "note"


def test_the_files_that_the_docs_show_can_be_used_as_they_stand(tmp_path):
    docs = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
    blocks = re.findall(
        r"```yaml\n(format: kakehashi\.(?:instrument|crosswalk)/1\n.*?)```", docs.read_text("utf-8"), re.S
    )
    assert len(blocks) == 2
    for i, block in enumerate(blocks):
        (tmp_path / f"{i}.yaml").write_text(block, encoding="utf-8")
    table = compare_instruments(sound_catalog(tmp_path), ["hiroshima-code", "house-rules"])
    standing = {row.provision.num: row.cells[1].standing for row in table.rows}
    assert (standing["1"], standing["9"], standing["2"]) == ("related", "absent", "not-checked")


def test_every_shipped_file_is_what_the_schema_says_and_holds_no_key_that_yaml_reads_otherwise():
    import json
    from importlib.resources import files

    from jsonschema import Draft202012Validator

    from kakehashi.commitments.lined import read_lined

    folder = files("kakehashi.commitments") / "data"
    schema = Draft202012Validator(json.loads((folder / "schema.json").read_text(encoding="utf-8")))
    paths = sorted(folder.rglob("*.yaml"))
    assert len(paths) == 14 + 1 + 1 + 1 + 2 + 3  # instruments, map, topics, signatories, clocks, forms
    for path in paths:
        assert list(schema.iter_errors(read_lined(path))) == [], path.name

        def keys(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    yield key
                    yield from keys(inner)
            elif isinstance(value, list):
                for inner in value:
                    yield from keys(inner)

        plain = set(keys(yaml.safe_load(path.read_text(encoding="utf-8"))))
        assert all(isinstance(key, str) for key in plain), path.name
        assert "no" not in plain


def test_a_file_that_breaks_its_schema_is_found_by_it():
    import json
    from importlib.resources import files

    from jsonschema import Draft202012Validator

    text = (files("kakehashi.commitments") / "data" / "schema.json").read_text(encoding="utf-8")
    schema = Draft202012Validator(json.loads(text))
    good = {"format": "kakehashi.topics/1", "topics": {"a": {"en": "a", "ja": "あ"}}}
    assert schema.is_valid(good)
    assert not schema.is_valid({**good, "topics": {"a": {"en": "a"}}})
    assert not schema.is_valid({**good, "more": 1})


@pytest.mark.parametrize(
    ("text", "message", "row"),
    [
        (
            "a: [1",
            "not YAML",
            1,
        ),  # what is missing is found behind the last line, which is no line of the file
        ("[" * 5000, "nested too deeply", None),
        (
            "a: " + "[" * 200_000 + "]" * 200_000,
            "nested too deeply",
            None,
        ),  # ended the process in the parser's C code
        ("a:\n  " + "- " * 200_000, "nested too deeply", None),
    ],
    ids=["half", "open", "deep", "dashes"],
)
def test_a_file_that_ends_early_or_goes_too_deep_is_one_clear_error(tmp_path, text, message, row):
    from kakehashi.commitments.lined import read_lined

    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_lined(path)
    assert caught.value.row == row
