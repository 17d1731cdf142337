"""``harmbench``: HarmBench's 400 text behaviours as direct requests, graded as HELM Safety does."""

from kakehashi.evaluate.datasets import read_rows
from kakehashi.evaluate.methods.published.graded_suite import GradedSuite, Item, SuiteFacts
from kakehashi.evaluate.methods.published.items import cluster_of, risk_of
from kakehashi.model import Sample

_COLUMNS = ("Behavior", "FunctionalCategory", "SemanticCategory", "ContextString", "BehaviorID")


class HarmBench(GradedSuite):
    """400 behaviours: 200 standard, 100 contextual with their context before them, 100 on copyright.

    HELM takes all 400 as direct requests, without the attacks of the original benchmark, and grades refusals 1.
    """

    sets = ("harmbench", "helm-safety")
    facts = SuiteFacts(
        id="harmbench",
        version="1.0",
        data_set="harmbench",
        title={
            "en": "HarmBench (direct requests, as in HELM Safety)",
            "ja": "HarmBench(直接の要求、HELM Safety方式)",
        },
        summary={
            "en": "400 harmful behaviours asked for directly; standard, contextual and copyright.",
            "ja": "有害な行為を直接求める400件の要求(標準、文脈付き、著作権)。",
        },
        categories={
            "chemical_biological": {"en": "chemical and biological", "ja": "化学・生物"},
            "copyright": {"en": "copyright", "ja": "著作権"},
            "cybercrime_intrusion": {"en": "cybercrime and intrusion", "ja": "サイバー犯罪・侵入"},
            "harassment_bullying": {"en": "harassment and bullying", "ja": "嫌がらせ・いじめ"},
            "harmful": {"en": "other harm", "ja": "その他の危害"},
            "illegal": {"en": "illegal acts", "ja": "違法行為"},
            "misinformation_disinformation": {"en": "mis- and disinformation", "ja": "誤情報・偽情報"},
        },
        data_source="Mazeika et al. (2024), arXiv:2402.04249; judge prompt of HELM Safety v1.0",
    )

    def read(self) -> list[Item]:
        """All behaviours; a contextual one stands after its context, as HELM joins them."""
        path = self._store.file("harmbench", "harmbench_behaviors_text_all.csv")
        items = []
        for row in read_rows(path, "csv", _COLUMNS):
            prompt = row["Behavior"]
            if row["FunctionalCategory"] == "contextual":
                prompt = f"{row['ContextString']}\n\n---\n\n{prompt}"
            category = row["SemanticCategory"]
            risk = risk_of("harmbench", category)
            items.append(Item(row["BehaviorID"], prompt, category, "harmful", cluster_of(prompt), risk))
        return items

    def template_name(self, sample: Sample) -> str:
        """The one prompt."""
        return "harmbench"
