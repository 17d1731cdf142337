"""For orientation: the openai package's asynchronous client as it comes."""

import asyncio

import openai
from stopwatch import Stopwatch, arguments, prompt


async def main(chosen, watch):
    numbers = iter(range(chosen.samples))
    texts = []

    async def work(client):
        for number in numbers:
            made = await client.chat.completions.create(
                model="mock-model",
                messages=[{"role": "user", "content": prompt(number)}],
                temperature=0.0,
                max_tokens=64,
            )
            texts.append(made.choices[0].message.content)

    watch.start()
    async with openai.AsyncOpenAI(base_url=chosen.url, api_key="none", timeout=120) as client:
        await asyncio.gather(*[work(client) for _ in range(chosen.concurrency)])
    watch.stop()
    return len(set(texts))


if __name__ == "__main__":
    given = arguments(__doc__).parse_args()
    clock = Stopwatch()
    clock.report(asyncio.run(main(given, clock)), version=openai.__version__)
