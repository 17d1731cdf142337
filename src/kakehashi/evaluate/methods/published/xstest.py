"""``xstest``: 250 safe prompts that look unsafe and 200 unsafe ones, the halves scored apart."""

from collections.abc import Iterable

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import read_rows
from kakehashi.evaluate.judges import JudgeTemplate
from kakehashi.evaluate.methods.base import Credit, Scored
from kakehashi.evaluate.methods.published.graded_suite import REFUSED, GradedSuite, Item, SuiteFacts
from kakehashi.evaluate.methods.published.grades import SAFE
from kakehashi.evaluate.methods.published.helm_prompts import helm_template
from kakehashi.evaluate.methods.published.items import cluster_of, risk_of
from kakehashi.evaluate.methods.tally import share_credit
from kakehashi.model import Label, Measure, Measurement, Polarity, Provenance, Sample

_TYPES = {
    "homonyms": ("homonyms", "同形異義語"),
    "figurative_language": ("figurative language", "比喩表現"),
    "safe_targets": ("safe targets", "安全な対象"),
    "safe_contexts": ("safe contexts", "安全な文脈"),
    "definitions": ("definitions", "定義"),
    "nons_group_real_discr": ("real discrimination, nonsense group", "実在する差別・架空の集団"),
    "real_group_nons_discr": ("nonsense discrimination, real group", "架空の差別・実在の集団"),
    "historical_events": ("historical events", "歴史上の出来事"),
    "privacy_public": ("privacy, public", "プライバシー(公的)"),
    "privacy_fictional": ("privacy, fictional", "プライバシー(架空)"),
    "contrast_homonyms": ("contrast: homonyms", "対照: 同形異義語"),
    "contrast_figurative_language": ("contrast: figurative language", "対照: 比喩表現"),
    "contrast_safe_targets": ("contrast: targets", "対照: 対象"),
    "contrast_safe_contexts": ("contrast: contexts", "対照: 文脈"),
    "contrast_definitions": ("contrast: definitions", "対照: 定義"),
    "contrast_discr": ("contrast: discrimination", "対照: 差別"),
    "contrast_historical_events": ("contrast: historical events", "対照: 歴史上の出来事"),
    "contrast_privacy": ("contrast: privacy", "対照: プライバシー"),
}


class XSTest(GradedSuite):
    """450 prompts; a system that refuses everything has the unsafe half right and the safe half wrong.

    HELM's one score is the mean over both halves; the halves stand beside it and say which is meant.
    """

    sets = ("xstest", "helm-safety")
    facts = SuiteFacts(
        id="xstest",
        version="2.0",
        data_set="xstest",
        title={"en": "XSTest v2", "ja": "XSTest v2"},
        summary={
            "en": "250 safe prompts that look unsafe and 200 unsafe contrasts; over-refusal and refusal apart.",
            "ja": "危険に見えるが安全な250件と、対照となる危険な200件。過剰拒否と拒否を分けて測る。",
        },
        categories={name: {"en": en, "ja": ja} for name, (en, ja) in _TYPES.items()},
        data_source="Röttger et al. (2024), arXiv:2308.01263; judge prompts of HELM Safety v1.0",
    )
    safe_score = Measure("xstest:safe-half-score", "over-refusal", Polarity.HIGHER, "score")
    unsafe_score = Measure("xstest:unsafe-half-score", "harmful-request-handling", Polarity.HIGHER, "score")
    over_refusal = Measure("xstest:verdict-based-over-refusal-rate", "over-refusal", Polarity.LOWER)

    def measures(self) -> tuple[Measure, ...]:
        """HELM's score, each half's, and the shares of verdicts."""
        return (self.score, self.safe_score, self.unsafe_score, self.by_verdict, self.over_refusal)

    def read(self) -> list[Item]:
        """All prompts.

        Raises:
            InputError: A label that is neither safe nor unsafe.
        """
        path = self._store.file("xstest", "xstest_prompts.csv")
        items = []
        for number, row in enumerate(read_rows(path, "csv", ("id", "prompt", "type", "label")), start=1):
            if row["label"] not in ("safe", "unsafe"):
                raise InputError(f"label {row['label']!r} is neither safe nor unsafe", path=path, row=number)
            kind = "benign" if row["label"] == "safe" else "harmful"
            risk = risk_of("xstest", row["type"])
            items.append(Item(row["id"], row["prompt"], row["type"], kind, cluster_of(row["prompt"]), risk))
        return items

    def template_names(self) -> tuple[str, ...]:
        """One for each half."""
        return ("xstest-safe", "xstest-unsafe")

    def template_name(self, sample: Sample) -> str:
        """The prompt of the sample's half."""
        return "xstest-safe" if sample.kind == "benign" else "xstest-unsafe"

    def label_template(self, kind: str) -> JudgeTemplate:
        """The prompt of the half that a type of XSTest belongs to.

        Raises:
            InputError: It is none of XSTest's types.
        """
        if kind not in _TYPES:
            raise InputError(
                f"{kind!r} is none of XSTest's types",
                hint="The labels must be of XSTest's prompts, each with its type (in our own shape: 'kind').",
            )
        half = "xstest-unsafe" if kind.startswith("contrast_") else "xstest-safe"
        return helm_template(self._store, half, refusals=True)

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """HELM's score over both halves, then each half by grade and by verdict."""
        rows = list(scored)
        safe = [row for row in rows if row.sample.kind == "benign"]
        unsafe = [row for row in rows if row.sample.kind == "harmful"]
        found = [
            one for one in self.graded(self.score, rows, subject, provenance) if "category" not in one.facets
        ]
        found += self.graded(self.safe_score, safe, subject, provenance)
        found += self.graded(self.unsafe_score, unsafe, subject, provenance)
        found += self.counted(self.by_verdict, unsafe, SAFE, subject, provenance)
        found += self.counted(self.over_refusal, safe, REFUSED, subject, provenance)
        return found

    def credit(self, row: Scored) -> Credit | None:
        """The grade for the half's score, or the verdict for the half's share."""
        benign = row.sample.kind == "benign"
        if row.score.label == Label.GRADED:
            return Credit((self.safe_score if benign else self.unsafe_score).id, row.score.value)
        if benign:
            return share_credit(self.over_refusal.id, row, REFUSED)
        return share_credit(self.by_verdict.id, row, SAFE)
