"""Items that an institute keeps to itself: committed to before the run, shown and checked afterwards.

Each item gets a salt of its own, made from a secret. Its *leaf*, ``SHA-256(salt || item in canonical JSON)``, is what
others see in its place; the Merkle root over the leaves, sorted, is the commitment. Whoever has the items and
salts can show some or all of them later, and everybody can check that these and no others were meant.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError, UnknownNameError, VerificationError
from kakehashi.evaluate.methods import Selection, get_method
from kakehashi.model import Sample
from kakehashi.proof import canonical_bytes, root_hash


@dataclass(frozen=True, slots=True)
class Holdout:
    """The private items of a method with their salts; never leaves the institute but through :func:`opening`.

    Attributes:
        method: Id of the method.
        version: Its version.
        leaves: Sample id → leaf, hexadecimal.
        items: Sample id → the item as it is hashed.
        salts: Sample id → salt, hexadecimal.
    """

    method: str
    version: str
    leaves: Mapping[str, str]
    items: Mapping[str, Mapping[str, Any]]
    salts: Mapping[str, str]

    def commitment(self) -> dict[str, Any]:
        """What others are told before the run: method, number of items, root."""
        return {
            "method": self.method,
            "version": self.version,
            "items": len(self.leaves),
            "root": root_of(list(self.leaves.values())),
        }


def holdout(name: str, secret: bytes, languages: Sequence[str], own_methods: Path) -> Holdout:
    """The items of a method in some languages, salted with a secret.

    Raises:
        UnknownNameError: No such method.
        InputError: The method has no items in these languages.
    """
    method = get_method(name, own_methods)
    card = method.card
    spoken = tuple(language for language in languages if language in card.languages)
    samples = method.samples(Selection(languages=spoken)) if spoken else ()
    if not samples:
        raise InputError(f"{name} has no items in {', '.join(languages)}")
    items = {sample.id: _item(sample) for sample in samples}
    salts = {
        sample: hmac.new(secret, f"{card.id}\n{sample}".encode(), "sha256").hexdigest() for sample in items
    }
    leaves = {sample: leaf_of(items[sample], salts[sample]) for sample in items}
    return Holdout(card.id, card.version, leaves, items, salts)


def leaf_of(item: Mapping[str, Any], salt: str) -> str:
    """The leaf of an item, 64 hexadecimal digits.

    Raises:
        InputError: The salt is not hexadecimal, or the item has no JSON form.
    """
    try:
        raw = bytes.fromhex(salt)
    except ValueError:
        raise InputError("a salt is not hexadecimal") from None
    return sha256(raw + canonical_bytes(item)).hexdigest()


def root_of(leaves: Sequence[str]) -> str:
    """The Merkle root over the leaves, sorted: it does not tell in which order the items stand."""
    return root_hash(bytes.fromhex(leaf) for leaf in sorted(leaves)).hex()


def opening(found: Holdout, samples: Sequence[str] = ()) -> dict[str, Any]:
    """Items with their salts, for everybody to check: those named, or all.

    Raises:
        UnknownNameError: No such item.
    """
    for sample in samples:
        if sample not in found.items:
            raise UnknownNameError("item", sample, list(found.items))
    chosen = list(samples) or list(found.items)
    return {
        **found.commitment(),
        "opened": [{"item": dict(found.items[sample]), "salt": found.salts[sample]} for sample in chosen],
    }


def check_opening(opened: Mapping[str, Any], committed: Mapping[str, Any], leaves: Sequence[str]) -> int:
    """Hold opened items against the commitment and the rows that were submitted; returns how many there are.

    Raises:
        VerificationError: An item is none of those that were committed to.
        InputError: The opening is not one.
    """
    for key in ("method", "items", "root"):
        if opened.get(key) != committed.get(key):
            raise VerificationError(
                f"the opening of {committed.get('method')} is of other items: {key} is {opened.get(key)!r}, "
                f"committed was {committed.get(key)!r}",
                hint=_HINT,
            )
    known = set(leaves)
    rows = opened.get("opened")
    if not isinstance(rows, list):
        raise InputError("an opening lacks its items")
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or not isinstance(row.get("item"), dict):
            raise InputError("an opening lacks an item", row=number)
        leaf = leaf_of(row["item"], str(row.get("salt", "")))
        if leaf not in known or leaf in seen:
            raise VerificationError(
                f"opened item {number} ({row['item'].get('id')!r}) of {committed.get('method')} is none of those "
                "that were committed to before the run",
                hint=_HINT,
            )
        seen.add(leaf)
    return len(seen)


_HINT = "Ask the institute that holds the items; results on them cannot be relied on."


def _item(sample: Sample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "turns": list(sample.turns),
        "language": sample.language,
        "category": sample.category,
        "kind": sample.kind,
        "target": sample.target,
        "system": sample.system,
    }
