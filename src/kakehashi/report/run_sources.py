"""What the numbers of one run rest on, each with the question to the ledger that gives its rows again."""

import numpy as np

from kakehashi.model import Measurement, MethodCard
from kakehashi.report.sources import Sources, quoted
from kakehashi.work.view import RunView

#: What stands between the names of runs that were merged into one view.
_JOINED = " + "


def run_sources(view: RunView, sources: Sources) -> dict[str, str]:
    """Sources of numbers that belong to no single measure.

    Returns:
        ``"items"``, ``"measurements"``, ``"run"`` and ``"ledger"``; where there are any, ``"plans"`` and records
        that are ``"hidden"`` → id of the source.
    """
    date, runs = view.created[:10], _runs(view)
    found = {
        "items": sources.add(
            "ledger", "items", f"SELECT * FROM items WHERE {runs}", len(view.items["status"]), date
        ),
        "measurements": sources.add(
            "ledger",
            "measurements",
            f"SELECT * FROM measurements WHERE {runs}",
            len(view.measurements),
            date,
        ),
        "run": sources.add(
            "ledger",
            "run",
            _run_record(view),
            len(view.run.split(_JOINED)),
            date,
        ),
        "ledger": records_source(view.tree_size, date, sources),
    }
    if view.plans:
        ids = [one.plan for one in view.plans]
        asked = f"SELECT * FROM records WHERE id IN ({', '.join(quoted(one) for one in ids)})"
        found["plans"] = sources.add("ledger", "plans", asked, len(ids), date, records=ids)
    if view.hidden:
        asked = "SELECT * FROM records WHERE hidden IS NOT NULL"
        found["hidden"] = sources.add("ledger", "retracted and superseded", asked, view.hidden, date)
    return found


def records_source(size: int, as_of: str, sources: Sources) -> str:
    """Source of counts of everything that a ledger held when its log had so many records."""
    return sources.add("ledger", "log", f"SELECT * FROM records WHERE position < {size}", size, as_of)


def suite_source(view: RunView, sources: Sources) -> str:
    """Source of counts of the items of ``kakehashi/core`` that are tagged to classes of taxonomies."""
    from kakehashi.evaluate.methods.core import PARTS
    from kakehashi.evaluate.methods.suite import load_suite

    files, revision = load_suite("core", PARTS)
    return sources.add(
        "catalog",
        f"kakehashi/core {revision[:23]}",
        "kakehashi/evaluate/data/core",
        sum(len(content["items"]) for content in files),
        view.created[:10],
    )


def measure_source(view: RunView, one: Measurement, key: str, rows: int, sources: Sources) -> str:
    """Source of the measurements of one measure in one language."""
    spoken = _spoken(one, "language IS NULL")
    return sources.add(
        "ledger",
        key,
        f"SELECT * FROM measurements WHERE {_runs(view)} AND measure = {quoted(one.measure.id)} AND {spoken}",
        rows,
        view.created[:10],
        licence=one.provenance.licence,
        citation=one.provenance.citation,
    )


def item_source(view: RunView, one: Measurement, key: str, sources: Sources) -> str:
    """Source of the item rows of one measure in one language; ``""`` where it has none of its own."""
    language = one.facets.get("language", "")
    mine = (view.items["measure"] == one.measure.id) & (view.items["language"] == language)
    if not np.any(mine):
        return ""
    spoken = _spoken(one, "coalesce(language, '') = ''")
    return sources.add(
        "ledger",
        f"items: {key}",
        f"SELECT * FROM items WHERE {_runs(view)} AND measure = {quoted(one.measure.id)} AND {spoken}",
        int(np.sum(mine)),
        view.created[:10],
    )


def judge_sources(view: RunView, card: MethodCard, sources: Sources) -> dict[str, str]:
    """Sources of what is known of a judge's errors: the card of the method, which the record of the run holds.

    Returns:
        Language → id of the source, which cites the answers that people labelled.
    """
    return {
        language: sources.add(
            "ledger",
            f"judge: {card.judge} [{language}]",
            _run_record(view),
            len(view.run.split(_JOINED)),
            view.created[:10],
            citation=error.source,
        )
        for language, error in card.judge_errors.items()
        if any(one.facets.get("language") == language for one in view.measurements)
    }


def _run_record(view: RunView) -> str:
    return f"SELECT * FROM records WHERE kind = 'run' AND {_runs(view)}"


def _runs(view: RunView) -> str:
    return f"run IN ({', '.join(quoted(run) for run in view.run.split(_JOINED))})"


def _spoken(one: Measurement, otherwise: str) -> str:
    language = one.facets.get("language", "")
    return f"language = {quoted(language)}" if language else otherwise
