"""Whether a document is CSAF 2.0: its required fields, and the mandatory tests (6.1) that concern what is read.

The standard's own JSON schema and test files are the oracle of the tests; neither is shipped. Not made are the tests
6.1.8 to 6.1.13 (scores, weaknesses, languages, package addresses), 6.1.15, 6.1.24 to 6.1.26, 6.1.27.9 and 6.1.28 to
6.1.33: of what is not read here, or of style.

References:
    OASIS, Common Security Advisory Framework Version 2.0, sections 3.2 and 6.1.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

_TEXT = {"document/category", "document/title", "document/csaf_version"}
_CATEGORY = re.compile(r"[^\s\-_.](.*[^\s\-_.])?")
_ID = re.compile(r"\S(.*\S)?")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?)?")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_PUBLISHERS = {"coordinator", "discoverer", "other", "translator", "user", "vendor"}
_STATUSES = {"draft", "final", "interim"}
_TLP = {"AMBER", "GREEN", "RED", "WHITE"}
_NOTES = {"description", "details", "faq", "general", "legal_disclaimer", "other", "summary"}
_AFFECTED = ("first_affected", "known_affected", "last_affected")
_FIXED = ("first_fixed", "fixed")
_GROUPS = (_AFFECTED, ("known_not_affected",), _FIXED, ("under_investigation",))


def csaf_problems(document: Any) -> list[str]:
    """What is wrong with a CSAF 2.0 document, each with its path; empty where nothing is.

    Examples:
        >>> csaf_problems({"document": {}})[0]
        'document/category: missing or not a text'
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("document"), Mapping):
        return ["document: missing"]
    try:
        found = list(_form(document))
        return found or [
            *_tracking(document["document"]["tracking"]),
            *_products(document),
            *_profile(document),
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [f"not as the standard has it: {error!r}"]


def _form(document: Mapping[str, Any]) -> Iterator[str]:
    head = document["document"]
    for path in sorted(_TEXT):
        value = head.get(path.partition("/")[2])
        if not isinstance(value, str) or not value:
            yield f"{path}: missing or not a text"
    if head.get("csaf_version") not in (None, "2.0"):
        yield f"document/csaf_version: {str(head['csaf_version'])[:20]!r} is not read here, 2.0 is"
    if isinstance(head.get("category"), str) and not _CATEGORY.fullmatch(head["category"]):
        yield "document/category: begins or ends with a blank or a mark"
    publisher = head.get("publisher")
    if not isinstance(publisher, Mapping):
        yield "document/publisher: missing"
    else:
        if publisher.get("category") not in _PUBLISHERS:
            yield "document/publisher/category: none of the standard's"
        for name in ("name", "namespace"):
            if not isinstance(publisher.get(name), str) or not publisher[name]:
                yield f"document/publisher/{name}: missing"
    tlp = (head.get("distribution") or {}).get("tlp")
    if tlp is not None and (not isinstance(tlp, Mapping) or tlp.get("label") not in _TLP):
        yield "document/distribution/tlp/label: none of the standard's"
    tracking = head.get("tracking")
    if not isinstance(tracking, Mapping):
        yield "document/tracking: missing"
        return
    for name in ("id", "version"):
        form = _ID if name == "id" else _VERSION
        if not isinstance(tracking.get(name), str) or not form.fullmatch(tracking[name]):
            yield f"document/tracking/{name}: missing or not of its form"
    for name in ("current_release_date", "initial_release_date"):
        if not isinstance(tracking.get(name), str) or not _TIME.fullmatch(tracking[name]):
            yield f"document/tracking/{name}: missing or not a time"
    if tracking.get("status") not in _STATUSES:
        yield "document/tracking/status: none of the standard's"
    history = tracking.get("revision_history")
    if not isinstance(history, list) or not history:
        yield "document/tracking/revision_history: missing"
        return
    for at, one in enumerate(history):
        where = f"document/tracking/revision_history/{at}"
        if not isinstance(one, Mapping) or not _TIME.fullmatch(str(one.get("date"))):
            yield f"{where}/date: missing or not a time"
        elif not _VERSION.fullmatch(str(one.get("number"))) or not one.get("summary"):
            yield f"{where}: needs number and summary"
    for at, one in enumerate(document.get("vulnerabilities") or ()):
        if not isinstance(one, Mapping) or not one:
            yield f"vulnerabilities/{at}: not an object"
            continue
        if "cve" in one and not (isinstance(one["cve"], str) and _CVE.fullmatch(one["cve"])):
            yield f"vulnerabilities/{at}/cve: not the number of a CVE"
        for n, note in enumerate(one.get("notes") or ()):
            if note.get("category") not in _NOTES or not note.get("text"):
                yield f"vulnerabilities/{at}/notes/{n}: needs category and text"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _key(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[-+]", number)[0].split("."))


def _tracking(tracking: Mapping[str, Any]) -> Iterator[str]:
    """Tests 6.1.14, 6.1.16 to 6.1.18 and 6.1.20 to 6.1.22."""
    where = "document/tracking"
    history = tracking["revision_history"]
    numbers = [str(one["number"]) for one in history]
    dated = sorted(history, key=lambda one: (_at(one["date"]), _key(str(one["number"]))))
    if [_key(str(one["number"])) for one in dated] != sorted(map(_key, numbers)):
        yield f"{where}/revision_history: not in the order of dates (6.1.14)"
    version, draft = tracking["version"], tracking["status"] == "draft"
    last = max(numbers, key=_key)
    bare = [re.split(r"[-+]" if draft else r"\+", number)[0] for number in (version, last)]
    if bare[0] != bare[1]:
        yield f"{where}/version: {version} is not the last of the revision history (6.1.16)"
    if (_key(version)[0] == 0 or "-" in version.partition("+")[0]) and not draft:
        yield f"{where}/version: {version} is for drafts (6.1.17, 6.1.20)"
    if tracking["status"] in ("final", "interim") and any(_key(number)[0] == 0 for number in numbers):
        yield f"{where}/revision_history: holds version 0 of what is released (6.1.18)"
    if any("-" in number.partition("+")[0] for number in numbers):
        yield f"{where}/revision_history: holds a pre-release (6.1.19)"
    majors = sorted({_key(number)[0] for number in numbers})
    if majors != list(range(majors[0], majors[-1] + 1)) or majors[0] > 1:
        yield f"{where}/revision_history: leaves out a version (6.1.21)"
    if any(count > 1 for count in Counter(numbers).values()):
        yield f"{where}/revision_history: one number twice (6.1.22)"


def _defined(node: Any) -> Iterator[str]:
    """Every product that a product tree defines."""
    if isinstance(node, Mapping):
        for name in ("product", "full_product_name"):
            if isinstance(node.get(name), Mapping):
                yield str(node[name]["product_id"])
        for name in ("branches", "relationships"):
            for one in node.get(name) or ():
                yield from _defined(one)
        for one in node.get("full_product_names") or ():
            yield str(one["product_id"])


def _used(one: Mapping[str, Any]) -> Iterator[str]:
    for products in (one.get("product_status") or {}).values():
        yield from products
    for name in ("scores", "flags", "remediations", "threats"):
        for part in one.get(name) or ():
            yield from part.get("products" if name == "scores" else "product_ids") or ()


def _products(document: Mapping[str, Any]) -> Iterator[str]:
    """Tests 6.1.1 to 6.1.7 (products and their states) and 6.1.23 (one CVE once)."""
    tree = document.get("product_tree") or {}
    counted = Counter(_defined(tree))
    for product, count in counted.items():
        if count > 1:
            yield f"product_tree: {product} is defined {count} times (6.1.2)"
    groups = Counter(str(one["group_id"]) for one in tree.get("product_groups") or ())
    yield from (f"product_tree: group {g} is defined {n} times (6.1.5)" for g, n in groups.items() if n > 1)
    for at, one in enumerate(tree.get("relationships") or ()):
        own = one["full_product_name"]["product_id"]
        for name in ("product_reference", "relates_to_product_reference"):
            if one[name] not in counted:
                yield f"product_tree/relationships/{at}/{name}: not defined (6.1.1)"
            if one[name] == own:
                yield f"product_tree/relationships/{at}: refers to itself (6.1.3)"
    for at, one in enumerate(tree.get("product_groups") or ()):
        for product in one["product_ids"]:
            if product not in counted:
                yield f"product_tree/product_groups/{at}: {product} is not defined (6.1.1)"
    for at, one in enumerate(document.get("vulnerabilities") or ()):
        where = f"vulnerabilities/{at}"
        for product in dict.fromkeys(_used(one)):
            if product not in counted:
                yield f"{where}: product {product} is not defined (6.1.1)"
        for part in (p for name in ("flags", "remediations", "threats") for p in one.get(name) or ()):
            for group in part.get("group_ids") or ():
                if group not in groups:
                    yield f"{where}: group {group} is not defined (6.1.4)"
        status = one.get("product_status") or {}
        sides = [{p for name in group for p in status.get(name) or ()} for group in _GROUPS]
        for product in sorted(set().union(*sides)):
            if sum(product in side for side in sides) > 1:
                yield f"{where}/product_status: {product} is in states that exclude one another (6.1.6)"
        scored = Counter(
            (product, kind)
            for score in one.get("scores") or ()
            for kind in ("cvss_v2", _v3(score))
            if kind in score or kind.startswith("3")
            for product in score["products"]
        )
        yield from (
            f"{where}/scores: {product} has {count} scores of one version (6.1.7)"
            for (product, _), count in scored.items()
            if count > 1
        )
    cves = Counter(one["cve"] for one in document.get("vulnerabilities") or () if "cve" in one)
    yield from (f"vulnerabilities: {cve} {n} times (6.1.23)" for cve, n in cves.items() if n > 1)


def _v3(score: Mapping[str, Any]) -> str:
    body = score.get("cvss_v3")
    return str(body.get("version", "3")) if isinstance(body, Mapping) else "cvss_v3"


def _profile(document: Mapping[str, Any]) -> Iterator[str]:
    """Tests 6.1.27.4 to 6.1.27.9 and 6.1.27.11 for advisories and VEX, 6.1.27.1 to 3 for the other profiles."""
    category = document["document"]["category"]
    found = document.get("vulnerabilities")
    if category in ("csaf_security_advisory", "csaf_vex"):
        if "product_tree" not in document:
            yield "product_tree: missing, which this category needs (6.1.27.4)"
        if not found:
            yield "vulnerabilities: missing, which this category needs (6.1.27.11)"
        for at, one in enumerate(found or ()):
            if not one.get("notes"):
                yield f"vulnerabilities/{at}/notes: missing, which this category needs (6.1.27.5)"
            if category == "csaf_security_advisory" and "product_status" not in one:
                yield f"vulnerabilities/{at}/product_status: missing (6.1.27.6)"
            if category == "csaf_vex" and not set(one.get("product_status") or {}) & {
                "fixed", "known_affected", "known_not_affected", "under_investigation"
            }:  # fmt: skip
                yield f"vulnerabilities/{at}/product_status: missing (6.1.27.7)"
            if category == "csaf_vex" and not (one.get("cve") or one.get("ids")):
                yield f"vulnerabilities/{at}: neither cve nor ids (6.1.27.8)"
    if category in ("csaf_informational_advisory", "csaf_security_incident_response"):
        notes = document["document"].get("notes") or ()
        if not any(one.get("category") in ("description", "details", "general", "summary") for one in notes):
            yield "document/notes: missing, which this category needs (6.1.27.1)"
        references = document["document"].get("references") or ()
        if not any(one.get("category", "external") == "external" for one in references):
            yield "document/references: missing, which this category needs (6.1.27.2)"
    if category == "csaf_informational_advisory" and found is not None:
        yield "vulnerabilities: not in this category (6.1.27.3)"
