import pytest

from kakehashi.errors import AuthenticationError, InputError, UnknownNameError, UsageError
from kakehashi.evaluate.engine import MockEndpoint, endpoint_for
from kakehashi.evaluate.engine.anthropic import AnthropicEndpoint
from kakehashi.evaluate.engine.openai import OpenAIEndpoint
from kakehashi.model import Subject


def test_each_kind_of_subject_gets_its_endpoint() -> None:
    env = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
    openai = endpoint_for(Subject("s", "openai", "gpt-4o"), env=env)
    assert isinstance(openai, OpenAIEndpoint)
    assert openai.identity == {"kind": "openai", "base_url": "https://api.openai.com/v1", "model": "gpt-4o"}
    anthropic = endpoint_for(Subject("s", "anthropic", "claude"), env=env)
    assert isinstance(anthropic, AnthropicEndpoint)
    assert anthropic.identity["base_url"] == "https://api.anthropic.com/v1"
    assert isinstance(endpoint_for(Subject("s", "mock", "refuse"), env={}), MockEndpoint)


def test_a_model_may_be_named_behind_the_address() -> None:
    endpoint = endpoint_for(Subject("s", "openai", "", base_url="http://127.0.0.1:8000/v1#llama"), env={})
    assert endpoint.identity == {"kind": "openai", "base_url": "http://127.0.0.1:8000/v1", "model": "llama"}


def test_a_local_endpoint_is_the_same_one_on_whatever_port_it_listens() -> None:
    who = Subject("s", "local", "smollm2")
    both = [
        endpoint_for(who, env={}, local_url=f"http://127.0.0.1:{port}/v1", local_identity={"weights": "ab"})
        for port in (8001, 8002)
    ]
    assert both[0].identity == both[1].identity == {"kind": "local", "model": "smollm2", "weights": "ab"}
    with pytest.raises(UsageError, match="embedded server"):
        endpoint_for(who, env={})


def test_what_cannot_be_connected_is_named() -> None:
    with pytest.raises(AuthenticationError, match="OPENAI_API_KEY"):
        endpoint_for(Subject("s", "openai", "gpt-4o"), env={})
    with pytest.raises(UnknownNameError, match="opneai"):
        endpoint_for(Subject("s", "opneai", "m"), env={})
    with pytest.raises(UnknownNameError, match="refuze"):
        endpoint_for(Subject("s", "mock", "refuze"), env={})
    with pytest.raises(InputError, match="no http or https address"):
        endpoint_for(Subject("s", "openai", "m", base_url="localhost:8000"), env={})


def test_parameters_that_belong_to_the_engine_cannot_be_set() -> None:
    endpoint = endpoint_for(Subject("s", "openai", "m", base_url="http://127.0.0.1:1/v1"), env={})
    with pytest.raises(InputError, match="stream"):
        endpoint.settle({"stream": True})
