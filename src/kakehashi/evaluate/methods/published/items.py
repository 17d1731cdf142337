"""From upstream rows to items: texts that stand twice are one cluster, risk categories come from a record."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from kakehashi.errors import FormatVersionError

FORMAT = "kakehashi.risks/1"


def cluster_of(text: str) -> str:
    """Name of the cluster of a text: rows of one text are one cluster, whatever stands beside them.

    Examples:
        >>> cluster_of("a") == cluster_of(" a "), cluster_of("a") == cluster_of("b")
        (True, False)
    """
    return f"text-{hashlib.sha256(' '.join(text.split()).encode()).hexdigest()[:16]}"


@cache
def risk_record() -> Mapping[str, Mapping[str, object]]:
    """HELM Safety's six risk categories, and the reading by which upstream's categories fall under them.

    Raises:
        FormatVersionError: The shipped record is of another format.
    """
    text = (files("kakehashi.evaluate") / "data" / "helm_risks.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    if content.pop("format") != FORMAT:
        raise FormatVersionError("another", FORMAT, path="helm_risks.yaml")
    record: Mapping[str, Mapping[str, object]] = content
    return record


def risk_of(data_set: str, category: str) -> str:
    """The risk category of a set's own category, or ``""`` where none was assigned.

    Examples:
        >>> risk_of("simple-safety-tests", "Scams and fraud"), risk_of("harmbench", "copyright")
        ('fraud', '')
    """
    assigned = risk_record()["assigned"].get(data_set, {})
    assert isinstance(assigned, Mapping)
    return str(assigned.get(category) or "")


def risk_titles() -> dict[str, dict[str, str]]:
    """Titles of the six risk categories by language."""
    titles: dict[str, dict[str, str]] = {}
    for name, title in risk_record()["risks"].items():
        assert isinstance(title, Mapping)
        titles[name] = {str(key): str(value) for key, value in title.items()}
    return titles
