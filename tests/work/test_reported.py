"""Reading scores, facts, rules and replies: what is merged, what is left out, what is refused with its row."""

import json
import math

import pytest

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.work.reported import read_facts, read_replies, read_rule, read_scores


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_long_table_gives_scores_facts_and_directions(tmp_path):
    path = written(
        tmp_path, "s.csv",
        "model,method,value,std_error,publisher,higher_is_better,developer,country,release_date,weights\n"
        'a,q,0.5,0.1,A,true,"A, B","USA,China",2024-01-02,open\n'
        "a,r,0.6,,lab,false,,,,\n"
        "nan,q,0.7,,,,,,,\n"
        "b,q,n/a,,,,B,,,\n",
    )  # fmt: skip
    table = read_scores(path)
    assert [(s.model, s.method, s.value, s.publisher, s.row) for s in table.scores] == [
        ("a", "q", 0.5, "A", 2), ("a", "r", 0.6, "lab", 3),
    ]  # fmt: skip
    assert math.isnan(table.scores[1].std_error)
    assert table.directions == {"q": True, "r": False}
    assert table.nameless == (4,)
    a = table.facts["a"]
    assert (a.developers, a.countries, a.weights) == (("A", "B"), ("USA", "China"), "open")
    assert a.release_date.isoformat() == "2024-01-02"  # the row that says less takes nothing away


def test_records_of_facts_are_dated_sourced_and_hold_each_model_once(tmp_path):
    entry = {"model": "a", "developer": ["A", "B"], "country": "Japan", "release_date": "2024-01-02"}
    record = {"format": "kakehashi.facts/1", "source": "a list", "as_of": "2026-01-01", "models": [entry]}
    for name in ("f.json", "f.yaml"):
        found = read_facts(written(tmp_path, name, json.dumps(record)))
        assert (found.source, found.as_of, found.of("a").developers) == ("a list", "2026-01-01", ("A", "B"))
        assert found.of("zz").weights == "unknown"
    # YAML reads a bare date as a date
    bare = "format: kakehashi.facts/1\nsource: x\nas_of: 2026-01-01\nmodels:\n- {model: a, release_date: 2024-01-02}\n"
    assert read_facts(written(tmp_path, "bare.yaml", bare)).of("a").release_date.day == 2
    for changed, words in (
        ({"models": [entry, entry]}, "stands twice"),
        ({"models": "none"}, "not a list"),
        ({"format": "kakehashi.facts/9"}, "format"),
        ({"as_of": ""}, "no date"),
        ({"models": [{"model": "a", "release_date": "spring"}]}, "not a date"),
        ({"models": [{"developer": "A"}]}, "without a model"),
    ):
        with pytest.raises(InputError, match=words):
            read_facts(written(tmp_path, "bad.json", json.dumps({**record, **changed})))
    for name, text in (
        ("deep.json", "[" * 5000),
        ("half.json", '{"format": '),
        ("half.yaml", "a: [1"),
        ("list.yaml", "- 1"),
    ):
        with pytest.raises(InputError, match=name):
            read_facts(written(tmp_path, name, text))


def test_replies_are_dated_and_an_answer_has_its_text(tmp_path):
    head = "organisation,asked,answered,text\n"
    (one,) = read_replies(written(tmp_path, "r.csv", head + "A,2026-01-02,,\n"))
    assert (one.organisation, one.asked, one.answered) == ("A", "2026-01-02", "")
    for row in ("A,,2026-01-03,x\n", "A,2026-01-02,2026-01-03,\n", "A,soon,,\n"):
        with pytest.raises(InputError) as caught:
            read_replies(written(tmp_path, "r.csv", head + row))
        assert caught.value.row == 2
    with pytest.raises(InputError, match="asked"):
        read_replies(written(tmp_path, "r.csv", "organisation\nA\n"))


def test_wide_tables_need_methods_and_rules_may_bring_their_own_names(tmp_path):
    wide = written(tmp_path, "w.csv", "model,q\na,1\n")
    assert [s.method for s in read_scores(wide, methods=["q"]).scores] == ["q"]
    with pytest.raises(UnknownNameError):
        read_scores(wide, methods=["p"])
    with pytest.raises(InputError, match="no column 'method'"):
        read_scores(wide)
    with pytest.raises(InputError, match="stands twice"):
        read_scores(written(tmp_path, "t.csv", "model,q,q\na,1,2\n"), methods=["q"])
    regions = {**read_rule().regions, "as_of": "2030-01-01"}
    rule = read_rule(written(tmp_path, "regions.json", json.dumps(regions)), joint="first")
    assert (rule.stated()["as_of"], rule.joint) == ("2030-01-01", "first")
    with pytest.raises(InputError, match="regions"):
        read_rule(written(tmp_path, "regions.json", '{"format": "kakehashi.regions/1"}'))
