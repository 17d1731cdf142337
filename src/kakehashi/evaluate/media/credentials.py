"""Content Credentials (C2PA) of one media file; the only module that imports c2pa."""

import importlib.util
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kakehashi.errors import InputError, MissingExtraError

#: What may be said of a file, best first; the first three carry credentials.
STATES = ("valid", "untrusted", "invalid", "absent", "unreadable", "unsupported")

_UNTRUSTED = "signingCredential.untrusted"
_NO_NETWORK = {"remote_manifest_fetch": False, "ocsp_fetch": False}
_BROKEN = ("Assertion", "AssertionNotFound", "Decoding", "Json", "Manifest", "Signature", "Verify")


@dataclass(frozen=True, slots=True)
class CredentialCheck:
    """What was found in one file.

    Attributes:
        name: Path or address of the file.
        state: ``valid`` (intact, signer chains to a trusted certificate), ``untrusted`` (intact, signer not among
            the trusted), ``invalid`` (file or credentials do not match what was signed), ``absent``,
            ``unreadable`` or ``unsupported`` (kind of file).
        reason: The standard's codes of what failed, or why nothing could be read.
        issuer: Organization in the signer's certificate, where there is a signature.
        generator: Program that wrote the credentials, as it calls itself.
        source_types: IPTC digital source types stated, such as ``trainedAlgorithmicMedia``.
    """

    name: str
    state: str
    reason: str = ""
    issuer: str = ""
    generator: str = ""
    source_types: tuple[str, ...] = ()


class CredentialReader:
    """Reads Content Credentials; nothing is fetched from a network, so credentials kept elsewhere are not read.

    Args:
        anchors: PEM file of the certificates that signers must chain to; without one every intact signature is
            ``untrusted``, because an intact signature alone says nothing of who signed.

    Raises:
        MissingExtraError: The extra ``provenance`` is not installed.
        InputError: The anchors cannot be used.
    """

    def __init__(self, anchors: Path | None = None) -> None:
        if importlib.util.find_spec("c2pa") is None:
            raise MissingExtraError("provenance", "reading Content Credentials")
        import c2pa

        self._c2pa = c2pa
        self.library = f"c2pa-python {c2pa.__version__}, {c2pa.sdk_version()}"
        settings: dict[str, Any] = {"verify": dict(_NO_NETWORK)}
        if anchors is not None:
            settings["verify"]["verify_trust"] = True
            settings["trust"] = {"trust_anchors": _certificates(anchors)}
        try:
            self._context = c2pa.Context.from_dict(settings)
        except c2pa.C2paError as error:
            raise InputError(f"cannot be used as trust anchors ({error})", path=anchors) from None

    def check(self, name: str, stream: BinaryIO, kind: str = "") -> CredentialCheck:
        """What one file carries.

        Args:
            name: What it is called in the result.
            stream: Its bytes, seekable.
            kind: File extension or media type; found from the bytes where empty or wrong.
        """
        c2pa = self._c2pa
        try:
            reader = c2pa.Reader.try_create(kind or None, stream, context=self._context)
            if reader is None:
                return CredentialCheck(name, "absent")
            with reader:
                return _judged(name, json.loads(reader.json()))
        except c2pa.C2paError as error:
            return _failed(name, error, c2pa, kind)
        except (OSError, ValueError) as error:
            return CredentialCheck(name, "unreadable", type(error).__name__)

    def check_file(self, path: Path) -> CredentialCheck:
        """What a file on disk carries."""
        try:
            with path.open("rb") as stream:
                return self.check(str(path), stream, path.suffix.lower().lstrip("."))
        except OSError as error:
            return CredentialCheck(str(path), "unreadable", error.strerror or type(error).__name__)

    def check_bytes(self, name: str, data: bytes, kind: str = "") -> CredentialCheck:
        """What a file in memory carries."""
        return self.check(name, io.BytesIO(data), kind)


def _certificates(path: Path) -> str:
    from cryptography import x509

    try:
        text = path.read_text(encoding="ascii")
        x509.load_pem_x509_certificates(text.encode())
    except (OSError, ValueError) as error:
        raise InputError(
            f"holds no certificates in PEM ({error})",
            path=path,
            hint="Give the trust list's file: one or more blocks BEGIN CERTIFICATE.",
        ) from None
    return text


def _judged(name: str, found: Mapping[str, Any]) -> CredentialCheck:
    """The library's validation as one of our states; anything but a plain yes is not one."""
    active = found.get("manifests", {}).get(found.get("active_manifest", ""), {})
    codes = _failures(found.get("validation_results") or {})
    others = [code for code in codes if code != _UNTRUSTED]
    state = found.get("validation_state")
    if state == "Trusted" and not codes:
        verdict = "valid"
    elif state in ("Trusted", "Valid") and not others:
        verdict = "untrusted"
    else:
        verdict = "invalid"
    generators = active.get("claim_generator_info") or [{}]
    return CredentialCheck(
        name,
        verdict,
        ", ".join(dict.fromkeys(others or codes)) or ("" if verdict == "valid" else "signer not checked"),
        issuer=str((active.get("signature_info") or {}).get("issuer") or ""),
        generator=str(generators[0].get("name") or "") if isinstance(generators[0], Mapping) else "",
        source_types=tuple(dict.fromkeys(_source_types(active.get("assertions") or ()))),
    )


def _failures(results: Mapping[str, Any]) -> list[str]:
    groups = [results.get("activeManifest") or {}]
    groups += [delta.get("validationDeltas") or {} for delta in results.get("ingredientDeltas") or ()]
    return [str(each.get("code")) for group in groups for each in group.get("failure") or ()]


def _source_types(assertions: Iterable[Any]) -> list[str]:
    actions = [
        action
        for assertion in assertions
        if isinstance(assertion, Mapping) and str(assertion.get("label")).startswith("c2pa.actions")
        for action in (assertion.get("data") or {}).get("actions") or ()
    ]
    stated = [str(action.get("digitalSourceType") or "") for action in actions]
    return [text.rsplit("/", 1)[-1] for text in stated if text]


def _failed(name: str, error: Exception, c2pa: Any, kind: str) -> CredentialCheck:
    kinds = c2pa.C2paError
    if isinstance(error, kinds.NotSupported):
        if kind in c2pa.Reader.get_supported_mime_types():
            return CredentialCheck(name, "unreadable", "its bytes are not of the kind that its name says")
        return CredentialCheck(name, "unsupported", "kind of file not supported")
    if isinstance(error, kinds.RemoteManifest):
        return CredentialCheck(name, "unreadable", "credentials are kept elsewhere and were not fetched")
    said = " ".join(str(error).split())[:120]
    broken = any(isinstance(error, getattr(kinds, kind)) for kind in _BROKEN)
    return CredentialCheck(name, "invalid" if broken else "unreadable", said)
