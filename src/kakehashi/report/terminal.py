"""The few lines that stand in a terminal when a run is done."""

from kakehashi.commitments import Catalog, CommitmentTable
from kakehashi.report.brief import Brief
from kakehashi.report.document import Say, Table, Verbatim
from kakehashi.report.pages.brief import brief_sentences, first_table
from kakehashi.report.pages.company import lonely_row
from kakehashi.report.pages.crosswalk import (
    convergence_table,
    crosswalk_cells,
    crosswalk_heads,
    crosswalk_sentences,
    instruments_table,
)
from kakehashi.report.pages.front import headline_measures
from kakehashi.report.pages.statements import three_sentences
from kakehashi.report.pages.words import (
    detectable_cell,
    estimate_cell,
    known_errors,
    measure_title,
    unmade_scores,
    unproven_judges,
)
from kakehashi.report.values import Assessment
from kakehashi.report.voice import Voice


def terminal_rows(assessment: Assessment, *, language: str = "en") -> list[list[str]]:
    """Rows of a table: a head, then one row a headline measure with one cell a system.

    Systems stand in the order they were named. The last cell is the smallest detectable difference, so that
    nobody reads an order into figures that do not carry one.

    Args:
        assessment: The values.
        language: ``"en"`` or ``"ja"``.
    """
    voice = Voice(language)
    names = [one.name for one in assessment.systems]
    rows = [[voice.plain(Say("column.measure")), *names, voice.plain(Say("column.detectable"))]]
    measures = headline_measures(assessment)
    for measure in measures:
        cells = [
            voice.plain(estimate_cell(assessment.headline(name, measure.key), measure)) for name in names
        ]
        title = voice.plain(measure_title(assessment, measure.key))
        rows.append([title, *cells, voice.plain(detectable_cell(measure.detectable, measure))])
        lonely = lonely_row(assessment, measure, measures)
        if lonely is not None:
            rows.append([voice.plain(cell) for cell in lonely])
    return rows


def terminal_sentences(assessment: Assessment, *, language: str = "en") -> list[str]:
    """The three sentences of the first page as plain text, what was not scored, and how far to trust each judge."""
    voice = Voice(language)
    errors = (sentence for sentence, _ in known_errors(assessment))
    return [
        voice.plain(sentence)
        for sentence in (
            *three_sentences(assessment),
            *unmade_scores(assessment),
            *unproven_judges(assessment),
            *errors,
        )
    ]


def brief_text(brief: Brief, *, language: str = "en") -> tuple[list[str], str, str]:
    """Sentences of a brief as plain text, the numbers of the methods, and the source."""
    voice = Voice(language)
    numbered = ", ".join(f"{i} {name}" for i, name in enumerate(brief.methods, start=1))
    rules = [Say(f"brief.ranks-{brief.rank_basis}")] if brief.rank_bounds else []
    foot = " ".join(voice.plain(one) for one in [*rules, Say("brief.not-a-ranking")])
    source = voice.plain(Say("brief.source", {"citation": Verbatim(brief.citation, "en")}))
    return [voice.plain(one) for one in brief_sentences(brief)], f"{numbered}\n{foot}", source


def brief_rows(brief: Brief, *, language: str = "en") -> list[list[str]]:
    """Rows of a table: a head, then one row for each system that a choice of methods can show first."""
    voice = Voice(language)
    table = first_table(brief)
    head = [voice.plain(column.title) for column in table.columns]
    return [head, *([voice.plain(cell) for cell in row] for row in table.rows)]


def crosswalk_text(table: CommitmentTable, *, language: str = "en") -> list[str]:
    """What a clause-by-clause table says in short, as plain text."""
    voice = Voice(language)
    return [voice.plain(one) for one in crosswalk_sentences(table)]


def crosswalk_rows(catalog: Catalog, table: CommitmentTable, *, language: str = "en") -> list[list[str]]:
    """Rows of a clause-by-clause table: a head, then one row a provision."""
    voice = Voice(language)
    head = [voice.plain(one) for one in crosswalk_heads(table)]
    return [
        head,
        *([voice.plain(cell) for cell in crosswalk_cells(catalog, row)] for row in table.rows),
    ]


def crosswalk_tables(
    catalog: Catalog, table: CommitmentTable, *, language: str = "en"
) -> list[tuple[str, list[list[str]]]]:
    """A comparison as titled tables of plain text: the texts, what all ask, what some, what one alone, the course."""
    voice = Voice(language)

    def plain(found: Table) -> list[list[str]]:
        head = [voice.plain(column.title) for column in found.columns]
        return [head, *([voice.plain(cell) for cell in row] for row in found.rows)]

    heads = [voice.plain(one) for one in crosswalk_heads(table)]
    tables = [("section.crosswalk.instruments", plain(instruments_table(table)))]
    for name, rows in (("common", table.common), ("partial", table.partial), ("single", table.single)):
        if rows:
            cells = [[voice.plain(cell) for cell in crosswalk_cells(catalog, row)] for row in rows]
            tables.append((f"section.crosswalk.{name}", [heads, *cells]))
    tables.append(("section.crosswalk.convergence", plain(convergence_table(catalog, table))))
    return [(voice.plain(Say(key)), rows) for key, rows in tables]
