"""Names that the doctests of the package use."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _doctest_workspace(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Give doctests a folder of their own under the name ``workspace``."""
    namespace: dict[str, Any] | None = getattr(request.node, "dtest", None) and request.node.dtest.globs
    if namespace is not None:
        namespace["workspace"] = tmp_path
