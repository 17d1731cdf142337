"""inspect-ai: one-turn samples through ``eval`` with a scorer and its log.

The model is inspect-ai's own provider for OpenAI-compatible endpoints, or with ``--lean`` one of ours on a bare aiohttp
session, the leanest that can be: what is left is the harness alone. Token usage is given, or inspect-ai would look for
a tokenizer. A small evaluation before the measured one pays for imports and set-up.
"""

import asyncio

import aiohttp
import inspect_ai
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    modelapi,
)
from inspect_ai.scorer import includes
from inspect_ai.solver import generate
from stopwatch import Stopwatch, arguments, prompt


@modelapi(name="loopback")
class Loopback(ModelAPI):
    """The mock, over aiohttp."""

    session = None
    loop = None
    parallel = 100

    async def generate(self, input, tools, tool_choice, config):  # noqa: A002
        loop = asyncio.get_running_loop()
        if Loopback.session is None or Loopback.loop is not loop:
            Loopback.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
            Loopback.loop = loop
        body = {
            "model": "mock-model",
            "messages": [{"role": each.role, "content": each.text} for each in input],
            "temperature": config.temperature,
            "max_tokens": config.max_tokens,
        }
        async with Loopback.session.post(self.base_url + "/chat/completions", json=body) as response:
            said = await response.json()
        used = said["usage"]
        text = said["choices"][0]["message"]["content"]
        return ModelOutput(
            model="mock-model",
            choices=[
                ChatCompletionChoice(
                    message=ChatMessageAssistant(content=text, source="generate"), stop_reason="stop"
                )
            ],
            usage=ModelUsage(
                input_tokens=used["prompt_tokens"],
                output_tokens=used["completion_tokens"],
                total_tokens=used["total_tokens"],
            ),
        )

    def max_connections(self):
        return Loopback.parallel


def evaluate(chosen, numbers):
    task = Task(
        dataset=MemoryDataset([Sample(input=prompt(n), target="sorry", id=n + 1) for n in numbers]),
        solver=generate(),
        scorer=includes(),
    )
    Loopback.session = None
    (log,) = inspect_ai.eval(
        task,
        model="loopback/mock-model" if chosen.lean else "openai-api/loopback/mock-model",
        model_base_url=chosen.url,
        model_args={} if chosen.lean else {"api_key": "none"},
        log_dir=chosen.out,
        log_realtime=None if chosen.realtime else False,
        display="none",
        max_connections=chosen.concurrency,
        max_samples=chosen.concurrency,
        temperature=0.0,
        max_tokens=64,
    )
    return log


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--no-realtime", dest="realtime", action="store_false")
    parser.add_argument("--lean", action="store_true")
    given = parser.parse_args()
    Loopback.parallel = given.concurrency
    evaluate(given, range(10**6, 10**6 + 20))
    clock = Stopwatch()
    clock.start()
    done = evaluate(given, range(given.samples))
    clock.stop()
    if done.status != "success":
        raise SystemExit(f"the evaluation ended as {done.status}: {done.error}")
    clock.report(done.results.completed_samples, version=inspect_ai.__version__)
