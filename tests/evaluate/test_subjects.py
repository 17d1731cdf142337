import pytest

from kakehashi.errors import FormatVersionError, InputError, UnknownNameError, UsageError
from kakehashi.evaluate.subjects import parse_subject, shipped_subjects, subject_from_file

GOOD = """
format: kakehashi.subject/1
name: ours v2
endpoint: openai:gpt-4o
system: Be brief.
opening:
  - {role: user, content: Hello.}
  - {role: assistant, content: Hello to you.}
guard: {name: words, input_phrases: [bomb], answer: No.}
parameters: {temperature: 0}
key_env: OUR_KEY
"""


def write(tmp_path, text):
    path = tmp_path / "subject.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_describes_a_whole_system(tmp_path):
    subject = subject_from_file(write(tmp_path, GOOD))
    assert (subject.name, subject.endpoint, subject.model, subject.key_env) == (
        "ours-v2",
        "openai",
        "gpt-4o",
        "OUR_KEY",
    )
    assert [m.wire() for m in subject.opening] == [
        {"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hello to you."}
    ]  # fmt: skip
    assert subject.guard.input_phrases == ("bomb",)
    assert subject.guard.answer == "No."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("openai:gpt-4o", ("openai", "gpt-4o", "", "")),
        ("anthropic:claude-x", ("anthropic", "claude-x", "", "")),
        ("local/smollm2", ("local", "smollm2", "", "")),
        (
            "http://127.0.0.1:8000/v1#tiny/model",
            ("openai", "tiny/model", "http://127.0.0.1:8000/v1", ""),
        ),
        ("mock:refuse", ("mock", "refuse", "", "")),
    ],
)
def test_words_of_the_command_line(text, expected):
    subject = parse_subject(text)
    assert (subject.endpoint, subject.model, subject.base_url, subject.key_env) == expected


def test_every_shipped_subject_can_be_named():
    subjects = [parse_subject(name) for name in shipped_subjects()]
    assert [s.name for s in subjects] == ["smollm2-bare", "smollm2-filtered", "smollm2-primed"]
    bare, filtered, primed = subjects
    # The filtered system must send the same requests as the bare one, or it could not share its answers.
    assert (filtered.system, filtered.opening, filtered.parameters) == (
        bare.system,
        bare.opening,
        bare.parameters,
    )
    assert bare.guard is None
    assert filtered.guard is not None
    assert len(primed.opening) == 8


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("smollm2-bar", "smollm2-bare"),
        ("local/smolm2", "smollm2"),
        ("mock:refuses", "refuse"),
        ("gpt-4o", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(text, suggestion):
    with pytest.raises(UnknownNameError) as caught:
        parse_subject(text)
    assert suggestion in str(caught.value)


def test_an_address_needs_a_model_and_must_not_hold_a_password():
    with pytest.raises(UsageError, match="names no model"):
        parse_subject("http://127.0.0.1:8000/v1")
    with pytest.raises(UsageError) as caught:
        parse_subject("http://me:canary-secret@127.0.0.1:8000/v1#m")
    assert "canary-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no keys"),
        ("name: x\nendpoint: [\n", "not YAML"),
        ("name: x\nendpoint: openai:m\nsytem: y\n", "Did you mean system"),
        ("name: x\n", "'endpoint' is missing"),
        ("name: 3\nendpoint: openai:m\n", "'name' is missing or not text"),
        ("name: x\nendpoint: openai:m\nopening: hello\n", "'opening' must be a list"),
        ("name: x\nendpoint: openai:m\nopening: [{role: system, content: y}]\n", "role"),
        ("name: x\nendpoint: openai:m\nguard: {phrases: [a]}\n", "phrases"),
        ("name: x\nendpoint: openai:m\nparameters: {api_key: a}\n", "cannot be set"),
        ("name: x\nendpoint: openai:m\nformat: other/1\n", "is not 'kakehashi.subject/1'"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        subject_from_file(write(tmp_path, text))


def test_a_newer_format_is_refused(tmp_path):
    with pytest.raises(FormatVersionError):
        subject_from_file(write(tmp_path, "format: kakehashi.subject/2\nname: x\nendpoint: openai:m\n"))


def test_a_missing_file_and_a_file_that_is_not_utf8(tmp_path):
    with pytest.raises(InputError, match="no such subject file"):
        parse_subject(str(tmp_path / "nothing.yaml"))
    (tmp_path / "bad.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        parse_subject(str(tmp_path / "bad.yaml"))
