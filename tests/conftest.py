"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import jsonschema  # noqa: F401  whole, before ours leaves a grammar out: stix2-validator is an oracle of tests
import pytest
from hypothesis import settings

#: The same examples in every run, and no clock: a landing must not hang on luck or on a busy machine.
#: `pytest --hypothesis-profile=default` goes looking for others.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real reference data beside the checkout; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("KAKEHASHI_SHARED", HERE.parent.parent / "shared")) / "reference"
    if not folder.is_dir():
        pytest.skip("reference data (../shared) is not here")
    return folder
