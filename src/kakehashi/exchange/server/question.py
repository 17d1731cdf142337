"""What a request asks: media types, filters, page; read strictly, refused with what was wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kakehashi.errors import InputError
from kakehashi.exchange.cursor import read_next
from kakehashi.exchange.records import timestamp
from kakehashi.exchange.store import Filters
from kakehashi.exchange.validate import moment

MEDIA_TYPE = "application/taxii+json;version=2.1"
STIX_TYPE = "application/stix+json;version=2.1"
MAX_LIMIT = 1000
_MAX_VALUES = 200


@dataclass(frozen=True, slots=True)
class Question:
    """A page of something.

    Attributes:
        filters: Which objects.
        limit: How many at most.
        after: Behind which entry.
        bound: What a cursor for more is bound to.
    """

    filters: Filters
    limit: int
    after: int
    bound: tuple[str, ...]


def accepts_taxii(header: str | None) -> bool:
    """Whether an Accept header takes TAXII 2.1.

    Examples:
        >>> accepts_taxii("application/taxii+json; version=2.1"), accepts_taxii("text/html")
        (True, False)
    """
    for part in (header or "*/*").split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        version = next(
            (p.partition("=")[2].strip('" ') for p in parameters if p.startswith("version")), "2.1"
        )
        zero = any(re.fullmatch(r"q=0(\.0*)?", p.replace(" ", "")) for p in parameters)
        if kind in ("*/*", "application/*", "application/taxii+json") and version == "2.1" and not zero:
            return True
    return False


def is_taxii(header: str | None) -> bool:
    """Whether a Content-Type is TAXII 2.1."""
    kind, *parameters = (word.strip().lower() for word in (header or "").split(";"))
    version = next((p.partition("=")[2].strip('" ') for p in parameters if p.startswith("version")), "2.1")
    return kind == "application/taxii+json" and version == "2.1"


def read_question(
    parameters: Mapping[str, str],
    *,
    caller: str,
    place: str,
    secret: str,
    one: str | None = None,
    default: str = "last",
) -> Question:
    """A request's parameters.

    Args:
        parameters: The query.
        caller: Identity of who asks.
        place: Address of what is asked.
        secret: The node's secret.
        one: The single object that is asked for.
        default: Which versions, where nothing is said.

    Raises:
        InputError: A parameter is not what the standard allows.
    """
    added = parameters.get("added_after")
    versions = _values(parameters, "match[version]")
    for word in versions - {"last", "first", "all"}:
        _moment("match[version]", word)
    filters = Filters(
        added_after=None if added is None else timestamp(_moment("added_after", added)),
        ids=frozenset({one}) if one is not None else _values(parameters, "match[id]"),
        types=_values(parameters, "match[type]"),
        versions=versions or frozenset({default}),
        spec_versions=_values(parameters, "match[spec_version]"),
    )
    limit = parameters.get("limit", str(MAX_LIMIT))
    if not re.fullmatch(r"[0-9]{1,9}", limit) or int(limit) < 1:
        raise InputError("limit: not a whole number above 0")
    sets = (filters.ids, filters.types, filters.versions, filters.spec_versions)
    bound = (caller, place, filters.added_after or "", *(",".join(sorted(values)) for values in sets))
    after = read_next(secret, parameters["next"], *bound) if "next" in parameters else 0
    return Question(filters, min(int(limit), MAX_LIMIT), after, bound)


def _values(parameters: Mapping[str, str], name: str) -> frozenset[str]:
    found = frozenset(value.strip() for value in parameters.get(name, "").split(",") if value.strip())
    if len(found) > _MAX_VALUES:
        raise InputError(f"{name}: more than {_MAX_VALUES} values")
    return found


def _moment(name: str, text: str) -> datetime:
    try:
        return moment(text)
    except ValueError:
        raise InputError(f"{name}: not a timestamp such as 2026-01-31T12:00:00.000000Z") from None
