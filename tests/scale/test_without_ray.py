"""Without Ray the engine of one machine is all there is, and asking for Ray names the pip command."""

import asyncio
import importlib.util
import pickle

import pytest

from kakehashi.errors import MissingExtraError, ServerError, UnknownNameError
from kakehashi.evaluate.scale.cluster import Worker
from kakehashi.model import Subject
from kakehashi.work.assess import assess


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed here")
def test_without_ray_the_error_names_the_pip_command(tmp_path):
    with pytest.raises(MissingExtraError) as caught:
        assess(["mock:refuse"], methods=["core"], limit=7, engine="ray", workspace=tmp_path)
    assert caught.value.hint == "Run: python -m pip install 'kakehashi[ray]'"


def test_an_engine_that_is_none_is_refused(tmp_path):
    with pytest.raises(UnknownNameError):
        assess(["mock:refuse"], methods=["core"], engine="spark", workspace=tmp_path)


def test_a_worker_answers_and_says_what_it_cannot_do(tmp_path):
    worker = Worker(str(tmp_path), True)
    messages = [{"role": "user", "content": "Hello"}]
    kind, answer = asyncio.run(worker.ask(Subject("s", "mock", "echo"), messages, {}))
    assert (kind, answer.text) == ("answer", "Hello")
    kind, words = asyncio.run(worker.ask(Subject("odd", "pigeon", "m"), messages, {}))
    assert kind == "failed"
    assert "pigeon" in words


def test_errors_of_endpoints_travel_whole_between_processes():
    error = pickle.loads(
        pickle.dumps(ServerError("later", endpoint="e", status=503, retry_after=2.0, hint="wait"))
    )
    assert (error.message, error.status, error.retry_after, error.hint) == ("later", 503, 2.0, "wait")
