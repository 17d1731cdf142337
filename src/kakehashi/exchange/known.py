"""Near-duplicate search over attack prompts by sketches: 128 minima of hashed character n-grams (MinHash).

Characters rather than words, so that Japanese and Chinese work: pairs there, fours elsewhere. A sketch stands in the
extension ``attack-pattern``; the text stays outside. What a sketch tells its reader: whoever guesses a text can check
the guess, and finds near texts step by step. It is no secret-keeping hash; mark it as you would mark the text.

References:
    Broder, On the resemblance and containment of documents (1997). rensa 0.5 (MIT) computes the minima.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kakehashi.errors import InputError, MissingExtraError
from kakehashi.exchange.node import Node
from kakehashi.exchange.normalize import canonical, views
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import Record, extension_of
from kakehashi.exchange.store import Filters

PERMUTATIONS = 128
SEED = 20261125
THRESHOLD = 0.6
"""Share of equal minima from which a prompt counts as known; docs/exchange.md has what it finds and misses."""
FEWEST = 12
"""Fewest n-grams of a text that a verdict is given for."""


@dataclass(frozen=True, slots=True)
class Match:
    """A record whose prompt is near.

    Attributes:
        id: Its id.
        name: Its name.
        similarity: Share of the 128 minima that are equal: an estimate of the share of common n-grams.
        creator: Who made it, where it says: whom to ask.
    """

    id: str
    name: str
    similarity: float
    creator: str | None


def grams(text: str) -> list[str]:
    """The n-grams of a canonical text: pairs from an East Asian character on, fours elsewhere.

    Examples:
        >>> grams("abcde"), grams("安全性")
        (['abcd', 'bcde'], ['安全', '全性'])
    """
    found = []
    for at in range(len(text)):
        size = 2 if text[at] >= "\u2e80" else 4
        if at + size <= len(text):
            found.append(text[at : at + size])
    return list(dict.fromkeys(found))


def sketch(text: str) -> list[int]:
    """The sketch of a text, for the extension ``attack-pattern``.

    Raises:
        InputError: The text is too short to be told from others.
        MissingExtraError: rensa is not installed.
    """
    return _minima(canonical(text))


def _minima(plain: str) -> list[int]:
    found = grams(plain)
    if len(found) < FEWEST:
        raise InputError(
            f"a text of {len(found)} different n-grams is too short to be told from others",
            hint=f"{FEWEST} are needed: some fifteen letters, or a dozen characters of Japanese or Chinese.",
        )
    try:
        from rensa import RMinHash
    except ModuleNotFoundError as error:
        raise MissingExtraError("exchange", "near-duplicate search") from error
    made = RMinHash(num_perm=PERMUTATIONS, seed=SEED)
    made.update(found)
    return [int(value) for value in made.digest()]


def sketches(text: str) -> list[list[int]]:
    """The sketches of what a text may stand for: itself, and read as ROT13."""
    made = []
    for plain in views(text):
        try:
            made.append(_minima(plain))
        except InputError:
            continue
    return made or [sketch(text)]


def similarity(one: Sequence[int], other: Sequence[int]) -> float:
    """Share of equal minima of two sketches of one length; 0 where their lengths differ."""
    if len(one) != len(other) or not one:
        return 0.0
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def known_patterns(node: Node, who: Caller, collection: str) -> list[tuple[Record, list[int]]]:
    """The attack-patterns with a sketch that a caller may see."""
    filters = Filters(types=frozenset({"attack-pattern"}))
    page = node.store.page(who, node.collection(collection).id, filters, limit=1_000_000, budget=1 << 40)
    objects: list[Any] = [json.loads(entry.data) for entry in page.entries]
    pairs = [(obj, (extension_of(obj, "attack-pattern") or {}).get("sketch")) for obj in objects]
    return [(obj, body) for obj, body in pairs if body]


def search(
    node: Node,
    text: str,
    *,
    who: Caller | None = None,
    collection: str = "findings",
    threshold: float = THRESHOLD,
) -> list[Match]:
    """The attack-patterns whose prompts are near a text, the nearest first.

    Args:
        node: The node.
        text: The text; it is not stored.
        who: Who asks; the owner unless said.
        collection: Where to look.
        threshold: Least share of equal minima.

    Raises:
        InputError: The text is too short.
    """
    asked = sketches(text)
    found = []
    for obj, body in known_patterns(node, who or node.me(), collection):
        near = max(similarity(body, one) for one in asked)
        if near >= threshold:
            found.append(Match(obj["id"], obj["name"], near, obj.get("created_by_ref")))
    return sorted(found, key=lambda match: (-match.similarity, match.id))


def with_sketch(obj: Record, text: str) -> Record:
    """An attack-pattern with the sketch and hash of its prompt; the prompt itself stays outside.

    Raises:
        InputError: It is no attack-pattern, or the text is too short.
    """
    from hashlib import sha256

    from kakehashi.exchange.ids import EXTENSIONS

    if obj.get("type") != "attack-pattern":
        raise InputError(f"a prompt belongs to an attack-pattern, not to a {obj.get('type')}")
    body = extension_of(obj, "attack-pattern") or {"extension_type": "property-extension"}
    body |= {"sketch": sketch(text), "payload_sha256": sha256(text.encode()).hexdigest()}
    return {**obj, "extensions": {**obj.get("extensions", {}), EXTENSIONS["attack-pattern"]: body}}
