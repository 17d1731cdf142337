"""FACTS Grounding, versions 1 and 2: long answers from a given document, eligible and grounded.

The two share their prompts and their name and cannot be compared: version 2 has other judge prompts and another panel.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import ClassVar

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.datasets.readers import Row, read_rows
from kakehashi.evaluate.judges import (
    AsyncJudge,
    Grader,
    Judge,
    JudgeTemplate,
    WordParser,
    read_template_text,
    unjudged_score,
)
from kakehashi.evaluate.methods.base import NOT_PULLED, Credit, Scored, Scorer, Selection
from kakehashi.evaluate.methods.judged import OFFICIAL_PROMPTS
from kakehashi.evaluate.methods.published.facts_judging import (
    Protocol,
    SentenceParser,
    judge_answer,
    members_of,
)
from kakehashi.evaluate.methods.published.grades import grade_of, mean_grade
from kakehashi.evaluate.methods.select import stratified
from kakehashi.evaluate.methods.tally import MISSING
from kakehashi.model import (
    Answer,
    Label,
    Measure,
    Measurement,
    MethodCard,
    Polarity,
    Policy,
    Provenance,
    Sample,
    Score,
)

SET = "facts-grounding"
PROMPTS_2 = "facts-grounding-v2-prompts"
COLUMNS = ("system_instruction", "user_request", "context_document", "full_prompt")
MAX_TOKENS = 2048

#: No tokenizer writes more characters of prose to a token, so a server that counted fewer tokens has cut the prompt.
_MOST_CHARACTERS_A_TOKEN = 12

#: The templates' own words for what fills them → our field.
_FIELDS = {
    "{{user_request}}": "user_request",
    "{{context_document}}": "context_document",
    "{{response}}": "answer",
}
_FIELDS_ELIGIBILITY = {
    "{{user_request}}": "user_request",
    "{{response_a}}": "answer",
    "{{response_b}}": "baseline",
}


class _FactsGrounding:
    """What both versions share."""

    number: ClassVar[str]
    sets: tuple[str, ...]
    panel: ClassVar[int]

    #: Most calls of one judge for one answer: its own answer, its rating, its grounding verdict.
    judge_calls = 3

    def __init__(self, store: DataStore) -> None:
        self._store = store
        self.id = f"facts-grounding-v{self.number}"
        self.factuality = Measure(f"{self.id}:factuality", "groundedness", Polarity.HIGHER, unit="score")
        self.eligibility = Measure(f"{self.id}:eligibility-rate", "groundedness", Polarity.HIGHER)
        self.unadjusted = Measure(
            f"{self.id}:unadjusted-factuality", "groundedness", Polarity.HIGHER, unit="score"
        )

    @cached_property
    def _protocol(self) -> Protocol:
        raise NotImplementedError

    @cached_property
    def _rows(self) -> list[Row]:
        path = self._store.file(SET, "examples.csv")
        rows = read_rows(path, "csv", COLUMNS)
        for number, row in enumerate(rows, start=1):
            if not str(row["full_prompt"]).strip() or not str(row["context_document"]).strip():
                raise InputError("an example without a prompt or a document", path=path, row=number)
        return rows

    @property
    def _here(self) -> bool:
        return all(self._store.is_here(name) for name in self.sets)

    def _measures(self) -> tuple[Measure, ...]:
        return (self.factuality, self.eligibility)

    def _revision(self) -> str:
        parts = [self._store.revision(name) for name in self.sets]
        if len(parts) == 1:
            return parts[0]
        return f"sha256:{hashlib.sha256(' '.join(parts).encode()).hexdigest()}"

    def _card(
        self, summary: Mapping[str, str], aggregation: str, failure: Policy, citation: str
    ) -> MethodCard:
        return MethodCard(
            id=self.id,
            version=self.number,
            title={"en": f"FACTS Grounding v{self.number}", "ja": f"FACTS Grounding v{self.number}"},
            summary=summary,
            measures=self._measures(),
            categories={"document": {"en": "answers from a document", "ja": "文書に基づく回答"}},
            languages=("en",),
            judge=OFFICIAL_PROMPTS,
            data_source=citation,
            data_revision=self._revision() if self._here else NOT_PULLED,
            licence="CC-BY-4.0",
            empty_policy=Policy.WRONG,
            blocked_policy=Policy.WRONG,
            judge_failure_policy=failure,
            aggregation=aggregation,
            own=False,
            review={"en": "author"},
        )

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The chosen examples, whole prompts of up to 32k tokens.

        Raises:
            DataMissingError: Examples or judge prompts were not pulled.
            InputError: They are of another shape.
        """
        if "en" not in selection.languages:
            return []
        _ = self._protocol  # a run must not begin on examples that cannot be judged
        named = [(f"facts-{number:04d}", row) for number, row in enumerate(self._rows, start=1)]
        chosen = stratified(
            named,
            selection.limit,
            selection.seed,
            stratum=lambda unit: str(unit[1].get("domain") or ""),
            key=lambda unit: unit[0],
        )
        return [_sample(name, row, selection.max_tokens) for name, row in chosen]

    def scorer(self, judge: Judge | AsyncJudge | Grader | None = None) -> Scorer:
        """A panel of models judges by the official prompts; anything else cannot, and nothing is judged."""
        panel = members_of(judge)
        protocol = self._protocol if panel else None
        name = f"{self.id}({','.join(member.model for member in panel) or 'no judge'})"
        fields = {
            f"facts-{number:04d}": {column: str(row[column]) for column in COLUMNS}
            for number, row in enumerate(self._rows, start=1)
        }

        async def score(sample: Sample, answer: Answer) -> Score:
            early = unjudged_score(name, sample, answer)
            if early is not None:
                return early
            if _was_cut(sample, answer):
                return Score(sample.id, Label.ERROR.value, name, reason="context-cut")
            able = [member for member in panel if sample.language in member.languages]
            if protocol is None or not able:
                reason = "no-judge" if judge is None else "no-judge-for-the-official-prompts"
                return Score(sample.id, Label.NOT_JUDGED.value, name, reason=reason)
            found = await judge_answer(able, protocol, fields[sample.id], answer.text)
            if found.eligible is None:
                return Score(sample.id, Label.JUDGE_FAILED.value, name, reason=f"failed:{found.failed}")
            whole = len([value for value in found.grounded.values() if value is not None])
            asked = bool(found.grounded)
            if asked and whole < max(1, len(able) - self._spare):
                return Score(sample.id, Label.JUDGE_FAILED.value, name, reason=found.reason)
            value = (found.unadjusted or 0.0) if found.eligible else 0.0
            reason = found.reason if len(able) == self.panel else f"{found.reason};judges:{len(able)}"
            return Score(sample.id, Label.GRADED.value, name, value=value, reason=reason)

        return score

    #: Judges of a panel that may fail before the answer is not graded.
    _spare: ClassVar[int] = 0

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """Factuality with ineligible answers at 0, the share of eligible answers, each whole and by domain."""
        rows = list(scored)
        if not rows:
            return []
        domains = list(dict.fromkeys(row.sample.facets.get("domain", "") for row in rows))
        parts = [({"language": "en"}, rows)]
        parts += [
            (
                {"language": "en", "domain": domain},
                [r for r in rows if r.sample.facets.get("domain") == domain],
            )
            for domain in sorted(domains)
            if domain and len(domains) > 1
        ]
        counted = grade_of(empty=0.0, blocked=0.0)
        ways = [(self.factuality, counted), (self.eligibility, _eligible)]
        if self.unadjusted in self._measures():
            ways.append((self.unadjusted, _unadjusted))
        return [
            mean_grade(
                part, way, subject=subject, measure=measure, provenance=provenance, facets=facets, note=""
            )
            for measure, way in ways
            for facets, part in parts
        ]

    def credit(self, row: Scored) -> Credit | None:
        """The factuality of the row, 0 where it is ineligible or empty."""
        return Credit(self.factuality.id, grade_of(empty=0.0, blocked=0.0)(row))


