"""Names that the doctests of the package use."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

#: Modules that import Inspect, which is an extra.
_INSPECT = ("provider", "registry", "tasks", "worker")
collect_ignore = (
    [f"src/kakehashi/evaluate/inspect/{name}.py" for name in _INSPECT]
    if importlib.util.find_spec("inspect_ai") is None
    else []
)


@pytest.fixture(autouse=True)
def _doctest_workspace(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Give doctests a folder of their own under the name ``workspace``."""
    namespace: dict[str, Any] | None = getattr(request.node, "dtest", None) and request.node.dtest.globs
    if namespace is not None:
        namespace["workspace"] = tmp_path
