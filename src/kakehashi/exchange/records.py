"""Records that institutes exchange, made and read: STIX 2.1 with our property-extensions."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from kakehashi.errors import InputError
from kakehashi.exchange.ids import EXTENSIONS, LEVELS, TLP_2
from kakehashi.exchange.validate import problems_of

if TYPE_CHECKING:
    from kakehashi.compare.intervals import Estimate

Record = dict[str, Any]


def timestamp(at: datetime) -> str:
    """A time as STIX writes it, to the microsecond.

    Examples:
        >>> timestamp(datetime(2026, 3, 1, 9, tzinfo=UTC))
        '2026-03-01T09:00:00.000000Z'
    """
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def extension(name: str, **body: object) -> dict[str, Any]:
    """One of our extensions under its id, without what is ``None``.

    Examples:
        >>> list(extension("alert", level="urgent", action="retest", drill=True)) == [EXTENSIONS["alert"]]
        True
    """
    kept = {key: value for key, value in body.items() if value is not None}
    return {EXTENSIONS[name]: {"extension_type": "property-extension", **kept}}


def extension_of(obj: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """What an object says under one of our extensions, or ``None``."""
    body = obj.get("extensions", {}).get(EXTENSIONS[name])
    return dict(body) if isinstance(body, Mapping) else None


def make(
    kind: str,
    *,
    level: str | None = "amber",
    markings: Sequence[str] = (),
    creator: str | None = None,
    now: datetime | None = None,
    **body: object,
) -> Record:
    """A new object of a STIX type.

    Args:
        kind: The type, such as ``"vulnerability"``.
        level: TLP 2.0 level; AMBER unless said otherwise, ``None`` for no level (its creator alone sees it).
        markings: Ids of further markings, such as one that names an audience.
        creator: Identity of its creator.
        now: Time of its making.
        **body: The type's properties; what is ``None`` is left out.

    Raises:
        InputError: There is no such level, or the object would not be valid.

    Examples:
        >>> make("vulnerability", name="answers when asked politely")["type"]
        'vulnerability'
    """
    if level is not None and level not in TLP_2:
        raise InputError(f"{level!r} is not a TLP level", hint=f"Levels: {', '.join(LEVELS)}")
    at = timestamp(now or datetime.now(UTC))
    made: Record = {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{uuid4()}",
        "created": at,
        "modified": at,
    }
    if kind == "marking-definition":
        del made["modified"]
    refs = [*([TLP_2[level]] if level else []), *markings]
    made |= {"created_by_ref": creator, "object_marking_refs": refs or None, **body}
    made = {key: value for key, value in made.items() if value is not None}
    if problems := problems_of(made):
        raise InputError(f"not a valid {kind}: {'; '.join(problems)}")
    return made


def sharing_marking(
    *,
    communities: Sequence[str] | None = None,
    recipients: Sequence[str] | None = None,
    caveats: Sequence[str] = (),
    embargo_until: datetime | None = None,
    embargo_recipients: Sequence[str] | None = None,
    creator: str | None = None,
    name: str | None = None,
) -> Record:
    """A marking that says who may see what bears it; a community without members means nobody."""
    body = extension(
        "sharing",
        communities=None if communities is None else list(communities),
        recipients=None if recipients is None else list(recipients),
        caveats=list(caveats) or None,
        embargo_until=None if embargo_until is None else timestamp(embargo_until),
        embargo_recipients=None if embargo_recipients is None else list(embargo_recipients),
    )
    return make("marking-definition", level=None, creator=creator, name=name, extensions=body)


def measurement(
    of: str,
    k: int,
    n: int,
    *,
    counted: str,
    subject: Mapping[str, str],
    method: str,
    level: str | None = "amber",
    markings: Sequence[str] = (),
    creator: str | None = None,
    **more: object,
) -> Record:
    """A sighting with a measurement: in ``k`` of ``n`` trials happened what ``counted`` names.

    Args:
        of: Id of the vulnerability or attack pattern.
        k: How often it happened.
        n: Number of trials.
        counted: What k counts.
        subject: The exact system: ``name``, and ``developer``, ``version``, ``weights_sha256`` where known.
        method: Name of the method or detector.
        level: TLP level.
        markings: Further markings.
        creator: Identity of its creator.
        **more: ``protocol_id``, ``protocol_sha256``, ``judge``, ``language``, ``date``, ``replicates``, ``retest``.
    """
    body = extension(
        "measurement",
        observed_count=k,
        trial_count=n,
        counted=counted,
        subject=dict(subject),
        method=method,
        **more,
    )
    return make(
        "sighting",
        level=level,
        markings=markings,
        creator=creator,
        sighting_of_ref=of,
        count=min(k, 999_999_999),
        extensions=body,
    )


def measured(sighting: Mapping[str, Any], *, confidence_level: float = 0.95) -> "Estimate | None":
    """Rate and interval of a sighting's k of n, by Wilson's method; ``None`` where it measured nothing.

    The record itself holds k and n alone: what is signed needs no floats, and a reader need not trust the sender's
    arithmetic.

    Examples:
        >>> v = "vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8"
        >>> e = measured(measurement(v, 0, 20, counted="complied", subject={"name": "m"}, method="own/x"))
        >>> round(e.high, 3), e.method
        (0.161, 'wilson')
    """
    body = extension_of(sighting, "measurement")
    if body is None:
        return None
    from kakehashi.compare.intervals import wilson

    return wilson(body["observed_count"], body["trial_count"], confidence_level=confidence_level)


def version_of(obj: Mapping[str, Any]) -> str | None:
    """The version of an object: ``modified``, else ``created``, else none."""
    version = obj.get("modified", obj.get("created"))
    return version if isinstance(version, str) else None


def stored_bytes(obj: Mapping[str, Any]) -> bytes:
    """An object as bytes, in the order its maker wrote it; what a node stores and returns."""
    return _encode(obj).encode()


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
