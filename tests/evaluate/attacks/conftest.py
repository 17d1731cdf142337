"""A test of this folder that fails says where and why, and none of the values: they may be rendered attacks.

Set ``KAKEHASHI_SHOW_ATTACKS=1`` to see them while you mend something.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put place and kind of an error in the place of its values and of what was captured."""
    report = yield
    withheld = call.excinfo is not None and report.failed and not os.environ.get("KAKEHASHI_SHOW_ATTACKS")
    if withheld and call.excinfo is not None:
        frames: list[Any] = [
            entry for entry in call.excinfo.traceback if "site-packages" not in str(entry.path)
        ]
        places = [f"{entry.path}:{entry.lineno + 1}: in {entry.name}" for entry in frames]
        report.longrepr = "\n".join(
            [*places, f"{call.excinfo.typename} (values withheld: KAKEHASHI_SHOW_ATTACKS=1 shows them)"]
        )
        report.sections = []
    return report
