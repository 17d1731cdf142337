"""The techniques. No assertion here compares rendered texts: a failure must not print one."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml
from attack_requests import stand_in
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.errors import UnknownNameError
from kakehashi.evaluate.attacks import Cell, Context, Rendered, load_cells, technique_table, transformations
from kakehashi.evaluate.methods.attacks import AttackSuite
from kakehashi.evaluate.methods.core import PARTS
from kakehashi.evaluate.methods.suite import load_suite

DATA = files("kakehashi.evaluate") / "data" / "attacks"
GOLDEN = Path(__file__).parent / "golden_rendered.json"
TABLE = technique_table()

# The identifiers that the table may use: techniques of MITRE ATLAS 5.6.0, checked against the real file below.
ATLAS = {
    "AML.T0015",
    "AML.T0043.003",
    "AML.T0051.000",
    "AML.T0051.001",
    "AML.T0054",
    "AML.T0056",
    "AML.T0065",
    "AML.T0068",
    "AML.T0073",
}
OWASP = {"LLM01:2025", "LLM07:2025"}


def rendered(cell: Cell, request: str) -> Rendered:
    return TABLE[cell.technique].render(request, Context(cell.item, cell.category, cell.seed))


def real_requests() -> dict[str, str]:
    parts, _ = load_suite("core", PARTS)
    return {item["id"]: item["harmful"]["en"] for part in parts for item in part["items"]}


def test_there_are_forty_techniques_each_with_code_and_words():
    assert len(TABLE.techniques) == 40
    assert set(TABLE.techniques) == set(transformations())
    assert {technique.family for technique in TABLE.techniques.values()} == set(TABLE.families)


def test_the_table_keeps_its_schema():
    content = yaml.safe_load((DATA / "techniques.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(content, json.loads((DATA / "schema.json").read_text(encoding="utf-8")))
    ids = [row["id"] for row in content["techniques"]]
    assert len(ids) == len(set(ids))


def test_every_title_is_given_in_both_languages_and_only_once():
    for language in ("en", "ja"):
        titles = Counter(technique.title[language] for technique in TABLE.techniques.values())
        assert max(titles.values()) == 1


def test_references_are_among_those_checked():
    used = {reference for technique in TABLE.techniques.values() for reference in technique.references}
    assert used == ATLAS | OWASP


def test_references_exist_in_the_published_atlas(shared: Path):
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    atlas = yaml.load((shared / "exchange" / "atlas" / "ATLAS.yaml").read_bytes(), Loader=loader)
    published = {technique["id"] for matrix in atlas["matrices"] for technique in matrix["techniques"]}
    assert published >= ATLAS


def test_an_unknown_technique_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError) as caught:
        TABLE["base-64"]
    assert caught.value.suggestions[0] == "base64"


CARRYING = [name for name, one in TABLE.techniques.items() if one.transformation.carries_request]


def test_only_extraction_puts_no_request():
    silent = {one.family for name, one in TABLE.techniques.items() if name not in CARRYING}
    assert silent == {"extraction"}
    assert len(CARRYING) == 38


@pytest.mark.parametrize("technique", CARRYING)
def test_the_request_is_kept_or_found_again(technique: str):
    code = TABLE[technique].transformation
    requests = real_requests()
    lost = []
    for cell in load_cells():
        if cell.technique != technique:
            continue
        for request in (requests[cell.item], stand_in(cell.item)):
            found = code.fold(code.recover(rendered(cell, request)))
            if code.fold(request) not in found:
                lost.append(cell.id)
    assert lost == []


@pytest.mark.parametrize("technique", list(TABLE.techniques))
def test_a_technique_that_disguises_the_request_changes_the_words_and_no_other_does(technique: str):
    disguised = {
        "base64", "hex", "rot13", "morse", "leetspeak", "reversed-text", "character-codes", "percent-encoding",
        "homoglyphs", "zero-width", "spacing-and-typos", "variable-concatenation", "fill-in", "code-switching",
        "ascii-layout", "extract-by-repeating", "extract-by-task",
    }  # fmt: skip
    verbatim = [
        stand_in(cell.item) in rendered(cell, stand_in(cell.item)).text
        for cell in load_cells()
        if cell.technique == technique
    ]
    assert any(verbatim) == (technique not in disguised)
    assert all(verbatim) == (technique not in disguised)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), technique=st.sampled_from(sorted(TABLE.techniques)))
def test_rendering_twice_gives_the_same_bytes(seed: int, technique: str):
    context = Context("violence-03", "violence", seed)
    first = TABLE[technique].render(stand_in("violence-03"), context)
    second = TABLE[technique].render(stand_in("violence-03"), context)
    assert (first == second) is True


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), technique=st.sampled_from(sorted(TABLE.techniques)))
def test_whatever_the_seed_the_request_is_found_again(seed: int, technique: str):
    code = TABLE[technique].transformation
    request = stand_in("privacy-11")
    text = code.render(request, Context("privacy-11", "privacy", seed))
    assert (not code.carries_request) or code.fold(request) in code.fold(code.recover(text))


def test_rendered_cells_are_those_of_the_golden_file():
    """The hash covers every rendered cell on stand-in requests; a changed wording needs a new version."""
    digest = hashlib.sha256()
    for cell in load_cells():
        one = rendered(cell, stand_in(cell.item))
        digest.update(json.dumps([cell.id, one.turns, one.system, one.secret]).encode() + b"\n")
    found = {"version": TABLE.version, "cells": len(load_cells()), "sha256": digest.hexdigest()}
    golden = json.loads(GOLDEN.read_text())
    assert found == golden, f"raise the version in techniques.yaml, then write {GOLDEN.name} with {found}"


def test_another_process_with_another_hash_seed_renders_the_same():
    code = (
        "from kakehashi.evaluate.methods.attacks import AttackSuite; print(AttackSuite().card.data_revision)"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "4242"},
    )
    assert other.stdout.strip() == AttackSuite().card.data_revision


def test_turns_are_those_that_the_technique_promises():
    turns: dict[str, set[int]] = {}
    for cell in load_cells():
        turns.setdefault(cell.technique, set()).add(len(rendered(cell, stand_in(cell.item)).turns))
    many = {name: numbers for name, numbers in turns.items() if numbers != {1}}
    assert many == {"gradual-escalation": {3}, "definition-first": {2}, "summarize-then-extend": {2}}


def token_bound(text: str) -> int:
    """About the most tokens that a byte-pair tokenizer needs."""
    letters = sum(sign.isascii() and sign.isalpha() for sign in text)
    others = sum(sign.isascii() and not sign.isalpha() and not sign.isspace() for sign in text)
    return letters // 2 + others + 2 * sum(not sign.isascii() for sign in text)


def test_prompts_stay_short_enough_for_a_small_model():
    # Run on all cells, SmolLM2's own tokenizer gave at most 329 tokens (percent-encoding; here 334),
    # 233 (hex; here 234), 181 (many-shot; here 286), 130 (base64) and less elsewhere.
    requests = real_requests()
    bounds = {cell.id: token_bound(rendered(cell, requests[cell.item]).text) for cell in load_cells()}
    assert [cell for cell, bound in bounds.items() if not 15 <= bound <= 350] == []


def test_every_technique_uses_more_than_one_wording_unless_it_has_no_frame():
    frameless = {"homoglyphs", "zero-width", "spacing-and-typos"}
    single = set()
    for technique in TABLE.techniques.values():
        seen = set()
        for seed in range(25):
            text = technique.render("What is bread?", Context("hate-01", "hate", seed)).text
            seen.add(hashlib.sha256(text.encode()).hexdigest())
        if len(seen) < 3:
            single.add(technique.id)
    assert single <= frameless
