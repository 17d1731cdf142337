"""From a run to the values of its report."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from kakehashi.compare import ScoreTable, smallest_detectable_difference
from kakehashi.errors import NotEstimableError, UnknownNameError
from kakehashi.model import Measure, Measurement, MethodCard, Subject
from kakehashi.report.choosing import agreement_facts, cited, exposure_facts, published_facts
from kakehashi.report.classes import crosswalk_facts
from kakehashi.report.itemwise import item_agreement
from kakehashi.report.plain import finite
from kakehashi.report.run_sources import (
    item_source,
    judge_sources,
    measure_source,
    run_sources,
    suite_source,
)
from kakehashi.report.sources import Sources
from kakehashi.report.values import (
    Assessment,
    ConflictFacts,
    DifferenceFacts,
    MeasureFacts,
    MethodFacts,
    MissingFacts,
    RunFacts,
    ScoreFacts,
    SystemFacts,
)
from kakehashi.work.reconcile import PairedDifference, Reconciliation, reconcile
from kakehashi.work.view import RunView

_SECRET = re.compile(r"api[-_]?key|secret|password|authorization|bearer|credential", re.IGNORECASE)


def build_assessment(
    view: RunView,
    *,
    published: ScoreTable | None = None,
    with_published: bool = True,
    confidence_level: float = 0.95,
    rng: int = 0,
) -> Assessment:
    """All values that the report of a run shows.

    Args:
        view: The run.
        published: A table of published figures to stand beside it; the one shipped by default.
        with_published: Whether any such table stands beside it.
        confidence_level: Nominal coverage of the intervals made here.
        rng: Seed; the same run and seed give the same values.
    """
    found = reconcile(view, confidence_level=confidence_level)
    sources = Sources()
    shown = published_facts(published, rng=rng) if with_published else None
    rests_on = run_sources(view, sources)
    crosswalk = crosswalk_facts(view)
    if crosswalk is not None:
        rests_on["suite"] = suite_source(view, sources)
    scores = tuple(_score(one) for one in view.measurements if _shown(one))
    return Assessment(
        run=_run(view),
        systems=tuple(_system(subject) for subject in view.subjects),
        methods=tuple(_method(card, judge_sources(view, card, sources)) for card in view.cards.values()),
        measures=_measures(view, found, scores, sources),
        scores=scores,
        differences=tuple(_difference(one, scores) for one in found.differences),
        conflicts=tuple(
            ConflictFacts(one.one.key, one.other.key, one.first, one.second, one.same_construct)
            for one in found.conflicts
        ),
        item_agreement=item_agreement(view, found.columns, confidence_level=confidence_level, rng=rng),
        agreement=agreement_facts(found.table, len(view.subjects), rng=rng),
        exposure=exposure_facts(found.table, data_date=view.created, rng=rng),
        missing=_missing(view),
        titles=_titles(view),
        published=cited(shown, sources) if shown else None,
        settings={"seed": rng, "confidence_level": confidence_level},
        plans=view.plans,
        crosswalk=crosswalk,
        sources=sources.all(),
        rests_on=rests_on,
    )


def measure_key(measure: Measure, language: str) -> str:
    """Name of a measure in one language, as :class:`~kakehashi.work.reconcile.Column` has it."""
    return f"{measure.id} [{language}]"


def _facet(one: Measurement) -> str | None:
    """The facet that a measurement is broken down by; ``None`` where it stands on more than one."""
    rest = sorted(set(one.facets) - {"language"})
    return None if len(rest) > 1 else rest[0] if rest else ""


def _shown(one: Measurement) -> bool:
    """Whether a page has a place for it; what happened before and after attacks is not shown by family."""
    facet = _facet(one)
    before_after = one.measure.id.endswith(("broken-by-attack-rate", "mended-by-attack-rate"))
    return facet is not None and not (before_after and facet == "family")


def _score(one: Measurement) -> ScoreFacts:
    facet = _facet(one) or ""
    return ScoreFacts(
        system=one.subject,
        measure=measure_key(one.measure, one.facets.get("language", "")),
        facet=facet,
        part=one.facets.get(facet, ""),
        value=None if one.value is None else finite(one.value),
        low=finite(one.interval.low) if one.interval else None,
        high=finite(one.interval.high) if one.interval else None,
        confidence_level=one.interval.confidence_level if one.interval else None,
        interval_method=one.interval.method if one.interval else "",
        n=one.n,
        k=one.k,
        counts=dict(one.counts),
        detectable=_detectable(one),
        reason=one.reason,
    )


def _detectable(one: Measurement) -> float | None:
    """Smallest difference from this rate that as many items, put to another system, would show."""
    if one.measure.unit != "proportion" or not one.n or one.value is None:
        return None
    rate = min(max(one.value, 0.5 / one.n), 1 - 0.5 / one.n)
    effect = 1.0
    if one.std_error and 0 < one.value < 1:
        effect = max(1.0, one.std_error**2 * one.n / (one.value * (1 - one.value)))
    try:
        found = smallest_detectable_difference(one.n, rate, design="paired", design_effect=effect)
    except NotEstimableError:
        return None
    return found.value


def _measures(
    view: RunView, found: Reconciliation, scores: tuple[ScoreFacts, ...], sources: Sources
) -> tuple[MeasureFacts, ...]:
    seen: dict[str, MeasureFacts] = {}
    rows = Counter(measure_key(one.measure, one.facets.get("language", "")) for one in view.measurements)
    for one in view.measurements:
        if _facet(one) is None:
            continue
        language = one.facets.get("language", "")
        key = measure_key(one.measure, language)
        if key not in seen:
            seen[key] = MeasureFacts(
                key=key,
                name=one.measure.id.rpartition(":")[2],
                method=one.provenance.method,
                language=language,
                construct=one.measure.construct,
                polarity=one.measure.polarity.value,
                unit=one.measure.unit,
                detectable=_greatest(key, found, scores),
                source=measure_source(view, one, key, rows[key], sources),
                items=item_source(view, one, key, sources),
            )
    return tuple(seen.values())


def _greatest(key: str, found: Reconciliation, scores: tuple[ScoreFacts, ...]) -> float | None:
    mine = [one.detectable for one in found.differences if one.column.key == key and one.estimate]
    if not mine:
        mine = [one.detectable for one in scores if one.measure == key and not one.facet]
    known = [one for one in mine if one is not None]
    return max(known) if known and len(known) == len(mine) else None


def _difference(one: PairedDifference, scores: tuple[ScoreFacts, ...]) -> DifferenceFacts:
    found = one.estimate
    return DifferenceFacts(
        measure=one.column.key,
        first=one.first,
        second=one.second,
        value=finite(found.value) if found else None,
        low=finite(found.low) if found else None,
        high=finite(found.high) if found else None,
        n=found.n if found else None,
        detectable=one.detectable,
        better=one.better,
        order=_order(one, scores),
        reason=one.reason,
    )


def _order(one: PairedDifference, scores: tuple[ScoreFacts, ...]) -> str:
    if one.estimate is None:
        return "not-estimable"
    if not one.better:
        return "none"
    ends = [
        (score.low, score.high)
        for score in scores
        if score.measure == one.column.key and not score.facet and score.system in (one.first, one.second)
    ]
    known = [(low, high) for low, high in ends if low is not None and high is not None]
    if len(known) != 2:
        return "items-only"
    (low_1, high_1), (low_2, high_2) = known
    return "stated" if low_1 > high_2 or low_2 > high_1 else "items-only"


def _run(view: RunView) -> RunFacts:
    languages = view.manifest.get("languages") or sorted(
        {m.facets.get("language", "") for m in view.measurements}
    )
    return RunFacts(
        id=view.run,
        created=view.created,
        partial=view.partial,
        languages=tuple(str(one) for one in languages),
        outcome=dict(view.outcome),
        manifest=_without_secrets({k: v for k, v in view.manifest.items() if k != "subjects"}),
        notes=tuple(view.notes),
        tree_size=view.tree_size,
        root=view.root,
        hidden=view.hidden,
    )


def _without_secrets(value: Any) -> Any:
    """Settings as they may be printed: whatever is named like a credential is left out."""
    if isinstance(value, Mapping):
        return {
            str(key): "***" if _SECRET.search(str(key)) else _without_secrets(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(inner) for inner in value]
    return value


def _system(subject: Subject) -> SystemFacts:
    opening = "\n".join(f"{message.role}: {message.content}" for message in subject.opening)
    guard = subject.guard
    return SystemFacts(
        name=subject.name,
        endpoint=subject.endpoint,
        address=_address(subject.base_url),
        model=subject.model,
        developer=subject.developer,
        weights=subject.weights,
        description=subject.description,
        system_characters=len(subject.system),
        system_sha256=_hash(subject.system),
        opening=tuple(message.role for message in subject.opening),
        opening_sha256=_hash(opening),
        guard=guard.name if guard else "",
        guard_phrases=(len(guard.input_phrases), len(guard.output_phrases)) if guard else (0, 0),
        parameters=_without_secrets(dict(subject.parameters)),
        languages=_spoken(subject),
    )


def _address(url: str) -> str:
    """The address without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _spoken(subject: Subject) -> tuple[str, ...]:
    from kakehashi.evaluate.local import embedded_model

    if subject.endpoint != "local":
        return ()
    try:
        return embedded_model(subject.model).languages
    except UnknownNameError:
        return ()


