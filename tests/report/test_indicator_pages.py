"""Which values of indicators a page shows: siblings of one period together, what is left out counted."""

from reading import Page

from kakehashi.index import Measure, MeasureSheet, MeasureValue
from kakehashi.model import Interval
from kakehashi.report.document import Document, Say
from kakehashi.report.html import html_page
from kakehashi.report.pages.periodic_indicators import indicators
from kakehashi.report.periodic.families import chosen, in_families
from kakehashi.report.periodic.indicators import indicator_facts
from kakehashi.report.periodic.period import period_of
from kakehashi.report.periodic.sources import Sources


def words(text):
    return {"en": text, "ja": f"和{text}"}


def value(measure, number, as_of, vintage, **more):
    return MeasureValue(measure, number, as_of, vintage, "A source", "CC-BY-4.0", **more)


def sheet(name, siblings, *values, bounds="count", agreement="apart", unit="count"):
    measure = Measure(
        name, "f", words(name), words("formula"), unit, (), words("caveat"), words("no data"), bounds
    )
    return MeasureSheet(measure, values, siblings, words(agreement), {})
