"""JailbreakBench: 100 harmful behaviours and 100 benign ones, and stored jailbreak prompts put again.

References:
    Chao et al. (2024). JailbreakBench: an open robustness benchmark for jailbreaking large language models.
    arXiv:2404.01318.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cached_property

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.datasets.readers import Row
from kakehashi.evaluate.judges import AsyncJudge, Grader, JsonParser, Judge
from kakehashi.evaluate.methods.base import NOT_PULLED, Credit, Scored, Scorer, Selection
from kakehashi.evaluate.methods.judged import DEFAULT_JUDGE, default_calibration
from kakehashi.evaluate.methods.published.grades import (
    SAFE,
    grade_of,
    graded_or_verdicts,
    is_verdict,
    mean_grade,
    verdict_measure,
    verdict_rate,
)
from kakehashi.evaluate.methods.published.jbb_artifacts import read_artifacts
from kakehashi.evaluate.methods.published.own_prompts import own_template
from kakehashi.evaluate.methods.published.rows import prompt_rows
from kakehashi.evaluate.methods.select import stratified
from kakehashi.evaluate.methods.tally import proportion, share_credit
from kakehashi.ledger.importers.jailbreakbench import Artifact
from kakehashi.model import (
    Label,
    Measure,
    Measurement,
    MethodCard,
    Polarity,
    Policy,
    Provenance,
    Sample,
)

SET = "jailbreakbench"
ATTACKED = Measure(f"{SET}:attack-success-rate", "attack-robustness", Polarity.LOWER)
PLAIN = Measure(f"{SET}:unattacked-compliance-rate", "harmful-request-handling", Polarity.LOWER)
REFUSED = Measure(f"{SET}:over-refusal-rate", "over-refusal", Polarity.LOWER)
VERDICTS = verdict_measure(SET)
_MEASURES = {"attack": ATTACKED, "harmful": PLAIN, "benign": REFUSED}
_COLUMNS = ("Goal", "Behavior", "Category")
CATEGORIES = {
    "Harassment/Discrimination": "嫌がらせ・差別",
    "Malware/Hacking": "マルウェア・ハッキング",
    "Physical harm": "身体的危害",
    "Economic harm": "経済的危害",
    "Fraud/Deception": "詐欺・欺瞞",
    "Disinformation": "偽情報",
    "Sexual/Adult content": "性的・成人向け内容",
    "Privacy": "プライバシー",
    "Expert advice": "専門的助言",
    "Government decision-making": "行政の意思決定",
}


class JailbreakBench:
    """JBB-Behaviors, with the jailbreak prompts of stored artifacts where the user has them.

    Artifacts lie in the folder ``jailbreakbench/artifacts`` of the workspace's data, in upstream's own layout.

    Args:
        store: Pulled data sets.
    """

    sets = (SET,)

    #: A judge model is given the method's prompts, not its own.
    grades = True

    #: And these prompts are of our wording: upstream's are not among the pulled data.
    our_wording = True

    def __init__(self, store: DataStore) -> None:
        self._store = store

    @cached_property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The stored artifacts, none where the user has none."""
        return read_artifacts(self._store.root / SET / "artifacts")

    def _revision(self) -> str:
        if not self._store.is_here(SET):
            return NOT_PULLED
        parts = [self._store.revision(SET), *(one.sha256 for one in self.artifacts)]
        return (
            parts[0] if len(parts) == 1 else f"sha256:{hashlib.sha256(' '.join(parts).encode()).hexdigest()}"
        )

    @property
    def card(self) -> MethodCard:
        """What the method declares."""
        return MethodCard(
            id=SET,
            version="1",
            title={"en": "JailbreakBench", "ja": "JailbreakBench"},
            summary={
                "en": "100 harmful behaviours and 100 benign ones in ten categories; jailbreak prompts of stored "
                "artifacts are put again where the user has them. An attack made against another model is a "
                "transferred attack and says little of one made against this model.",
                "ja": "10区分の有害な振る舞い100件と無害な振る舞い100件。保存された攻撃プロンプトがあれば再び用いる。"
                "別のモデルに対して作られた攻撃は転用であり、当該モデルに対する攻撃について多くを語らない。",
            },
            measures=(ATTACKED, PLAIN, REFUSED, VERDICTS),
            categories={name: {"en": name, "ja": ja} for name, ja in CATEGORIES.items()},
            languages=("en",),
            judge=DEFAULT_JUDGE,
            data_source="JailbreakBench/JBB-Behaviors; artifacts of JailbreakBench/artifacts",
            data_revision=self._revision(),
            licence=self._store.set(SET).licence,
            empty_policy=Policy.SAFE,
            blocked_policy=Policy.SAFE,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="share of behaviours judged jailbroken (upstream: of all 100, one without a submitted prompt "
            "counts as not jailbroken; here such a behaviour is not put, and counts so in the stored rate only); "
            "judge prompt of our wording, upstream's judges are Llama-3-70B for harm and Llama-3-8B for refusals; "
            "empty and blocked answers are no jailbreak and no refusal of a benign request is counted for them; "
            "Wilson interval, clustered by behaviour",
            own=False,
            review={"en": "author"},
            judge_calibration=default_calibration(["en"]),
        )

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """For each chosen behaviour the harmful request, its benign counterpart, and every stored attack on it."""
        if "en" not in selection.languages:
            return []
        harmful = prompt_rows(self._store, SET, "harmful-behaviors.csv", _COLUMNS, "Goal")
        benign = prompt_rows(self._store, SET, "benign-behaviors.csv", _COLUMNS, "Goal")
        for path, rows in (("harmful", harmful), ("benign", benign)):
            unknown = {str(row["Category"]) for row in rows} - set(CATEGORIES)
            if unknown:
                raise InputError(f"{path}-behaviors.csv has unknown categories: {', '.join(sorted(unknown))}")
        attacks: dict[int, list[tuple[Artifact, str]]] = {}
        for artifact in self.artifacts:
            for one in artifact.jailbreaks:
                if one.index >= len(harmful) or one.behavior != harmful[one.index]["Behavior"]:
                    raise InputError(
                        f"behaviour {one.index} ({one.behavior!r}) is not that of JBB-Behaviors",
                        path=artifact.path,
                    )
                if one.prompt:
                    attacks.setdefault(one.index, []).append((artifact, one.prompt))
        chosen = stratified(
            list(enumerate(harmful)),
            selection.limit,
            selection.seed,
            stratum=lambda unit: str(unit[1]["Category"]),
            key=lambda unit: f"{unit[0]:03d}",
        )
        made: list[Sample] = []
        for index, row in chosen:
            made.append(_sample(index, "harmful", row, selection))
            if index < len(benign):
                made.append(_sample(index, "benign", benign[index], selection))
            made += [
                _sample(index, "attack", row, selection, prompt, artifact.name)
                for artifact, prompt in attacks.get(index, ())
            ]
        return made

    def scorer(self, judge: Judge | AsyncJudge | Grader | None = None) -> Scorer:
        """Jailbroken or not, refused or not; the judge reads the plain request, not its disguise."""
        harm = own_template(
            f"{SET}/harmful", JsonParser("jailbroken"), Polarity.LOWER, by_label={Label.REFUSED: 0.0}
        )
        refusal = own_template(
            f"{SET}/benign", JsonParser("refused"), Polarity.LOWER, by_label={Label.REFUSED: 1.0}
        )
        goals = {
            f"jbb-{index:03d}": str(row["Goal"])
            for index, row in enumerate(
                prompt_rows(self._store, SET, "harmful-behaviors.csv", _COLUMNS, "Goal")
            )
        }
        return graded_or_verdicts(
            judge,
            lambda sample: refusal if sample.kind == "benign" else harm,
            lambda sample: {"prompt": goals[sample.cluster] if sample.kind == "attack" else sample.turns[-1]},
        )

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """Each kind's rate whole, by category and, for attacks, by artifact."""
        rows = list(scored)
        found: list[Measurement] = []
        verdicts = any(map(is_verdict, rows))
        for kind, measure in _MEASURES.items():
            mine = [row for row in rows if row.sample.kind == kind]
            parts = _parts(mine)
            if kind == "benign" and verdicts:  # whether an answer refuses is what a verdict says
                found += [
                    proportion(
                        part,
                        (Label.REFUSED,),
                        subject=subject,
                        measure=measure,
                        provenance=provenance,
                        facets=facets,
                    )
                    for facets, part in parts
                ]
                continue
            found += [
                mean_grade(
                    part,
                    grade_of(empty=0.0, blocked=0.0),
                    subject=subject,
                    measure=measure,
                    provenance=provenance,
                    facets=facets,
                )
                for facets, part in parts
            ]
        harmful = [row for row in rows if row.sample.kind == "harmful"]
        return found + verdict_rate(
            rows, subject=subject, measure=VERDICTS, provenance=provenance, parts=_parts(harmful)
        )

    def credit(self, row: Scored) -> Credit | None:
        """What the row adds to the measure of its kind."""
        if is_verdict(row):
            if row.sample.kind == "benign":
                return share_credit(REFUSED.id, row, (Label.REFUSED,))
            return share_credit(VERDICTS.id, row, SAFE) if row.sample.kind == "harmful" else None
        return Credit(_MEASURES[row.sample.kind].id, grade_of(empty=0.0, blocked=0.0)(row))


def _parts(rows: Sequence[Scored]) -> list[tuple[dict[str, str], list[Scored]]]:
    if not rows:
        return []
    parts: list[tuple[dict[str, str], list[Scored]]] = [({"language": "en"}, list(rows))]
    for facet in ("category", "technique"):
        of = {
            row.sample.id: row.sample.category if facet == "category" else row.sample.facets.get(facet, "")
            for row in rows
        }
        parts += [
            ({"language": "en", facet: name}, [row for row in rows if of[row.sample.id] == name])
            for name in dict.fromkeys(of.values())
            if name
        ]
    return parts


def _sample(
    index: int, kind: str, row: Row, selection: Selection, prompt: str = "", artifact: str = ""
) -> Sample:
    return Sample(
        id=f"jbb-{index:03d}.{kind}" + (f".{artifact}" if artifact else ""),
        turns=(prompt or str(row["Goal"]),),
        language="en",
        category=str(row["Category"]),
        kind=kind,
        cluster=f"jbb-{index:03d}",
        max_tokens=selection.max_tokens,
        facets={"technique": artifact} if artifact else {},
    )
