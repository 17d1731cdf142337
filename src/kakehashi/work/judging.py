"""Which judge reads the answers: from the words of the command line to a judge with its models and its record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError, UnknownNameError, UsageError
from kakehashi.evaluate.engine import Asker
from kakehashi.evaluate.judges import (
    AsyncJudge,
    Judge,
    ModelJudge,
    PanelJudge,
    PhraseList,
    RuleJudge,
    load_phrases,
)
from kakehashi.evaluate.judges.calibration_record import (
    calibrated_languages,
    read_calibration,
    with_calibration,
)
from kakehashi.evaluate.judges.model_judge import check_not_itself
from kakehashi.evaluate.judges.phrases import SHIPPED
from kakehashi.evaluate.methods.judged import DEFAULT_JUDGE
from kakehashi.evaluate.subjects import parse_subject
from kakehashi.model import MethodCard, Subject

#: Most tokens of a model judge's answer, where its subject does not say: one line of JSON, with room to think.
JUDGE_TOKENS = 256


@dataclass(frozen=True, slots=True)
class JudgeWords:
    """How a user names a judge.

    Attributes:
        names: ``"rules"`` or ``"model:SUBJECT"``; several are a panel; none is the rule judge.
        phrases: Phrase lists of the user's own, for the rule judge.
        calibrations: Files that ``kakehashi judge calibrate --json`` wrote. A phrase list or a model judges only
            in languages for which one of them is of exactly this judge.
    """

    names: tuple[str, ...] = ()
    phrases: tuple[Path, ...] = ()
    calibrations: tuple[Path, ...] = ()

    @property
    def is_default(self) -> bool:
        """Whether the methods' own default judge is meant."""
        return set(self.names) <= {"rules"} and not self.phrases and not self.calibrations


