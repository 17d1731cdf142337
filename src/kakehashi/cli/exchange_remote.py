"""Options of commands of ``kakehashi exchange`` that talk to another node."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from kakehashi.exchange.tls import Tls

F = TypeVar("F", bound=Callable[..., Any])
_PEM = click.Path(path_type=Path, exists=True, dir_okay=False)


def token_option(function: F) -> F:
    """``--token-env``: where the token is."""
    return click.option(
        "--token-env",
        default="KAKEHASHI_EXCHANGE_TOKEN",
        show_default=True,
        help="Environment variable that holds the token.",
    )(function)


def tls_options(function: F) -> F:
    """Certificates to show to a node that asks for one, and to trust."""
    for name, text in (
        ("--tls-trusted", "PEM file of authorities to trust instead of the system's."),
        ("--tls-key", "PEM file of that certificate's key."),
        ("--tls-certificate", "PEM file to show where the node asks for a certificate (mutual TLS)."),
    ):
        function = click.option(name, type=_PEM, help=text)(function)
    return function


def tls_of(certificate: Path | None, key: Path | None, trusted: Path | None) -> "Tls | None":
    """The certificates that were given, ``None`` where none were."""
    from kakehashi.exchange.tls import Tls

    return None if certificate is None and trusted is None else Tls(certificate, key, trusted)


def token_of(variable: str) -> str:
    """The token in an environment variable.

    Raises:
        UsageError: There is none.
    """
    from kakehashi.errors import UsageError

    token = os.environ.get(variable, "").strip()
    if not token:
        raise UsageError(
            f"the environment variable {variable} holds no token", hint="Set it, or give --token-env."
        )
    return token
