"""What an HTTP answer other than 200 means: the tree of errors, a content filter, or a refused parameter."""

import re
import time
from collections.abc import Mapping
from typing import Any

from kakehashi.errors import (
    AuthenticationError,
    EndpointError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
)
from kakehashi.evaluate.engine.endpoint import Adaptation
from kakehashi.evaluate.engine.transport import Response, retry_after

_FILTER_CODES = {
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "moderation_blocked",
    "content_blocked",
    "data_inspection_failed",
}
_FILTER_WORDS = re.compile(r"content (?:filter|management policy)|blocked by .{0,40}policy", re.IGNORECASE)
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|does(?: not|n't) support|unknown|unrecogni[sz]ed|unexpected|not permitted"
    r"|not allowed|deprecated|cannot both be",
    re.IGNORECASE,
)
_UNSUPPORTED_CODES = {"unsupported_parameter", "unsupported_value", "unknown_parameter"}
_QUOTA_CODES = {"insufficient_quota", "billing_hard_limit_reached", "credit_balance_too_low"}
_RENAMED = {"max_tokens": "max_completion_tokens"}
_KEPT = {"max_completion_tokens"}  # leaving it out would leave the cost without a bound
#: What an answer is complete without: whatever is said against one of these, it is left out.
_OPTIONAL = ("top_logprobs", "logprobs")
_LONGEST_QUOTE = 300


def provider_error(body: Mapping[str, Any]) -> dict[str, Any]:
    """The error object of a body, whichever of the usual shapes it has."""
    error = body.get("error")
    if isinstance(error, Mapping):
        return dict(error)
    if isinstance(error, str):
        return {"message": error}
    for name in ("message", "detail"):
        if isinstance(body.get(name), str):
            return {"message": body[name], "code": body.get("code")}
    detail = body.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], Mapping):  # FastAPI's shape
        first = detail[0]
        where = first.get("loc")
        name = str(where[-1]) if isinstance(where, list) and where else ""
        return {"message": f"{name!r}: {first.get('msg', '')}", "param": name, "code": first.get("type")}
    return {}


def words_of(error: Mapping[str, Any]) -> str:
    """The provider's own words, shortened to one line."""
    message = " ".join(str(error.get("message") or "").split())
    code = str(error.get("code") or error.get("type") or "")
    text = f"{message} [{code}]" if code and message else message or code
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


def is_content_filter(error: Mapping[str, Any]) -> bool:
    """Whether the request was turned away by the provider's content filter: a result, not an error."""
    inner = error.get("innererror")
    codes = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, Mapping) else None]
    if any(str(code).lower() in _FILTER_CODES for code in codes if code):
        return True
    return bool(_FILTER_WORDS.search(str(error.get("message") or "")))


def refused_parameter(error: Mapping[str, Any], sent: Mapping[str, object]) -> Adaptation | None:
    """The parameter that a 400 or 422 refuses, where it names one that was sent."""
    message = str(error.get("message") or "")
    unsupported = str(error.get("code") or "") in _UNSUPPORTED_CODES or bool(_UNSUPPORTED.search(message))
    if "logprobs" in message or error.get("param") in _OPTIONAL:
        for name in _OPTIONAL:
            if name in sent:
                return Adaptation(name, "", words_of(error))
    if not unsupported:
        return None
    named = [name for name in sent if error.get("param") == name] or [
        name for name in sent if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", message)
    ]
    # Such texts name what was refused first, and what to use in its place after it.
    for name in sorted(named, key=lambda each: message.find(each)):
        replacement = _RENAMED.get(name, "")
        if name in _KEPT or (replacement and replacement in sent):
            continue
        return Adaptation(name, replacement, words_of(error))
    return None


def error_for(response: Response, error: Mapping[str, Any], address: str) -> EndpointError:
    """The error of our tree for an answer that is neither 200 nor a content filter.

    Args:
        response: The answer.
        error: Its error object, already without the key.
        address: The endpoint's address without credentials.
    """
    status = response.status
    said = words_of(error)
    quote = f": {said}" if said else ""
    wait = retry_after(response.headers, time.time())
    if status in (401, 403):
        return AuthenticationError(
            f"{address} refused the key ({status}){quote}",
            endpoint=address,
            status=status,
            permanent=True,
            hint="Set the environment variable that holds the key; `kakehashi doctor` says which is missing.",
        )
    if status == 429:
        spent = str(error.get("code") or error.get("type") or "") in _QUOTA_CODES
        return RateLimitedError(
            f"{address} {'says that the quota is spent' if spent else 'limits the rate'} (429){quote}",
            endpoint=address,
            status=status,
            retry_after=wait,
            permanent=spent,
            hint="Run the same command again later: it goes on where it was.",
        )
    if status >= 500 or status in (408, 425):
        return ServerError(
            f"{address} failed ({status}){quote}",
            endpoint=address,
            status=status,
            retry_after=wait,
            hint="Run the same command again later: it goes on where it was.",
        )
    if 300 <= status < 400:
        return RequestRefusedError(
            f"{address} sends on to another address ({status}), which is not followed with a key",
            endpoint=address,
            status=status,
            permanent=True,
            hint="Give the address that answers by itself as base_url.",
        )
    return RequestRefusedError(
        f"{address} refused the request ({status}){quote}",
        endpoint=address,
        status=status,
        permanent=status in (402, 404, 405),
        hint="Look at the model's name and the base address." if status == 404 else None,
    )
