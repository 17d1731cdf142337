"""Taking in what sites sent: whose it is, of which protocol, in time, and still what was first received."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kakehashi.errors import IncompleteError, InputError, UsageError, VerificationError
from kakehashi.ledger import decode, now_utc
from kakehashi.ledger.files import write_whole
from kakehashi.model import Measurement
from kakehashi.proof import parse_json
from kakehashi.work.exercise import JOIN, OPENING, SUBMISSION, Protocol
from kakehashi.work.holdout import check_opening
from kakehashi.work.replicate import Results, columns_of
from kakehashi.work.signed import Signed, read_signed

_SAME = ("id", "version", "data_revision", "judge", "languages", "limit", "max_tokens", "repeats", "samples")
_HINT = "Ask the site for the file again; results are not combined with this one."


@dataclass(frozen=True, slots=True)
class PrivatePart:
    """Results of a site on items of its own.

    Attributes:
        method: Id of the method.
        items: Number of items committed to.
        root: The commitment.
        opened: Number of items shown since and found to be those.
        measurements: Headlines, as the site reports them.
    """

    method: str
    items: int
    root: str
    opened: int
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True, slots=True)
class SiteSubmission:
    """What one site handed in, checked.

    Attributes:
        site: Its name.
        key: Its public key as text.
        submitted: When it says it submitted.
        digest: SHA-256 of the submission.
        early: Whether it agrees to combining before the embargo ends.
        runs: One result for each judge of the protocol, in its order.
        private: Its results on items of its own.
        notes: What the reader must know.
    """

    site: str
    key: str
    submitted: str
    digest: str
    early: bool
    runs: tuple[Results, ...]
    private: tuple[PrivatePart, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)


def read_submissions(
    protocol: Protocol, folder: Path, *, partial: bool = False, now: str = ""
) -> tuple[tuple[SiteSubmission, ...], tuple[str, ...]]:
    """Everything that lies in a folder, checked against the protocol and against what was received before.

    Args:
        protocol: The protocol.
        folder: Folder with join files, submissions and openings.
        partial: Whether sites may be missing.
        now: The present time, for :data:`received.json`.

    Returns:
        The submissions by name of site, and the sites that joined and have not submitted.

    Raises:
        VerificationError: A changed file, another protocol, a site twice, a late or a replaced submission.
        IncompleteError: A site is missing and ``partial`` was not asked.
    """
    joins = _by_site(protocol, [read_signed(p, JOIN) for p in sorted(folder.glob("*.join.json"))], "join")
    if not joins:
        raise InputError(
            "nobody has joined: no *.join.json lies here", path=folder, hint="Run: kakehashi exercise join"
        )
    if protocol.sites:
        for signed in joins.values():
            if signed.key not in protocol.sites:
                raise VerificationError(
                    f"{signed.path}: the protocol does not name the key of {signed.key.name}",
                    hint="Only the sites of the protocol take part.",
                )
    given = _by_site(
        protocol, [read_signed(p, SUBMISSION) for p in sorted(folder.glob("*.submission.json"))], "submission"
    )
    opened = _by_site(
        protocol, [read_signed(p, OPENING) for p in sorted(folder.glob("*.opening.json"))], "opening"
    )
    for site, signed in (*given.items(), *opened.items()):
        if site not in joins:
            raise VerificationError(
                f"{signed.path}: {site} has not joined", hint="Ask the site for its join file."
            )
        if signed.key != joins[site].key:
            raise VerificationError(
                f"{signed.path}: signed with another key than {site} joined with", hint=_HINT
            )
    for signed in given.values():
        submitted = str(signed.body.get("submitted", ""))
        if protocol.deadline and submitted > protocol.deadline:
            raise VerificationError(
                f"{signed.path}: late: submitted {submitted}, results were taken until {protocol.deadline}",
                hint="Leave the file out with --partial, or agree on a new protocol.",
            )
    seen = _receive(folder, given, now or now_utc())
    missing = tuple(sorted(joins.keys() - given.keys()))
    if missing and not partial:
        raise IncompleteError(
            f"not yet submitted: {', '.join(missing)}", hint="Wait, or combine what there is with --partial."
        )
    found = []
    for site, signed in sorted(given.items()):
        notes = []
        if protocol.deadline and seen[site] > protocol.deadline:
            notes.append(f"{site}: signed before the deadline, first received here after it ({seen[site]})")
        try:
            found.append(_submission(protocol, joins[site], signed, opened.get(site), notes))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"not a submission that can be used: {type(error).__name__} {error}",
                path=signed.path,
                hint=_HINT,
            ) from None
    return tuple(found), missing


def check_embargo(protocol: Protocol, given: Sequence[SiteSubmission], now: str = "") -> None:
    """Refuse to go on before the embargo ends, unless every site agreed.

    Raises:
        UsageError: It is too early.
    """
    if not protocol.embargo or (now or now_utc()) > protocol.embargo:
        return
    against = [one.site for one in given if not one.early]
    if against:
        raise UsageError(
            f"the embargo lasts until {protocol.embargo}, and {', '.join(against)} did not agree to end it earlier",
            hint="Wait until then; a site agrees with `kakehashi exercise submit --early`.",
        )


def _by_site(protocol: Protocol, files: Sequence[Signed], what: str) -> dict[str, Signed]:
    found: dict[str, Signed] = {}
    for signed in files:
        if signed.body.get("protocol_sha256") != protocol.digest:
            raise VerificationError(
                f"{signed.path}: of another protocol ({str(signed.body.get('protocol_sha256'))[:16]}…, "
                f"this is {protocol.digest[:16]}…)",
                hint="Ask the site to join and run this protocol.",
            )
        site = str(signed.body.get("site", ""))
        if site != signed.key.name:
            raise VerificationError(
                f"{signed.path}: says it is of {site!r}, signed by {signed.key.name}", hint=_HINT
            )
        if site in found:
            raise VerificationError(
                f"{site} stands twice: {found[site].path.name} and {signed.path.name} are each a {what} of it",
                hint="One site, one key, one file of each kind: ask the site which it is, and remove the other.",
            )
        found[site] = signed
    return found


def _receive(folder: Path, given: Mapping[str, Signed], now: str) -> dict[str, str]:
    """Note what is seen for the first time; returns when each submission was."""
    path = folder / "received.json"
    known: dict[str, dict[str, str]] = {}
    if path.is_file():
        read = parse_json(path.read_bytes(), path=path)
        if not isinstance(read, dict) or not all(isinstance(one, dict) for one in read.values()):
            raise InputError("not the list of what was received", path=path)
        known = {
            site: {k: str(v) for k, v in one.items()} for site, one in read.items() if isinstance(one, dict)
        }
    for site, signed in given.items():
        before = known.setdefault(site, {"sha256": signed.digest, "received": now})
        if before.get("sha256") != signed.digest:
            raise VerificationError(
                f"{signed.path}: replaced: on {before.get('received')} another submission of {site} was received "
                f"({str(before.get('sha256'))[:16]}…, now {signed.digest[:16]}…)",
                hint="A submission is not replaced after it was seen; put the first one back.",
            )
    text = json.dumps(known, ensure_ascii=False, sort_keys=True, indent=1)
    write_whole(path, text.encode() + b"\n")
    return {site: one["received"] for site, one in known.items()}


def _submission(
    protocol: Protocol, join: Signed, signed: Signed, opened: Signed | None, notes: list[str]
) -> SiteSubmission:
    body, site = signed.body, signed.key.name
    runs = list(body["runs"])
    if len(runs) != len(protocol.runs):
        raise VerificationError(
            f"{signed.path}: holds {len(runs)} runs, the protocol has {len(protocol.runs)}", hint=_HINT
        )
    results = []
    for wanted, run in zip(protocol.runs, runs, strict=True):
        _check_run(wanted, run, signed.path)
        one = _results(site, run["manifest"], run["results"])
        notes += _contradictions(one)
        results.append(one)
    committed = {str(one["method"]): one for one in join.body["private"]}
    handed = {str(one["method"]): one for one in body["private"]}
    if committed.keys() != handed.keys():
        raise VerificationError(
            f"{signed.path}: private items of {sorted(handed)}, committed to were {sorted(committed)}",
            hint=_HINT,
        )
    shown = {str(one["method"]): one for one in opened.body["private"]} if opened is not None else {}
    private = tuple(
        _private(site, committed[method], part, shown.get(method), signed.path)
        for method, part in handed.items()
    )
    return SiteSubmission(
        site=site,
        key=str(signed.key),
        submitted=str(body["submitted"]),
        digest=signed.digest,
        early=body["early"] is True,
        runs=tuple(results),
        private=private,
        notes=tuple(notes),
    )


def _check_run(wanted: Mapping[str, Any], run: Mapping[str, Any], path: Path) -> None:
    manifest = run["manifest"]
    for key in ("seed", "languages"):
        if manifest[key] != wanted[key]:
            raise VerificationError(
                f"{path}: {key} is {manifest[key]!r}, the protocol says {wanted[key]!r}", hint=_HINT
            )
    for name, plain in (
        ("methods", _SAME),
        ("subjects", ("name", "system", "opening", "guard", "parameters")),
    ):
        there = [{key: one.get(key) for key in plain} for one in manifest[name]]
        here = [{key: one.get(key) for key in plain} for one in wanted[name]]
        if there != here:
            raise VerificationError(f"{path}: {name} are not those of the protocol", hint=_HINT)
    expected = {
        (subject["name"], method["id"]): method["samples"]
        for subject in wanted["subjects"]
        for method in wanted["methods"]
    }
    found = {(one["subject"], one["method"]): len(one["items"]["sample"]) for one in run["results"]}
    if found != expected:
        odd = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))[0]
        raise VerificationError(
            f"{path}: {odd[1]} on {odd[0]} has {found.get(odd, 0)} items, the protocol has {expected.get(odd, 0)}",
            hint=_HINT,
        )


def _results(site: str, manifest: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> Results:
    measurements: list[Measurement] = []
    rows: list[dict[str, Any]] = []
    for part in parts:
        measurements += [decode(Measurement, one) for one in part["measurements"]]
        owner = {"subject": part["subject"], "method": part["method"]}
        names = list(part["items"])
        rows += [
            {**dict(zip(names, row, strict=True)), **owner}
            for row in zip(*part["items"].values(), strict=True)
        ]
    return Results(site, manifest, tuple(measurements), columns_of(rows))


def _contradictions(results: Results) -> Iterator[str]:
    """Headlines that their own item rows do not give: a method may weigh its items, so this is only said."""
    for (subject, measure, language), one in results.headlines().items():
        items = results.items
        chosen = (
            (items["subject"] == subject) & (items["measure"] == measure) & (items["language"] == language)
        )
        credits_ = items["credit"][chosen]
        credits_ = credits_[credits_ == credits_]
        if one.value is not None and credits_.size and abs(float(credits_.mean()) - one.value) > 1e-9:
            yield (
                f"{results.name}: {measure} [{language}] of {subject} is {one.value:.4f}, "
                f"its items give {float(credits_.mean()):.4f}"
            )


def _private(
    site: str,
    committed: Mapping[str, Any],
    part: Mapping[str, Any],
    opened: Mapping[str, Any] | None,
    path: Path,
) -> PrivatePart:
    from kakehashi.work.holdout import root_of

    if any(part[key] != committed[key] for key in ("method", "version", "items", "root")):
        raise VerificationError(
            f"{path}: results on {part['method']} are of other items than {site} committed to when it joined",
            hint=_HINT,
        )
    measurements: list[Measurement] = []
    leaves: list[str] = []
    for result in part["results"]:
        leaves = list(result["items"]["sample"])
        if len(leaves) != committed["items"] or root_of(leaves) != committed["root"]:
            raise VerificationError(
                f"{path}: the rows of {part['method']} on {result['subject']} are not of the items that {site} "
                "committed to when it joined",
                hint=_HINT,
            )
        measurements += [decode(Measurement, one) for one in result["measurements"]]
    return PrivatePart(
        method=str(part["method"]),
        items=int(part["items"]),
        root=str(part["root"]),
        opened=0 if opened is None else check_opening(opened, committed, leaves),
        measurements=tuple(m for m in measurements if set(m.facets) == {"language"}),
    )
