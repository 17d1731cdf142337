"""A run as reports and comparisons see it: what was assessed, by what, and what came out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kakehashi.errors import StorageError, UnknownNameError, UsageError
from kakehashi.model import GuardSpec, Measurement, Message, MethodCard, Subject

if TYPE_CHECKING:
    from kakehashi.ledger import Ledger
    from kakehashi.work.preregister import PlanCheck


@dataclass(frozen=True, slots=True)
class RunView:
    """A sealed run, read back from the ledger.

    Attributes:
        run: Identifier of the run.
        created: When it was sealed, ISO 8601 in UTC.
        partial: Whether it was sealed before it was complete.
        manifest: What the run was made of: profile, seed, languages, limits, runtime settings, versions.
        subjects: The systems, in the order they were named.
        cards: Method id → card.
        measurements: Headlines have the facet ``language`` alone, parts have more.
        items: Columns of equal length, one row for each subject and sample: ``subject``, ``method``,
            ``sample``, ``cluster``, ``category``, ``kind``, ``language``, ``label``, ``technique``,
            ``guard``, ``status``, ``measure`` (the headline that the item counts for, or ``""``) and
            ``credit`` (NaN where it has no outcome).
        outcome: Counts of the run: ``planned``, ``finished``, ``failed``, ``cached``, ``calls``,
            ``seconds``, ``prompt_tokens``, ``completion_tokens``.
        notes: What the reader must know: parameters that a provider refused, warnings, stopped subjects.
        tree_size: Size of the ledger's log when the run was read.
        root: Root of that log, hexadecimal.
        hidden: Number of retracted or superseded records that the query left out.
        plans: Plans in the ledger that concern the run, each against what was reported.
    """

    run: str
    created: str
    partial: bool
    manifest: Mapping[str, Any]
    subjects: tuple[Subject, ...]
    cards: Mapping[str, MethodCard]
    measurements: tuple[Measurement, ...]
    items: Mapping[str, NDArray[Any]]
    outcome: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tree_size: int = 0
    root: str = ""
    hidden: int = 0
    plans: tuple["PlanCheck", ...] = ()

    def headlines(self) -> tuple[Measurement, ...]:
        """The measurements of whole methods, one for each subject, measure and language."""
        return tuple(m for m in self.measurements if set(m.facets) == {"language"})

    def judges(self) -> list[dict[str, Any]]:
        """For each method the judge that was asked; by language of the run what it was checked on, how it errs."""
        from kakehashi.ledger import encode

        spoken = {m.facets["language"] for m in self.measurements if "language" in m.facets}
        return [
            {
                "method": card.id,
                "judge": card.judge,
                "calibration": {k: v for k, v in card.judge_calibration.items() if k in spoken},
                "errors": {k: encode(v) for k, v in card.judge_errors.items() if k in spoken},
                "review": {k: v for k, v in card.review.items() if k in spoken},
            }
            for card in self.cards.values()
        ]

    def parts(self, facet: str) -> tuple[Measurement, ...]:
        """The measurements broken down by one facet, such as ``"category"``."""
        return tuple(m for m in self.measurements if set(m.facets) == {"language", facet})


def merged(views: Sequence[RunView]) -> RunView:
    """Several runs as one, so that their systems can be compared; a name that two runs use gets its run's id.

    Args:
        views: At least one run.
    """
    if len(views) == 1:
        return views[0]
    used = Counter(subject.name for view in views for subject in view.subjects)
    renamed = [_renamed(view, used) for view in views]
    columns = list(renamed[0].items)
    asked: dict[str, set[str]] = {}
    for view in views:
        for card in view.cards.values():
            asked.setdefault(card.id, set()).add(card.judge)
    mixed = tuple(
        f"{method}: these runs were judged by different judges ({', '.join(sorted(judges))}), "
        "so a difference between systems may be one between judges"
        for method, judges in asked.items()
        if len(judges) > 1
    )
    return replace(
        renamed[0],
        run=" + ".join(view.run for view in views),
        partial=any(view.partial for view in views),
        subjects=tuple(subject for view in renamed for subject in view.subjects),
        cards={name: card for view in renamed for name, card in view.cards.items()},
        measurements=tuple(one for view in renamed for one in view.measurements),
        items={name: np.concatenate([view.items[name] for view in renamed]) for name in columns},
        notes=mixed + tuple(f"{view.run}: {note}" for view in renamed for note in view.notes),
        plans=tuple({plan.plan: plan for view in renamed for plan in view.plans}.values()),
    )


def _renamed(view: RunView, used: Counter[str]) -> RunView:
    new = {s.name: s.name if used[s.name] == 1 else f"{s.name}@{view.run}" for s in view.subjects}
    return replace(
        view,
        subjects=tuple(replace(subject, name=new[subject.name]) for subject in view.subjects),
        measurements=tuple(replace(one, subject=new[one.subject]) for one in view.measurements),
        items={
            **view.items,
            "subject": np.array([new[name] for name in view.items["subject"]], dtype=object),
        },
    )


def load_run(ledger: Path, run: str, *, size: int | None = None) -> RunView:
    """Read a sealed run back from the ledger.

    Args:
        ledger: Folder of the ledger.
        run: Identifier of the run or an unambiguous beginning of it.
        size: Read the ledger as it was when its log had so many records.

    Raises:
        UnknownNameError: No such run; the nearest are suggested.
        StorageError: There is no ledger.
    """
    from kakehashi.ledger import Ledger

    if not ledger.exists():
        raise StorageError("there is no ledger here yet", path=ledger, hint="Run: kakehashi demo")
    with Ledger.open(ledger) as opened:
        if size is not None:
            opened.cut(size)
        return view_of(opened, run)


def newest_run(ledger: Path, subject: str = "") -> str:
    """The run that was sealed last, of one system where it is named.

    Raises:
        UsageError: There is none.
        StorageError: There is no ledger.
    """
    from kakehashi.ledger import Ledger

    with Ledger.open(ledger) as opened:
        runs = [
            (record.text("created"), record.text("run"))
            for record in opened.records(kind="run")
            if not subject or any(one["name"] == subject for one in record.body["subjects"])
        ]
    if not runs:
        whose = f" of {subject}" if subject else ""
        raise UsageError(f"the ledger holds no run{whose}", hint="Make one: kakehashi assess")
    return max(runs)[1]


def view_of(opened: "Ledger", run: str) -> RunView:
    """A sealed run of a ledger that is open; errors as for :func:`load_run`."""
    from kakehashi.ledger import decode
    from kakehashi.work.preregister import plans_of

    runs = {record.text("run"): record for record in opened.records(kind="run")}
    found = [name for name in runs if name == run] or [name for name in runs if name.startswith(run)]
    if len(found) != 1:
        raise UnknownNameError("run", run, list(runs))
    name = found[0]
    head = runs[name].body
    items = opened.items(run=name)
    items["credit"] = items.pop("value")
    details = head.get("details", {})
    tree = opened.root()
    return RunView(
        run=name,
        created=head["created"],
        partial=head["partial"],
        manifest={
            **head["settings"],
            "software": head["software"],
            "methods": _without_cards(head["methods"]),
        },
        subjects=tuple(subject_of(described) for described in head["subjects"]),
        cards={one["id"]: decode(MethodCard, one["card"]) for one in head["methods"] if "card" in one},
        measurements=tuple(opened.measurements(run=name)),
        items=items,
        outcome=head["counts"],
        notes=(
            *details.get("notes", []),
            *(f"{one['parameter']}: {one['reason']}" for one in details.get("refused_parameters", [])),
        ),
        tree_size=tree.size,
        root=tree.root_hex,
        hidden=len(opened.hidden()),
        plans=plans_of(opened, name),
    )


def _without_cards(methods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key != "card"} for one in methods]


def subject_of(described: Mapping[str, Any]) -> Subject:
    """A subject from its JSON form."""
    guard = described.get("guard")
    return Subject(
        **{
            **described,
            "opening": tuple(Message(**message) for message in described["opening"]),
            "guard": None
            if guard is None
            else GuardSpec(
                **{
                    **guard,
                    "input_phrases": tuple(guard["input_phrases"]),
                    "output_phrases": tuple(guard["output_phrases"]),
                }
            ),
        }
    )
