"""A loopback server that speaks like OpenAI and Anthropic, with faults on order.

In a test:

    async with MockServer(plan=["429:0", "ok"]) as server:
        ...  # server.url, server.bodies, server.headers; server.gate.clear() holds all answers back

The plan says what happens to the first calls, one entry each; after it, ``default`` is used. A prompt that holds
``[[fault]]`` gets that fault at every call. As a process, which writes its port to stdout:

    python tests/reference/mock_server.py --port 0 --delay-ms 50
"""

import argparse
import asyncio
import contextlib
import json
import re
import ssl
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any

from aiohttp import web

TAG = re.compile(r"\[\[(.+?)\]\]")


def _error(
    status: int, message: str, headers: dict[str, str] | None = None, **fields: object
) -> web.Response:
    return web.json_response({"error": {"message": message, **fields}}, status=status, headers=headers)


def _chat(text: str | None, *, finish: str = "stop", **message: object) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "mock",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def _anthropic(blocks: list[dict[str, object]], stop: str = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "mock",
        "content": blocks,
        "stop_reason": stop,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


class MockServer:
    """The server; ``async with`` starts and stops it.

    Args:
        plan: Faults of the first calls.
        default: What happens after the plan.
        delay: Seconds before each answer.
        answer: Function from the request's body to the answer; echoes the last message by default.
        refuses: Parameters that are refused, as OpenAI does.
        logprobs: Alternatives of the first token, given to requests that ask for log-probabilities.
        ssl_context: For https.
        host: Address to listen on.
        port: Port, 0 for a free one.
        keep: Whether bodies and headers are kept (not for benchmarks).
    """

    def __init__(
        self,
        plan: Sequence[str] = (),
        *,
        default: str = "ok",
        delay: float = 0.0,
        answer: Callable[[dict[str, Any]], str] | None = None,
        refuses: Sequence[str] = (),
        logprobs: Sequence[tuple[str, float]] = (),
        ssl_context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        keep: bool = True,
    ) -> None:
        self.plan = list(plan)
        self.default = default
        self.delay = delay
        self.answer = answer or (lambda body: "echo: " + str(body["messages"][-1]["content"]))
        self.refuses = set(refuses)
        self.logprobs = list(logprobs)
        self.tags = True
        """Whether a ``[[fault]]`` in a prompt has its effect; set to False, the trouble has ended."""
        self.calls = 0
        self.answered = 0
        self.active = 0
        self.most_active = 0
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bytes_sent = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._keep = keep
        self._ssl = ssl_context
        self._host = host
        self.port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._ssl else 'http'}://{self._host}:{self.port}/v1"

    async def __aenter__(self) -> "MockServer":
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._chat_completions)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_get("/stats", self._stats)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, ssl_context=self._ssl, backlog=1024)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def settled(self) -> None:
        """Wait until all that clients sent is counted, once they are gone: one that was killed may have sent more.

        Connections are accepted in their order: when a new one is answered, all before it are known.
        """
        assert self._runner is not None
        reader, writer = await asyncio.open_connection(self._host, self.port, ssl=self._ssl)
        writer.write(b"GET /stats HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        while self.active or self._runner.server.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response({"calls": self.calls, "answered": self.answered})

    async def _chat_completions(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, anthropic=False)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, anthropic=True)

    async def _serve(self, request: web.Request, *, anthropic: bool) -> web.StreamResponse:
        self.calls += 1
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            body = await request.json()
            if self._keep:
                self.bodies.append(body)
                self.headers.append(dict(request.headers))
            fault = self.plan.pop(0) if self.plan else self.default
            if fault == "ok" and self.tags and body["messages"]:
                tagged = TAG.search(str(body["messages"][-1]["content"]))
                fault = tagged.group(1) if tagged else "ok"
            if self.delay:
                await asyncio.sleep(self.delay)
            await self.gate.wait()
            for name in body:
                if name in self.refuses:
                    instead = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                    return _error(
                        400,
                        f"Unsupported parameter: '{name}' is not supported with this model.{instead}",
                        param=name,
                        code="unsupported_parameter",
                    )
            response = await self._respond(fault, request, body, anthropic=anthropic)
            if response.status == 200:
                self.answered += 1
            return response
        finally:
            self.active -= 1

    async def _respond(
        self, fault: str, request: web.Request, body: dict[str, Any], *, anthropic: bool
    ) -> web.StreamResponse:
        name, _, argument = fault.partition(":")
        if name.isdigit() and int(name) >= 300:
            return self._status(int(name), argument, request)
        if name == "ok":
            text = self.answer(body)
            if anthropic:
                return web.json_response(_anthropic([{"type": "text", "text": text}]))
            made = _chat(text)
            if body.get("logprobs"):
                listed = [{"token": token, "logprob": value, "bytes": None} for token, value in self.logprobs]
                listed = listed[: body.get("top_logprobs", 0)]
                first = {"token": text[:1], "logprob": -0.1, "bytes": None, "top_logprobs": listed}
                made["choices"][0]["logprobs"] = {"content": [first], "refusal": None}
            return web.json_response(made)
        if name == "slow":
            await asyncio.sleep(float(argument))
            return web.json_response(_chat("slow"))
        if name == "empty":
            return web.json_response(_anthropic([]) if anthropic else _chat(""))
        if name == "null":
            return web.json_response(_chat(None))
        if name == "filtered":
            return web.json_response(_chat("Half an ans", finish="content_filter"))
        if name == "filter400":
            return _error(400, "The response was filtered.", code="content_filter", type=None, param="prompt")
        if name == "refusal":
            return web.json_response(_anthropic([], "refusal"))
        if name == "think":
            if anthropic:
                blocks = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes."}]
                return web.json_response(_anthropic(blocks))
            return web.json_response(_chat("<think>Hm.</think>\n\nYes."))
        if name == "reasoning":
            return web.json_response(_chat("Yes.", **{argument or "reasoning_content": "Hm."}))
        if name == "long":
            return web.json_response(_chat("x" * int(argument)))
        if name == "truncated":
            text = json.dumps(_chat("An answer that breaks off"))
            return web.Response(text=text[: len(text) // 2], content_type="application/json")
        if name == "badutf8":
            data = json.dumps(_chat("MARK")).encode().replace(b"MARK", b"\xff\xfe\xc3")
            return web.Response(body=data, content_type="application/json")
        if name == "notobject":
            return web.json_response([1, 2, 3])
        if name == "nochoices":
            return web.json_response({"hello": "world"})
        if name == "error200":
            return web.json_response({"error": {"message": "upstream", "code": int(argument or 502)}})
        if name == "surrogate":
            return web.Response(text=json.dumps(_chat("half \ud83d pair")), content_type="application/json")
        if name == "echokey":
            return web.json_response(_chat("you sent " + request.headers.get("Authorization", "nothing")))
        if name == "drop":
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=200)
        if name == "huge":
            return await self._huge(request, int(argument), announce=False)
        if name == "hugelength":
            return await self._huge(request, int(argument), announce=True)
        if name == "cutbody":
            response = web.StreamResponse(headers={"Content-Length": "100000"})
            await response.prepare(request)
            await response.write(b'{"choices": [')
            assert request.transport is not None
            request.transport.abort()
            return response
        raise AssertionError(f"the mock server knows no fault {fault!r}")

    def _status(self, status: int, argument: str, request: web.Request) -> web.Response:
        headers: dict[str, str] = {}
        said = f"status {status}"
        if argument == "date":
            headers["Retry-After"] = formatdate(time.time() + 1, usegmt=True)
        elif argument == "quota":
            return _error(429, "You exceeded your current quota.", code="insufficient_quota")
        elif argument == "echokey":
            said += f" for {request.headers.get('Authorization')} {request.headers.get('x-api-key')}"
        elif argument == "html":
            return web.Response(status=status, text="<html>busy</html>", content_type="text/html")
        elif argument:
            headers["Retry-After"] = argument
        if 300 <= status < 400:
            headers["Location"] = "https://elsewhere.invalid/v1/chat/completions"
        return _error(status, said, headers)

    async def _huge(self, request: web.Request, size: int, *, announce: bool) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(size)} if announce else {})
        await response.prepare(request)
        block = b"x" * 65536
        sent = 0
        try:
            while sent < size:
                await response.write(block)
                sent += len(block)
                self.bytes_sent += len(block)
        except (ConnectionError, asyncio.CancelledError):
            pass
        return response


async def _forever(arguments: argparse.Namespace) -> None:
    async with MockServer(
        plan=arguments.plan, delay=arguments.delay_ms / 1000, port=arguments.port, keep=False
    ) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A mock of OpenAI's and Anthropic's endpoints on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--plan", nargs="*", default=[])
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_forever(parser.parse_args()))
