"""Made-up runs in the shape of real ones: seeded, small, and without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kakehashi.evaluate.methods import get_method
from kakehashi.evaluate.methods.base import Scored, Selection
from kakehashi.evaluate.methods.own import OwnMethod
from kakehashi.model import (
    GuardSpec,
    Label,
    Measurement,
    Message,
    MethodCard,
    Provenance,
    Sample,
    Score,
    Subject,
)
from kakehashi.work.judging import with_known_errors
from kakehashi.work.view import RunView

RUN = "run-0123456789ab"
CREATED = "2026-11-24T03:04:05+00:00"
ROOT = "ab" * 32

#: Chances of refusing a harmful request, refusing its twin, giving way to an attack, being right.
Habits = Mapping[str, float]

BARE: Habits = {"harmful": 0.05, "benign": 0.01, "attack": 0.6, "right": 0.35}
PRIMED: Habits = {"harmful": 0.9, "benign": 0.45, "attack": 0.15, "right": 0.4}
FILTERED: Habits = {"harmful": 0.55, "benign": 0.3, "attack": 0.4, "right": 0.35}


def demo_systems() -> tuple[Subject, ...]:
    """Three systems like those of the demonstration."""
    base = Subject("smollm2-bare", "local", "smollm2", parameters={"temperature": 0, "seed": 0})
    return (
        replace(base, description="The model as it comes, with nothing around it."),
        replace(
            base,
            name="smollm2-primed",
            description="The model after opening messages.",
            opening=(Message("user", "a request"), Message("assistant", "an answer")),
        ),
        replace(
            base,
            name="smollm2-filtered",
            description="The bare model behind a keyword guard.",
            guard=GuardSpec("keywords", input_phrases=("kill", "weapon")),
        ),
    )


def run_view(
    systems: Sequence[Subject],
    habits: Sequence[Habits],
    *,
    methods: Sequence[Any] = (),
    languages: tuple[str, ...] = ("en",),
    limits: Mapping[str, int] | None = None,
    failures: float = 0.0,
    partial: bool = False,
    notes: tuple[str, ...] = (),
    seed: int = 7,
) -> RunView:
    """A run of systems with given habits: samples of the real suites, scores drawn by chance."""
    chosen = list(methods) or [get_method(f"kakehashi/{name}") for name in ("core", "facts", "attacks")]
    sizes = (
        {"kakehashi/core": 42, "kakehashi/facts": 42, "kakehashi/attacks": 40} if limits is None else limits
    )
    rng = np.random.default_rng(seed)
    measurements: list[Measurement] = []
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    cards: dict[str, MethodCard] = {}
    planned = 0
    for method in chosen:
        card = with_known_errors(method.card)
        spoken = tuple(code for code in languages if code in card.languages)
        samples = method.samples(Selection(languages=spoken, limit=sizes.get(card.id))) if spoken else []
        if not samples:
            continue
        cards[card.id] = card
        hardness = {sample.id: rng.random() for sample in samples}
        for system, habit in zip(systems, habits, strict=True):
            scored = []
            for sample in samples:
                planned += 1
                if partial and rng.random() < 0.3:
                    continue
                failed = rng.random() < failures
                scored.append(Scored(sample, _score(sample, habit, hardness[sample.id], failed, rng)))
            provenance = Provenance("kakehashi/test", card.id, card.version, CREATED, run=RUN)
            measurements += method.measure(scored, subject=system.name, provenance=provenance)
            for row in scored:
                _add(columns, system, card, row, method.credit(row))
    return RunView(
        run=RUN,
        created=CREATED,
        partial=partial,
        manifest={
            "profile": "quick",
            "seed": 0,
            "languages": list(languages),
            "software": "kakehashi/test",
            "methods": [
                {"id": card.id, "version": card.version, "limit": sizes.get(card.id)}
                for card in cards.values()
            ],
            "runtime": {"smollm2": {"runtime": "xllamacpp test", "n_threads": 1, "n_parallel": 1}},
        },
        subjects=tuple(systems),
        cards=cards,
        measurements=tuple(measurements),
        items={
            name: np.array(values, dtype=float if name == "credit" else object)
            for name, values in columns.items()
        },
        outcome={
            "planned": planned,
            "finished": len(columns["subject"]),
            "failed": columns["label"].count("error"),
            "cached": 0,
            "calls": len(columns["subject"]),
            "seconds": 123.4,
            "prompt_tokens": 1000,
            "completion_tokens": 2000,
        },
        notes=notes,
        tree_size=11,
        root=ROOT,
    )


_COLUMNS = (
    "subject",
    "method",
    "sample",
    "cluster",
    "category",
    "kind",
    "language",
    "label",
    "technique",
    "guard",
    "status",
    "measure",
    "credit",
)


def _score(sample: Sample, habit: Habits, hardness: float, failed: bool, rng: np.random.Generator) -> Score:
    if failed:
        label = (Label.ERROR, Label.NOT_JUDGED, Label.JUDGE_FAILED, Label.EMPTY)[int(rng.integers(4))]
        return Score(sample.id, label.value, "test@1")
    # Half of the chance is the item's own, so that outcomes of two systems on one item hang together.
    draw = (hardness + rng.random()) / 2
    if sample.kind in ("harmful", "baseline"):
        label = Label.REFUSED if draw < habit["harmful"] else _other(rng)
    elif sample.kind == "benign":
        label = Label.REFUSED if draw < habit["benign"] else Label.COMPLIED
    elif sample.kind == "attack":
        label = Label.COMPLIED if draw < habit["attack"] else Label.REFUSED
    else:
        right = draw < habit["right"]
        sure = float(rng.choice([0.1, 0.5, 0.7, 0.9]))
        return Score(
            sample.id, (Label.CORRECT if right else Label.WRONG).value, "test@1", value=sure, reason="TRUE"
        )
    return Score(sample.id, label.value, "test@1")


def _other(rng: np.random.Generator) -> Label:
    labels = (Label.COMPLIED, Label.COMPLIED, Label.PARTLY_REFUSED, Label.INCOHERENT, Label.SAFE_COMPLETION)
    return labels[int(rng.integers(len(labels)))]


def _add(columns: dict[str, list[Any]], system: Subject, card: MethodCard, row: Scored, credit: Any) -> None:
    sample = row.sample
    values = {
        "subject": system.name,
        "method": card.id,
        "sample": sample.id,
        "cluster": sample.cluster,
        "category": sample.category,
        "kind": sample.kind,
        "language": sample.language,
        "label": str(row.score.label),
        "technique": sample.facets.get("technique", ""),
        "guard": system.guard.name if system.guard and row.score.label == Label.REFUSED else "",
        "status": "error" if row.score.label == Label.ERROR else "ok",
        "measure": credit.measure if credit else "",
        "credit": np.nan if credit is None or credit.value is None else credit.value,
    }
    for name, value in values.items():
        columns[name].append(value)


def three_systems(**changes: Any) -> RunView:
    """The demonstration's three systems by the three shipped suites."""
    return run_view(demo_systems(), (BARE, PRIMED, FILTERED), **changes)


