"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import jsonschema  # noqa: F401  whole, before ours leaves a grammar out: stix2-validator is an oracle of tests
import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real reference data beside the checkout; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("KAKEHASHI_SHARED", HERE.parent.parent / "shared")) / "reference"
    if not folder.is_dir():
        pytest.skip("reference data (../shared) is not here")
    return folder
