"""The sets of a joint testing exercise: MLCommons hazard prompts in four languages, prompt injection in two."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kakehashi.errors import InputError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.datasets.readers import Row, read_rows
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
from kakehashi.evaluate.methods.published.own_prompts import own_template
from kakehashi.evaluate.methods.published.rows import by_category
from kakehashi.evaluate.methods.published.taxonomy import classes
from kakehashi.evaluate.methods.select import stratified
from kakehashi.evaluate.methods.tally import share_credit
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

NAME = "mlcommons-joint-testing"
SET = "joint-testing"
ACCEPTABLE = Measure(f"{NAME}:acceptable-rate", "harmful-request-handling", Polarity.HIGHER)
INJECTED = Measure(f"{NAME}:injection-success-rate", "prompt-injection", Polarity.LOWER)
VERDICTS = verdict_measure(NAME)

#: Hazards by MLCommons' short codes, and the languages of the files by our codes. The files' own ``target`` is not
#: read: translation has made "ビデオデッキ" (video cassette recorder) of "vcr" there.
HAZARDS = ("ipv", "ncr", "prv", "vcr")
LANGUAGES = {"en": "en", "fr": "fr", "ja": "jp", "zh": "cn"}
INJECTION_LANGUAGES = ("en", "ja")


class JointTesting:
    """Hazard prompts and prompt injection of a joint exercise, each language apart.

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

    @property
    def card(self) -> MethodCard:
        """What the method declares."""
        hazards = classes("mlcommons")
        return MethodCard(
            id=NAME,
            version="1",
            title={"en": "Joint testing: MLCommons hazards", "ja": "共同試験: MLCommonsの危険分類"},
            summary={
                "en": "MLCommons demonstration prompts of four hazards in English, French, Japanese and Chinese, and "
                "CyberSecEval prompt injection in English and Japanese, as translated for a joint exercise.",
                "ja": "MLCommonsの公開プロンプト(4つの危険、英・仏・日・中)と、CyberSecEvalのプロンプトインジェクション"
                "(英・日)。共同試験のために翻訳されたもの。",
            },
            measures=(ACCEPTABLE, INJECTED, VERDICTS),
            categories={
                **{
                    code: {"en": hazards[code]["en"], "ja": hazards[code]["ja"]}
                    for code in ("ipv", "ncr", "prv", "vcr")
                },
                "injection": {"en": "Prompt injection", "ja": "プロンプトインジェクション"},
            },
            languages=tuple(LANGUAGES),
            judge=DEFAULT_JUDGE,
            data_source="aiverify-foundation/moonshot-data",
            data_revision=self._store.revision(SET) if self._store.is_here(SET) else NOT_PULLED,
            licence=self._store.set(SET).licence,
            empty_policy=Policy.LEFT_OUT,
            blocked_policy=Policy.LEFT_OUT,
            judge_failure_policy=Policy.LEFT_OUT,
            aggregation="share of answers judged acceptable, share of injections judged successful, each language and "
            "hazard apart and never pooled over languages; judge prompt of our wording, upstream names GPT-4o with "
            "a prompt for each hazard that was not read here; how upstream counts empty and blocked answers is not "
            "known, so they are left out and counted; Wilson interval",
            own=False,
            review={"en": "author", "fr": "unreviewed", "ja": "unreviewed", "zh": "unreviewed"},
            judge_calibration=default_calibration(LANGUAGES),
        )

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The chosen prompts of each language, as evenly over hazards and injection as their number allows."""
        if selection.reviewed_only:
            selection = _reviewed(selection)
        return list(self._samples(selection))

    def _samples(self, selection: Selection) -> Iterator[Sample]:
        for language in selection.languages:
            if language not in LANGUAGES:
                continue
            units = [
                (hazard, row)
                for hazard in HAZARDS
                for row in self._rows(f"mlc-{hazard}-{LANGUAGES[language]}.json")
            ]
            if language in INJECTION_LANGUAGES:
                file = f"cyberseceval-promptinjection2-{LANGUAGES[language]}.json"
                units += [("injection", row) for row in self._rows(file)]
            chosen = stratified(
                units,
                selection.limit,
                selection.seed,
                stratum=lambda unit: unit[0],
                key=lambda unit: f"{unit[0]}-{unit[1]['id']}",
            )
            for part, row in chosen:
                yield Sample(
                    id=f"{part}-{row['id']}.{language}",
                    turns=(str(row["input"]),),
                    language=language,
                    category=part,
                    kind="injection" if part == "injection" else "harmful",
                    cluster=f"{part}-{row['id']}",
                    max_tokens=selection.max_tokens,
                )

    def _rows(self, file: str) -> list[Row]:
        path = self._store.file(SET, file)
        rows = read_rows(path, "json", ("id", "input", "target"), under="examples")
        seen: set[str] = set()
        for number, row in enumerate(rows, start=1):
            if not str(row["input"]).strip():
                raise InputError("an empty prompt", path=path, row=number)
            if str(row["id"]) in seen:
                raise InputError(f"id {row['id']!r} stands twice", path=path, row=number)
            seen.add(str(row["id"]))
        return rows

    def scorer(self, judge: Judge | AsyncJudge | Grader | None = None) -> Scorer:
        """Acceptable or not with regard to the hazard; for injections, the item's own question, yes or no."""
        hazard = own_template(
            f"{NAME}/hazard",
            JsonParser("acceptable"),
            Polarity.HIGHER,
            extra={"{{hazard}}": "hazard"},
            by_label={Label.REFUSED: 1.0},
        )
        injection = own_template(
            f"{NAME}/injection", JsonParser("yes"), Polarity.LOWER, extra={"{{target}}": "target"}
        )
        questions = {
            f"injection-{row['id']}.{language}": str(row["target"])
            for language in INJECTION_LANGUAGES
            for row in self._rows(f"cyberseceval-promptinjection2-{LANGUAGES[language]}.json")
        }
        names: dict[str, Any] = {code: entry["en"] for code, entry in classes("mlcommons").items()}
        return graded_or_verdicts(
            judge,
            lambda sample: injection if sample.kind == "injection" else hazard,
            lambda sample: {
                "prompt": sample.turns[-1],
                "hazard": str(names.get(sample.category, "")),
                "target": questions.get(sample.id, ""),
            },
        )

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """Acceptable answers by language and hazard, and successful injections by language."""
        rows = list(scored)
        value_of = grade_of(empty=None, blocked=None)
        found = []
        for kind, measure in (("harmful", ACCEPTABLE), ("injection", INJECTED)):
            mine = [row for row in rows if row.sample.kind == kind]
            found += [
                mean_grade(
                    part, value_of, subject=subject, measure=measure, provenance=provenance, facets=facets
                )
                for facets, part in by_category(mine)
            ]
        harmful = [row for row in rows if row.sample.kind == "harmful"]
        return found + verdict_rate(
            harmful, subject=subject, measure=VERDICTS, provenance=provenance, parts=by_category(harmful)
        )

    def credit(self, row: Scored) -> Credit | None:
        """What the row adds to the measure of its kind."""
        if row.sample.kind == "injection":
            return Credit(INJECTED.id, grade_of(empty=None, blocked=None)(row))
        if is_verdict(row):
            return share_credit(VERDICTS.id, row, SAFE)
        return Credit(ACCEPTABLE.id, grade_of(empty=None, blocked=None)(row))


def _reviewed(selection: Selection) -> Selection:
    from dataclasses import replace

    return replace(selection, languages=tuple(one for one in selection.languages if one == "en"))
