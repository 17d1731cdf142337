"""The errors of Kakehashi, one tree.

    KakehashiError                      exit 1
    ├── UsageError                      exit 2   the words of the call are off
    │   └── UnknownNameError                     no such model, method, run, ... (suggests the nearest)
    ├── InputError                      exit 3   a file or its content cannot be used
    │   ├── DataMissingError                     a data set was not pulled
    │   └── FormatVersionError                   written by a newer Kakehashi
    ├── EndpointError                   exit 4   a model's endpoint failed
    │   ├── EndpointUnreachableError             no connection
    │   ├── AuthenticationError                  401 or 403
    │   ├── RateLimitedError                     429 until patience ran out
    │   ├── ServerError                          5xx until patience ran out
    │   ├── RequestRefusedError                  another 4xx: the request itself is wrong
    │   └── BadAnswerError                       truncated, oversized or malformed body
    ├── StorageError                    exit 5   the workspace cannot be read or written
    │   ├── DiskFullError                        no space left
    │   ├── LockedError                          another process holds it
    │   └── CorruptFileError                     a file of ours is damaged
    ├── VerificationError               exit 6   a hash, signature or proof does not match
    ├── NotEstimableError               exit 7   the data do not determine the number asked for
    ├── BudgetError                     exit 8   the budget given is spent or too small
    ├── MissingExtraError               exit 9   an optional dependency is not installed
    ├── IncompleteError                 exit 10  finished, but with failures that need attention
    ├── RegressionError                 exit 11  a watched attack works again after it had been met
    └── IsolationError                  exit 13  generated code cannot be run safely here

Each message says what was wrong, with which value, where, and what to do next.
One place (``kakehashi.cli.main``) turns these into exit codes.
"""

from collections.abc import Sequence
from pathlib import Path


class KakehashiError(Exception):
    """Base of every error that Kakehashi raises on purpose.

    Args:
        message: What was wrong, with which value, where.
        hint: What to do next, as a sentence or a command.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"

    def facts(self) -> dict[str, object]:
        """The error as a JSON-ready mapping: the one shape that ``--json`` prints."""
        extra = {
            key: [str(v) for v in value] if isinstance(value, list | tuple) else value
            for key, value in vars(self).items()
            if key not in {"message", "hint"} and isinstance(value, str | int | float | bool | list | tuple)
        }
        return {"error": type(self).__name__, "message": self.message, "hint": self.hint, **extra}


class UsageError(KakehashiError):
    """The words of the call are off: a wrong option, value or combination."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that nothing here bears.

    Args:
        kind: What sort of thing was asked for, such as ``"method"``.
        name: The name asked for.
        known: The names that exist; the nearest are suggested.
        hint: Overrides the suggestion.
    """

    def __init__(self, kind: str, name: str, known: Sequence[str] = (), *, hint: str | None = None) -> None:
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=3, cutoff=0.5)
        if hint is None and near:
            hint = f"Did you mean {' or '.join(near)}?"
        elif hint is None and known:
            hint = f"Known: {', '.join(list(known)[:12])}{', …' if len(known) > 12 else ''}"
        super().__init__(f"unknown {kind}: {name!r}", hint=hint)
        self.kind = kind
        self.name = name
        self.suggestions = near


class InputError(KakehashiError):
    """A file, a stream or its content cannot be used.

    Args:
        message: What was wrong.
        path: The file, where there is one.
        row: The line or row, counted from 1, where it is known.
        hint: What to do next.
    """

    exit_code = 3

    def __init__(
        self, message: str, *, path: Path | str | None = None, row: int | None = None, hint: str | None = None
    ) -> None:
        where = "" if path is None else f"{path}: " if row is None else f"{path}:{row}: "
        super().__init__(where + message, hint=hint)
        self.path = None if path is None else str(path)
        self.row = row


class DataMissingError(InputError):
    """A data set, or a file of one, was not pulled into the workspace.

    Args:
        data_set: Name of the set.
        file: Name of the file; ``""`` where no form of the set is here whole.
    """

    def __init__(self, data_set: str, file: str = "") -> None:
        what = f"{file} of the data set {data_set!r}" if file else f"the data set {data_set!r}"
        super().__init__(f"{what} was not pulled", hint=f"Run: kakehashi data pull {data_set}")
        self.data_set = data_set
        self.file = file


class FormatVersionError(InputError):
    """A file whose format is newer than this Kakehashi reads."""

    def __init__(self, found: str, supported: str, *, path: Path | str | None = None) -> None:
        super().__init__(
            f"format {found!r} is not one that this version reads (it reads up to {supported!r})",
            path=path,
            hint="Upgrade kakehashi, or ask the sender for an export in an older format.",
        )
        self.found = found
        self.supported = supported


class EndpointError(KakehashiError):
    """A model's endpoint failed.

    Args:
        message: What was wrong; never holds a key or a request body.
        endpoint: The endpoint's address without credentials.
        status: The HTTP status, where there was one.
        hint: What to do next.
        retry_after: Seconds that the endpoint asked to wait, where it said.
        permanent: Whether every further request would fail too (no quota left, no such model).
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        endpoint: str = "",
        status: int | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
        permanent: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.endpoint = endpoint
        self.status = status
        self.retry_after = retry_after
        self.permanent = permanent


