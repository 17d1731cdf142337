"""Asking whether a prompt is known without showing it: private set intersection over bands of its sketch.

The sketch of 128 minima is cut into nine bands of fourteen. The asker sends its bands raised to a secret power on an
elliptic curve; the other side answers with them raised to its own, and with its own bands raised likewise: common
bands meet, others stay hidden. What the asker learns: which of its bands are there, how many bands there are, whom to
ask. What the answerer learns: how many bands were asked. A plain hash of a guessable prompt would tell it to anyone
with a list of guesses; here each guess costs a question, so answers are limited.

References:
    Meadows (1986) and later: Diffie-Hellman private set intersection, as in openmined-psi 2.0 (Apache-2.0).
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kakehashi.errors import InputError, MissingExtraError
from kakehashi.exchange.known import sketches

QUERY, ANSWER, SECRET = (
    "kakehashi.private-query/1",
    "kakehashi.private-answer/1",
    "kakehashi.private-secret/1",
)
ROWS, BANDS = 14, 9
NEEDED = 1
"""Common bands of one reading of the text from which it counts as known."""
MOST_ELEMENTS = 100
_FALSE_POSITIVES = 1e-6


@dataclass(frozen=True, slots=True)
class PrivateVerdict:
    """What a private question found.

    Attributes:
        verdict: ``known`` or ``unknown``.
        common: Greatest number of common bands of one reading of the text.
        bands: Of how many.
        contact: Whom to ask, as the answerer says.
    """

    verdict: Literal["known", "unknown"]
    common: int
    bands: int
    contact: str | None


def bands(sketch: Sequence[int]) -> list[str]:
    """The bands of a sketch.

    Examples:
        >>> len(bands(range(128))), bands(range(128))[1]
        (9, '1:14,15,16,17,18,19,20,21,22,23,24,25,26,27')
    """
    return [
        f"{band}:{','.join(str(value) for value in sketch[band * ROWS : band * ROWS + ROWS])}"
        for band in range(BANDS)
        if (band + 1) * ROWS <= len(sketch)
    ]


def ask(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A question about a text, and the secret that reads its answer; only the question leaves the house.

    Raises:
        InputError: The text is too short.
        MissingExtraError: The extra ``privacy`` is not installed.
    """
    psi = _library()
    readings = [bands(one) for one in sketches(text)]
    client = psi.client.CreateWithNewKey(True)
    request = client.CreateRequest([band for one in readings for band in one])
    question = {"format": QUERY, "request": _text(request.SerializeToString())}
    secret = {
        "format": SECRET,
        "key": _text(client.GetPrivateKeyBytes()),
        "readings": [len(one) for one in readings],
    }
    return question, secret


def answer(
    known: Sequence[Sequence[int]], question: Mapping[str, Any], *, contact: str | None = None
) -> dict[str, Any]:
    """The answer to a question, from sketches; the key is made anew for each, so that answers cannot be joined.

    Args:
        known: The sketches.
        question: What was asked.
        contact: Whom to ask.

    Raises:
        InputError: It is no question.
        MissingExtraError: The extra ``privacy`` is not installed.
    """
    psi = _library()
    request = psi.Request()
    _parse(request, question, QUERY, "request")
    count = len(request.encrypted_elements)
    if not request.reveal_intersection or not 1 <= count <= MOST_ELEMENTS:
        raise InputError(f"a question has 1 to {MOST_ELEMENTS} elements, and this one {count}")
    server = psi.server.CreateWithNewKey(True)
    held = list(dict.fromkeys(band for one in known for band in bands(one))) or ["nothing"]
    try:
        response = server.ProcessRequest(request)
    except (RuntimeError, ValueError) as error:
        raise InputError("the question's elements are no points of the curve") from error
    setup = server.CreateSetupMessage(_FALSE_POSITIVES, count, held, psi.DataStructure.GCS)
    body = {
        "format": ANSWER,
        "setup": _text(setup.SerializeToString()),
        "response": _text(response.SerializeToString()),
    }
    return body | ({"contact": contact} if contact else {})


def read_answer(secret: Mapping[str, Any], body: Mapping[str, Any]) -> PrivateVerdict:
    """What an answer says.

    Raises:
        InputError: It is no answer, or belongs to another question.
        MissingExtraError: The extra ``privacy`` is not installed.
    """
    psi = _library()
    readings = secret.get("readings")
    if secret.get("format") != SECRET or not isinstance(readings, list):
        raise InputError("not the secret of a private question")
    setup, response = psi.ServerSetup(), psi.Response()
    _parse(setup, body, ANSWER, "setup")
    _parse(response, body, ANSWER, "response")
    if len(response.encrypted_elements) != sum(readings):
        raise InputError("the answer belongs to another question")
    try:
        client = psi.client.CreateFromKey(_bytes(secret, "key"), True)
        found = set(client.GetIntersection(setup, response))
    except (RuntimeError, ValueError) as error:
        raise InputError("the answer cannot be read with this secret") from error
    common, start = 0, 0
    for size in readings:
        common = max(common, sum(start <= at < start + size for at in found))
        start += size
    contact = body.get("contact")
    verdict: Literal["known", "unknown"] = "known" if common >= NEEDED else "unknown"
    return PrivateVerdict(verdict, common, BANDS, contact if isinstance(contact, str) else None)


def available() -> bool:
    """Whether the extra is installed."""
    from importlib.util import find_spec

    return find_spec("private_set_intersection") is not None


def _library() -> Any:
    try:
        import private_set_intersection.python as psi
    except ImportError as error:
        raise MissingExtraError("privacy", "asking privately") from error
    return psi


def _parse(message: Any, body: Mapping[str, Any], form: str, name: str) -> None:
    if body.get("format") != form:
        raise InputError(f"not a document of the format {form}")
    data = _bytes(body, name)
    try:
        message.ParseFromString(data)
    except Exception as error:  # protobuf's DecodeError is no subclass of ValueError everywhere
        raise InputError(f"{name}: not a message of the protocol") from error


def _bytes(body: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(str(body[name]), validate=True)
    except (KeyError, binascii.Error, ValueError) as error:
        raise InputError(f"{name}: missing or not base64") from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
