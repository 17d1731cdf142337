"""Numbers of an assessment lead to their source, whose question gives the same rows again."""

import re
from pathlib import Path

from reading import Page

from kakehashi.ledger import Ledger
from kakehashi.report import build_assessment, render_html
from kakehashi.work.view import load_run, merged


def test_every_number_of_an_assessment_is_given_again_by_its_question(workspace: Path) -> None:
    view = load_run(workspace / "ledger", "run-000000000002")
    report = build_assessment(view, with_published=False)
    html = str(render_html(report, charts=False))
    page = Page(html)
    targets = {
        str(found["href"])[1:] for tag, found in page.tags if tag == "a" and found.get("class") == "to"
    }
    assert targets <= set(page.ids)
    items, *measures = report.sources
    assert {one.source for one in report.measures} == {one.id for one in measures}
    assert {f"en-source-{one.id}" for one in report.sources} <= targets | {"en-source-S1"}
    with Ledger.open(workspace / "ledger") as ledger:
        assert len(ledger.query(items.rows)["status"]) == items.count > 0
        for measure in report.measures:
            source = next(one for one in measures if one.id == measure.source)
            rows = ledger.query(source.rows)
            assert len(rows["value"]) == source.count > 0
            known = {f"{x:.6g}" for name in ("value", "k", "n", "low", "high") for x in rows[name] if x == x}
            known |= {
                f"{sign * x:.6g}"
                for one in report.differences
                for sign in (1, -1)
                for x in (one.value, one.low, one.high, one.n)
                if one.measure == measure.key and x is not None
            }
            leads = re.findall(rf'<a class="to" href="#en-source-{source.id}">(.*?)</a>', html)
            shown = {x for lead in leads for x in re.findall(r'<data value="([^"]+)"', lead)}
            headlines = [one for one in report.scores if one.measure == measure.key and not one.facet]
            whole = {f"{x:.6g}" for one in headlines for x in (one.low, one.high, one.n) if x is not None}
            assert whole <= shown, "an interval's ends and its n lead to the same rows as the estimate"
            assert shown <= known
    # Two runs side by side ask for the rows of both.
    both = build_assessment(merged([load_run(workspace / "ledger", f"run-00000000000{n}") for n in (1, 2)]))
    with Ledger.open(workspace / "ledger") as ledger:
        for source in both.sources:
            assert len(ledger.query(source.rows)["run"]) == source.count
