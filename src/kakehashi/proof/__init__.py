"""Proof without storage: canonical JSON and its schemas, the Merkle tree, checkpoints and their keys."""

from kakehashi.proof.canonical import Json, canonical_bytes, es6_number, parse_json
from kakehashi.proof.checkpoint import Checkpoint, TreeHead
from kakehashi.proof.cosign import Cosignature, cosign, cosignatures
from kakehashi.proof.keys import SigningKey, VerifierKey
from kakehashi.proof.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    inclusion_proofs,
    leaf_hash,
    node_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from kakehashi.proof.schema import schema_validator
from kakehashi.proof.tree import MerkleTree

__all__ = [
    "EMPTY_ROOT",
    "Checkpoint",
    "Cosignature",
    "Frontier",
    "Json",
    "MerkleTree",
    "SigningKey",
    "TreeHead",
    "VerifierKey",
    "canonical_bytes",
    "consistency_proof",
    "cosign",
    "cosignatures",
    "es6_number",
    "inclusion_proof",
    "inclusion_proofs",
    "leaf_hash",
    "node_hash",
    "parse_json",
    "root_hash",
    "schema_validator",
    "verify_consistency",
    "verify_inclusion",
]
