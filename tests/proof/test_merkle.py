"""The Merkle tree against the vectors of Certificate Transparency and a naive version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.naive_merkle import naive_root

from kakehashi.errors import UsageError
from kakehashi.proof import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    inclusion_proofs,
    root_hash,
    verify_consistency,
    verify_inclusion,
)

# Inputs and roots of the reference tests of Google's Certificate Transparency (merkle_tree_test.cc).
CT_INPUTS = [
    bytes.fromhex(h)
    for h in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_roots_are_those_of_certificate_transparency() -> None:
    edge = Frontier()
    assert edge.root() == EMPTY_ROOT
    for entry, root in zip(CT_INPUTS, CT_ROOTS, strict=True):
        edge.add(entry)
        assert edge.root().hex() == root


def test_roots_equal_the_naive_version_at_every_size_to_70() -> None:
    entries = [bytes([i]) for i in range(70)]
    for size in range(71):
        assert root_hash(entries[:size]) == naive_root(entries[:size])


def test_every_inclusion_proof_to_size_20_verifies_and_only_at_its_place() -> None:
    for size in range(1, 21):
        entries = [f"e{i}".encode() for i in range(size)]
        root = naive_root(entries)
        for index in range(size):
            proof = inclusion_proof(entries, index)
            assert verify_inclusion(entries[index], index, size, proof, root)
            assert not verify_inclusion(b"other", index, size, proof, root)
            if size > 1:
                assert not verify_inclusion(entries[index], (index + 1) % size, size, proof, root)
                assert not verify_inclusion(entries[index], index, size, proof[:-1], root)


def test_every_consistency_proof_to_size_20_verifies() -> None:
    entries = [f"e{i}".encode() for i in range(20)]
    for new in range(21):
        for old in range(new + 1):
            proof = consistency_proof(entries[:new], old)
            old_root, new_root = naive_root(entries[:old]), naive_root(entries[:new])
            assert verify_consistency(old, old_root, new, new_root, proof)
            if 0 < old < new:
                assert not verify_consistency(old, naive_root([b"x", *entries[1:old]]), new, new_root, proof)
                assert not verify_consistency(old, old_root, new, bytes(32), proof)
                assert not verify_consistency(old, old_root, new, new_root, proof[:-1])


@given(st.lists(st.binary(max_size=3), min_size=2, max_size=40), st.data())
def test_a_changed_entry_in_the_older_part_is_never_consistent(
    entries: list[bytes], data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, len(entries)))
    place = data.draw(st.integers(0, old - 1))
    changed = [*entries]
    changed[place] = entries[place] + b"!"
    proof = consistency_proof(changed, old)
    assert not verify_consistency(old, root_hash(entries[:old]), len(entries), root_hash(changed), proof)


def test_places_that_do_not_exist_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="no entry 3"):
        inclusion_proof([b"a"], 3)
    with pytest.raises(UsageError, match="older tree of 5"):
        consistency_proof([b"a"], 5)
    assert not verify_inclusion(b"a", 1, 1, [], root_hash([b"a"]))
    assert not verify_consistency(3, EMPTY_ROOT, 2, EMPTY_ROOT, [])


@given(st.integers(1, 70))
def test_many_proofs_are_the_proofs_of_each(size):
    entries = [bytes([i]) for i in range(size)]
    made = inclusion_proofs(entries, range(size))
    assert made == {i: inclusion_proof(entries, i) for i in range(size)}
    root = root_hash(entries)
    assert all(verify_inclusion(entries[i], i, size, made[i], root) for i in range(size))
    with pytest.raises(UsageError):
        inclusion_proofs(entries, [size])
