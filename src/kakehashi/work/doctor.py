"""Examining an installation: each finding says what was found and how to mend it."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kakehashi.errors import KakehashiError
from kakehashi.work.workspace import Workspace

#: Extra → the modules that it brings and what it is for.
EXTRAS = {
    "local": (("xllamacpp",), "serving embedded models"),
    "charts": (("altair", "vl_convert"), "figures in reports"),
    "pdf": (("typst", "noto_cjk_sans_jp_regular", "noto_cjk_sans_jp_bold"), "reports as PDF"),
    "tables": (("openpyxl",), "reports as workbooks"),
    "exchange": (("starlette", "uvicorn"), "serving an exchange node"),
    "provenance": (("c2pa",), "reading Content Credentials"),
    "inspect": (("inspect_ai", "inspect_evals"), "tasks of Inspect as methods"),
    "ray": (("ray",), "spreading a run over several machines"),
}
_NEEDED = (
    "aiohttp",
    "click",
    "cryptography",
    "duckdb",
    "jinja2",
    "jsonschema",
    "numpy",
    "pyyaml",
    "rich",
    "scipy",
    "zstandard",
)
_ENOUGH_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: What was looked at.
        state: ``"ok"``, ``"missing"`` (something optional) or ``"broken"``.
        found: What was found.
        mend: The command or sentence that mends it, ``""`` where nothing is to be done.
    """

    check: str
    state: str
    found: str
    mend: str = ""


def examine(workspace: Path) -> list[Finding]:
    """Look at Python, packages, extras, weights, workspace, disk, the node's clock, proxies and certificates."""
    here = (*_weights(workspace), *_folder(workspace), *_clock(workspace))
    return [*_python(), *_packages(), *_extras(), *here, *_network()]


def _python() -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    fine = sys.version_info >= (3, 11)
    yield Finding(
        "Python", "ok" if fine else "broken", version, "" if fine else "Install Python 3.11 or newer."
    )
    pip = importlib.util.find_spec("pip") is not None
    yield Finding(
        "pip",
        "ok" if pip else "missing",
        "here" if pip else "not in this environment",
        "" if pip else f"{sys.executable} -m ensurepip, or kakehashi models pull --from FILE",
    )


def _packages() -> Iterator[Finding]:
    absent = []
    for name in _NEEDED:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            absent.append(name)
    if absent:
        yield Finding("packages", "broken", f"missing {', '.join(absent)}", "python -m pip install kakehashi")
    else:
        yield Finding("packages", "ok", f"all {len(_NEEDED)} here")


def _extras() -> Iterator[Finding]:
    for extra, (modules, purpose) in EXTRAS.items():
        absent = [module for module in modules if importlib.util.find_spec(module) is None]
        if absent:
            command = f"python -m pip install 'kakehashi[{extra}]'"
            yield Finding(f"extra {extra}", "missing", f"no {', '.join(absent)} ({purpose})", command)
        else:
            yield Finding(f"extra {extra}", "ok", purpose)


def _weights(workspace: Path) -> Iterator[Finding]:
    from kakehashi.evaluate.local import embedded_models, have_weights

    for model in embedded_models():
        here = have_weights(model, Workspace(workspace).models)
        yield Finding(
            f"weights of {model.name}",
            "ok" if here else "missing",
            "here" if here else f"not here ({model.bytes / 1e6:.0f} MB)",
            "" if here else f"kakehashi models pull {model.name}",
        )


def _folder(workspace: Path) -> Iterator[Finding]:
    nearest = workspace.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    writable = os.access(nearest, os.W_OK)
    yield Finding(
        "workspace",
        "ok" if writable else "broken",
        f"{workspace} ({'writable' if writable else 'not writable'})",
        "" if writable else "Choose another folder with --workspace or KAKEHASHI_HOME.",
    )
    free = shutil.disk_usage(nearest).free
    enough = free >= _ENOUGH_BYTES
    yield Finding(
        "disk",
        "ok" if enough else "broken",
        f"{free / 1e9:.1f} GB free",
        "" if enough else "Free at least 0.5 GB for weights, runs and cache.",
    )


def _clock(workspace: Path) -> Iterator[Finding]:
    from kakehashi.exchange import Node

    place = Workspace(workspace).exchange
    if not Node.is_here(place):
        return
    from kakehashi.exchange.confirmed_time import clock_trouble

    try:
        store = Node.open(place).store
    except KakehashiError as error:
        yield Finding("exchange node", "broken", error.message, error.hint or "")
        return
    try:
        found, mend = clock_trouble(store) or ("believed", "")
    finally:
        store.close()
    yield Finding("exchange node's clock", "broken" if mend else "ok", found, mend)


def _network() -> Iterator[Finding]:
    proxies = {
        name: value
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy")
        if (value := os.environ.get(name))
    }
    # A proxy's address may hold a password.
    words = ", ".join(f"{name}={_without_password(value)}" for name, value in proxies.items())
    yield Finding("proxy", "ok", words or "none")
    authority = os.environ.get("KAKEHASHI_CA_FILE") or os.environ.get("SSL_CERT_FILE")
    if authority and not Path(authority).is_file():
        yield Finding(
            "certificates",
            "broken",
            f"{authority} does not exist",
            "Correct SSL_CERT_FILE or KAKEHASHI_CA_FILE.",
        )
    else:
        yield Finding("certificates", "ok", authority or "the system's own")


def _without_password(value: str) -> str:
    parts = urlsplit(value)
    return value if "@" not in parts.netloc else f"{parts.scheme}://***@{parts.netloc.rsplit('@', 1)[1]}"
