"""A long run resumed by a new process, which gets one sample more; ``--make`` leaves the finished run behind."""

import asyncio
import json
import os
import time
from pathlib import Path

from ours import METHOD, lines, sample
from stopwatch import Stopwatch, arguments

from kakehashi.evaluate.engine import (
    EngineSettings,
    Job,
    ResponseCache,
    RunFolder,
    run_jobs,
)
from kakehashi.evaluate.engine.openai import OpenAIEndpoint
from kakehashi.evaluate.engine.transport import Transport
from kakehashi.evaluate.judges import RuleJudge
from kakehashi.evaluate.methods.judged import judged
from kakehashi.model import Subject

IMPORTED = time.monotonic()  # the start of the count where the kernel does not tell the process's own
SUBJECT = Subject("mock", "openai", "mock-model", parameters={"temperature": 0.0})
MANIFEST = {"benchmark": METHOD}
RESPONSE = {
    "id": "chatcmpl-00000000",
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
                "content": "It depends on where you live: the rules differ, and your town hall will know them.",
                "refusal": None,
            },
        }
    ],
    "usage": {"prompt_tokens": 24, "completion_tokens": 26, "total_tokens": 50},
}


class InProcess(OpenAIEndpoint):
    """Answers like the mock server, without HTTP, so that the folder is soon made."""

    text = json.dumps(RESPONSE, separators=(",", ":"))

    async def complete(self, messages, parameters):
        await asyncio.sleep(0)
        return self.read(RESPONSE, self.text)


class Noting(OpenAIEndpoint):
    """Notes when it is first called, and then calls."""

    first = 0.0

    async def complete(self, messages, parameters):
        self.first = self.first or since_start()
        return await super().complete(messages, parameters)


def since_start() -> float:
    """Seconds since this process began, as the kernel counts them, to a hundredth."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        return time.monotonic() - IMPORTED
    return uptime - ticks / os.sysconf("SC_CLK_TCK")


async def run(out, samples, endpoint):
    """One session; returns what it came to and when the folder was open."""
    items = [sample(number) for number in range(samples)]
    with (
        RunFolder.create(out / "run", MANIFEST) as folder,
        ResponseCache(out / "responses.sqlite") as cache,
    ):
        opened = since_start()
        outcome = await run_jobs(
            (Job(SUBJECT, METHOD, item) for item in items),
            endpoints={"mock": endpoint},
            scorers={METHOD: judged(RuleJudge(), lambda item: item.turns[-1])},
            folder=folder,
            cache=cache,
            settings=EngineSettings(concurrency=100),
            total=samples,
        )
    outcome.raise_if_incomplete()
    return outcome, opened


if __name__ == "__main__":
    imported = since_start()
    parser = arguments(__doc__)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--extra", type=int, default=0, help="samples that the folder does not hold, in all")
    given = parser.parse_args()
    folder = Path(given.out)
    clock = Stopwatch()
    clock.start()
    if given.make:
        asyncio.run(
            run(folder, given.samples, InProcess("mock-model", Transport("http://127.0.0.1:1/v1", {})))
        )
        clock.stop()
        clock.report(given.samples)
    else:
        address = {"Content-Type": "application/json"}
        noting = Noting("mock-model", Transport(given.url, address))
        outcome, opened = asyncio.run(run(folder, given.samples + given.extra, noting))
        clock.stop()
        total = given.samples + given.extra
        if outcome.calls != 1 or lines(folder / "run" / "rows.jsonl") != total:
            raise SystemExit(f"{outcome.calls} calls were made where one was missing")
        clock.report(total, imported=imported, opened=opened, to_first_call=noting.first)
