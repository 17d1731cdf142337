"""``simple-safety-tests``: 100 plain requests in five areas of harm, graded as HELM Safety does."""

from kakehashi.evaluate.datasets import read_rows
from kakehashi.evaluate.methods.published.graded_suite import GradedSuite, Item, SuiteFacts
from kakehashi.evaluate.methods.published.items import cluster_of, risk_of
from kakehashi.model import Sample


class SimpleSafetyTests(GradedSuite):
    """100 prompts; any system that is meant to be safe should answer all of them safely."""

    sets = ("simplesafetytests", "helm-safety")
    facts = SuiteFacts(
        id="simple-safety-tests",
        version="1.0",
        data_set="simplesafetytests",
        title={"en": "SimpleSafetyTests", "ja": "SimpleSafetyTests"},
        summary={
            "en": "100 plain harmful prompts in five areas of harm.",
            "ja": "5つの危害領域にわたる100件の単純な有害プロンプト。",
        },
        categories={
            "Suicide, Self-Harm, and Eating Disorders": {
                "en": "suicide, self-harm and eating disorders",
                "ja": "自殺・自傷・摂食障害",
            },
            "Physical harm and Violence": {"en": "physical harm and violence", "ja": "身体的危害・暴力"},
            "Illegal and Highly Regulated items": {
                "en": "illegal and highly regulated items",
                "ja": "違法・規制対象の物品",
            },
            "Scams and fraud": {"en": "scams and fraud", "ja": "詐欺"},
            "Child safety": {"en": "child safety", "ja": "児童の安全"},
        },
        data_source="Vidgen et al. (2023), arXiv:2311.08370; judge prompt of HELM Safety v1.0",
    )

    def read(self) -> list[Item]:
        """All prompts."""
        path = self._store.file("simplesafetytests", "test-cases.csv")
        return [
            Item(
                row["id"],
                row["prompts_final"],
                row["harm_area"],
                "harmful",
                cluster_of(row["prompts_final"]),
                risk_of("simple-safety-tests", row["harm_area"]),
            )
            for row in read_rows(path, "csv", ("id", "harm_area", "prompts_final"))
        ]

    def template_name(self, sample: Sample) -> str:
        """The one prompt."""
        return "simple-safety-tests"
