"""Known already? Disguises are taken away, near texts found, others not; the same asked without showing the text."""

import base64
import json
from random import Random

import pytest
from mutators import EXACT, LANGUAGES, MUTATORS, prompt
from nodes import GREEN, member
from stix_corpus import whole

from kakehashi.errors import InputError
from kakehashi.exchange import Node, extension_of, take_in
from kakehashi.exchange import private as psi
from kakehashi.exchange.known import THRESHOLD, grams, search, similarity, sketch, sketches, with_sketch
from kakehashi.exchange.normalize import canonical, views

pytest.importorskip("rensa")

TEXT = "synthetic prompt twelve about the quiet river and the blue garden"
FIRST = [2488580873, 3231583595, 2055757235, 1514766905]


@pytest.fixture
def node(tmp_path):
    made = Node.init(tmp_path / "exchange", "Institute A")
    yield made
    made.store.close()


def pattern(number, text):
    obj = whole("attack-pattern", number)
    obj |= {"name": f"pattern {number}", "object_marking_refs": [GREEN]}
    return with_sketch(obj, text)


def recalls(language, texts, random):
    """Mutator → share of texts that are found under it."""
    known = [sketch(text) for text in texts]
    return {
        name: sum(
            max(similarity(own, seen) for seen in sketches(change(text, random))) >= THRESHOLD
            for text, own in zip(texts, known, strict=True)
        )
        / len(texts)
        for name, change in MUTATORS.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_disguises_are_taken_away_whole_and_changed_texts_are_near(language):
    random = Random(5)
    texts = [prompt(language, random) for _ in range(12)]
    for name in EXACT:
        if name == "base64 in a sentence":
            continue
        assert all(canonical(text) in views(MUTATORS[name](text, random)) for text in texts), name
    assert set(recalls(language, texts, random).values()) == {1.0}


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_of_the_same_words_in_another_order_by_chance_are_not_near(language):
    # Hard: all texts draw 24 words from the same 24 to 70. By hand for English: two texts share few runs of four
    # letters across word borders; a share of .6 would need 75% of the n-grams of each.
    random = Random(6)
    made = [sketch(prompt(language, random)) for _ in range(40)]
    near = [similarity(a, b) for at, a in enumerate(made) for b in made[:at]]
    assert len(near) == 780
    assert max(near) < THRESHOLD


@pytest.mark.proof
def test_precision_and_recall_over_disguises(record_property):
    for language in LANGUAGES:
        random = Random(7)
        texts = [prompt(language, random) for _ in range(400)]
        found = recalls(language, texts, random)
        record_property(
            "recall", f"{language}: " + "; ".join(f"{n} {share:.1%}" for n, share in found.items())
        )
        made = [sketch(text) for text in texts]
        wrong = sum(similarity(a, b) >= THRESHOLD for at, a in enumerate(made) for b in made[:at])
        pairs = len(made) * (len(made) - 1) // 2
        record_property("unrelated", f"{language}: {wrong} of {pairs} pairs called near")
        assert min(found.values()) >= 0.95
        assert wrong / pairs < 0.001


def test_similarity_estimates_the_share_of_common_n_grams():
    one, other = canonical(TEXT), canonical(TEXT + " with seven more words at its very end here")
    a, b = set(grams(one)), set(grams(other))
    share = len(a & b) / len(a | b)
    # 128 minima: standard error sqrt(p(1-p)/128), at most .044.
    assert (
        abs(similarity(sketch(TEXT), sketch(TEXT + " with seven more words at its very end here")) - share)
        < 0.15
    )


def test_a_sketch_is_the_same_in_every_process_and_version():
    # Fixed on 2026-11-25 with rensa 0.5.0: nodes compare sketches of different years.
    assert sketch(TEXT)[:4] == FIRST
    assert len(sketch(TEXT)) == 128


def test_a_prompt_given_on_adding_leaves_its_sketch_and_not_its_text(node, tmp_path):
    path = tmp_path / "pattern.json"
    bare = whole("attack-pattern", 1)
    path.write_text(json.dumps(bare | {"object_marking_refs": [GREEN]}))
    take_in(node, [path], text=TEXT)
    page = node.store.page(node.me(), node.collection("findings").id, _all())
    (entry,) = page.entries
    assert TEXT.encode() not in entry.data
    assert extension_of(json.loads(entry.data), "attack-pattern")["sketch"] == sketch(TEXT)
    (match,) = search(node, TEXT.upper())
    assert (match.similarity, match.id) == (1.0, bare["id"])
    assert search(node, prompt("en", Random(9))) == []
    stranger = member(9, reads=(), writes=())
    assert search(node, TEXT, who=stranger) == []
    path.write_text(json.dumps([whole("note"), whole("vulnerability")]))
    with pytest.raises(InputError, match="belongs to one attack-pattern, and here are 0"):
        take_in(node, [path], text=TEXT)


def _all():
    from kakehashi.exchange import Filters

    return Filters(types=frozenset({"attack-pattern"}))


@pytest.mark.parametrize("text", ["", "short", "安全性", "!!! ??? !!!"])
def test_a_text_too_short_to_be_told_from_others_gets_no_verdict(text):
    with pytest.raises(InputError, match="too short"):
        sketch(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ﾃｽﾄ用の文", "テスト用の文"),
        ("てすと", "テスト"),
        ("ПРИВЕТ", "привет"),
        ("x\u202ey", "xy"),
        ("naïve", "naive"),
    ],
)
def test_writings_of_one_text_are_one(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize("language", LANGUAGES)
def test_disguises_over_disguises_are_taken_away(language):
    text = prompt(language, Random(11))
    change = {name: lambda value, name=name: MUTATORS[name](value, Random(1)) for name in MUTATORS}
    lines = base64.encodebytes(text.encode()).decode()
    assert lines.count("\n") > 1
    for made in (
        lines,
        change["zero-width"](change["base64"](text)),
        change["width"](change["hex"](text)),
        change["base64"](change["rot13"](text)),
        change["hex"](change["zero-width"](text)),
        change["base64"](change["percent"](text)),
    ):
        assert canonical(text) in views(made), made[:80]


def test_a_long_word_is_not_taken_for_base64():
    assert (
        canonical("internationalization") == "internationaiization"
    )  # l counts as i: they are exchanged as 1 is


def test_a_private_question_says_known_or_unknown_and_does_not_hold_the_prompt():
    pytest.importorskip("private_set_intersection")
    held = [sketch(TEXT), *(sketch(prompt("en", Random(n))) for n in range(5))]
    for text, verdict in ((TEXT.upper() + "!", "known"), (prompt("en", Random(99)), "unknown")):
        question, secret = psi.ask(text)
        body = psi.answer(held, question, contact="desk@example.org")
        found = psi.read_answer(secret, body)
        assert (found.verdict, found.contact) == (verdict, "desk@example.org")
        wire = json.dumps([question, body])
        assert all(band not in wire for band in psi.bands(sketch(text)))
        assert psi.ask(text)[0] != question, "a new key for each question"
    assert found.common == 0
    empty = psi.read_answer(secret, psi.answer([], question))
    assert (empty.verdict, empty.contact) == ("unknown", None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "other/1"}, "not a document of the format"),
        ({"request": "***"}, "not base64"),
        ({"request": "AAAA"}, "not a message|0"),
        ({"request": "CAESA2FiYw=="}, "no points"),  # reveal_intersection, one element "abc"
        ({"request": ""}, "1 to 100 elements"),
    ],
)
def test_what_is_no_question_is_refused(change, said):
    pytest.importorskip("private_set_intersection")
    question, secret = psi.ask(TEXT)
    with pytest.raises(InputError, match=said):
        psi.answer([sketch(TEXT)], question | change)
    body = psi.answer([sketch(TEXT)], question)
    with pytest.raises(InputError):
        psi.read_answer(secret, body | {"response": "AAAA"})
    with pytest.raises(InputError, match="another question"):
        psi.read_answer({**secret, "readings": [3]}, body)


