"""The data of kakehashi/core: shape, tags, languages, and twins that a keyword cannot tell apart."""

import csv
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import kakehashi

FOLDER = Path(kakehashi.__file__).parent / "evaluate" / "data" / "core"
CATEGORIES = ("violence", "hate", "sexual", "selfharm", "weapons", "deception", "privacy")
LANGUAGES = ("en", "ja", "zh")
SIDES = ("harmful", "benign")
KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u30fc]")
HAN = re.compile(r"[\u4e00-\u9fff]")

# A crude guard, of the kind that stands before chatbots: it blocks a text that contains one of these.
ALARM_WORDS = re.compile(
    r"\b(kill|die|dead|deadly|murder|poison|hurt|beat|shoot|gun|bomb|gas|attack|weapons?|stupid|hate|hateful"
    r"|insult|nasty|bully|sex|sexual|nude|naked|intimate|erotic|suicide|cut|cutting|overdose|drugs?|ransom"
    r"|hack|spy|hidden|steal|fake|fraud|scam|password|passport|secret|threat\w*|illegal|burn|knock)\b",
    re.IGNORECASE,
)

FUNCTION_WORDS = frozenset(
    re.findall(
        r"[a-z]+",
        """a an and are as at be but by can do does for from has have he her him his how i in is it its me
        my not of on one or our she should so that the their them they this to us was we what when where
        which who why will with would you your""",
    )
)
POLITE = re.compile("(です|ます|ください|ません|ました)")


def load(category: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / f"{category}.yaml").read_text(encoding="utf-8"))
    return document


DOCUMENTS = {category: load(category) for category in CATEGORIES}
ITEMS: list[dict[str, Any]] = [item for document in DOCUMENTS.values() for item in document["items"]]
TAXONOMIES: dict[str, dict[str, Any]] = {
    taxonomy["id"]: taxonomy
    for taxonomy in yaml.safe_load((FOLDER / "taxonomies.yaml").read_text(encoding="utf-8"))["taxonomies"]
}


def shingles(text: str, size: int = 2) -> frozenset[tuple[str, ...]]:
    """Runs of `size` words of a text, lower case, without punctuation."""
    words = re.findall(r"[a-z0-9']+", text.lower())
    return frozenset(tuple(words[at : at + size]) for at in range(max(1, len(words) - size + 1)))


def jaccard(first: frozenset[tuple[str, ...]], second: frozenset[tuple[str, ...]]) -> float:
    return len(first & second) / len(first | second)


def test_the_shingle_overlap_of_two_short_texts_is_the_one_counted_by_hand() -> None:
    # "a b c" has {ab, bc}, "a b d" has {ab, bd}: one of three runs is shared.
    assert jaccard(shingles("a b c"), shingles("A b, d.")) == pytest.approx(1 / 3)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_category_file_matches_the_schema_and_says_which_category_it_is(category: str) -> None:
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(DOCUMENTS[category], schema, cls=jsonschema.Draft202012Validator)
    assert DOCUMENTS[category]["category"] == category


def test_the_schema_refuses_a_missing_japanese_text_an_unknown_key_and_an_unquoted_version() -> None:
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    for spoil in (
        lambda document: document["items"][0]["harmful"].pop("ja"),
        lambda document: document["items"][0].update(answer="no"),
        lambda document: document.update(version=1.0),
        lambda document: document["items"][0]["tags"].update({"mlcommons": []}),
    ):
        document = load("violence")
        spoil(document)
        assert not validator.is_valid(document)


def test_the_folder_holds_the_seven_files_and_the_taxonomies_and_no_other_yaml() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*CATEGORIES, "taxonomies"}


def test_seven_categories_of_eighteen_items_are_numbered_without_gaps() -> None:
    for category, document in DOCUMENTS.items():
        assert [item["id"] for item in document["items"]] == [f"{category}-{n:02d}" for n in range(1, 19)]
    assert len({item["id"] for item in ITEMS}) == 126


def test_all_files_are_of_one_version() -> None:
    assert len({document["version"] for document in DOCUMENTS.values()}) == 1


def test_a_topic_names_one_item_only() -> None:
    topics = [item["topic"] for item in ITEMS]
    assert len(set(topics)) == len(topics)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_occurs_twice_in_a_language(language: str) -> None:
    texts = [item[side][language] for item in ITEMS for side in SIDES if language in item[side]]
    assert len(set(texts)) == len(texts)


def test_a_language_has_both_twins_or_neither_and_a_review_status_when_it_has_them() -> None:
    for item in ITEMS:
        assert set(item["harmful"]) == set(item["benign"]) == set(item["review"])


def test_every_text_is_short() -> None:
    for item in ITEMS:
        for side in SIDES:
            assert 5 <= len(item[side]["en"].split()) <= 40, (item["id"], item[side]["en"])
            for language in {"ja", "zh"} & set(item[side]):
                assert len(item[side][language]) <= 120, (item["id"], item[side][language])


def test_each_text_is_written_in_the_script_of_its_language() -> None:
    for item in ITEMS:
        for side in SIDES:
            texts = item[side]
            assert not KANA.search(texts["en"]), item["id"]
            assert not HAN.search(texts["en"]), item["id"]
            assert KANA.search(texts["ja"]), item["id"]
            if "zh" in texts:
                assert HAN.search(texts["zh"]), item["id"]
                assert not KANA.search(texts["zh"]), item["id"]


def test_every_tag_resolves_in_the_taxonomies() -> None:
    for item in ITEMS:
        for taxonomy, codes in item["tags"].items():
            known = {entry["code"] for entry in TAXONOMIES[taxonomy]["classes"]}
            assert set(codes) <= known, (item["id"], taxonomy, codes)


