"""Words that name nothing, and files that cannot be used: one clear error, and nothing is asked."""

import pytest
from commands import Served, kakehashi, subject_file


@pytest.mark.parametrize(
    ("words", "suggested"),
    [
        (("assess", "local/smollm"), "smollm2"),
        (("assess", "smollm2-prime"), "smollm2-primed"),
        (("assess", "mock:refus"), "refuse"),
        (("assess", "mock:refuse", "--method", "kakehashi/cor"), "kakehashi/core"),
        (("assess", "mock:refuse", "--method", "fact"), "facts"),
        (("assess", "mock:refuse", "--method", "core", "--lang", "jp"), "ja"),
        (("assess", "mock:refuse", "--language", "en,jp"), "ja"),
        (("assess", "mock:refuse", "--method", "attacks", "--language", "zn"), "zh"),
        (("methods", "show", "kakehashi/atacks"), "kakehashi/attacks"),
        (("models", "pull", "smolm2"), "smollm2"),
        (("asess", "mock:refuse"), "assess"),
    ],
)
def test_an_unknown_name_is_one_error_that_suggests_the_nearest(tmp_path, words, suggested):
    plain = kakehashi(*words, cwd=tmp_path)
    assert plain.code == 2
    assert plain.err.startswith("error: unknown ")
    assert suggested in plain.err
    assert len(plain.err.strip().splitlines()) <= 2
    told = kakehashi(*words, "--json", cwd=tmp_path)
    assert (told.code, told.json["error"]) == (2, "UnknownNameError")
    assert not (tmp_path / "kakehashi-work").exists()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"sytem": "Be kind."}, "system"),
        ({"guard": {"nam": "g"}}, "name"),
        ({"opening": [{"role": "system", "content": "x"}]}, "role"),
        ({"parameters": {"stream": True}}, "parameters.stream"),
        ({"parameters": {"api_key": "x"}}, "parameters.api_key"),
        ({"system": 7}, "must be text"),
    ],
)
def test_a_subject_file_with_a_wrong_key_is_named_before_anything_is_asked(tmp_path, keys, said):
    with Served() as mock:
        path = subject_file(tmp_path, name="odd", endpoint=mock.subject, **keys)
        done = kakehashi("assess", path.name, "--method", "core", cwd=tmp_path)
        assert mock.server.calls == 0
    assert done.code == 3, done.both
    assert done.err.startswith("error: odd.yaml: ")
    assert said in done.err


def test_a_subject_file_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xfe\nendpoint: mock:refuse\n")
    (tmp_path / "broken.yaml").write_text("name: [a\nendpoint: mock:refuse\n", encoding="utf-8")
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    (tmp_path / "new.yaml").write_text(
        "format: kakehashi.subject/9\nname: a\nendpoint: mock:refuse\n", encoding="utf-8"
    )
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "twice.yaml").write_text("name: a\nendpoint: mock:refuse\nname: b\n", encoding="utf-8")
    for name, parameter in {"nan": "temperature: .nan", "date": "seed: 2026-01-01"}.items():
        (tmp_path / f"{name}.yaml").write_text(
            f"name: a\nendpoint: mock:refuse\nparameters: {{{parameter}}}\n", encoding="utf-8"
        )
    for name, said in {
        "absent.yaml": "no such subject file",
        "bytes.yaml": "not UTF-8",
        "broken.yaml": "not YAML",
        "empty.yaml": "holds no keys",
        "new.yaml": "kakehashi.subject/9",
        "folder.yaml": "directory",
        "twice.yaml": "the key 'name' stands twice",
        "nan.yaml": "parameters.temperature is nan",
        "date.yaml": "parameters.seed is datetime.date",
    }.items():
        done = kakehashi("assess", name, "--method", "core", cwd=tmp_path)
        assert (done.code, said in done.err) == (3, True), done.both


def test_an_address_without_a_model_or_with_a_password_is_refused_without_repeating_it(tmp_path):
    for address in (
        "http://127.0.0.1:9/v1",
        "http://me:hunter2hunter2@127.0.0.1:9/v1#m",
        "ftp://127.0.0.1/v1#m",
    ):
        done = kakehashi("assess", address, "--method", "core", "--limit", "7", cwd=tmp_path)
        assert done.code == 2, done.both
        assert "hunter2" not in done.both
