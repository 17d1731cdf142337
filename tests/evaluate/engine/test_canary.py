"""A key never leaves the environment but in the header of a request."""

import logging
import traceback
from pathlib import Path

import pytest
from engine_runs import assess, sample, samples, subject
from reference.mock_server import MockServer

from kakehashi.errors import AuthenticationError, InputError, KakehashiError
from kakehashi.evaluate.engine import ResponseCache, TransportSettings, endpoint_for
from kakehashi.model import Subject

KEY = "sk-canary-7d1f0c9be24a"
FAULTS = [
    "ok", "401:echokey", "403:echokey", "400:echokey", "404:echokey", "429:echokey", "500:echokey",
    "503:html", "301", "echokey", "truncated", "badutf8", "notobject", "nochoices", "error200:401", "drop",
    "cutbody", "hugelength:100000000", "filter400", "empty", "slow:30", "429:quota",
]  # fmt: skip


def everything_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def everything_said(error: BaseException | None) -> str:
    said = []
    while error is not None:
        facts = error.facts() if isinstance(error, KakehashiError) else ""
        said += [str(error), repr(error), str(facts), "".join(traceback.format_exception(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_no_fault_brings_the_key_to_light(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    kind: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CANARY_KEY", KEY)
    said = []
    async with MockServer(default=fault) as server:
        who = subject(server.url, endpoint=kind, key_env="CANARY_KEY")
        endpoint = endpoint_for(who, transport=TransportSettings(deadline=0.3))
        said.append(repr(endpoint) + repr(endpoint.identity) + repr(vars(endpoint)))
        with ResponseCache(tmp_path / "cache.sqlite") as cache:
            outcome = await assess(
                tmp_path / "run", who, samples(2), endpoints={"s": endpoint}, cache=cache, concurrency=1
            )
        header = "Authorization" if kind == "openai" else "x-api-key"
        assert KEY in server.headers[0][header]
    said += [everything_said(error) for error in outcome.stopped.values()]
    try:
        outcome.raise_if_incomplete()
    except KakehashiError as exc:
        said.append(everything_said(exc))
    assert KEY not in "\n".join(said)
    assert KEY not in repr(outcome)
    assert KEY not in caplog.text
    written = everything_written(tmp_path)
    assert written
    assert KEY.encode() not in written


async def test_a_key_that_a_server_sends_back_is_cut_out_of_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_KEY", KEY)
    async with MockServer() as server:
        await assess(tmp_path, subject(server.url, key_env="CANARY_KEY"), [sample("a", "[[echokey]]")])
    assert b"you sent Bearer [key removed]" in everything_written(tmp_path)


@pytest.mark.parametrize("value", ["", "  ", "sk-canary\u201d7d1f0c9be24a", "sk-can\nary-7d1f0c9be24a"])
def test_a_missing_or_impossible_key_is_one_error_that_names_the_variable_alone(value: str) -> None:
    who = Subject("s", "openai", "m", key_env="CANARY_KEY")
    with pytest.raises(AuthenticationError, match="CANARY_KEY") as caught:
        endpoint_for(who, env={"CANARY_KEY": value})
    assert "7d1f" not in everything_said(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        f"https://user:{KEY}@models.example.test/v1",
        f"https://models.example.test/v1?api-key={KEY}",
        f"ftp://user:{KEY}@models.example.test/v1",
    ],
)
def test_an_address_with_credentials_is_refused_without_repeating_them(address: str) -> None:
    with pytest.raises(InputError) as caught:
        endpoint_for(Subject("s", "openai", "m", base_url=address), env={})
    assert KEY not in everything_said(caught.value)


async def test_the_providers_own_keys_are_sent_to_no_other_address(tmp_path: Path) -> None:
    async with MockServer() as server:
        for kind, name in (("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")):
            endpoint = endpoint_for(subject(server.url, endpoint=kind), env={name: KEY})
            await endpoint.complete([{"role": "user", "content": "Hi"}], endpoint.settle({}))
            await endpoint.close()
    assert KEY not in str(server.headers)
