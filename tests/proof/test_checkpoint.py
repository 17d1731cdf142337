"""Checkpoints and keys against the published example of signed notes, and against themselves."""

import pytest

from kakehashi.errors import InputError, VerificationError
from kakehashi.proof import Checkpoint, SigningKey, TreeHead, VerifierKey, root_hash

# The example of golang.org/x/mod/sumdb/note: a note signed by somebody else's software.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

HEAD = TreeHead(3, root_hash([b"a", b"b", b"c"]).hex())


def test_a_key_and_signature_made_by_go_verify() -> None:
    import base64

    key = VerifierKey.parse(GO_KEY)
    raw = base64.b64decode(GO_SIGNATURE)
    assert raw[:4] == key.key_id
    assert key.verifies(raw[4:], GO_TEXT)
    assert not key.verifies(raw[4:], GO_TEXT + b" ")
    assert str(key) == GO_KEY


def test_a_checkpoint_is_written_as_c2sp_has_it_and_reads_back() -> None:
    key = SigningKey("example.org/ledger", bytes(range(32)))
    note = Checkpoint("example.org/ledger/1", HEAD).signed_by(key)
    lines = note.text().split("\n")
    assert lines[0] == "example.org/ledger/1"
    assert lines[1] == "3"
    assert lines[3] == ""
    assert lines[4].startswith("— example.org/ledger ")
    assert Checkpoint.parse(note.text()) == note
    assert note.verified_by([key.verifier]) == ("example.org/ledger",)


def test_an_unsigned_checkpoint_reads_back_too() -> None:
    note = Checkpoint("here", HEAD, extensions=("one", "two"))
    assert Checkpoint.parse(note.text()) == note


def test_a_changed_checkpoint_is_found_by_its_signature() -> None:
    key = SigningKey.generate("somebody")
    text = Checkpoint("here", HEAD).signed_by(key).text().replace("\n3\n", "\n4\n")
    with pytest.raises(VerificationError, match="signature of somebody"):
        Checkpoint.parse(text).verified_by([key.verifier])


def test_a_stranger_s_signature_alone_is_not_enough() -> None:
    note = Checkpoint("here", HEAD).signed_by(SigningKey.generate("stranger"))
    with pytest.raises(VerificationError, match="none of the 1 keys"):
        note.verified_by([SigningKey.generate("friend").verifier])


def test_keys_survive_their_text_form_and_never_show_their_seed() -> None:
    key = SigningKey.generate("me")
    assert SigningKey.parse(key.secret_text()) == key
    assert VerifierKey.parse(str(key.verifier)) == key.verifier
    assert key.seed.hex() not in repr(key)
    assert repr(key.seed) not in repr(key)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "a+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "a+b+!!!", "a+b+AA=="],
)
def test_what_is_not_a_key_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        VerifierKey.parse(text)
    with pytest.raises(InputError):
        SigningKey.parse("PRIVATE+KEY+" + text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n"])
def test_names_that_a_signature_line_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot name a key"):
        SigningKey(name, bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "here\n3\n",
        "here\nthree\nAAAA\n\n",
        "here\n03\nAAAA\n\n",
        "here\n3\n!!!\n\n",
        "here\n3\nAAAA\n\n",
        Checkpoint("here", HEAD).text() + "no dash\n",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text", ["size=3 root=" + HEAD.root_hex, f"3:{HEAD.root_hex}", f" 3 {HEAD.root_hex} "]
)
def test_tree_heads_are_read_in_each_form(text: str) -> None:
    assert TreeHead.parse(text) == HEAD


def test_a_tree_head_says_itself_in_html_and_json() -> None:
    assert HEAD.meta_tag() == f'<meta name="kakehashi-ledger" content="size=3 root={HEAD.root_hex}">'
    assert HEAD.as_json() == {"size": 3, "root": HEAD.root_hex}
    for bad in ("", "3", "size=x root=y", "3:" + "g" * 64):
        with pytest.raises(InputError):
            TreeHead.parse(bad)
    with pytest.raises(InputError):
        TreeHead(-1, "00" * 32)
