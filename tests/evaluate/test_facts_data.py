"""The data of the suite `kakehashi/facts`: complete, balanced, not to be guessed by position or length."""

import json
import re
import string
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import kakehashi

FACTS = Path(kakehashi.__file__).parent / "evaluate" / "data" / "facts"
TASKS = ("claims", "grounded", "sources")
LANGUAGES = ("en", "ja")
LETTERS = "ABCD"
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
FIELDS = {
    "claims": {"claim"},
    "grounded": {"document", "question", "A", "B", "C", "D"},
    "sources": {"question", "source_1", "source_2"},
}


def load(task: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FACTS / f"{task}.yaml").read_text(encoding="utf-8"))
    return loaded


SUITE = {task: load(task) for task in TASKS}
CLAIMS = SUITE["claims"]["items"]
GROUNDED = SUITE["grounded"]["items"]
SOURCES = SUITE["sources"]["items"]
SCHEMA = json.loads((FACTS / "schema.json").read_text(encoding="utf-8"))


def bilingual_texts(node: Any) -> list[dict[str, Any]]:
    """Every mapping with `en` and `ja` below a node, review statuses left out."""
    if isinstance(node, dict):
        found = [node] if set(node) == set(LANGUAGES) and isinstance(node["en"], str) else []
        return found + [t for key, value in node.items() if key != "review" for t in bilingual_texts(value)]
    if isinstance(node, list):
        return [t for value in node for t in bilingual_texts(value)]
    return []


def share_hit(items: list[dict[str, Any]], lengths: list[dict[str, int]], pick: Any) -> float:
    """Share of items whose answer is the text of extreme length; ties count as a fair guess among them."""
    hit = 0.0
    for item, length in zip(items, lengths, strict=True):
        extreme = pick(length.values())
        chosen = [key for key, value in length.items() if value == extreme]
        hit += (item["answer"] in chosen) / len(chosen)
    return hit / len(items)


def longest_run(labels: list[str]) -> int:
    best = run = 0
    previous = None
    for label in labels:
        run = run + 1 if label == previous else 1
        best, previous = max(best, run), label
    return best


