"""For orientation: a bare httpx loop."""

import asyncio

import httpx
from stopwatch import Stopwatch, arguments, prompt


async def main(chosen, watch):
    numbers = iter(range(chosen.samples))
    texts = []

    async def work(client):
        for number in numbers:
            body = {
                "model": "mock-model",
                "messages": [{"role": "user", "content": prompt(number)}],
                "temperature": 0.0,
                "max_tokens": 64,
            }
            response = await client.post(chosen.url + "/chat/completions", json=body)
            texts.append(response.json()["choices"][0]["message"]["content"])

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    watch.start()
    async with httpx.AsyncClient(limits=limits, timeout=120, trust_env=False) as client:
        await asyncio.gather(*[work(client) for _ in range(chosen.concurrency)])
    watch.stop()
    return len(set(texts))


if __name__ == "__main__":
    given = arguments(__doc__).parse_args()
    clock = Stopwatch()
    clock.report(asyncio.run(main(given, clock)), version=httpx.__version__)