def test_the_endpoint_is_closed_until_opened_keeps_to_what_the_asker_may_see_and_is_limited(served):
    pytest.importorskip("private_set_intersection")
    served.join(member(1), "A")
    served.join(member(2, clearance="clear"), "B")
    served.node.store.post(served.node.me(), served.node.collection("findings").id, [pattern(1, TEXT)])
    question, secret = psi.ask(TEXT)
    path = "/api/x-kakehashi/known/"
    assert served.ask("A", path, "POST", question).status == 404
    served.node.store.set_meta("private-questions", "visible")
    served.node.store.set_meta("contact", "desk@example.org")

    def verdict(who):
        answer = served.ask(who, path, "POST", question)
        assert answer.status == 200, answer.data
        return psi.read_answer(secret, answer.json)

    assert (verdict("A").verdict, verdict("A").contact) == ("known", "desk@example.org")
    from kakehashi.exchange.private_client import send

    assert psi.read_answer(secret, send(served.url + "/", served.tokens["A"], question)).verdict == "known"
    assert verdict("B").verdict == "unknown"  # GREEN is above B's clearance
    served.node.store.set_meta("private-questions", "all")
    assert verdict("B").verdict == "known"
    assert served.ask("A", path, "POST", {"format": "x"}).status == 400
    assert served.ask("A", path, "POST", []).status == 422
    statuses = [served.ask("B", path, "POST", {"format": "x"}).status for _ in range(20)]
    assert statuses == [400] * 18 + [429] * 2  # B had asked twice
    assert served.ask(None, path, "POST", question).status == 401