@pytest.mark.parametrize("task", TASKS)
def test_a_task_file_follows_the_schema(task: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    errors = [e.message for e in jsonschema.Draft202012Validator(SCHEMA).iter_errors(SUITE[task])]
    assert errors == []
    assert SUITE[task]["task"] == task


@pytest.mark.parametrize(
    ("task", "spoil"),
    [
        ("claims", lambda d: d["items"][0].update(answer=True)),  # an unquoted YAML true
        ("claims", lambda d: d["items"][0]["claim"].pop("ja")),
        ("grounded", lambda d: d["items"][0]["options"]["en"].pop("C")),
        ("grounded", lambda d: d["items"][0].update(answer="E")),
        ("sources", lambda d: d["items"][0].update(reason="famous")),
        ("sources", lambda d: d["items"][0]["sources"].pop()),
        ("sources", lambda d: d.update(judge="model")),
    ],
)
def test_the_schema_refuses_a_spoiled_file(task: str, spoil: Any) -> None:
    spoiled = load(task)
    spoil(spoiled)
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(spoiled)


def test_there_are_three_tasks_of_72_items_with_unique_ids() -> None:
    ids = [item["id"] for task in TASKS for item in SUITE[task]["items"]]
    assert ids == [f"{task}-{n:02d}" for task in TASKS for n in range(1, 73)]


@pytest.mark.parametrize("task", TASKS)
def test_every_text_is_present_in_english_and_in_japanese(task: str) -> None:
    texts = bilingual_texts(SUITE[task])
    # claims 72; grounded 12 documents and 72 questions; sources 72 questions and 144 sources
    assert len(texts) >= {"claims": 72, "grounded": 84, "sources": 216}[task]
    for text in texts:
        assert not JAPANESE.search(text["en"]), text
        assert JAPANESE.search(text["ja"]), text


def test_options_agree_between_the_languages() -> None:
    for item in GROUNDED:
        for letter in LETTERS:
            english, japanese = (item["options"][lang][letter] for lang in LANGUAGES)
            assert not JAPANESE.search(english), item["id"]
            # where the English option is a figure, the Japanese one holds the same digits
            if re.fullmatch(r"[\d,:]+( .*)?", english):
                digits = re.sub(r"\D", "", english).lstrip("0")
                written = japanese.replace("1万6000", "16000").replace("5時", "500").replace("30分", "30")
                assert digits in re.sub(r"\D", "", written), item["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_unique(language: str) -> None:
    documents = [d["text"][language] for d in SUITE["grounded"]["documents"]]
    claims = [i["claim"][language] for i in CLAIMS]
    questions = [i["question"][language] for i in GROUNDED + SOURCES]
    sources = [s[language] for i in SOURCES for s in i["sources"]]
    for texts in (documents, claims, questions, sources):
        assert [text for text, n in Counter(texts).items() if n > 1] == []


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_instruction_takes_the_fields_of_its_task_after_an_example_and_ends_with_a_cue(
    task: str, language: str
) -> None:
    instruction = SUITE[task]["instruction"][language]
    named = [name for _, name, _, _ in string.Formatter().parse(instruction) if name is not None]
    assert sorted(named) == sorted(FIELDS[task])
    pattern = {
        "claims": r"(TRUE|FALSE|UNKNOWN) \d+",
        "grounded": r"[A-D] \d+",
        "sources": r"[12] [a-f] \d+",
    }[task]
    lines = instruction.splitlines()
    example = next(i for i, each in enumerate(lines) if re.fullmatch(pattern, each))
    # What is the same for every item comes first, so that a server can keep it read.
    assert not any("{" in each for each in lines[: example + 1])
    assert lines[-2:] == ["", {"en": "Answer:", "ja": "答え："}[language]]


# claims ------------------------------------------------------------------------------------------


def test_the_three_verdicts_are_equally_frequent_so_one_verdict_scores_a_third() -> None:
    assert Counter(i["answer"] for i in CLAIMS) == {"true": 24, "false": 24, "unknowable": 24}


def test_the_verdicts_are_mixed_without_long_runs_and_without_a_period() -> None:
    verdicts = [i["answer"] for i in CLAIMS]
    assert longest_run(verdicts) <= 3
    for period in range(1, 13):
        same = sum(a == b for a, b in zip(verdicts, verdicts[period:], strict=False))
        assert same < 0.6 * (len(verdicts) - period), period


def test_every_verdict_has_an_answer_word_and_every_claim_a_source() -> None:
    assert {i["answer"] for i in CLAIMS} == set(SUITE["claims"]["tokens"])
    assert all(len(i["source"]) >= 10 for i in CLAIMS)


def test_length_does_not_give_a_verdict_away() -> None:
    # one claim of each verdict, all 24³ triples: no verdict has the longest text in 60% of them
    for language in LANGUAGES:
        by = defaultdict(list)
        for item in CLAIMS:
            by[item["answer"]].append(len(item["claim"][language]))
        wins: Counter[str] = Counter()
        for t in by["true"]:
            for f in by["false"]:
                for u in by["unknowable"]:
                    wins[max((t, "true"), (f, "false"), (u, "unknowable"))[1]] += 1
        assert max(wins.values()) < 0.6 * sum(wins.values()), (language, wins)


# grounded ----------------------------------------------------------------------------------------


def test_half_of_the_questions_cannot_be_answered_in_every_document() -> None:
    used: dict[str, Counter[bool]] = defaultdict(Counter)
    for item in GROUNDED:
        used[item["document"]][item["answerable"]] += 1
    documents = [d["id"] for d in SUITE["grounded"]["documents"]]
    assert len(documents) == len(set(documents)) == 12
    assert set(used) == set(documents)
    assert all(count == {True: 3, False: 3} for count in used.values())


def test_documents_have_forty_to_ninety_english_words() -> None:
    lengths = {d["id"]: len(d["text"]["en"].split()) for d in SUITE["grounded"]["documents"]}
    assert all(40 <= n <= 90 for n in lengths.values()), lengths


def not_stated_letter(item: dict[str, Any], language: str) -> str:
    wording = SUITE["grounded"]["not_stated"][language]
    letters: list[str] = [letter for letter, text in item["options"][language].items() if text == wording]
    assert len(letters) == 1, item["id"]
    return letters[0]


def test_the_does_not_say_option_stands_once_in_every_item_and_is_right_exactly_for_the_unanswerable() -> (
    None
):
    for item in GROUNDED:
        letters = {not_stated_letter(item, language) for language in LANGUAGES}
        assert len(letters) == 1, item["id"]
        assert (item["answer"] in letters) == (not item["answerable"]), item["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_four_options_of_an_item_differ(language: str) -> None:
    for item in GROUNDED:
        assert len(set(item["options"][language].values())) == 4, item["id"]


@pytest.mark.parametrize("answerable", [True, False])
def test_letters_are_balanced_in_each_half(answerable: bool) -> None:
    half = [i for i in GROUNDED if i["answerable"] is answerable]
    right = Counter(i["answer"] for i in half)
    not_stated = Counter(not_stated_letter(i, "en") for i in half)
    assert len(half) == 36
    assert all(abs(right[letter] - 9) <= 2 for letter in LETTERS), right
    assert all(abs(not_stated[letter] - 9) <= 2 for letter in LETTERS), not_stated


def test_one_letter_throughout_scores_at_most_thirty_percent() -> None:
    assert max(Counter(i["answer"] for i in GROUNDED).values()) / len(GROUNDED) <= 0.30


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pick", [max, min])
@pytest.mark.parametrize("with_not_stated", [True, False])
def test_option_length_does_not_give_the_stated_answer_away(
    language: str, pick: Any, with_not_stated: bool
) -> None:
    half = [i for i in GROUNDED if i["answerable"]]
    lengths = [
        {
            letter: len(text)
            for letter, text in item["options"][language].items()
            if with_not_stated or letter != not_stated_letter(item, language)
        }
        for item in half
    ]
    assert share_hit(half, lengths, pick) < 0.45


@pytest.mark.parametrize("language", LANGUAGES)
def test_finding_an_option_in_the_document_does_not_tell_the_halves_apart(language: str) -> None:
    # Share of the wrong options of which a figure or a longer word stands in the document. Were it near 1
    # in one half and near 0 in the other, matching words would do instead of reading.
    texts = {d["id"]: d["text"][language].lower() for d in SUITE["grounded"]["documents"]}
    shares = {}
    for answerable in (True, False):
        found = total = 0
        for item in (i for i in GROUNDED if i["answerable"] is answerable):
            for letter, option in item["options"][language].items():
                if letter in (item["answer"], not_stated_letter(item, language)):
                    continue
                parts = re.findall(
                    r"\d[\d,:]*|[a-z]{4,}|[\u30a0-\u30ff]{2,}|[\u4e00-\u9fff]{2,}", option.lower()
                )
                total += 1
                found += any(part in texts[item["document"]] for part in parts)
        shares[answerable] = found / total
    assert abs(shares[True] - shares[False]) < 0.25, shares
    assert min(shares.values()) > 0.4, shares


# sources -----------------------------------------------------------------------------------------


def test_each_source_is_right_in_half_of_the_items_and_each_reason_in_a_sixth() -> None:
    assert Counter(i["answer"] for i in SOURCES) == {"1": 36, "2": 36}
    assert set(Counter(i["reason"] for i in SOURCES).values()) == {12}
    per_reason = Counter((i["reason"], i["answer"]) for i in SOURCES)
    assert set(per_reason.values()) == {6}
    assert longest_run([i["reason"] for i in SOURCES]) <= 3


def test_reason_codes_resolve_to_letters_that_the_instructions_list() -> None:
    reasons = SUITE["sources"]["reasons"]
    assert [r["letter"] for r in reasons] == list("abcdef")
    assert {r["code"] for r in reasons} == {i["reason"] for i in SOURCES}
    for language in LANGUAGES:
        lines = SUITE["sources"]["instruction"][language].splitlines()
        assert all(f"{r['letter']}: {r['text'][language]}" in lines for r in reasons)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_longer_source_is_right_about_half_of_the_time(language: str) -> None:
    lengths = [{str(n): len(s[language]) for n, s in enumerate(i["sources"], 1)} for i in SOURCES]
    assert 0.4 < share_hit(SOURCES, lengths, max) < 0.6
