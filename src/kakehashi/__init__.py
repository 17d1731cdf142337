"""Kakehashi: an independent workbench for AI safety institutes.

Examples:
    >>> import kakehashi as kh
    >>> run = kh.assess(["mock:refuse", "mock:comply"], methods=["core"], limit=7, workspace=workspace)
    >>> kh.compare.agreement(kh.score_table(run.view)).status
    'insufficient'
    >>> assessment = kh.build_assessment(run.view)
    >>> sorted(path.name for path in kh.write_report(assessment, workspace / "report").values())
    ['report.html', 'report.json']
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from kakehashi import compare
    from kakehashi.evaluate.methods import get_method, method_names
    from kakehashi.evaluate.subjects import parse_subject
    from kakehashi.ledger import Ledger
    from kakehashi.model import Measurement, Subject
    from kakehashi.report import build_assessment, render_html, write_report
    from kakehashi.work.assess import assess
    from kakehashi.work.provenance import check_provenance
    from kakehashi.work.reconcile import reconcile, score_table
    from kakehashi.work.results import identify_names, import_results, lint_results
    from kakehashi.work.view import load_run
    from kakehashi.work.watch import watch

# Name → module; a module is loaded when its name is first used, so that `kakehashi --help` stays light.
_HOMES = {
    "Ledger": "kakehashi.ledger",
    "Measurement": "kakehashi.model",
    "Subject": "kakehashi.model",
    "assess": "kakehashi.work.assess",
    "check_provenance": "kakehashi.work.provenance",
    "build_assessment": "kakehashi.report",
    "get_method": "kakehashi.evaluate.methods",
    "identify_names": "kakehashi.work.results",
    "import_results": "kakehashi.work.results",
    "lint_results": "kakehashi.work.results",
    "load_run": "kakehashi.work.view",
    "method_names": "kakehashi.evaluate.methods",
    "parse_subject": "kakehashi.evaluate.subjects",
    "reconcile": "kakehashi.work.reconcile",
    "render_html": "kakehashi.report",
    "score_table": "kakehashi.work.reconcile",
    "watch": "kakehashi.work.watch",
    "write_report": "kakehashi.report",
}

__all__ = [
    "Ledger",
    "Measurement",
    "Subject",
    "assess",
    "build_assessment",
    "check_provenance",
    "compare",
    "get_method",
    "identify_names",
    "import_results",
    "lint_results",
    "load_run",
    "method_names",
    "parse_subject",
    "reconcile",
    "render_html",
    "score_table",
    "watch",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name == "compare":
        return importlib.import_module("kakehashi.compare")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kakehashi' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})
