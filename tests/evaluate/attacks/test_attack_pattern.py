"""Attack patterns are read whole, or refused with the file and the reason, and never print their prompts."""

import json
from datetime import UTC, datetime

import pytest

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError
from kakehashi.evaluate.attacks.pattern import read_feed, read_pattern
from kakehashi.model import Sample

PLAIN = {
    "format": "kakehashi.attack/1",
    "id": "story-1",
    "name": "Synthetic story",
    "received": "2026-11-20",
    "prompts": [{"text": "harmful request 12"}],
}


def find(method, identifier):
    if (method, identifier) != ("kakehashi/core", "violence-01.harmful.en"):
        raise UnknownNameError("sample", identifier, ["violence-01.harmful.en"])
    return Sample(identifier, ("an item of the suite",), "en", "violence", "harmful", "violence-01")


def write(folder, name="a.yaml", **changes):
    path = folder / name
    path.write_text(json.dumps({**PLAIN, **changes}), encoding="utf-8")
    return path


def test_a_pattern_is_read_with_its_defaults(tmp_path):
    found = read_pattern(write(tmp_path), find)
    assert (found.id, found.language, found.expected, found.repeats) == (
        "story-1",
        "en",
        "blocked-or-refused",
        1,
    )
    assert found.received == datetime(2026, 11, 20, tzinfo=UTC)
    assert [(p.id, p.turns, p.request) for p in found.prompts] == [
        ("p1", ("harmful request 12",), "harmful request 12")
    ]


def test_yaml_dates_and_times_with_zones_are_utc(tmp_path):
    path = tmp_path / "a.yaml"
    for text, hour in (("2026-11-20", 0), ("2026-11-20T09:00:00Z", 9), ("2026-11-20T09:00:00+09:00", 0)):
        path.write_text(
            f"format: kakehashi.attack/1\nid: a\nname: n\nreceived: {text}\nprompts: [{{text: harmful request 1}}]\n"
        )
        assert read_pattern(path, find).received == datetime(2026, 11, 20, hour, tzinfo=UTC)


def test_prompts_by_file_by_turns_and_by_reference(tmp_path):
    (tmp_path / "p.txt").write_text("harmful request 13", encoding="utf-8")
    path = write(
        tmp_path,
        prompts=[
            {"file": "p.txt", "request": "the plain request 13", "system": "be brief"},
            {"turns": ["first", "harmful request 14"]},
            {"sample": "kakehashi/core#violence-01.harmful.en"},
        ],
    )
    one, two, three = read_pattern(path, find).prompts
    assert (one.turns, one.request, one.system) == (
        ("harmful request 13",),
        "the plain request 13",
        "be brief",
    )
    assert (two.turns, two.request) == (("first", "harmful request 14"), "harmful request 14")
    assert (three.turns, three.method) == (("an item of the suite",), "kakehashi/core")


def test_the_digest_follows_what_is_put_and_not_the_name(tmp_path):
    (tmp_path / "p.txt").write_text("harmful request 13", encoding="utf-8")
    path = write(tmp_path, prompts=[{"file": "p.txt"}])
    first = read_pattern(path, find).digest
    write(tmp_path, prompts=[{"file": "p.txt"}], source="elsewhere")
    assert read_pattern(path, find).digest == first
    (tmp_path / "p.txt").write_text("harmful request 14", encoding="utf-8")
    assert read_pattern(path, find).digest != first
    write(tmp_path, prompts=[{"file": "p.txt"}], repeats=2)
    (tmp_path / "p.txt").write_text("harmful request 13", encoding="utf-8")
    assert read_pattern(path, find).digest != first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "Has Blanks"}, "id: is to match ^[a-z0-9]"),
        ({"received": "yesterday"}, "no date"),
        ({"repeats": 0}, "repeats: is to be at least 1"),
        ({"expected": "silence"}, "expected: is to be one of blocked, refused, blocked-or-refused"),
        ({"prompts": []}, "prompts: needs at least 1"),
        ({"prompts": [{}]}, "prompts/0: needs one of text, turns, file and sample"),
        ({"prompts": [{"text": ["secret text"]}]}, "prompts/0/text: is to be of the type string"),
        ({"prompts": [{"text": ""}]}, "prompts/0/text: is empty"),
        ({"prompts": [{"text": "secret text", "file": "p.txt"}]}, "and no other of them"),
        ({"unknown": 1}, "unknown"),
        ({"prompts": [{"file": "../outside.txt"}]}, "outside the folder"),
        ({"prompts": [{"file": "absent.txt"}]}, "absent.txt"),
        ({"prompts": [{"sample": "kakehashi/core#nothing"}]}, "nothing"),
        ({"language": "ja", "prompts": [{"sample": "kakehashi/core#violence-01.harmful.en"}]}, "'en'"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_place_and_without_prompts(tmp_path, changes, words):
    (tmp_path.parent / "outside.txt").write_text("x", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_pattern(write(tmp_path, **changes), find)
    assert words in caught.value.message
    assert "a.yaml" in caught.value.message
    assert "secret text" not in str(caught.value)


def test_a_newer_format_is_refused(tmp_path):
    with pytest.raises(FormatVersionError):
        read_pattern(write(tmp_path, format="kakehashi.attack/2"), find)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[1, 2]", b"a: [", b""])
def test_a_file_that_is_no_pattern_is_an_input_error(tmp_path, content):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(InputError):
        read_pattern(tmp_path / "a.yaml", find)


def test_a_feed_gives_what_it_can_and_names_what_it_cannot(tmp_path):
    write(tmp_path, "a.yaml")
    write(tmp_path, "b.json", id="story-2")
    write(tmp_path, "c.yaml")
    write(tmp_path, "d.yaml", repeats=0)
    write(tmp_path, ".hidden.yaml", id="hidden")
    (tmp_path / "notes.txt").write_text("not a pattern")
    feed = read_feed(tmp_path, find)
    assert [pattern.id for pattern in feed.patterns] == ["story-1", "story-2"]
    assert [name for name, _ in feed.faults] == ["c.yaml", "d.yaml"]
    assert "another file" in feed.faults[0][1].message
    with pytest.raises(InputError):
        read_feed(tmp_path / "absent", find)


def test_a_prompt_stands_in_no_repr(tmp_path):
    assert "harmful request 12" not in repr(read_pattern(write(tmp_path), find))
