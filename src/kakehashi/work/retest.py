"""An incoming attack pattern or vulnerability run against one's own model, and its result offered back."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kakehashi.errors import InputError, UnknownNameError, VerificationError
from kakehashi.evaluate.attacks import Context, load_cells, technique_table
from kakehashi.evaluate.methods import make_method, write_method
from kakehashi.evaluate.methods.core import PARTS
from kakehashi.evaluate.methods.suite import load_suite
from kakehashi.exchange import Node, extension_of
from kakehashi.exchange.alerts import find_alert
from kakehashi.exchange.records import Record, timestamp
from kakehashi.exchange.store import Filters
from kakehashi.exchange.timeline import standing_alerts
from kakehashi.work.assess import assess
from kakehashi.work.sightings import sight
from kakehashi.work.workspace import Workspace

TECHNIQUE = "kakehashi:technique/"


@dataclass(frozen=True, slots=True)
class Retest:
    """What a retest came to.

    Attributes:
        of: What was tested: id of the attack pattern or vulnerability.
        replicates: The sighting whose measurement was repeated, if one was named.
        run: The run.
        workspace: Folder of the run and its ledger.
        sightings: The signed sightings, as they stand in the node.
        alert: The alert that it answers, if any.
    """

    of: str
    replicates: str | None
    run: str
    workspace: Path
    sightings: tuple[Record, ...]
    alert: str | None


def retest(
    ref: str,
    subjects: Sequence[str],
    *,
    payload: Path | None = None,
    technique: str | None = None,
    language: str = "en",
    limit: int | None = None,
    judges: Sequence[str] = (),
    alert: str | None = None,
    fixed: bool = False,
    level: str = "amber",
    markings: tuple[str, ...] = (),
    collection: str = "findings",
    workspace: Path | str | None = None,
    say: Callable[[str], None] = lambda _: None,
    now: datetime | None = None,
) -> Retest:
    """Run what a record describes against one's own model, and make signed sightings of the result.

    Nothing is fetched: the payload is a file that the user has, held to the hash in the record where there is one, or
    a technique of ``kakehashi/attacks``. Every retest asks anew, in a folder of its own (``retests/``): an answer
    from before a mending is not taken for one from after it.

    Args:
        ref: Id of an attack pattern, a vulnerability, or somebody's sighting of one, which is then replicated.
        subjects: Words that name one's own systems.
        payload: CSV of prompts, as for ``kakehashi methods new``.
        technique: Name of a technique; where nothing is said, the one that the record names.
        language: Language of the prompts.
        limit: Most prompts.
        judges: As for an assessment.
        alert: The alert that it answers; where nothing is said, the newest one about the record that asks us.
        fixed: Whether the system was mended since, as this institute says.
        level: TLP level of the sightings.
        markings: Ids of further markings.
        collection: Collection of the node.
        workspace: Folder of node and retests.
        say: Called with short messages.
        now: The time.

    Raises:
        UnknownNameError: No such record, alert or technique.
        InputError: There is nothing to run.
        VerificationError: The file is not the one that the record means.
    """
    rooms, at = Workspace.of(workspace), now or datetime.now(UTC)
    node = Node.open(rooms.exchange)
    with closing(node.store):  # a retest may take hours: nothing is held meanwhile
        obj = _record(node, ref, collection)
        of = str(obj.get("sighting_of_ref", ref))
        target = obj if of == ref else _record(node, of, collection)
        answers = _alert_about(node, alert, of, collection)
    if obj["type"] not in ("attack-pattern", "vulnerability", "sighting"):
        raise InputError(f"a {obj['type']} cannot be retested", hint="Name an attack pattern or a sighting.")
    place = Workspace(rooms.path / "retests" / at.strftime("%Y%m%dT%H%M%S%fZ"))
    method = _method(target, payload, technique, language, place)
    done = assess(
        list(subjects), methods=[method], languages=[language], limit=limit, profile="full", judges=list(judges),
        workspace=place.path, say=say,
    )  # fmt: skip
    times = {"alerted": None if answers is None else answers["created"], "retested": timestamp(at)}
    times |= {"fixed": timestamp(at) if fixed else None}
    made = sight(
        done.run,
        of=of,
        workspace=rooms.path,
        ledger=place.ledger,
        level=level,
        markings=markings,
        collection=collection,
        more={
            "replicates": ref if obj["type"] == "sighting" else None,
            "retest": {name: time for name, time in times.items() if time is not None},
            "language": language,
        },
    )
    alert_id = None if answers is None else str(answers["id"])
    return Retest(of, ref if of != ref else None, done.run, place.path, made, alert_id)


def _record(node: Node, ref: str, collection: str) -> Record:
    page = node.store.page(node.me(), node.collection(collection).id, Filters(ids=frozenset({ref})), limit=1)
    if not page.entries:
        raise UnknownNameError("object", ref, hint="See: kakehashi exchange list")
    found: Record = json.loads(page.entries[0].data)
    return found


def _alert_about(node: Node, alert: str | None, of: str, collection: str) -> Record | None:
    if alert is not None:
        return find_alert(node, alert, collection)
    about = [
        one.record
        for one in standing_alerts(node, collection=collection)
        if one.asked and of in one.record.get("object_refs", ())
    ]
    return max(about, key=lambda record: str(record["created"]), default=None)


def _method(
    target: Record, payload: Path | None, technique: str | None, language: str, place: Workspace
) -> str:
    """Make the method that is run; returns its name."""
    body = extension_of(target, "attack-pattern") or {}
    named = str(body.get("payload_ref", ""))
    if payload is None and technique is None and named.startswith(TECHNIQUE):
        technique = named.removeprefix(TECHNIQUE)
    if payload is None and technique is None:
        raise InputError(
            "nothing here says what to run, and nothing is fetched",
            hint="Give --payload FILE (the record says whom to ask for it), or --technique NAME.",
        )
    if payload is None:
        assert technique is not None
        payload = _technique_file(technique, place)
    elif wanted := body.get("payload_sha256"):
        found = hashlib.sha256(payload.read_bytes()).hexdigest()
        if found != wanted:
            raise VerificationError(
                f"{payload} is not the payload that {target['id']} means: its SHA-256 is {found}",
                hint="Ask its creator for the file of that hash.",
            )
    name = f"retest-{str(target['id']).rpartition('--')[2][:13]}"
    described = make_method(payload, name=name, construct="attack-robustness", language=language)
    write_method(described, place.methods)
    return f"own/{name}"


def _technique_file(name: str, place: Workspace) -> Path:
    """The cells of one technique of ``kakehashi/attacks`` as prompts; of several turns the method has none."""
    import csv

    technique = technique_table()[name]
    files, _ = load_suite("core", PARTS)
    requests = {
        item["id"]: (item["harmful"]["en"], content["category"])
        for content in files
        for item in content["items"]
    }
    rows = []
    for cell in load_cells():
        if cell.technique == name:
            text, category = requests[cell.item]
            made = technique.render(text, Context(cell.item, category, cell.seed))
            if len(made.turns) == 1 and made.system is None and made.secret is None:
                rows.append([made.turns[0], f"{cell.item}-{cell.seed}", category, "harmful"])
    if not rows:
        raise InputError(
            f"{name} takes several turns, which a retest does not run", hint="Run kakehashi/attacks instead."
        )
    place.path.mkdir(parents=True, exist_ok=True)
    path = place.path / "technique.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["prompt", "id", "category", "kind"], *rows])
    return path