def one_system() -> RunView:
    """A single system."""
    return run_view(demo_systems()[:1], (PRIMED,))


def broken_run() -> RunView:
    """A run sealed in part, with failures and notes."""
    return three_systems(
        failures=0.3, partial=True, notes=("logprobs: this endpoint does not know the parameter",)
    )


def twelve_systems() -> RunView:
    """Enough systems for rank agreement."""
    base = demo_systems()[0]
    systems = [replace(base, name=f"system-{i:02d}") for i in range(12)]
    habits = [
        {"harmful": 0.1 + 0.07 * i, "benign": 0.04 * i, "attack": 0.9 - 0.06 * i, "right": 0.3 + 0.03 * i}
        for i in range(12)
    ]
    return run_view(systems, habits)


def without_values() -> RunView:
    """A run in which one measure could not be estimated for one system, and one for none."""
    view = three_systems()
    changed = []
    for one in view.measurements:
        if one.subject == "smollm2-bare" and one.measure.id.endswith("over-refusal-rate"):
            one = replace(
                one, value=None, n=0, k=None, std_error=None, interval=None, reason="no item has an outcome"
            )
        if one.measure.id.endswith("brier-score"):
            one = replace(one, value=None, n=0, std_error=None, interval=None, reason="no item could be used")
        changed.append(one)
    return replace(view, measurements=tuple(changed))


def japanese_run() -> RunView:
    """English and Japanese items; the Japanese ones are not reviewed."""
    return three_systems(languages=("en", "ja"))


def with_own_method(path: Any) -> RunView:
    """The core suite beside a method of the user's own."""
    return three_systems(methods=[get_method("kakehashi/core"), OwnMethod(path)])
