import ssl
from pathlib import Path

import pytest
import trustme
from engine_runs import answers, assess, samples, subject
from reference.mock_server import MockServer
from reference.proxy_server import ProxyServer

from kakehashi.errors import EndpointUnreachableError, InputError
from kakehashi.evaluate.engine.transport import Transport, is_loopback, proxy_for, retry_after

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("KAKEHASHI_CA_FILE", raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_http_goes_through_the_proxy_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MockServer() as server, ProxyServer(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        outcome = await assess(tmp_path, subject("http://models.example.test/v1"), samples(2), concurrency=1)
        assert server.calls == 2
    assert outcome.is_complete
    assert proxy.requests[0] == "POST http://models.example.test/v1/chat/completions"


async def test_no_proxy_names_hosts_that_are_called_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MockServer() as server, ProxyServer(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "elsewhere.test,.example.test")
        outcome = await assess(tmp_path, subject("http://models.example.test/v1"), samples(1), concurrency=1)
    # The host does not exist: called directly it cannot be reached, and the proxy has seen nothing.
    assert proxy.requests == []
    assert isinstance(outcome.stopped["s"], EndpointUnreachableError)


async def test_loopback_never_goes_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with MockServer() as server, ProxyServer(server.port) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        outcome = await assess(tmp_path, subject(server.url), samples(2))
    assert outcome.is_complete
    assert proxy.requests == []


async def test_https_is_tunnelled_and_the_private_authority_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: trustme.CA
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = server_context(authority, "models.example.test")
    async with MockServer(ssl_context=context) as server, ProxyServer(server.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("KAKEHASHI_CA_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("CANARY_KEY", "sk-canary-0123456789")
        who = subject("https://models.example.test/v1", key_env="CANARY_KEY")
        outcome = await assess(tmp_path / "run", who, samples(1))
        assert server.headers[0]["Authorization"] == "Bearer sk-canary-0123456789"
    assert outcome.is_complete
    assert proxy.requests == ["CONNECT models.example.test:443"]
    assert "canary" not in proxy.heads[0]


@pytest.mark.parametrize("variable", ["KAKEHASHI_CA_FILE", "SSL_CERT_FILE"])
async def test_a_private_authority_is_trusted_where_the_environment_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: trustme.CA, variable: str
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with MockServer(ssl_context=server_context(authority, "127.0.0.1")) as server:
        refused = await assess(tmp_path / "without", subject(server.url), samples(1))
        assert server.calls == 0
        monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
        accepted = await assess(tmp_path / "with", subject(server.url), samples(1))
    assert "certificate is not trusted" in refused.stopped["s"].message
    assert "KAKEHASHI_CA_FILE" in str(refused.stopped["s"])
    assert accepted.is_complete
    assert answers(tmp_path / "with")["s0000"].text == "echo: Question s0000"


async def test_a_file_of_authorities_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAKEHASHI_CA_FILE", str(tmp_path / "nowhere.pem"))
    transport = Transport("https://127.0.0.1:9/v1", {})
    with pytest.raises(InputError, match=r"nowhere\.pem"):
        await transport.post("x", b"{}")


@pytest.mark.parametrize(
    ("headers", "now", "expected"),
    [
        ({}, 0.0, None),
        ({"Retry-After": "7"}, 0.0, 7.0),
        ({"Retry-After-Ms": "1500", "Retry-After": "7"}, 0.0, 1.5),
        ({"Retry-After": "-3"}, 0.0, 0.0),
        ({"Retry-After": "soon"}, 0.0, None),
        ({"Retry-After": "nan"}, 0.0, None),
        ({"Retry-After": "inf"}, 0.0, 1e9),
        # 1 January 1970 00:02:00 is second 120 of the epoch.
        ({"Retry-After": "Thu, 01 Jan 1970 00:02:00 GMT"}, 30.0, 90.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:02:00 GMT"}, 500.0, 0.0),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(
    headers: dict, now: float, expected: float | None
) -> None:
    assert retry_after(headers, now) == expected


def test_proxies_are_found_by_scheme_and_never_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:3128")
    assert proxy_for("https://api.example.org/v1") == "http://proxy.test:3128"
    assert proxy_for("http://api.example.org/v1") is None
    for host in ("127.0.0.1", "127.8.9.1", "localhost", "[::1]", "model.localhost"):
        assert proxy_for(f"https://{host}:8000/v1") is None
    assert not is_loopback("127.0.0.1.example.org")
