"""The server's own OpenAPI document, made from its routes, so that no route can be left out."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.routing import BaseRoute, Route

from kakehashi.exchange.server.question import MEDIA_TYPE

_ERROR = {"$ref": "#/components/schemas/Error"}
_STATUSES = ("400", "401", "403", "404", "406", "413", "415", "422", "429", "503")
_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}
_FILTERS: dict[str, Any] = {
    "added_after": _TEXT,
    "limit": {"type": "integer", "minimum": 1},
    "next": _TEXT,
    "match[id]": _TEXT,
    "match[type]": _TEXT,
    "match[version]": _TEXT,
    "match[spec_version]": _TEXT,
}
_ENVELOPE = {
    "type": "object",
    "required": ["objects"],
    "properties": {"objects": {"type": "array", "items": {"type": "object"}, "minItems": 1}},
}
_QUESTION = {
    "type": "object",
    "required": ["format", "request"],
    "properties": {"format": {"const": "kakehashi.private-query/1"}, "request": _TEXT},
}
_OBJECTS = "/api/collections/{collection}/objects/"
_QUERIES: dict[tuple[str, str], Mapping[str, Any]] = {
    ("get", _OBJECTS): _FILTERS,
    ("get", "/api/collections/{collection}/manifest/"): _FILTERS,
    ("get", f"{_OBJECTS}{{object}}/"): {
        k: v for k, v in _FILTERS.items() if k not in ("match[id]", "match[type]")
    },
    ("get", f"{_OBJECTS}{{object}}/versions/"): {
        k: v for k, v in _FILTERS.items() if k in ("added_after", "limit", "next", "match[spec_version]")
    },
    ("delete", f"{_OBJECTS}{{object}}/"): {
        k: v for k, v in _FILTERS.items() if k in ("match[version]", "match[spec_version]")
    },
    ("get", "/api/x-kakehashi/log/"): {"after": _WHOLE},
    ("get", "/api/x-kakehashi/log/consistency/"): {"old": _WHOLE, "size": _WHOLE},
    ("get", "/api/x-kakehashi/log/reads/"): {"after": _WHOLE},
    ("get", "/api/x-kakehashi/log/inclusion/"): {"line": _WHOLE, "size": _WHOLE},
}
_COSIGNED = {"type": "object", "required": ["checkpoint"], "properties": {"checkpoint": _TEXT}}
_BODIES = {
    ("post", _OBJECTS): _ENVELOPE,
    ("post", "/api/x-kakehashi/known/"): _QUESTION,
    ("post", "/api/x-kakehashi/log/cosigned/"): _COSIGNED,
}
_STREAMS = {"/api/x-kakehashi/events/": "text/event-stream"}
_ACCEPTED = {("post", _OBJECTS): "202"}
SUMMARIES = {
    ("get", "/taxii2/"): "Discovery: which API roots there are",
    ("get", "/api/"): "What the API root can do",
    ("get", "/api/status/{status}/"): "What became of an envelope",
    ("get", "/api/collections/"): "The collections that the caller may know of",
    ("get", "/api/collections/{collection}/"): "One collection",
    ("get", "/api/collections/{collection}/manifest/"): "What stands in a collection, without content",
    ("get", _OBJECTS): "The objects of a collection, as they were stored",
    ("post", _OBJECTS): "Take in an envelope",
    ("get", f"{_OBJECTS}{{object}}/"): "One object",
    ("delete", f"{_OBJECTS}{{object}}/"): "Withdraw an object of the caller's own",
    ("get", f"{_OBJECTS}{{object}}/versions/"): "The versions of an object",
    ("get", "/api/x-kakehashi/events/"): "What is new, as server-sent events, until the caller goes",
    ("get", "/api/x-kakehashi/markings/"): "Which markings the caller may see",
    ("get", "/api/x-kakehashi/checkpoint/"): "The log's head, signed",
    ("get", "/api/x-kakehashi/log/"): "Lines of the log: commitments without content",
    (
        "get",
        "/api/x-kakehashi/log/consistency/",
    ): "Proof that the log has grown from what it was",
    ("get", "/api/x-kakehashi/log/inclusion/"): "Proof that a line stands in the log",
    ("get", "/api/x-kakehashi/log/reads/"): "Who read which record of AMBER and above, for auditors",
    ("get", "/api/x-kakehashi/log/cosigned/"): "The newest checkpoint that partners cosigned",
    ("post", "/api/x-kakehashi/log/cosigned/"): "Leave a checkpoint with one's cosignature",
    ("get", f"{_OBJECTS}{{object}}/x-kakehashi-proof/"): "Proof that an object stands in the log",
    ("get", "/api/x-kakehashi/balance/"): "What the caller gave and received",
    ("get", "/api/x-kakehashi/members/"): "Members and their rights, for the administrator",
    ("post", "/api/x-kakehashi/known/"): "Whether a prompt is known, asked without showing it",
    ("get", "/api/x-kakehashi/openapi.json"): "This document",
}
"""What each operation does; a test holds it against the routes."""


def openapi(routes: Iterable[BaseRoute], *, title: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an application.

    Args:
        routes: Its routes.
        title: Name of the node.
    """
    paths: dict[str, Any] = {}
    for route in routes:
        if isinstance(route, Route):
            methods = sorted((route.methods or set()) - {"HEAD"})
            paths[route.path] = {m.lower(): _operation(m.lower(), route) for m in methods}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": "2.1",
            "description": "TAXII 2.1, and what is ours under x-kakehashi.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["title", "http_status"],
                    "properties": {"title": _TEXT, "http_status": _TEXT},
                    "additionalProperties": False,
                }
            },
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"basic": []}, {"bearer": []}],
    }


def _operation(method: str, route: Route) -> dict[str, Any]:
    key = (method, route.path)
    media = _STREAMS.get(route.path, MEDIA_TYPE)
    answers: dict[str, Any] = {
        _ACCEPTED.get(key, "200"): {"description": "Done", "content": {media: {"schema": {}}}}
    }
    answers |= {
        status: {"description": "Refused", "content": {MEDIA_TYPE: {"schema": _ERROR}}}
        for status in _STATUSES
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT}
        for name in sorted(route.param_convertors)
    ]
    parameters += [
        {"name": name, "in": "query", "schema": schema} for name, schema in _QUERIES.get(key, {}).items()
    ]
    made: dict[str, Any] = {"summary": SUMMARIES.get(key, ""), "responses": answers}
    if parameters:
        made["parameters"] = parameters
    if key in _BODIES:
        made["requestBody"] = {"required": True, "content": {MEDIA_TYPE: {"schema": _BODIES[key]}}}
    return made
