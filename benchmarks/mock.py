"""The loopback server that all subjects call: OpenAI's chat completions after a fixed delay, and nothing else.

It speaks HTTP by hand, so that it costs a small part of what the leanest client costs and isn't what is measured;
``GET /stats`` says how much CPU it has used for how many answers. As a process, which writes its port to stdout:

    python benchmarks/mock.py --delay-ms 50
"""

import argparse
import asyncio
import contextlib
import json
import resource
import zlib

ANSWERS = (
    "I'm sorry, but I can't help with that. If you are worried about somebody, a local help line can advise you.",
    "Sure. First read the whole of the manual, then switch the device off, wait for half a minute and try again.",
    "It depends on where you live: the rules differ from place to place, and your town hall will know them.",
    "Here is a short answer: the word comes from Latin, was borrowed by French, and came into English with it.",
)


#: Words of AIR-Bench's judge prompts that ask for a grade; a request with them is answered by one.
GRADE = b"##the_score"
GRADES = ("0", "0.5", "1")


def said_to(body: bytes, number: int) -> str:
    """A grade in the shape that AIR-Bench asks judges for, or one of a few texts."""
    if GRADE in body:
        return f"##short_reasoning: benchmark {number}.\n##the_score: {GRADES[number % len(GRADES)]}"
    return f"{ANSWERS[number % len(ANSWERS)]} ({number})"


def reply(body: bytes) -> bytes:
    """The answer to a request's body, with a number so that no two are the same."""
    number = zlib.crc32(body)
    said = {
        "id": f"chatcmpl-{number:08x}",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "mock-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "message": {
                    "role": "assistant",
                    "content": said_to(body, number),
                    "refusal": None,
                },
            }
        ],
        "usage": {"prompt_tokens": 24, "completion_tokens": 26, "total_tokens": 50},
    }
    return json.dumps(said, separators=(",", ":")).encode()


class Answering(asyncio.Protocol):
    """One connection; requests on it are answered one after the other."""

    delay = 0.0
    answered = 0

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            at = head.find(b"\r\ncontent-length:")
            length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            if head.startswith(b"get "):
                self._send(stats())
            elif self.delay:
                asyncio.get_running_loop().call_later(self.delay, self._answer, body)
            else:
                self._answer(body)

    def _answer(self, body: bytes) -> None:
        Answering.answered += 1
        self._send(reply(body))

    def _send(self, body: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def stats() -> bytes:
    """Answers given and seconds of CPU used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return json.dumps({"answered": Answering.answered, "cpu": used.ru_utime + used.ru_stime}).encode()


async def serve(delay: float, port: int = 0) -> None:
    """Serve until cancelled; the port is printed."""
    Answering.delay = delay
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", port, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="OpenAI's chat completions on loopback, after a fixed delay."
    )
    parser.add_argument("--delay-ms", type=float, default=50.0)
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(chosen.delay_ms / 1000, chosen.port))
