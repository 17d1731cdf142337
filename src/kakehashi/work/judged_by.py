"""Who decided and who failed, counted from the grounds of the scores."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

_FAILED = re.compile(r"(?:^|;)failed:([\d,]+)")
_VOTES = re.compile(r"(?:^|;)(?:\d+-of-\d+|mean-of-\d+|grades):([\d,=.]+)")


def who_decided(reasons: Iterable[str]) -> dict[str, Any]:
    """Counts for the record of a result: part of a cascade, place on a panel.

    Examples:
        >>> who_decided(["first;declined", "second;2-of-2:1,3;failed:2;doubt:x/y", "second;unparsed;doubt:x/y"])
        {'cascade': {'first': 1, 'second': 2}, 'panel_decided': {'1': 1, '3': 1}, 'panel_failed': {'2': 1}}
        >>> who_decided(["mean-of-2:1=0.5,2=1", "declined"])
        {'panel_decided': {'1': 1, '2': 1}}
    """
    cascade: Counter[str] = Counter()
    decided: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for reason in reasons:
        head = reason.split(";", 1)[0]
        if head in ("first", "second"):
            cascade[head] += 1
        if found := _VOTES.search(reason):
            decided.update(part.split("=")[0] for part in found[1].split(","))
        if found := _FAILED.search(reason):
            failed.update(found[1].split(","))
    counts = {"cascade": cascade, "panel_decided": decided, "panel_failed": failed}
    return {name: dict(sorted(count.items())) for name, count in counts.items() if count}
