"""The floor: a bare aiohttp loop that sends a prompt and reads the answer's text. No log, no key, no score."""

import asyncio

import aiohttp
from stopwatch import Stopwatch, arguments, prompt


async def main(chosen, watch):
    numbers = iter(range(chosen.samples))
    texts = []

    async def work(session):
        for number in numbers:
            body = {
                "model": "mock-model",
                "messages": [{"role": "user", "content": prompt(number)}],
                "temperature": 0.0,
                "max_tokens": 64,
            }
            async with session.post(chosen.url + "/chat/completions", json=body) as response:
                texts.append((await response.json())["choices"][0]["message"]["content"])

    watch.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*[work(session) for _ in range(chosen.concurrency)])
    watch.stop()
    return len(set(texts))


if __name__ == "__main__":
    given = arguments(__doc__).parse_args()
    clock = Stopwatch()
    clock.report(asyncio.run(main(given, clock)), version=aiohttp.__version__)
