"""Signed records, and minimal views that commit to what they do not show.

A signature covers the canonical form (RFC 8785) of the object without the signature itself; there are no floats in it.
A minimal view says hazard, affected family, severity and whom to ask, and holds a salted commitment to each
property of the full record. Who sees the full record later finds the salts inside it and can check that it is what was
committed to.
"""

import base64
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.records import Record, extension, extension_of, make, timestamp
from kakehashi.exchange.validate import has_float, problems_of
from kakehashi.proof import SigningKey, VerifierKey, canonical_bytes

_PAD = 16


def sign(obj: Mapping[str, Any], key: SigningKey) -> Record:
    """The object with a signature; one that it had is replaced.

    Raises:
        InputError: It holds a float, or has no canonical form.
    """
    body = signed_part(obj)
    carried = _carried(key.verifier, key.sign(canonical_bytes(body)))
    return {**body, "extensions": {**body.get("extensions", {}), EXTENSIONS["signature"]: carried}}


def _carried(key: VerifierKey, raw: bytes) -> Record:
    made = extension("signature", signed_by=str(key), signature=base64.b64encode(raw).decode())
    return dict(made[EXTENSIONS["signature"]])


def signed_part(obj: Mapping[str, Any]) -> Record:
    """What a signature covers: the object without it.

    Raises:
        InputError: It holds a float.
    """
    others = {
        key: value for key, value in obj.get("extensions", {}).items() if key != EXTENSIONS["signature"]
    }
    body = {key: value for key, value in obj.items() if key != "extensions"}
    if others:
        body["extensions"] = others
    if has_float(body):
        place = _float_in(body, "$")
        raise InputError(f"{place} is a float, and floats are not signed", hint="Write k and n, or a string.")
    return body


def verify_signature(obj: Mapping[str, Any], keys: Iterable[VerifierKey] = ()) -> VerifierKey | None:
    """Who signed an object; ``None`` where nobody did.

    Args:
        obj: The object.
        keys: Keys that are trusted; without any, only that the signature fits its own key is checked, which says
            nothing of who holds that key.

    Raises:
        VerificationError: The signature is wrong, or by a key that is not trusted.
    """
    body = extension_of(obj, "signature")
    if body is None:
        return None
    wrong = VerificationError(
        f"the signature of {obj.get('id')} is wrong", hint="Ask its creator for it again."
    )
    try:
        key = VerifierKey.parse(str(body["signed_by"]))
        raw = base64.b64decode(body["signature"], validate=True)
        right = key.verifies(raw, canonical_bytes(signed_part(obj)))
        right = right and body == _carried(key, raw)  # nothing beside it, and one way to write it
    except (InputError, KeyError, ValueError, TypeError) as error:
        raise wrong from error
    if not right:
        raise wrong
    trusted = tuple(keys)
    if trusted and key not in trusted:
        raise VerificationError(
            f"{obj.get('id')} is signed by {key.name}, which is not a key trusted here",
            hint="Ask its creator.",
        )
    return key


def minimal_view(
    full: Mapping[str, Any],
    *,
    contact: str,
    affected_family: str = "withheld",
    level: str = "green",
    markings: Iterable[str] = (),
    now: datetime | None = None,
) -> tuple[Record, Record]:
    """A new version of a vulnerability that opens, and a view of it that commits.

    Args:
        full: The vulnerability, with everything.
        contact: Whom to ask.
        affected_family: What is said of the systems affected.
        level: TLP level of the view.
        markings: Further markings of the view.
        now: Time of both.

    Returns:
        The full record (its next version) and the view. Sign and store both.

    Raises:
        InputError: ``full`` is no vulnerability.
    """
    if full.get("type") != "vulnerability":
        raise InputError(f"a minimal view is of a vulnerability, not of a {full.get('type')}")
    at = now or datetime.now(UTC)
    said = extension_of(full, "vulnerability") or {}
    shown = {key: said[key] for key in ("hazard", "severity_band", "disclosure_state") if key in said}
    full = {**full, "modified": timestamp(at)}
    salts = {name: secrets.token_hex(32) for name in _properties(full)}
    commitments = [_commitment(name, value, salts[name]) for name, value in _properties(full).items()]
    commitments += [
        secrets.token_hex(32) for _ in range(-len(commitments) % _PAD)
    ]  # their number says little
    view = make(
        "vulnerability",
        level=level,
        markings=tuple(markings),
        creator=full.get("created_by_ref"),
        now=at,
        name="withheld",
        extensions={
            **extension("vulnerability", **shown),
            **extension(
                "view", affected_family=affected_family, contact=contact, commitments=sorted(commitments)
            ),
        },
    )
    others = {key: value for key, value in full.get("extensions", {}).items() if key not in _NOT_COMMITTED}
    opened = {**full, "extensions": {**others, **extension("opening", view=view["id"], salts=salts)}}
    if problems := problems_of(opened):
        raise InputError(f"the full record would not be valid: {'; '.join(problems)}")
    return opened, view


def check_view(full: Mapping[str, Any], view: Mapping[str, Any]) -> tuple[str, ...]:
    """The properties of a full record that its view had committed to.

    Raises:
        VerificationError: A property of the full record was not committed to, or the two do not belong together.
    """
    opening, committed = extension_of(full, "opening"), extension_of(view, "view")
    if opening is None or committed is None or opening["view"] != view.get("id"):
        raise VerificationError("these are not a full record and its minimal view")
    properties, salts = _properties(full), opening["salts"]
    wrong = [
        name
        for name, value in properties.items()
        if name not in salts or _commitment(name, value, salts[name]) not in committed["commitments"]
    ]
    wrong += sorted(salts.keys() - properties.keys())
    if wrong:
        raise VerificationError(
            f"the view did not commit to {', '.join(wrong)} of {full.get('id')} as it now stands",
            hint="The record was changed after the view was made; ask its creator for the version of that time.",
        )
    return tuple(properties)


_NOT_COMMITTED = (EXTENSIONS["signature"], EXTENSIONS["opening"])


def _properties(full: Mapping[str, Any]) -> dict[str, Any]:
    """Each property, and each extension apart."""
    found = {key: value for key, value in full.items() if key != "extensions"}
    extensions = full.get("extensions", {})
    return found | {key: extensions[key] for key in sorted(extensions) if key not in _NOT_COMMITTED}


def _commitment(name: str, value: Any, salt: str) -> str:
    return sha256(bytes.fromhex(salt) + canonical_bytes([name, value])).hexdigest()


def _float_in(value: object, place: str) -> str | None:
    if isinstance(value, float):
        return place
    if isinstance(value, Mapping):
        inner = ((f"{place}.{key}", part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        inner = ((f"{place}[{n}]", part) for n, part in enumerate(value))
    else:
        return None
    return next((found for where, part in inner if (found := _float_in(part, where))), None)