class FactsGroundingV1(_FactsGrounding):
    """FACTS Grounding as first published (December 2024): three judges, the prompts of ``evaluation_prompts.csv``."""

    number = "1"
    sets = (SET,)
    panel = 3
    _spare = 1

    @property
    def card(self) -> MethodCard:
        """What the method declares."""
        return self._card(
            {
                "en": "Answers to requests from a document of up to 32k tokens: an answer that does not fulfil the "
                "request counts 0, another counts the share of judges that find every sentence grounded. Not "
                "comparable with version 2.",
                "ja": "最長3万2千トークンの文書に基づく回答。要求を満たさない回答は0、満たす回答は、全ての文が文書に"
                "基づくとした判定器の割合とする。第2版とは比較できない。",
            },
            "mean over examples of the mean over three judges (arXiv:2501.03200); ineligible, empty and blocked "
            "answers count 0; an answer is ineligible where every judge rates it Major Issue(s), with the judge's "
            "own answer as baseline: version 2's reference code does so, and version 1's own rule could not be read; "
            "grounding prompt json, for Claude implicit_span_level (Hawar-Dzaee/Facts-Grounding-Implementation @ "
            "0cc7f38); a judge whose verdict cannot be read is left out while two remain; Wilson interval, clustered "
            "by document",
            Policy.LEFT_OUT,
            "google/FACTS-grounding-public",
        )

    @cached_property
    def _protocol(self) -> Protocol:
        path = self._store.file(SET, "evaluation_prompts.csv")
        texts = {
            str(row["evaluation_method"]): str(row["evaluation_prompt"])
            for row in read_rows(path, "csv", ("evaluation_method", "evaluation_prompt"))
        }
        needed = ("ineligible_responses_filter_no_context", "json", "implicit_span_level")
        for name in needed:
            if name not in texts:
                raise InputError(f"has no template {name!r}; it has {', '.join(texts)}", path=path)

        def template(name: str, parser: SentenceParser | WordParser) -> JudgeTemplate:
            return JudgeTemplate(
                f"{self.id}/{name}",
                texts[name],
                parser=parser,
                polarity=Polarity.HIGHER,
                placeholders=_FIELDS,
                grades=(0.0, 1.0),
                source=str(path),
            )

        return Protocol(
            eligibility=JudgeTemplate(
                f"{self.id}/{needed[0]}",
                texts[needed[0]],
                parser=WordParser({}),
                polarity=Polarity.HIGHER,
                placeholders=_FIELDS_ELIGIBILITY,
                source=str(path),
            ),
            grounding={
                "": template("json", SentenceParser(("unsupported", "contradictory"))),
                "claude": template(
                    "implicit_span_level",
                    WordParser({"accurate": 1.0, "inaccurate": 0.0}, after="Final Answer:"),
                ),
            },
            judges=self.panel,
            grade_ineligible=False,
            unread_is_ungrounded=False,
        )