@dataclass(frozen=True, slots=True)
class ChosenJudge:
    """A judge as a run knows it.

    Attributes:
        judge: The judge.
        members: The panel's members, or the judge alone, as they stand in a manifest.
        askers: The models that it asks.
        calibration: Language → what it was checked on there.
    """

    judge: Judge | AsyncJudge
    members: tuple[Mapping[str, Any], ...]
    askers: tuple[Asker, ...] = ()
    calibration: Mapping[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """The judge as the manifest states it."""
        return {
            "id": self.judge.id,
            "calibration": dict(self.calibration),
            "members": [dict(member) for member in self.members],
        }

    def card(self, card: MethodCard) -> MethodCard:
        """The card of a method with this judge in its default judge's place; one that asks no judge stays."""
        if card.judge != DEFAULT_JUDGE:
            return card
        known = {language: self.calibration.get(language, "none") for language in card.languages}
        return replace(card, judge=self.judge.id, judge_calibration=known)

    def notes(self, subjects: Sequence[Subject], languages: Sequence[str]) -> list[str]:
        """What a reader must know of judge and subjects.

        Raises:
            UsageError: A model would judge itself.
        """
        found = [
            f"{asker.name} is of the same family as {subject.name} and may favor it"
            for asker in self.askers
            for subject in subjects
            if check_not_itself(asker.subject.model, subject.model)
        ]
        return found + [
            f"{self.judge.id} was never calibrated in {language}: answers in it are not judged"
            for language in languages
            if self.calibration.get(language, "none") in ("none", "uncalibrated")
        ]


def choose_judge(words: JudgeWords, *, calibrating: Sequence[str] | None = None) -> ChosenJudge | None:
    """The judge that the words name, or ``None`` for the methods' own default.

    Args:
        words: How the user named it.
        calibrating: Languages in which it is about to be calibrated, so that it may judge in them already.

    Raises:
        UnknownNameError: A name that is neither ``rules`` nor ``model:SUBJECT``, or an unknown subject.
        UsageError: A model without calibration, one judge twice, a calibration or phrase list of nobody.
        InputError: A file that cannot be used.
    """
    if words.is_default and calibrating is None:
        return None
    names = words.names or ("rules",)
    records = {path: read_calibration(path) for path in words.calibrations}
    used: set[Path] = set()
    if words.phrases and "rules" not in names:
        raise UsageError("phrase lists are for the rule judge", hint="Add --judge rules.")
    judges: list[Judge | AsyncJudge] = []
    members: list[dict[str, Any]] = []
    askers: list[Asker] = []
    for name in names:
        if name == "rules":
            rules, member = _rules(words.phrases, records, used, calibrating)
            judges.append(rules)
        elif name.startswith("model:"):
            asker = _asker(name.removeprefix("model:"))
            model, member = _model(asker, records, used, calibrating)
            judges.append(model)
            askers.append(asker)
        else:
            raise UnknownNameError(
                "judge",
                name,
                ["rules"],
                hint="Name 'rules', or 'model:' and a subject, such as model:openai:gpt-4o.",
            )
        members.append(member)
    chosen, calibration = _joined(judges, members, records, used)
    for judge in judges if calibrating is None else ():
        if isinstance(judge, ModelJudge) and not judge.languages:
            raise UsageError(
                f"the judge {judge.id} has no calibration in any language",
                hint="Run: kakehashi judge calibrate LABELS --judge model:… --json > calibration.json, then add"
                " --calibration calibration.json (at least 50 labelled answers in a language).",
            )
    for path in records:
        if path not in used:
            raise InputError(
                f"the calibration is of {records[path].get('judge')!r}, which is none of the judges named",
                path=path,
                hint="Run `kakehashi judge calibrate` again with the same --judge and --phrases.",
            )
    return ChosenJudge(chosen, tuple(members), tuple(askers), calibration)


def with_fitting_calibrations(words: JudgeWords) -> JudgeWords:
    """The words with those of their calibrations alone that are of this very judge.

    For several judges that each read all answers: what is of one of them is of none of the others.

    Raises:
        UnknownNameError: A name that is no judge.
        InputError: A file that cannot be used.
    """
    if not words.calibrations:
        return words
    bare = choose_judge(replace(words, calibrations=()), calibrating=())
    assert bare is not None  # there is always one to calibrate
    known = {bare.judge.id, *(str(member["id"]) for member in bare.members)}
    kept = tuple(path for path in words.calibrations if read_calibration(path).get("judge") in known)
    return replace(words, calibrations=kept)


def _rules(
    paths: Sequence[Path],
    records: Mapping[Path, Mapping[str, object]],
    used: set[Path],
    calibrating: Sequence[str] | None,
) -> tuple[RuleJudge, dict[str, Any]]:
    lists: list[PhraseList] = []
    for path in paths:
        phrases = load_phrases(path)
        mark = f"{phrases.language}:{phrases.digest[:12]}"
        for source, record in records.items():
            if mark in str(record.get("judge", "")) and phrases.calibration == "uncalibrated":
                phrases = with_calibration(phrases, record)
                used.add(source)
        lists.append(phrases)
    judge = RuleJudge(lists=lists, accept_uncalibrated=calibrating is not None)
    for source, record in records.items():
        if record.get("judge") == judge.id:
            used.add(source)
    languages = sorted({*SHIPPED, *(phrases.language for phrases in lists)})
    return judge, {
        "id": judge.id,
        "kind": "rules",
        "calibration": {language: judge.calibration_status(language) for language in languages},
        "phrases": {phrases.language: f"sha256:{phrases.digest}" for phrases in lists},
    }


def _asker(words: str) -> Asker:
    subject = parse_subject(words)
    limited = {"max_tokens", "max_completion_tokens"} & subject.parameters.keys()
    if not limited and subject.endpoint != "mock":
        subject = replace(subject, parameters={**subject.parameters, "max_tokens": JUDGE_TOKENS})
    return Asker(subject)


def _model(
    asker: Asker,
    records: Mapping[Path, Mapping[str, object]],
    used: set[Path],
    calibrating: Sequence[str] | None,
) -> tuple[ModelJudge, dict[str, Any]]:
    subject = asker.subject
    judge = ModelJudge(asker, subject.model, languages=calibrating or ())
    found: dict[str, int] = {}
    for source, record in records.items():
        if record.get("judge") == judge.id:
            found |= calibrated_languages(record)
            used.add(source)
    judge.languages = tuple(sorted({*judge.languages, *found}))
    return judge, {
        "id": judge.id,
        "kind": "model",
        "model": subject.model,
        "endpoint": subject.endpoint,
        "base_url": subject.base_url,
        "parameters": dict(subject.parameters),
        "prompt_version": judge.prompt_version,
        "calibration": dict.fromkeys(sorted(found), "human"),
        "labelled_answers": found,
    }


def _joined(
    judges: Sequence[Judge | AsyncJudge],
    members: Sequence[Mapping[str, Any]],
    records: Mapping[Path, Mapping[str, object]],
    used: set[Path],
) -> tuple[Judge | AsyncJudge, dict[str, str]]:
    """The one judge, or the panel of all, with what it was checked on in each language.

    A panel that was calibrated as a whole is ``human`` there, and its models may vote; else it has the weakest
    mark of its members that judge in the language, because how well they agree as a panel is not known.
    """
    if len(judges) == 1:
        return judges[0], dict(members[0]["calibration"])
    identity = PanelJudge(judges).id
    whole: dict[str, int] = {}
    for path, record in records.items():
        if record.get("judge") == identity:
            used.add(path)
            whole |= calibrated_languages(record)
    for judge in judges:
        if isinstance(judge, ModelJudge):
            judge.languages = tuple(sorted({*judge.languages, *whole}))
    panel = PanelJudge(judges)
    order = ("synthetic-only", "human")
    found = {}
    for language in panel.languages:
        marks = [mark for member in members if (mark := member["calibration"].get(language)) in order]
        found[language] = "human" if language in whole or not marks else min(marks, key=order.index)
    return panel, found
