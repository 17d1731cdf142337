"""docs/benchmarks.md: one section for each part, each with its own machine, commit and date.

A run writes the sections of the parts that it measured and leaves the others as they are.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.bench import Results
from benchmarks.part import Bound, Part, Row, Spread

HEAD = """# Benchmarks

`make bench` runs ours and the peers in one run on one machine and writes this page; `make bench BENCH="engine start"`
measures some parts alone. Peers are installed by the benchmark itself, into an environment of their own. A run that was
interrupted goes on where it was. How a part is added: [benchmarks/README.md](../benchmarks/README.md).

Figures are the median of the repetitions, with the lowest and the highest; the median is what is held against the
bound. A ratio is taken within a repetition, of figures measured one after the other. What could not be measured is
shown with the reason.
"""
_SECTION = re.compile(r"<!-- part: ([a-z0-9-]+) (\d+) -->\n(.*?)<!-- end -->\n", re.DOTALL)


def section(part: Part, found: Results, facts: Mapping[str, str]) -> str:
    """A part's section, without its marks."""
    rows = part.rows(found)
    lines = [f"## {part.title}", "", part.about, ""]
    lines += table(("work", "bound", "measured", "met"), [cells(row) for row in rows])
    notes = [f"{row.work}: {row.note}." for row in rows if row.note]
    lines += [*(f"- {note}" for note in dict.fromkeys(notes)), *([""] if notes else [])]
    for each in part.tables(found):
        if each.rows:
            lines += [f"{each.title}:", "", *table(each.header, each.rows)]
    lines += ["Measured on:", "", *table(("what", "value"), list(facts.items()))]
    return "\n".join(lines)


def cells(row: Row) -> tuple[str, str, str, str]:
    """A row of the table of bounds."""
    if not row.values:
        return (
            row.work,
            bound_text(row.bound, row.unit, row.digits),
            f"not measured: {row.why_not}",
            "not measured",
        )
    spread = Spread(tuple(row.values))
    figure = f"**{spread.median:,.{row.digits}f}** {row.unit}"
    if len(row.values) > 1:
        figure += f" ({spread.low:,.{row.digits}f} to {spread.high:,.{row.digits}f}, n = {len(row.values)})"
    return row.work, bound_text(row.bound, row.unit, row.digits), figure, verdict(row.bound, spread)


def bound_text(bound: Bound, unit: str, digits: int) -> str:
    """The bound in words."""
    if bound.at_least is not None:
        return f"at least {bound.at_least:,.{digits}f} {unit}"
    if bound.at_most is not None:
        return f"at most {bound.at_most:,.{digits}f} {unit}"
    if bound.under is not None:
        return f"under {bound.under:,.{digits}f} {unit}"
    return "shown only"


def verdict(bound: Bound, spread: Spread) -> str:
    """Met or not by the median; said where a repetition went the other way."""
    met = bound.is_met(spread.median)
    if met is None:
        return "–"
    said = "met" if met else "**not met**"
    others = sum(bound.is_met(value) is not met for value in spread.values)
    return f"{said} (not in {others} of {len(spread.values)})" if met and others else said


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table, with an empty line behind it."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines] + [""]


def write(path: Path, sections: Mapping[str, tuple[int, str]]) -> None:
    """Put sections on the page, others stay.

    Args:
        path: The page; made when missing.
        sections: Name of the part → its place and its text.
    """
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = {name: (int(order), text) for name, order, text in _SECTION.findall(old)}
    merged = {**kept, **sections}
    text = HEAD
    for name, (order, body) in sorted(merged.items(), key=lambda each: (each[1][0], each[0])):
        text += f"\n<!-- part: {name} {order} -->\n{body.rstrip()}\n<!-- end -->\n"
    path.write_text(text, encoding="utf-8")


def missed(parts: Sequence[tuple[Part, Results]]) -> list[str]:
    """Rows whose bound is not met, or that were not measured."""
    said = []
    for part, found in parts:
        for row in part.rows(found):
            if not row.values:
                said.append(f"{row.work}, {row.unit}: not measured ({row.why_not})")
            elif row.bound.is_met(Spread(tuple(row.values)).median) is False:
                said.append(f"{row.work}, {row.unit}: not met")
    return said
