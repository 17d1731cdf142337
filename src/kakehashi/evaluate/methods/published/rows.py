"""From rows of prompts to samples, for methods of one prompt a row."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.datasets.readers import Row, read_rows
from kakehashi.evaluate.methods.base import Scored, Selection
from kakehashi.evaluate.methods.select import stratified
from kakehashi.model import Sample


def prompt_rows(store: DataStore, name: str, file: str, columns: Sequence[str], prompt: str) -> list[Row]:
    """The rows of a pulled CSV, none of them without a prompt.

    Raises:
        DataMissingError: It was not pulled.
        InputError: Its columns have changed, or a prompt is empty.
    """
    path = store.file(name, file)
    rows = read_rows(path, "csv", columns)
    for number, row in enumerate(rows, start=1):
        if not str(row[prompt]).strip():
            raise InputError("an empty prompt", path=path, row=number)
    return rows


def text_cluster(text: str) -> str:
    """Rows of one text are one cluster."""
    return f"text-{hashlib.sha256(text.strip().encode()).hexdigest()[:16]}"


def row_samples(
    rows: Iterable[Row],
    selection: Selection,
    name: str,
    *,
    prompt: str,
    category: str,
    facets: Mapping[str, str] | None = None,
    max_tokens: int | None = None,
) -> list[Sample]:
    """English samples of rows, chosen evenly over the categories.

    Args:
        rows: Rows in the file's order; their place makes their id.
        selection: Limit, seed, most tokens.
        name: Beginning of the ids.
        prompt: Column of the prompt.
        category: Column of the category.
        facets: Facet → column.
        max_tokens: Most tokens where the selection does not say.
    """
    numbered = [(f"{name}-{number:04d}", row) for number, row in enumerate(rows, start=1)]
    chosen = stratified(
        numbered,
        selection.limit,
        selection.seed,
        stratum=lambda unit: str(unit[1][category]),
        key=lambda unit: unit[0],
    )
    return [
        Sample(
            id=identifier,
            turns=(str(row[prompt]),),
            language="en",
            category=str(row[category]).strip(),
            kind="harmful",
            cluster=text_cluster(str(row[prompt])),
            max_tokens=selection.max_tokens or max_tokens,
            facets={facet: str(row[column]).strip() for facet, column in (facets or {}).items()},
        )
        for identifier, row in chosen
    ]


def by_category(rows: Sequence[Scored]) -> list[tuple[dict[str, str], list[Scored]]]:
    """Each language whole, then its categories where there are several, in the order of the rows."""
    found: list[tuple[dict[str, str], list[Scored]]] = []
    for language in dict.fromkeys(row.sample.language for row in rows):
        spoken = [row for row in rows if row.sample.language == language]
        found.append(({"language": language}, spoken))
        names = list(dict.fromkeys(row.sample.category for row in spoken))
        if len(names) > 1:
            found += [
                (
                    {"language": language, "category": name},
                    [row for row in spoken if row.sample.category == name],
                )
                for name in names
            ]
    return found
