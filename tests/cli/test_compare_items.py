"""Judges, budgets, items, variance, explanation and selection through the command."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy.special import expit

from kakehashi.cli.main import cli
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError, UsageError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)], standalone_mode=False)


def ok(*arguments: object) -> str:
    done = run(*arguments)
    assert done.exception is None, done.exception
    return done.output


def write(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 labels and 160 answers without one of each of three systems; two judges."""
    rng = np.random.default_rng(1)
    rows = []
    for system, rate in (("x", 0.3), ("y", 0.5), ("z", 0.8)):
        for i in range(200):
            truth = rng.random() < rate
            judged = [
                ("refused" if (truth if rng.random() < 0.9 else not truth) else "complied") for _ in "ab"
            ]
            human = ("refused" if truth else "complied") if i < 40 else ""
            rows.append([system, f"p{i}", human, *judged])
    return write(tmp_path_factory.mktemp("j") / "answers.csv", ["model", "item", "human", "a", "b"], rows)


def test_judges_print_the_estimates_of_the_python_twin(answers: Path) -> None:
    from kakehashi.compare import ppi_mean

    arguments = (
        "judges", answers, "--human", "human", "--judge", "a", "--judge", "b", "--positive", "refused",
        "--system", "model", "--item", "item",
    )  # fmt: skip
    found = json.loads(ok(*arguments, "--json"))
    with answers.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["model"] == "x"]
    twin = ppi_mean(
        [float(r["human"] == "refused") if r["human"] else np.nan for r in rows],
        [float(r["a"] == "refused") for r in rows],
        [r["item"] for r in rows],
        rng=0,
    )
    assert found["judges"]["a"]["rates"]["x"]["value"] == pytest.approx(twin.value)
    assert found["judges"]["a"]["rates"]["x"]["low"] == pytest.approx(twin.low)
    assert set(found["judges"]) == {"a", "b"}
    assert found["flips"]["n_flips"] == 0
    text = ok(*arguments)
    assert "kappa" in text
    assert "of 3 pairs change order" in text
    # z (0.8) stands far above x (0.3), and both orders of the JSON carry their interval
    assert "z above x: corrected difference x minus z -0." in text
    (order,) = [o for o in found["judges"]["a"]["orders"] if {o["first"], o["second"]} == {"x", "z"}]
    assert (order["higher"], order["difference"]["high"] < 0) == ("z", True)
    assert "safest" not in text


def test_a_judge_alone_has_nothing_to_be_compared_with(answers: Path) -> None:
    done = run("judges", answers, "--judge", "a", "--positive", "refused", "--item", "item")
    assert isinstance(done.exception, UsageError)


def test_label_budget() -> None:
    words = ("label-budget", "--half-width", 0.05, "--items", 5000, "--rate", 0.2, "--sensitivity", 0.9)
    found = json.loads(ok(*words, "--specificity", 0.9, "--json"))
    assert 30 <= found["n_labels"] < found["n_without_judge"]
    assert f"{found['n_labels']} human labels" in ok(*words, "--specificity", 0.9)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 models by 200 items in two languages; item 0 is harder in the second, item 1 works backwards."""
    rng = np.random.default_rng(2)
    theta, slope, shift = rng.standard_normal(30), np.full(200, 2.0), rng.normal(0, 1.5, 200)
    slope[1] = -2.0
    rows = []
    for language in ("en", "ja"):
        logit = np.outer(theta, slope) + shift
        logit[:, 0] -= 4.0 * (language == "ja")
        y = rng.random((30, 200)) < expit(logit)
        rows += [
            [f"m{i}", f"family{i // 2}", f"i{j}", language, int(y[i, j])]
            for i in range(30)
            for j in range(200)
        ]
    return write(
        tmp_path_factory.mktemp("b") / "bank.csv", ["model", "family", "item", "language", "right"], rows
    )


def test_items_names_what_works_backwards_and_differs_by_language(bank: Path) -> None:
    words = ("items", bank, "--model", "model", "--item", "item", "--score", "right", "--group", "language")
    found = json.loads(ok(*words, "--json"))
    assert "i1" in {one["item"] for one in found["fit"]["backward"] if one["certain"]}
    assert found["fit"]["converged"] is True
    text = ok(*words)
    assert "60 rows" in text
    assert "items function differently in ja than in en" in text


def test_variance_says_what_cannot_be_separated(bank: Path) -> None:
    text = ok(
        "variance", bank, "--score", "right", "--factor", "model", "--factor", "family", "--factor", "item",
        "--factor", "language", "--interaction", "model:item",
    )  # fmt: skip
    assert "few levels" in text
    found = json.loads(ok("variance", bank, "--score", "right", "--factor", "model", "--json"))
    assert [one["factor"] for one in found["components"]] == ["model", "residual"]


def test_select_prints_the_factor_reached(bank: Path, tmp_path: Path) -> None:
    with bank.open(encoding="utf-8") as stream:
        rows = [list(r.values()) for r in csv.DictReader(stream) if r["language"] == "en"]
    one = write(tmp_path / "en.csv", ["model", "family", "item", "language", "right"], rows)
    words = ("select", one, "--model", "model", "--item", "item", "--score", "right", "--items", 60)
    found = json.loads(ok(*words, "--json"))
    assert len(found["items"]) == 60
    assert found["gate"]["passed"] is True
    assert "times as many drawn at random" in ok(*words, "--family", "family")


def test_two_rows_for_one_cell_are_named_with_their_line(bank: Path) -> None:
    done = run("select", bank, "--model", "model", "--item", "item", "--score", "right", "--items", 60)
    assert isinstance(done.exception, InputError)
    assert done.exception.row == 6002


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", InputError, "no rows"),
        (b"model,item,right\n", InputError, "no rows"),
        (b"model,item,right\na,b\n", InputError, "2 cells where the header has 3"),
        (b"model,item,right\na,b,\xff\n", InputError, "UTF-8"),
        (b"model,item,item\na,b,1\n", InputError, "twice in the header"),
        (b"model,item,right\na,b,many\n", InputError, "'many' is not a number"),
        (b"model,item,right\na,b,inf\n", InputError, "not finite"),
        (b"model,item,wrong\na,b,1\n", UnknownNameError, "right"),
        (b"model,item,right\na,b,1\n", NotEstimableError, "1 models and 0 items"),
    ],
)
def test_a_bad_file_is_one_clear_error(
    data: bytes, error: type[Exception], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(data)
    done = run("items", path, "--model", "model", "--item", "item", "--score", "right")
    assert isinstance(done.exception, error)
    assert words in str(done.exception)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run("variance", tmp_path / "none.csv", "--score", "s", "--factor", "f")
    assert isinstance(done.exception, InputError)
    assert "none.csv" in str(done.exception)
