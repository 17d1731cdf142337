"""Drafts of reports from a workspace's evidence, with the numbers of the runs that are evidence."""

from collections.abc import Sequence

from kakehashi.commitments import Catalog
from kakehashi.commitments.drafts import Draft, Figure, draft_form
from kakehashi.commitments.evidence import Evidence, check_day
from kakehashi.ledger import Ledger
from kakehashi.model import Measurement
from kakehashi.work.evidence import load_evidence
from kakehashi.work.workspace import Workspace


def draft_report(
    catalog: Catalog, place: Workspace, form: str, organization: str, *, date: str, clearance: str = "clear"
) -> Draft:
    """Draft a form for an organization from the workspace; arguments as for :func:`commitments.drafts.draft_form`.

    Raises:
        UnknownNameError: No such form, organization or marking.
        InputError: A date that is none or lies ahead.
    """
    check_day(date, "the date of the draft")
    book = load_evidence(place, clearance=clearance)
    figures = run_figures(place, book.entries)
    return draft_form(catalog, book, form, organization, date=date, clearance=clearance, figures=figures)


def run_figures(place: Workspace, entries: Sequence[Evidence]) -> dict[str, tuple[Figure, ...]]:
    """Id of evidence → the headline numbers of its run; nothing where the run is gone."""
    runs = [e for e in entries if e.link is not None and e.link.type == "run" and e.gone is None]
    if not runs:
        return {}
    with Ledger.open(place.ledger) as ledger:
        numbers = {
            name: tuple(
                _figure(name, m) for m in ledger.measurements(run=name) if set(m.facets) == {"language"}
            )
            for name in dict.fromkeys(e.link.ref for e in runs if e.link is not None)
        }
    return {e.id: numbers[e.link.ref] for e in runs if e.link is not None}


def _figure(run: str, m: Measurement) -> Figure:
    low, high = (None, None) if m.interval is None else (m.interval.low, m.interval.high)
    method = f"{m.provenance.method} {m.provenance.method_version}".strip()
    return Figure(
        m.subject, m.measure.id, m.facets["language"], m.value, low, high, m.n, m.measure.unit, run, method
    )
