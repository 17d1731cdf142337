"""Without Ray the engine of one machine is all there is, and asking for Ray names the pip command."""

import importlib.util

import pytest

from kakehashi.errors import MissingExtraError, UnknownNameError
from kakehashi.work.assess import assess


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed here")
def test_without_ray_the_error_names_the_pip_command(tmp_path):
    with pytest.raises(MissingExtraError) as caught:
        assess(["mock:refuse"], methods=["core"], limit=7, engine="ray", workspace=tmp_path)
    assert caught.value.hint == "Run: python -m pip install 'kakehashi[ray]'"


def test_an_engine_that_is_none_is_refused(tmp_path):
    with pytest.raises(UnknownNameError):
        assess(["mock:refuse"], methods=["core"], engine="spark", workspace=tmp_path)
