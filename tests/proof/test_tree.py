"""The kept Merkle tree is the tree of RFC 9162, and cosignatures are those of C2SP."""

import base64
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.errors import UsageError, VerificationError
from kakehashi.proof import (
    Checkpoint,
    MerkleTree,
    SigningKey,
    TreeHead,
    consistency_proof,
    cosign,
    cosignatures,
    inclusion_proof,
    root_hash,
    verify_consistency,
    verify_inclusion,
)

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


@given(st.integers(0, 70), st.data())
@settings(max_examples=60, deadline=None)
def test_roots_and_proofs_at_every_size_are_those_of_the_definition(count, data):
    entries = [bytes([n]) for n in range(count)]
    tree, size = MerkleTree(entries), data.draw(st.integers(0, count))
    old = data.draw(st.integers(0, size))
    assert tree.root(size) == root_hash(entries[:size])
    assert tree.consistency(old, size) == consistency_proof(entries[:size], old)
    assert verify_consistency(old, tree.root(old), size, tree.root(size), tree.consistency(old, size))
    if size:
        index = data.draw(st.integers(0, size - 1))
        proof = tree.inclusion(index, size)
        assert proof == inclusion_proof(entries[:size], index)
        assert verify_inclusion(entries[index], index, size, proof, tree.root(size))


def test_what_the_tree_never_had_is_refused():
    tree = MerkleTree([b"a", b"b"])
    for ask in (lambda: tree.root(3), lambda: tree.inclusion(2), lambda: tree.consistency(2, 1)):
        with pytest.raises(UsageError):
            ask()


def signed():
    key = SigningKey("example.org/log", bytes(32))
    return Checkpoint("example.org/log", TreeHead(12, "ab" * 32)).signed_by(key)


def test_a_cosignature_is_the_bytes_that_the_specification_says():
    witness = SigningKey("witness.example.org/w1", bytes([7]) * 32)
    made = cosign(signed(), witness, AT)
    name, raw = made.signatures[-1]
    # key id: SHA-256(name, newline, 0x04, public key), first four bytes; then the time in eight, then the signature
    public = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32).public_key()
    assert raw[:4] == sha256(b"witness.example.org/w1\n\x04" + public.public_bytes_raw()).digest()[:4]
    assert int.from_bytes(raw[4:12], "big") == 1_772_355_600  # 2026-03-01T09:00:00Z: date -u -d … +%s
    root = base64.b64encode(bytes.fromhex("ab" * 32)).decode()
    message = f"cosignature/v1\ntime 1772355600\nexample.org/log\n12\n{root}\n"
    public.verify(raw[12:], message.encode())
    assert name == "witness.example.org/w1"
    assert Checkpoint.parse(made.text()) == made


def test_cosignatures_of_known_keys_are_told_and_wrong_ones_refused():
    witness, other = SigningKey("w1", bytes([7]) * 32), SigningKey("w2", bytes([8]) * 32)
    note = cosign(cosign(signed(), witness, AT), other, AT)
    (found,) = cosignatures(note, [witness.verifier])
    assert (found.key, found.at) == (witness.verifier, AT)
    assert cosignatures(note, [SigningKey("w1", bytes([9]) * 32).verifier]) == ()
    moved = Checkpoint(note.origin, TreeHead(13, note.head.root_hex), (), note.signatures)
    with pytest.raises(VerificationError, match="cosignature of w1"):
        cosignatures(moved, [witness.verifier])
    name, raw = note.signatures[1]
    later = raw[:11] + bytes([raw[11] ^ 1]) + raw[12:]
    with pytest.raises(VerificationError):
        cosignatures(Checkpoint(note.origin, note.head, (), ((name, later),)), [witness.verifier])
