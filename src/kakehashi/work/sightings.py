"""From an evaluation to the exchange: what a run measured, as sightings of a vulnerability."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange import Node, sign
from kakehashi.exchange.ids import LEVELS, TLP_2, derived_id
from kakehashi.exchange.records import Record, extension
from kakehashi.exchange.store import Filters
from kakehashi.work.seal import open_ledger
from kakehashi.work.workspace import Workspace

if TYPE_CHECKING:
    from kakehashi.ledger import Record as LedgerRecord
    from kakehashi.model import Measurement


def sight(
    run: str,
    *,
    of: str,
    workspace: Path | str | None = None,
    measures: tuple[str, ...] = (),
    subjects: tuple[str, ...] = (),
    level: str = "amber",
    markings: tuple[str, ...] = (),
    collection: str = "findings",
    ledger: Path | None = None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[Record, ...]:
    """Take what a run measured into the node, as signed sightings of a vulnerability or attack pattern.

    Only counted shares are taken (k of n over the whole run, or over each of its languages): a mean of scores is no
    count of anything seen. The same run again changes nothing. AMBER without an audience among ``markings`` is seen by
    its creator alone.

    Args:
        run: The run in the workspace's ledger, or the beginning of its name.
        of: Id of the vulnerability or attack pattern in the node.
        workspace: Folder of ledger and node.
        measures: Ids of the measures to take; all unless said.
        subjects: Names of the systems to take; all unless said.
        level: TLP level of the sightings.
        markings: Ids of further markings.
        collection: Collection of the node.
        ledger: The ledger, where it is not the workspace's.
        more: Further properties of the measurements, such as ``replicates`` and ``retest``.

    Raises:
        UnknownNameError: No such run, object or measure.
        InputError: The run measured nothing that counts, or the level is none.
    """
    if level not in TLP_2:
        raise InputError(f"{level!r} is not a TLP level", hint=f"Levels: {', '.join(LEVELS)}")
    place = Workspace.of(workspace)
    node = Node.open(place.exchange)
    with closing(node.store):
        target = node.collection(collection).id
        if not node.store.page(node.me(), target, Filters(ids=frozenset({of})), limit=1).entries:
            raise UnknownNameError("object", of, hint="See: kakehashi exchange list")
        with open_ledger(ledger or place.ledger, write=False) as opened:
            runs = {record.text("run"): record for record in opened.records(kind="run")}
            names = [name for name in runs if name == run] or [name for name in runs if name.startswith(run)]
            if len(names) != 1:
                raise UnknownNameError("run", run, list(runs))
            name = names[0]
            records = list(opened.records(kind="result", run=name))
        known = {str(one.get("name")): one for one in runs[name].body.get("subjects", ())}
        found = [(record, m) for record in records for m in _headlines(record)]
        if unknown := set(measures) - {m.measure.id for _, m in found}:
            raise UnknownNameError("measure", sorted(unknown)[0], sorted({m.measure.id for _, m in found}))
        made = [
            _sighting(node, record, m, known.get(m.subject, {}), of, (TLP_2[level], *markings), more)
            for record, m in found
            if (not measures or m.measure.id in measures) and (not subjects or m.subject in subjects)
        ]
        if not made:
            raise InputError(
                f"{name} has no share of counted items for what was asked", hint="See: results show"
            )
        receipt = node.store.post(node.me(), target, made)
        if failures := [outcome.failure for outcome in receipt.outcomes if outcome.failure]:
            raise InputError("; ".join(sorted(set(failures))))
    return tuple(made)


def _headlines(record: "LedgerRecord") -> "list[Measurement]":
    """Counted shares of the whole run; of each language where the method sums no further."""
    counted = [m for m in record.measurements() if set(m.facets) <= {"language"} and _counts(m)]
    whole = {m.measure.id for m in counted if not m.facets}
    return [m for m in counted if not m.facets or m.measure.id not in whole]


def _counts(m: "Measurement") -> bool:
    """Whether a measurement is k of n."""
    if m.measure.unit != "proportion" or m.k is None or not m.n:
        return False
    return float(m.k).is_integer() and 0 <= m.k <= m.n


def _sighting(
    node: Node,
    record: "LedgerRecord",
    m: "Measurement",
    about: Mapping[str, Any],
    of: str,
    marks: tuple[str, ...],
    more: Mapping[str, Any],
) -> Record:
    assert m.k is not None
    at = f"{m.provenance.created[:19]}.000Z"
    subject = {"name": m.subject, "version": about.get("model"), "developer": about.get("developer")}
    body = extension(
        "measurement",
        observed_count=int(m.k),
        trial_count=m.n,
        counted=m.measure.id,
        subject={key: str(value) for key, value in subject.items() if value},
        method=f"{m.provenance.method} {m.provenance.method_version}",
        judge=record.text("judge") or None,
        date=at[:10],
        **{"language": m.facets.get("language"), **more},
    )
    made: Record = {
        "type": "sighting",
        "spec_version": "2.1",
        "id": derived_id("sighting", node.owner, record.id, m.subject, m.measure.id, of, *m.facets.values()),
        "created_by_ref": node.owner,
        "created": at,
        "modified": at,
        "sighting_of_ref": of,
        "count": min(int(m.k), 999_999_999),
        "object_marking_refs": list(marks),
        "external_references": [{"source_name": "kakehashi-ledger", "external_id": record.id}],
        "extensions": body,
    }
    return sign(made, node.key())
