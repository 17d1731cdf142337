"""From a subject to its endpoint."""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from kakehashi.errors import AuthenticationError, InputError, UnknownNameError, UsageError
from kakehashi.evaluate.engine.anthropic import VERSION, AnthropicEndpoint
from kakehashi.evaluate.engine.endpoint import Endpoint
from kakehashi.evaluate.engine.mock import MockEndpoint
from kakehashi.evaluate.engine.openai import OpenAIEndpoint
from kakehashi.evaluate.engine.transport import Transport, TransportSettings
from kakehashi.model import Subject

_HOMES = {
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "anthropic": ("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
}
_SECRET_WORDS = ("key", "token", "secret", "sig", "password", "auth")


def endpoint_for(
    subject: Subject,
    env: Mapping[str, str] = os.environ,
    local_url: str | None = None,
    *,
    local_identity: Mapping[str, Any] | None = None,
    max_concurrency: int | None = None,
    transport: TransportSettings | None = None,
) -> Endpoint:
    """The endpoint of a subject.

    The key is read from the environment: from ``subject.key_env``, else from ``OPENAI_API_KEY`` or
    ``ANTHROPIC_API_KEY``, which are sent to those providers' own addresses and to no other.

    Args:
        subject: The subject.
        env: The environment.
        local_url: For ``local`` subjects, the address of the embedded server, such as ``http://127.0.0.1:8080/v1``.
        local_identity: For ``local`` subjects, what identifies it whatever its port is: model, hash of the
            weights, runtime settings.
        max_concurrency: Most requests at once, where the server has so many slots.
        transport: Limits of one attempt.

    Raises:
        AuthenticationError: The key is not in the environment.
        InputError: The address holds credentials or is none.
        UnknownNameError: No such kind of endpoint.
        UsageError: A ``local`` subject without the address of its server.
    """
    kind = subject.endpoint
    if kind == "mock":
        return MockEndpoint(subject.model)
    if kind == "local":
        if local_url is None:
            raise UsageError(
                f"subject {subject.name!r} needs the embedded server, which was not started",
                hint="Run: kakehashi models serve",
            )
        identity = {"kind": "local", "model": subject.model, **(local_identity or {})}
        return OpenAIEndpoint(
            subject.model,
            Transport(checked_address(local_url), _JSON, settings=transport, env=env),
            identity=identity,
            max_concurrency=max_concurrency,
        )
    if kind not in _HOMES:
        raise UnknownNameError("kind of endpoint", kind, ["openai", "anthropic", "local", "mock"])
    home, home_key = _HOMES[kind]
    address, _, fragment = (subject.base_url or home).partition("#")
    address = checked_address(address)
    key = _key(subject, env, home_key if urlsplit(address).netloc == urlsplit(home).netloc else "", address)
    model = subject.model or fragment
    if kind == "anthropic":
        headers = {**_JSON, "anthropic-version": VERSION, **({"x-api-key": key} if key else {})}
        carrier = Transport(address, headers, secret=key, settings=transport, env=env)
        return AnthropicEndpoint(model, carrier, max_concurrency=max_concurrency)
    headers = {**_JSON, **({"Authorization": f"Bearer {key}"} if key else {})}
    carrier = Transport(address, headers, secret=key, settings=transport, env=env)
    return OpenAIEndpoint(model, carrier, max_concurrency=max_concurrency)


_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


def checked_address(address: str) -> str:
    """An address that can be called and holds no credentials, as it was given.

    Raises:
        InputError: It is no http or https address, or holds credentials; the message does not repeat them.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"{_without_credentials(address)!r} is no http or https address",
            hint="Write it like http://127.0.0.1:8000/v1.",
        )
    names = [name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if parts.username or parts.password or any(word in name for name in names for word in _SECRET_WORDS):
        raise InputError(
            f"the address {_without_credentials(address)!r} holds credentials",
            hint="Put the key into an environment variable and name it with key_env.",
        )
    return address


def _without_credentials(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _key(subject: Subject, env: Mapping[str, str], home_key: str, address: str) -> str:
    name = subject.key_env or home_key
    if not name:
        return ""
    key = env.get(name, "").strip()
    if not key:
        raise AuthenticationError(
            f"subject {subject.name!r} needs a key, and the environment variable {name} is not set",
            endpoint=address,
            permanent=True,
            hint=f"Run: export {name}=…",
        )
    if not key.isascii() or not key.isprintable():
        raise AuthenticationError(
            f"the environment variable {name} holds characters that no key has",
            endpoint=address,
            permanent=True,
            hint="Copy the key again, without line breaks or typographic quotes.",
        )
    return key