class FactsGroundingV2(_FactsGrounding):
    """FACTS Grounding in the FACTS leaderboard (December 2025): two judges, other prompts, an unadjusted score."""

    number = "2"
    sets = (SET, PROMPTS_2)
    panel = 2

    def _measures(self) -> tuple[Measure, ...]:
        return (self.factuality, self.eligibility, self.unadjusted)

    @property
    def card(self) -> MethodCard:
        """What the method declares."""
        return self._card(
            {
                "en": "The examples of version 1 under the judge prompts of the FACTS leaderboard of 2025 and two "
                "judges; the unadjusted score leaves eligibility aside. Not comparable with version 1.",
                "ja": "第1版と同じ事例を、2025年のFACTSリーダーボードの判定用プロンプトと2つの判定器で採点する。"
                "未調整の値は適格性を考慮しない。第1版とは比較できない。",
            },
            "mean over examples of the mean over two judges (arXiv:2512.10791, section 6; the reference notebook "
            "prathameshbang/facts-grounding-v2-benchmark-starter, version 4, as reproduced in reinainblood/Gym @ "
            "5be6ae2); ineligible, empty and blocked answers count 0; an answer is ineligible where every judge rates "
            "it Major Issue(s) beside the judge's own answer, an unreadable rating counts as no major issue, an "
            "unreadable grounding reply as not grounded; an answer that a judge could not be asked about is left out "
            "and counted; Wilson interval, clustered by document",
            Policy.LEFT_OUT,
            "google/FACTS-grounding-public; judge prompts as reproduced in reinainblood/Gym",
        )

    @cached_property
    def _protocol(self) -> Protocol:
        return Protocol(
            eligibility=self._template(
                "eligibility",
                {"{user_request}": "user_request", "{response_a}": "answer", "{response_b}": "baseline"},
                WordParser({}),
            ),
            grounding={
                "": self._template(
                    "grounding",
                    {
                        "{user_query}": "user_request",
                        "{context}": "context_document",
                        "{response}": "answer",
                    },
                    SentenceParser(("not_supported",)),
                )
            },
            judges=self.panel,
            grade_ineligible=True,
            unread_is_ungrounded=True,
        )

    def _template(
        self, phase: str, placeholders: Mapping[str, str], parser: SentenceParser | WordParser
    ) -> JudgeTemplate:
        path = self._store.file(PROMPTS_2, f"{phase}_prompt.txt")
        system = self._store.file(PROMPTS_2, f"{phase}_system_prompt.txt")
        # The reference code fills them by str.format, where a doubled brace stands for one.
        text = read_template_text(path).replace("{{", "{").replace("}}", "}")
        return JudgeTemplate(
            f"{self.id}/{phase}",
            text,
            parser=parser,
            polarity=Polarity.HIGHER,
            placeholders=placeholders,
            grades=(0.0, 1.0),
            system=read_template_text(system).strip(),
            source=str(path),
        )


