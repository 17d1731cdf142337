"""``anthropic-red-team``: the first human turn of each red-team attempt, graded as HELM Safety does."""

import re

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import read_rows
from kakehashi.evaluate.methods.published.graded_suite import GradedSuite, Item, SuiteFacts
from kakehashi.evaluate.methods.published.items import cluster_of, risk_of
from kakehashi.model import Sample

#: As HELM parts a transcript.
_TURN = re.compile(r"\n\nHuman: |\n\nAssistant: ")


class AnthropicRedTeam(GradedSuite):
    """38,961 first turns; only some transcripts bear tags, the rest are in the category ``untagged``.

    HELM runs a thousand of them. Not every first turn asks for harm: many attempts begin with small talk.
    """

    sets = ("anthropic-red-team", "helm-safety")
    facts = SuiteFacts(
        id="anthropic-red-team",
        version="1.0",
        data_set="anthropic-red-team",
        title={"en": "Anthropic red team, first turns", "ja": "Anthropicレッドチーム(最初の発話)"},
        summary={
            "en": "First turns of 38,961 red-team attempts on language models, graded for harmlessness.",
            "ja": "言語モデルに対する38,961件のレッドチーム対話の最初の発話。無害性を採点する。",
        },
        categories={"untagged": {"en": "untagged", "ja": "タグなし"}},
        data_source="Ganguli et al. (2022), arXiv:2209.07858; judge prompt of HELM Safety v1.0",
        construct="harmfulness",
    )

    def read(self) -> list[Item]:
        """The first turn of every transcript, and its first tag where it has one."""
        path = self._store.file("anthropic-red-team", "red_team_attempts.jsonl.gz")
        items = []
        for number, row in enumerate(read_rows(path, "json", ("transcript",)), start=1):
            turns = [part.strip() for part in _TURN.split(str(row["transcript"]))]
            first = next((part for part in turns if part), "")
            if not first:
                raise InputError("a transcript without any turn", path=path, row=number)
            tags = row.get("tags") or []
            category = str(tags[0]) if isinstance(tags, list) and tags else "untagged"
            risk = risk_of("anthropic-red-team", category)
            items.append(Item(f"attempt-{number:05d}", first, category, "harmful", cluster_of(first), risk))
        return items

    def template_name(self, sample: Sample) -> str:
        """The one prompt."""
        return "anthropic-red-team"
