"""Reading the suites that the package ships: YAML files with a revision over their bytes."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from kakehashi.errors import FormatVersionError

FORMAT = "kakehashi.suite/1"

#: Statuses of an item's edition in a language that somebody beside its author has read, or its author wrote.
REVIEWED = frozenset({"author", "second-read", "native-reviewed"})

#: Statuses from the weakest to the strongest.
REVIEW_ORDER = ("unreviewed", "second-read", "native-reviewed", "author")


@cache
def load_suite(name: str, parts: tuple[str, ...]) -> tuple[tuple[dict[str, Any], ...], str]:
    """The files of a shipped suite and their revision.

    Args:
        name: Folder of the suite, such as ``"core"``.
        parts: Stems of its files, in the order that results are shown in.

    Returns:
        The parsed files, and ``"sha256:…"`` over their bytes in that order.

    Raises:
        FormatVersionError: A file of a newer format.
    """
    folder = files("kakehashi.evaluate") / "data" / name
    digest = hashlib.sha256()
    loaded = []
    for part in parts:
        data = (folder / f"{part}.yaml").read_bytes()
        digest.update(len(data).to_bytes(8, "big") + data)
        content = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if content["format"] != FORMAT:
            raise FormatVersionError(content["format"], FORMAT, path=f"{part}.yaml")
        loaded.append(content)
    return tuple(loaded), f"sha256:{digest.hexdigest()}"


def review_summary(items: list[dict[str, Any]], languages: tuple[str, ...]) -> dict[str, str]:
    """The weakest review status of a suite's items for each language."""
    return {
        language: min((item["review"].get(language, "unreviewed") for item in items), key=REVIEW_ORDER.index)
        for language in languages
    }