def _method(card: MethodCard, judged: Mapping[str, str]) -> MethodFacts:
    return MethodFacts(
        id=card.id,
        version=card.version,
        title=dict(card.title),
        summary=dict(card.summary),
        measures=tuple(measure.id for measure in card.measures),
        constructs=tuple(dict.fromkeys(measure.construct for measure in card.measures)),
        categories={key: dict(titles) for key, titles in card.categories.items()},
        languages=tuple(card.languages),
        judge=card.judge,
        data_source=card.data_source,
        data_revision=card.data_revision,
        licence=card.licence,
        empty_policy=card.empty_policy.value,
        blocked_policy=card.blocked_policy.value,
        judge_failure_policy=card.judge_failure_policy.value,
        aggregation=card.aggregation,
        own=card.own,
        review=dict(card.review),
        judge_calibration=dict(card.judge_calibration),
        judge_errors=dict(card.judge_errors),
        judge_sources=dict(judged),
        shown_with=card.shown_with,
    )


def _missing(view: RunView) -> tuple[MissingFacts, ...]:
    items = view.items
    if not len(items.get("subject", ())):
        return ()
    found = []
    for subject in view.subjects:
        for method in view.cards:
            mine = (items["subject"] == subject.name) & (items["method"] == method)
            labels = items["label"][mine]
            found.append(
                MissingFacts(
                    system=subject.name,
                    method=method,
                    items=int(mine.sum()),
                    error=int((labels == "error").sum()),
                    judge_failed=int((labels == "judge-failed").sum()),
                    not_judged=int((labels == "not-judged").sum()),
                    empty=int((labels == "empty").sum()),
                    blocked=int((labels == "blocked").sum()),
                    guarded=int((np.asarray(items["guard"])[mine] != "").sum()),
                )
            )
    return tuple(found)


def _titles(view: RunView) -> dict[str, dict[str, dict[str, str]]]:
    wanted = {
        facet: {m.facets[facet] for m in view.measurements if facet in m.facets}
        for facet in ("technique", "family", "risk")
    }
    titles: dict[str, dict[str, dict[str, str]]] = {}
    if any(not card.own and not card.id.startswith("own/") for card in view.cards.values()):
        from kakehashi.evaluate.methods.published.parts import part_titles

        for facet, parts in part_titles().items():
            found = {m.facets[facet] for m in view.measurements if facet in m.facets}
            if found:
                titles[facet] = {key: dict(title) for key, title in parts.items() if key in found}
    if wanted["risk"]:
        from kakehashi.evaluate.methods.published.items import risk_titles

        titles["risk"] = {name: title for name, title in risk_titles().items() if name in wanted["risk"]}
    if not wanted["technique"] and not wanted["family"]:
        return titles
    from kakehashi.evaluate.attacks import technique_table

    table = technique_table()
    techniques = {
        name: dict(one.title) for name, one in table.techniques.items() if name in wanted["technique"]
    }
    families = {name: dict(title) for name, title in table.families.items() if name in wanted["family"]}
    return {**titles, "technique": techniques, "family": families}
