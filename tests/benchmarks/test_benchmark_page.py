"""The page and the store of ``make bench``: what is written is what was measured, and what is missing says why."""

import json
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.bench import Bench, Results
from benchmarks.part import Bound, Part, Row, Spread, Table
from benchmarks.peers import NotMeasured, PeerEnvironment, name_of


def cells(values: list[float], bound: Bound, **more: object) -> tuple[str, ...]:
    return page.cells(Row("work", "× peer", bound, values, **more))


def test_the_median_is_held_against_the_bound_and_the_spread_is_shown() -> None:
    assert cells([0.7, 0.9, 0.81], Bound(at_least=0.8)) == (
        "work",
        "at least 0.80 × peer",
        "**0.81** × peer (0.70 to 0.90, n = 3)",
        "met (not in 1 of 3)",
    )
    assert cells([0.7, 0.9, 0.79], Bound(at_least=0.8))[-1] == "**not met**"
    assert cells([2.4, 2.5, 2.6], Bound(at_most=2.5))[-1] == "met (not in 1 of 3)"
    assert cells([2.6], Bound(at_most=2.5))[2:] == ("**2.60** × peer", "**not met**")
    assert cells([3.0], Bound(under=3.0))[1:] == ("under 3.00 × peer", "**3.00** × peer", "**not met**")
    assert cells([2.999], Bound(under=3.0))[-1] == "met"
    assert cells([1.0], Bound())[-1] == "–"


def test_a_figure_just_over_its_bound_is_not_met_however_it_is_rounded() -> None:
    assert cells([2.5004], Bound(at_most=2.5))[2:] == ("**2.50** × peer", "**not met**")


def test_what_was_not_measured_is_a_row_with_its_reason() -> None:
    row = Row("work", "s", Bound(at_most=3.0), [], why_not="no such peer")
    assert page.cells(row)[2:] == ("not measured: no such peer", "not measured")
    part = Part("p", 1, "Title", "About.", lambda _: None, lambda _: [row])
    assert page.missed([(part, Results({}))]) == ["work, s: not measured (no such peer)"]


def test_ratios_are_taken_within_a_repetition_that_has_both() -> None:
    found = Results(
        {
            "a/0": {"n": 6.0},
            "a/1": {"n": 9.0},
            "a/2": {"n": 1.0},
            "b/0": {"n": 2.0},
            "b/1": {"n": 1.0},
            "b/2": {"not_measured": "it broke down"},
            "c/0": {"not_measured": "no wheel"},
        }
    )
    assert found.ratios("a", "b", lambda record: record["n"]) == [3.0, 9.0]
    assert found.why_not("a", "b") == ""
    assert found.why_not("a", "c") == "no wheel"
    assert found.why_not("d") == "not measured yet"


def section(title: str) -> str:
    rows = [Row("work", "s", Bound(at_most=3.0), [1.0, 2.0, 4.0], note="a note")]
    part = Part(
        "p",
        1,
        title,
        "About.",
        lambda _: None,
        lambda _: rows,
        lambda _: [Table("More", ("a | b", "c"), [("1", "2")]), Table("Nothing", ("a",), [])],
    )
    return page.section(part, Results({}), {"cores": "2"})


def test_a_section_is_written_whole() -> None:
    assert section("Title").splitlines() == [
        "## Title",
        "",
        "About.",
        "",
        "| work | bound | measured | met |",
        "| --- | --- | --- | --- |",
        "| work | at most 3.00 s | **2.00** s (1.00 to 4.00, n = 3) | met (not in 1 of 3) |",
        "",
        "- work: a note.",
        "",
        "More:",
        "",
        "| a \\| b | c |",
        "| --- | --- |",
        "| 1 | 2 |",
        "",
        "Measured on:",
        "",
        "| what | value |",
        "| --- | --- |",
        "| cores | 2 |",
    ]


def test_a_run_of_some_parts_leaves_the_other_sections(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    page.write(path, {"late": (20, section("Late")), "early": (10, section("Early"))})
    first = path.read_text()
    assert first.index("## Early") < first.index("## Late")
    page.write(path, {"middle": (15, section("Middle")), "late": (20, section("Later"))})
    second = path.read_text()
    assert [line for line in second.splitlines() if line.startswith("## ")] == [
        "## Early",
        "## Middle",
        "## Later",
    ]
    page.write(path, {})
    assert path.read_text() == second


def test_an_interrupted_run_goes_on_and_another_commit_begins_anew(tmp_path: Path) -> None:
    made: list[str] = []

    def measure(bench: Bench) -> None:
        for name in ("a", "b"):
            bench.once(name, 0, lambda name=name: made.append(name) or {"n": 1.0})

    quiet: dict[str, object] = {"say": lambda _: None}
    first = Bench(tmp_path, fingerprint="one", **quiet)
    first.once("a", 0, lambda: made.append("a") or {"n": 1.0})
    again = Bench(tmp_path, fingerprint="one", **quiet)
    assert not again.complete
    measure(again)
    assert made == ["a", "b"]
    again.finish()
    assert Bench(tmp_path, fingerprint="one", **quiet).complete
    other = Bench(tmp_path, fingerprint="two", **quiet)
    assert not other.complete
    measure(other)
    assert made == ["a", "b", "a", "b"]
    other.forget()
    assert not Bench(tmp_path, fingerprint="two", **quiet).results.records


def test_what_could_not_be_measured_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    def fail() -> dict[str, float]:
        raise NotMeasured("no such peer")

    bench = Bench(tmp_path, say=lambda _: None)
    assert bench.once("a", 0, fail) == {"not_measured": "no such peer"}
    assert Bench(tmp_path, say=lambda _: None).once("a", 0, lambda: {"n": 2.0}) == {"n": 2.0}
    assert json.loads((tmp_path / "measured.json").read_text())["records"] == {"a/0": {"n": 2.0}}


def test_a_peer_that_is_not_here_and_one_that_cannot_be_installed_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = tmp_path / "pins.txt"
    pins.write_text("# peers\ngood==1.0\nbad-one[api]==2.0\n")
    left_out = PeerEnvironment(tmp_path / "env", pins, allowed=False)
    with pytest.raises(NotMeasured, match="left out"):
        left_out.need("good")
    environment = PeerEnvironment(tmp_path / "env", pins, say=lambda _: None)
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    asked: list[list[str]] = []

    def pip(wanted: list[str]) -> str:
        asked.append(wanted)
        return "no wheel for this machine" if any("bad" in pin for pin in wanted) else ""

    monkeypatch.setattr(environment, "_pip", pip)
    assert environment.need("good") == environment.python
    with pytest.raises(NotMeasured, match=r"bad-one\[api\]==2\.0 could not be installed: no wheel"):
        environment.need("bad-one")
    assert asked == [["good==1.0", "bad-one[api]==2.0"], ["good==1.0"], ["bad-one[api]==2.0"]]


def test_pins_of_the_shipped_file_name_packages() -> None:
    assert [name_of(pin) for pin in PeerEnvironment(allowed=False).pins] == [
        "inspect-ai",
        "lm-eval",
        "openai",
        "httpx",
        "aiohttp",
    ]


def test_the_spread_is_median_lowest_and_highest() -> None:
    spread = Spread((3.0, 1.0, 10.0))
    assert (spread.median, spread.low, spread.high) == (3.0, 1.0, 10.0)
