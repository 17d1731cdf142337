"""The lines of the maps as a table: one row a relation, for a spreadsheet."""

import csv
import io
from collections.abc import Iterable

from kakehashi.commitments.catalog import Catalog
from kakehashi.model.cell import safe_cell

COLUMNS = (
    *("map", "source_instrument", "source", "source_title_en", "source_title_ja", "relation"),
    *("target_instrument", "target", "target_title_en", "target_title_ja"),
    *(
        "confidence",
        "gap_en",
        "gap_ja",
        "rationale_en",
        "rationale_ja",
        "verified",
        "origin",
        "author",
        "date",
    ),
)


def relation_csv(catalog: Catalog, names: Iterable[str], *, maps: Iterable[str] = ()) -> str:
    """Relations between these instruments as CSV with a byte-order mark; lines inferred through others are left out."""
    here = {catalog.instrument(name).id for name in names}
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for name in maps or catalog.crosswalks:
        walk = catalog.crosswalks[name]
        for line in walk.relations:
            for target in () if line.derived else line.targets:
                ends = (line.source, target)
                owners = [catalog.owner(end) for end in ends]
                if not all(owner in here for owner in owners):
                    continue
                found = [catalog.provision(end) for end in ends]
                titles = [
                    one.title if one is not None else catalog.instrument(end).short
                    for one, end in zip(found, ends, strict=True)
                ]
                told = [
                    *(name, str(owners[0]), line.source, titles[0]["en"], titles[0]["ja"]),
                    *(line.relationship.value, str(owners[1]), target, titles[1]["en"], titles[1]["ja"]),
                    *(line.confidence, line.gap["en"], line.gap["ja"]),
                    *(line.rationale.get("en", ""), line.rationale.get("ja", "")),
                    "yes" if all(one is None or one.verified for one in found) else "no",
                    *(walk.origin, walk.author, walk.date),
                ]
                rows.writerow(map(safe_cell, told))
    return "\ufeff" + out.getvalue()