def _sample(name: str, row: Row, max_tokens: int | None) -> Sample:
    document = hashlib.sha256(str(row["context_document"]).encode()).hexdigest()[:16]
    facets = {"domain": str(row["domain"])} if row.get("domain") else {}
    return Sample(
        id=name,
        turns=(str(row["full_prompt"]),),
        language="en",
        category="document",
        kind="grounded",
        cluster=f"document-{document}",
        max_tokens=max_tokens or MAX_TOKENS,
        facets=facets,
    )


def _was_cut(sample: Sample, answer: Answer) -> bool:
    """Whether the server counted fewer tokens than the prompt can have: it read only a part of the document."""
    counted = answer.prompt_tokens
    return counted is not None and counted * _MOST_CHARACTERS_A_TOKEN < len(sample.turns[0])


def _eligible(row: Scored) -> float | None:
    label = row.score.label
    if label in (Label.EMPTY, Label.BLOCKED):
        return 0.0
    return None if label in MISSING else float(not row.score.reason.startswith("ineligible"))


def _unadjusted(row: Scored) -> float | None:
    """Mean of the judges' verdicts whether or not the answer is eligible; an empty answer was given to none."""
    label = row.score.label
    if label in (Label.EMPTY, Label.BLOCKED):
        return 0.0
    if label in MISSING:
        return None
    given = [
        float(entry.split("=")[1])
        for part in row.score.reason.split(";")
        if part.startswith("grounded:")
        for entry in part.removeprefix("grounded:").split(",")
        if not entry.endswith("failed")
    ]
    return sum(given) / len(given) if given else None
