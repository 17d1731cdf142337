"""What a site hands in: numbers and item rows of its sealed runs, signed, without texts; later its private items."""

import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kakehashi.errors import IncompleteError, UsageError
from kakehashi.ledger import Ledger, Record, now_utc
from kakehashi.proof import SigningKey
from kakehashi.work.exercise import OPENING, SUBMISSION, Protocol, Site, must_have_joined
from kakehashi.work.holdout import Holdout, opening
from kakehashi.work.seal import open_ledger
from kakehashi.work.signed import Signed, sign_file
from kakehashi.work.workspace import Workspace

#: Columns of item rows that are handed in; of private items the sample is its leaf and hashes of answers stay here.
COLUMNS = (
    *("sample", "measure", "cluster", "category", "kind", "language", "technique"),
    *("label", "value", "judge", "status", "response_hash"),
)


def submit_exercise(
    protocol: Protocol,
    key: SigningKey,
    out: Path,
    *,
    early: bool = False,
    workspace: Path | str = Path("kakehashi-work"),
) -> Signed:
    """Sign the results of this site's runs and write them for the others.

    Args:
        protocol: The protocol.
        key: The site's key.
        out: Folder that the submission is written to.
        early: Whether this site agrees that results are combined before the embargo ends.
        workspace: The site's workspace.

    Raises:
        UsageError: The site has not joined, has not run, or has submitted already.
        IncompleteError: A run is partial.
    """
    kept = must_have_joined(protocol, key, workspace)
    path = out / f"{key.name}.submission.json"
    if path.exists() or kept.get("submitted"):
        raise UsageError(
            f"{key.name} has submitted already ({kept.get('submitted', path)}); a submission is not replaced",
            hint="Send the file that was written then.",
        )
    if not kept.get("runs"):
        raise UsageError(
            "nothing has been run for this exercise",
            hint="Run: kakehashi exercise run PROTOCOL --key FILE",
        )
    site, rooms = Site.of(protocol, workspace), Workspace(Path(workspace))
    holdouts = {one.method: one for one in site.holdouts(protocol, rooms.methods)}
    with open_ledger(rooms.ledger, write=False) as ledger:
        runs = [
            {**one, "results": [_result(ledger, record) for record in _records(ledger, one["run"])]}
            for one in kept["runs"]
        ]
        private = [
            {
                **holdouts[one["method"]].commitment(),
                "results": [
                    _hidden(_result(ledger, record), holdouts[one["method"]], kept["secret"])
                    for record in _records(ledger, one["run"])
                ],
            }
            for one in kept["private_runs"]
        ]
    body = {
        "protocol_sha256": protocol.digest,
        "site": key.name,
        "submitted": now_utc(),
        "early": early,
        "runs": runs,
        "private": private,
    }
    signed = sign_file(path, SUBMISSION, body, key)
    site.write({**kept, "submitted": signed.digest})
    return signed


def open_holdouts(
    protocol: Protocol,
    key: SigningKey,
    out: Path,
    *,
    items: Sequence[str] = (),
    workspace: Path | str = Path("kakehashi-work"),
) -> Signed:
    """Show private items with their salts, so that everybody can check them against the commitment.

    Args:
        protocol: The protocol.
        key: The site's key.
        out: Folder that the opening is written to. It holds the texts of the items.
        items: Ids of the items to show; all by default.
        workspace: The site's workspace.

    Raises:
        UsageError: The site has no private items.
        UnknownNameError: No such item.
    """
    must_have_joined(protocol, key, workspace)
    holdouts = Site.of(protocol, workspace).holdouts(protocol, Workspace(Path(workspace)).methods)
    if not holdouts:
        raise UsageError(f"{key.name} has no private items in this exercise")
    opened = [
        opening(one, wanted)
        for one in holdouts
        if (wanted := [item for item in items if item in one.items]) or not items
    ]
    if not opened:
        opening(holdouts[0], items)  # names the item that is unknown
    body = {"protocol_sha256": protocol.digest, "site": key.name, "created": now_utc(), "private": opened}
    return sign_file(out / f"{key.name}.opening.json", OPENING, body, key)


def _records(ledger: Ledger, run: str) -> list[Record]:
    heads = ledger.records(kind="run", run=run)
    if not heads:
        raise UsageError(f"{run} is not in the ledger", hint="Run `kakehashi exercise run` again.")
    if heads[-1].body["partial"]:
        raise IncompleteError(f"{run} is partial", hint="Run `kakehashi exercise run` again; it goes on.")
    return ledger.records(kind="result", run=run)


def _result(ledger: Ledger, record: Record) -> dict[str, Any]:
    found = ledger.items(record=record.id, columns=list(COLUMNS))
    return {
        **{name: record.text(name) for name in ("subject", "method", "method_version", "judge")},
        "measurements": list(record.body["measurements"]),
        "items": {name: [_plain(value) for value in found[name]] for name in COLUMNS},
    }


def _plain(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    return None if np.isnan(number) else number


def _hidden(result: Mapping[str, Any], found: Holdout, secret: str) -> dict[str, Any]:
    items = dict(result["items"])
    items["sample"] = [found.leaves[sample] for sample in items["sample"]]
    items["cluster"] = [_salted(cluster, secret) for cluster in items["cluster"]]
    items["response_hash"] = [None] * len(items["sample"])
    return {**result, "items": items}


def _salted(text: object, secret: str) -> str:
    return hmac.new(bytes.fromhex(secret), f"cluster\n{text}".encode(), "sha256").hexdigest()[:16]
