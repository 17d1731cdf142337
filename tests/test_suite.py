"""The suite about itself."""

import os

import pytest
from hypothesis import settings


@pytest.mark.xdist_group("suite")
def test_groups_reach_the_workers(request):
    # pytest-xdist 3.8.0 marks a group by the end of a test's name, which pytest 9.2.0 does not let it change: the
    # groups were ignored in silence then, and long fixtures were made once for each worker.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process")
    assert request.node.nodeid.endswith("@suite")


def test_no_example_hangs_on_luck_or_on_a_clock(request):
    if request.config.getoption("--hypothesis-profile") not in (None, "steady"):
        pytest.skip("another profile was asked for")
    assert settings().derandomize
    assert settings().deadline is None