class EndpointUnreachableError(EndpointError):
    """No connection could be made or kept."""


class AuthenticationError(EndpointError):
    """The endpoint refused the credentials (401, 403)."""


class RateLimitedError(EndpointError):
    """The endpoint said 429 until patience ran out."""


class ServerError(EndpointError):
    """The endpoint said 5xx until patience ran out."""


class RequestRefusedError(EndpointError):
    """The endpoint refused the request itself (a 4xx other than 401, 403, 429)."""


class BadAnswerError(EndpointError):
    """The endpoint's body was truncated, oversized, or not of the promised shape."""


class StorageError(KakehashiError):
    """The workspace cannot be read or written."""

    exit_code = 5

    def __init__(self, message: str, *, path: Path | str | None = None, hint: str | None = None) -> None:
        super().__init__(message if path is None else f"{path}: {message}", hint=hint)
        self.path = None if path is None else str(path)


class DiskFullError(StorageError):
    """No space is left where Kakehashi has to write."""


class LockedError(StorageError):
    """Another process holds the run folder or the ledger."""


class CorruptFileError(StorageError):
    """A file that Kakehashi wrote is damaged."""


class VerificationError(KakehashiError):
    """A hash, a signature or a proof does not match."""

    exit_code = 6


class NotEstimableError(KakehashiError):
    """The data do not determine the number that was asked for.

    Args:
        message: What cannot be estimated and why.
        diagnostic: A short stable name of the reason, such as ``"one-method"``.
        hint: What data would be needed.
    """

    exit_code = 7

    def __init__(self, message: str, *, diagnostic: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.diagnostic = diagnostic


class BudgetError(KakehashiError):
    """The budget of calls or tokens is spent, or too small for what was asked."""

    exit_code = 8


class MissingExtraError(KakehashiError):
    """An optional dependency is not installed.

    Args:
        extra: The name of the extra, such as ``"local"``.
        purpose: What it is needed for.
    """

    exit_code = 9

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the extra {extra!r}", hint=f"Run: python -m pip install 'kakehashi[{extra}]'"
        )
        self.extra = extra


class IncompleteError(KakehashiError):
    """The work finished, but with failures that need attention; everything that was obtained is kept."""

    exit_code = 10


class RegressionError(KakehashiError):
    """A watched attack works again after it had been met: the work went well, the news is bad.

    Args:
        message: Which attacks.
        attacks: Their identifiers.
        hint: What to do next.
    """

    exit_code = 11

    def __init__(self, message: str, *, attacks: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.attacks = list(attacks)


class IsolationError(KakehashiError):
    """This machine cannot cut generated code off from network, files and processes, so it is not run."""

    exit_code = 13
