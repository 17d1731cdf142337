"""lm-evaluation-harness: the request phase alone, ``generate_until`` of its own model for chat completions."""

import json
import os

os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("OPENAI_API_KEY", "none")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from importlib.metadata import version

from lm_eval.api.instance import Instance
from lm_eval.models.api_models import JsonChatStr
from lm_eval.models.openai_completions import LocalChatCompletion
from stopwatch import Stopwatch, arguments, prompt

if __name__ == "__main__":
    given = arguments(__doc__).parse_args()
    model = LocalChatCompletion(
        model="mock-model",
        base_url=given.url + "/chat/completions",
        num_concurrent=given.concurrency,
        max_retries=1,
        tokenizer_backend=None,
        tokenized_requests=False,
        eos_string="<end>",
    )
    requests = [
        Instance(
            "generate_until",
            doc={},
            arguments=(
                JsonChatStr(json.dumps([{"role": "user", "content": prompt(number)}])),
                {"until": [], "max_gen_toks": 64, "temperature": 0.0},
            ),
            idx=0,
        )
        for number in range(given.samples)
    ]
    clock = Stopwatch()
    clock.start()
    texts = model.generate_until(requests, disable_tqdm=True)
    clock.stop()
    clock.report(len(set(texts)), version=version("lm_eval"))
