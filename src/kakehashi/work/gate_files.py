"""A gate's result for the tools of a CI: JUnit XML and SARIF."""

import json
from pathlib import Path
from xml.etree import ElementTree

from kakehashi import __version__
from kakehashi.work.gate import Answer, Checked, GateResult

_LEVEL = {
    Answer.FAIL: "error",
    Answer.MISSING: "error",
    Answer.UNDECIDED: "warning",
    Answer.WAIVED: "note",
    Answer.PASS: "none",
}


def gate_junit(result: GateResult) -> str:
    """JUnit XML: a test case a check; what failed, is missing or undecided is a failure, what is waived is skipped."""
    cases = result.checks
    failed = [check for check in cases if check.answer in (Answer.FAIL, Answer.MISSING, Answer.UNDECIDED)]
    waived = [check for check in cases if check.answer is Answer.WAIVED]
    suite = ElementTree.Element(
        "testsuite",
        name=_printable(result.title),
        tests=str(len(cases)),
        failures=str(len(failed)),
        skipped=str(len(waived)),
        errors="0",
    )
    for check in cases:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"gate.{check.rule}", name=_printable(_name(check))
        )
        if check in failed:
            ElementTree.SubElement(
                case, "failure", type=check.answer.value, message=_printable(check.message)
            )
        elif check.waiver is not None:
            ElementTree.SubElement(case, "skipped", message=_printable(waiver_words(check)))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def gate_sarif(result: GateResult, policy: Path | None = None) -> str:
    """SARIF 2.1.0: a result a check, with its level; a waiver is an accepted suppression.

    Args:
        result: The answers.
        policy: File of the rules. With it each result points to the line of its rule: services that show SARIF beside
            the code leave out what points nowhere.
    """
    rules = list(dict.fromkeys(check.rule for check in result.checks))
    body = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kakehashi gate",
                        "version": __version__,
                        "rules": [{"id": rule, "shortDescription": {"text": rule}} for rule in rules],
                    }
                },
                "results": [_sarif(check, policy) for check in result.checks],
                "properties": {
                    "run": result.run,
                    "subject": result.subject,
                    "answer": result.answer.value,
                    "ledgerRoot": result.root,
                    "ledgerSize": result.tree_size,
                },
            }
        ],
    }
    return json.dumps(body, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _sarif(check: Checked, policy: Path | None) -> dict[str, object]:
    found: dict[str, object] = {
        "ruleId": check.rule,
        "kind": {Answer.PASS: "pass", Answer.UNDECIDED: "open"}.get(check.answer, "fail"),
        "level": "none" if check.answer in (Answer.PASS, Answer.UNDECIDED) else _LEVEL[check.answer],
        "message": {"text": f"{_name(check)}: {check.message}"},
    }
    if policy is not None:
        place = {"uri": policy.as_posix()}
        region = {"startLine": check.line or 1}
        found["locations"] = [{"physicalLocation": {"artifactLocation": place, "region": region}}]
    if check.waiver is not None:
        found["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": waiver_words(check)}
        ]
    return found


def _name(check: Checked) -> str:
    part = ", ".join(f"{key}={value}" for key, value in sorted((check.facets or {}).items()))
    return " ".join(word for word in (check.measure or check.rule, f"[{part}]" if part else "") if word)


def waiver_words(check: Checked) -> str:
    """What a waived check would be, who waived it, until when and why."""
    assert check.waiver is not None
    answer = check.unwaived.value if check.unwaived is not None else ""
    return (
        f"{answer}: waived by {check.waiver.approver} until {check.waiver.expires}: {check.waiver.reason} "
        f"({check.message})"
    )


def _printable(text: str) -> str:
    """A text without what XML cannot hold."""
    return "".join(
        c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" else "?"
        for c in text
    )