def test_the_taxonomies_have_their_published_number_of_classes_and_say_where_they_come_from() -> None:
    sizes = {"helm-safety": 6, "air-2024-l2": 16, "mlcommons": 12, "nist-600-1": 12, "aisi-ja": 10}
    assert {name: len(taxonomy["classes"]) for name, taxonomy in TAXONOMIES.items()} == sizes
    for taxonomy in TAXONOMIES.values():
        assert taxonomy["source"]
        assert taxonomy["date"]
        assert taxonomy["title"]["en"]
        assert KANA.search(taxonomy["title"]["ja"])
        codes = [entry["code"] for entry in taxonomy["classes"]]
        assert len(set(codes)) == len(codes)
        assert all(entry["en"] and entry["ja"] for entry in taxonomy["classes"])


@pytest.mark.parametrize("taxonomy", ["helm-safety", "air-2024-l2", "mlcommons"])
def test_every_class_of_the_taxonomies_about_answers_is_used(taxonomy: str) -> None:
    used = {code for item in ITEMS for code in item["tags"][taxonomy]}
    assert used == {entry["code"] for entry in TAXONOMIES[taxonomy]["classes"]}


def test_the_perspectives_of_japan_aisi_about_outputs_are_used_and_the_others_are_not() -> None:
    used = {code for item in ITEMS for code in item["tags"]["aisi-ja"]}
    assert used == {entry["code"] for entry in TAXONOMIES["aisi-ja"]["classes"] if entry["outputs"]}


def test_a_taxonomy_that_fits_loosely_is_one_that_the_item_is_tagged_to() -> None:
    for item in ITEMS:
        assert set(item.get("loose", [])) <= set(item["tags"])


def test_twins_differ_in_every_language() -> None:
    for item in ITEMS:
        for language in item["harmful"]:
            assert item["harmful"][language] != item["benign"][language]


def test_no_two_harmful_requests_and_no_two_benign_ones_are_nearly_the_same() -> None:
    for side in SIDES:
        texts = [(item["id"], shingles(item[side]["en"])) for item in ITEMS]
        near = [(a, b) for (a, first), (b, second) in combinations(texts, 2) if jaccard(first, second) >= 0.6]
        assert near == []


def test_a_keyword_guard_treats_both_twins_alike_in_a_third_of_the_pairs_it_blocks_at_all() -> None:
    alarmed = [
        (bool(ALARM_WORDS.search(item["harmful"]["en"])), bool(ALARM_WORDS.search(item["benign"]["en"])))
        for item in ITEMS
    ]
    blocking = [pair for pair in alarmed if any(pair)]
    assert len(blocking) >= len(ITEMS) / 4  # else the guard would be too weak to say anything
    assert sum(harmful == benign for harmful, benign in blocking) >= len(blocking) / 3
    assert sum(harmful == benign for harmful, benign in alarmed) >= len(ITEMS) / 3


def test_twins_share_words_in_at_least_two_thirds_of_the_pairs() -> None:
    def content(text: str) -> set[str]:
        return set(re.findall(r"[a-z0-9'-]+", text.lower())) - FUNCTION_WORDS

    shared_words = [len(content(item["harmful"]["en"]) & content(item["benign"]["en"])) for item in ITEMS]
    assert min(shared_words) >= 1
    assert sum(count >= 3 for count in shared_words) >= 84


def test_no_single_english_word_marks_the_harmful_side() -> None:
    # A word of many harmful texts and of next to no benign one would be a shortcut for a guard or a judge.
    def counts(side: str) -> dict[str, int]:
        tally: dict[str, int] = {}
        for item in ITEMS:
            for word in set(re.findall(r"[a-z']+", item[side]["en"].lower())):
                tally[word] = tally.get(word, 0) + 1
        return tally

    harmful, benign = counts("harmful"), counts("benign")
    shortcuts = {
        word: (n, benign.get(word, 0))
        for word, n in harmful.items()
        if n >= 8 and benign.get(word, 0) * 4 < n
    }
    assert shortcuts == {}


def test_japanese_twins_are_in_the_same_register_so_that_politeness_gives_nothing_away() -> None:
    polite = [tuple(bool(POLITE.search(item[side]["ja"])) for side in SIDES) for item in ITEMS]
    assert sum(harmful == benign for harmful, benign in polite) >= 0.9 * len(ITEMS)
    for side in (0, 1):
        assert 20 <= sum(pair[side] for pair in polite) <= 106  # both registers occur on both sides


def test_no_text_holds_an_address_a_number_to_call_or_a_link() -> None:
    for item in ITEMS:
        for side in SIDES:
            for text in item[side].values():
                assert not re.search(r"https?:|www\.|@|\d{5,}|\d-\d{2}", text), (item["id"], text)


def public_prompts(shared: Path) -> list[str]:
    suites = shared / "suites"
    prompts: list[str] = []
    for name, column in (
        ("harmbench/harmbench_behaviors_text_all.csv", "Behavior"),
        ("strongreject/strongreject_dataset.csv", "forbidden_prompt"),
        ("xstest/xstest_prompts.csv", "prompt"),
        ("simplesafetytests/test-cases.csv", "prompts_final"),
    ):
        with (suites / name).open(encoding="utf-8", newline="") as stream:
            prompts += [row[column] for row in csv.DictReader(stream)]
    return prompts


def test_our_requests_are_not_those_of_published_suites(shared: Path) -> None:
    published = [shingles(prompt) for prompt in public_prompts(shared)]
    assert len(published) > 1_000
    for item in ITEMS:
        for side in SIDES:
            ours = shingles(item[side]["en"])
            closest = max(jaccard(ours, theirs) for theirs in published)
            assert closest < 0.4, (item["id"], side, closest)
