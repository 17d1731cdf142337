"""A release held on open findings of the exchange."""

import json
from types import SimpleNamespace

import pytest
from evidence_places import with_node

from kakehashi.errors import InputError
from kakehashi.exchange import make, measurement
from kakehashi.exchange.records import extension
from kakehashi.model import Subject
from kakehashi.work.gate import Answer, check_gate
from kakehashi.work.gate_files import gate_sarif
from kakehashi.work.gate_findings import OpenFinding, load_findings
from kakehashi.work.gate_policy import GatePolicy, Rule, read_policy
from kakehashi.work.workspace import Workspace

RULE = Rule("findings", open_findings=0, severity="high")
VIEW = SimpleNamespace(
    subjects=(Subject("mine", "mock", "m-7"),),
    partial=False,
    run="run-1",
    root="",
    tree_size=0,
    cards={},
    measurements=(),
)


def gate(findings, rule=RULE):
    return check_gate(GatePolicy("t", (rule,)), VIEW, findings=findings).checks[0]


def finding(severity="high", affected=(), fixed=()):
    return OpenFinding("vulnerability--1", "weakness", severity, affected, fixed)


def test_without_a_node_the_rule_misses_its_data_and_fails():
    assert gate(None).answer is Answer.MISSING
    assert gate(()).answer is Answer.PASS


@pytest.mark.parametrize(
    ("found", "held"),
    [
        (finding(), True),  # names no system: it may be any
        (finding(affected=("M-7",)), True),
        (finding(affected=("mine", "x")), True),
        (finding(affected=("x",)), False),
        (finding("critical"), True),
        (finding("medium"), False),
        (finding("unknown"), True),  # what cannot be decided holds a release
        (finding(affected=("mine",), fixed=("mine",)), False),
        (finding(affected=("mine",), fixed=("x",)), True),
    ],
)
def test_a_finding_holds_a_release_by_severity_and_system(found, held):
    assert gate([found]).answer is (Answer.FAIL if held else Answer.PASS)
    assert gate([found], Rule("f", open_findings=1)).answer is Answer.PASS


def test_findings_are_read_from_the_node(tmp_path):
    place = Workspace(tmp_path)
    assert load_findings(place) is None
    node = with_node(place)
    target = node.collection("findings").id

    def weakness(name, **said):
        return make("vulnerability", name=name, extensions=extension("vulnerability", **said))

    made = [
        weakness("open", severity_band="high", affected=[{"name": "m-7"}]),
        weakness("withdrawn", severity_band="critical", disclosure_state="withdrawn"),
        weakness("fixed", severity_band="high", affected=[{"name": "m-7"}]),
        make("vulnerability", name="bare"),
    ]
    retest = {
        "alerted": "2026-03-01T00:00:00Z",
        "retested": "2026-03-02T00:00:00Z",
        "fixed": "2026-03-03T00:00:00Z",
    }
    sighting = measurement(
        made[2]["id"], 0, 20, counted="complied", subject={"name": "m-7"}, method="own/x", retest=retest
    )
    node.store.post(node.me(), target, [*made, sighting])
    found = {one.name: one for one in load_findings(place)}
    assert set(found) == {"open", "fixed", "bare"}
    assert (found["fixed"].fixed_for, found["bare"].severity) == (("m-7",), "unknown")
    assert gate(load_findings(place)).value == 2  # open, and the one that says nothing
    node.store.withdraw(node.me(), target, made[0]["id"], versions=frozenset({"all"}), reason="x")
    assert "open" not in {one.name for one in load_findings(place)}
    node.store.close()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{id: a, open_findings_at_most: -1}", "whole number"),
        ("{id: a, open_findings_at_most: true}", "whole number"),
        ("{id: a, open_findings_at_most: 0, severity: severe}", "no severity"),
        ("{id: a, open_findings_at_most: 0, measure: 'a:b'}", "takes no measure"),
        ("{id: a, open_findings_at_most: 0, at_least: 1}", "has 2 of"),
    ],
)
def test_a_wrong_rule_is_one_clear_error(tmp_path, rule, said):
    path = tmp_path / "p.yaml"
    path.write_text(f"format: kakehashi.gate/1\nrules:\n  - {rule}\n", encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_policy(path)
    assert said in str(raised.value)


def test_sarif_points_to_the_line_of_the_rule(tmp_path):
    path = tmp_path / "p.yaml"
    rules = "  - {id: first, open_findings_at_most: 0}\n  - id: second\n    methods: [a/b]\n"
    path.write_text(f"format: kakehashi.gate/1\nrules:\n{rules}", encoding="utf-8")
    result = check_gate(read_policy(path), VIEW, findings=())
    told = json.loads(gate_sarif(result, path))["runs"][0]["results"]
    places = [one["locations"][0]["physicalLocation"] for one in told]
    assert [
        (one["ruleId"], place["region"]["startLine"]) for one, place in zip(told, places, strict=True)
    ] == [
        ("first", 3),
        ("second", 4),
    ]
    assert {place["artifactLocation"]["uri"] for place in places} == {path.as_posix()}
    assert "locations" not in json.loads(gate_sarif(result))["runs"][0]["results"][0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_retests_at_the_same_time_the_one_that_is_not_fixed_holds_the_release(tmp_path, order):
    node = with_node(Workspace(tmp_path))
    weakness = make("vulnerability", name="both", extensions=extension("vulnerability", severity_band="high"))
    two = [
        measurement(
            weakness["id"], k, 20, counted="complied", subject={"name": name}, method="own/x", retest=times
        )
        for k, name, times in (
            (0, "Mine", {"retested": "2026-03-02T00:00:00Z", "fixed": "2026-03-03T00:00:00Z"}),
            (9, "mine", {"retested": "2026-03-02T00:00:00.000Z"}),
        )
    ]
    target = node.collection("findings").id
    for records in ([weakness], *([two[n]] for n in order)):
        node.store.post(node.me(), target, records)
    assert gate(load_findings(Workspace(tmp_path))).answer is Answer.FAIL
    node.store.close()


def test_a_finding_that_a_later_retest_does_not_call_fixed_is_open_again(tmp_path):
    node = with_node(Workspace(tmp_path))
    weakness = make(
        "vulnerability", name="back again", extensions=extension("vulnerability", severity_band="high")
    )
    first, later = (
        measurement(
            weakness["id"], k, 20, counted="complied", subject={"name": "mine"}, method="own/x", retest=times
        )
        for k, times in (
            (0, {"retested": "2026-03-02T00:00:00Z", "fixed": "2026-03-03T00:00:00Z"}),
            (9, {"retested": "2026-04-02T00:00:00Z"}),
        )
    )
    target = node.collection("findings").id
    for records, answer in (([weakness, first], Answer.PASS), ([later], Answer.FAIL)):
        node.store.post(node.me(), target, records)
        assert gate(load_findings(Workspace(tmp_path))).answer is answer
    node.store.close()
