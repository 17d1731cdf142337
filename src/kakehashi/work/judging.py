"""Which judge reads the answers: from the words of the command line to a judge with its models and its record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from kakehashi.errors import InputError, UnknownNameError, UsageError
from kakehashi.evaluate.engine import Asker
from kakehashi.evaluate.judges import (
    AsyncJudge,
    CascadeJudge,
    Judge,
    ModelJudge,
    PanelJudge,
    PhraseList,
    ReplayJudge,
    RuleJudge,
    VerdictGrader,
    as_grader,
    load_phrases,
)
from kakehashi.evaluate.judges.calibration_record import (
    calibrated_languages,
    judge_errors,
    read_calibration,
    shipped_calibration_record,
    with_calibration,
)
from kakehashi.evaluate.judges.developers import check_not_itself, kinship, lineage
from kakehashi.evaluate.judges.phrases import SHIPPED
from kakehashi.evaluate.methods.judged import DEFAULT_JUDGE, OFFICIAL_PROMPTS
from kakehashi.evaluate.subjects import parse_subject
from kakehashi.ledger import encode
from kakehashi.model import JudgeError, MethodCard, Subject

#: Most tokens of a model judge's answer, where its subject does not say: one line of JSON, with room to think.
JUDGE_TOKENS = 256


@dataclass(frozen=True, slots=True)
class JudgeWords:
    """How a user names a judge.

    Attributes:
        names: ``"rules"``, ``"model:SUBJECT"`` or ``"replay:FILE#COLUMN"`` (``=MODEL`` after it where the file holds
            several); several are a panel; none is the rule judge. With ``cascade:`` before each they are asked only
            for what the rules leave doubtful.
        phrases: Phrase lists of the user's own, for the rule judge.
        calibrations: Files that ``kakehashi judge calibrate --json`` wrote. A phrase list or a model judges only
            in languages for which one of them is of exactly this judge.
        allow_family: Allow a judge of the developer or family of a system under test, and judges of one developer
            on a panel; it is noted then, and marked on the scores.
    """

    names: tuple[str, ...] = ()
    phrases: tuple[Path, ...] = ()
    calibrations: tuple[Path, ...] = ()
    allow_family: bool = False

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
        allow_family: Whether a judge may be kin of a system under test.
        errors: Language → how often the judge, as a whole, erred on human labels there.
        records: The calibrations that were named; they go into the ledger with the run.
        by_prompts: Name of official prompts → language → how often the judge, grading by them, erred there.
    """

    judge: Judge | AsyncJudge
    members: tuple[Mapping[str, Any], ...]
    askers: tuple[Asker, ...] = ()
    calibration: Mapping[str, str] = field(default_factory=dict)
    allow_family: bool = False
    errors: Mapping[str, JudgeError] = field(default_factory=dict)
    records: tuple[Mapping[str, Any], ...] = ()
    by_prompts: Mapping[str, Mapping[str, JudgeError]] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """The judge as the manifest states it."""
        return {
            "id": self.judge.id,
            "calibration": dict(self.calibration),
            "members": [dict(member) for member in self.members],
            "errors": {language: encode(error) for language, error in self.errors.items()},
            **({"prompts": sorted(self.by_prompts)} if self.by_prompts else {}),
            **({"allow_family": True} if self.allow_family else {}),
        }

    def kin(self, subject: Subject) -> list[str]:
        """Which judge models share a developer or a family with a system, and what they share.

        Raises:
            UsageError: A model would judge itself.
        """
        return [
            f"{asker.name} shares {shared} with {subject.name}"
            for asker in self.askers
            if (
                shared := check_not_itself(
                    asker.subject.model,
                    subject.model,
                    judge_by=asker.subject.developer,
                    subject_by=subject.developer,
                )
            )
        ]

    def card(self, card: MethodCard, prompts: str = "") -> MethodCard:
        """The card of a method with this judge in its default judge's place; one that asks no judge stays.

        A model or panel that grades by a method's official prompts was checked with another prompt, so that its
        errors there are not known and the card says so, unless it was calibrated with these very prompts.

        Args:
            card: The method's card.
            prompts: Name of the method's official prompts, where it has one.
        """
        if card.judge not in (DEFAULT_JUDGE, OFFICIAL_PROMPTS):
            return card
        known = {language: self.calibration.get(language, "none") for language in card.languages}
        if card.judge == OFFICIAL_PROMPTS and not isinstance(self.judge, RuleJudge):
            erred = {key: e for key, e in self.by_prompts.get(prompts, {}).items() if key in card.languages}
            marks = {
                key: mark if mark != "human" or key in erred else "other-prompt"
                for key, mark in known.items()
            }
            return replace(
                card,
                judge=f"{self.judge.id}, {OFFICIAL_PROMPTS}",
                judge_calibration=marks,
                judge_errors=erred,
            )
        errors = {language: error for language, error in self.errors.items() if language in card.languages}
        return replace(card, judge=self.judge.id, judge_calibration=known, judge_errors=errors)

    def notes(self, subjects: Sequence[Subject], languages: Sequence[str]) -> list[str]:
        """What a reader must know of judge and subjects.

        Raises:
            UsageError: A model would judge itself, or its kin without leave.
        """
        found = [shared for subject in subjects for shared in self.kin(subject)]
        if found and not self.allow_family:
            raise UsageError(
                f"{found[0]}, and models favor their kin",
                hint="Choose judges of other developers, or add --allow-family: it is marked on every score then.",
            )
        found = [f"{shared} and may favor it" for shared in found]
        return found + [
            f"{self.judge.id} was never calibrated in {language}: answers in it are not judged"
            for language in languages
            if self.calibration.get(language, "none") in ("none", "uncalibrated")
        ]


def with_known_errors(card: MethodCard) -> MethodCard:
    """The card of a method that asks the shipped rules, with what is known of their errors."""
    if card.judge != DEFAULT_JUDGE or card.judge_errors:
        return card
    record = shipped_calibration_record()
    if record["judge"] != card.judge:
        return card
    errors = {key: error for key, error in judge_errors(record).items() if key in card.languages}
    return replace(card, judge_errors=errors)


def choose_judge(words: JudgeWords, *, calibrating: Sequence[str] | None = None) -> ChosenJudge | None:
    """The judge that the words name, or ``None`` for the methods' own default.

    Args:
        words: How the user named it.
        calibrating: Languages in which it is about to be calibrated, so that it may judge in them already.

    Raises:
        UnknownNameError: A name that is none of these, or an unknown subject.
        UsageError: A model without calibration, one judge twice, judges that are kin, a phrase list of nobody.
        InputError: A file that cannot be used.
    """
    if words.is_default and calibrating is None:
        return None
    names = words.names or ("rules",)
    cascade = [name for name in names if name.startswith("cascade:")]
    if cascade and set(names) - set(cascade) - {"rules"}:
        raise UsageError(
            "some judges are named with cascade: and some without",
            hint="Write cascade: before each of them; the rules are asked first.",
        )
    if cascade:
        names = ("rules", *(name.removeprefix("cascade:") for name in cascade))
    records = {path: read_calibration(path) for path in words.calibrations}
    used: set[Path] = set()
    if words.phrases and "rules" not in names:
        raise UsageError("phrase lists are for the rule judge", hint="Add --judge rules.")
    judges: list[Judge | AsyncJudge] = []
    members: list[dict[str, Any]] = []
    askers: list[Asker] = []
    for name in names:
        judge: Judge | AsyncJudge
        if name == "rules":
            judge, member = _rules(words.phrases, records, used, calibrating)
        elif name.startswith("model:"):
            asker = _asker(name.removeprefix("model:"))
            judge, member = _model(asker, records, used, calibrating)
            askers.append(asker)
        elif name.startswith("replay:"):
            judge, member = _replay(name.removeprefix("replay:"), records, used, calibrating)
        else:
            raise UnknownNameError(
                "judge",
                name,
                ["rules"],
                hint="Name 'rules', 'model:' and a subject, such as model:openai:gpt-4o, or replay:FILE#COLUMN.",
            )
        judges.append(judge)
        members.append(member)
    if not words.allow_family:
        _check_independent(askers)
    chosen, calibration = _joined(judges, members, records, used, bool(cascade))
    for judge in judges if calibrating is None else ():
        if isinstance(judge, ModelJudge | ReplayJudge) and not judge.languages:
            raise UsageError(
                f"the judge {judge.id} has no calibration in any language",
                hint="Run: kakehashi judge calibrate LABELS --judge … --json > calibration.json, then add"
                " --calibration calibration.json (at least 50 labelled answers in a language).",
            )
    by_prompts: dict[str, dict[str, JudgeError]] = {}
    for path, given in records.items():
        if prompts := _prompts_of(given, chosen):
            by_prompts.setdefault(prompts, {}).update(judge_errors(given))
            used.add(path)
    for path in records:
        if path not in used:
            raise InputError(
                f"the calibration is of {records[path].get('judge')!r}, which is none of the judges named",
                path=path,
                hint="Run `kakehashi judge calibrate` again with the same --judge and --phrases.",
            )
    errors: dict[str, JudgeError] = {}
    for record in (shipped_calibration_record(), *records.values()):
        if record.get("judge") == chosen.id:
            errors |= judge_errors(record)
    return ChosenJudge(
        chosen,
        tuple(members),
        tuple(askers),
        calibration,
        words.allow_family,
        errors,
        tuple(records.values()),
        by_prompts,
    )


def _prompts_of(record: Mapping[str, object], judge: Judge | AsyncJudge) -> str:
    """The official prompts by which a calibration had this very judge grade, ``""`` where it is of another kind."""
    grader = as_grader(judge)
    before = f"{grader.id}@"
    named = str(record.get("judge", ""))
    if isinstance(grader, VerdictGrader) or not named.startswith(before):
        return ""
    return named.removeprefix(before)


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
    read = {path: read_calibration(path) for path in words.calibrations}
    kept = tuple(
        path
        for path, record in read.items()
        if record.get("judge") in known or _prompts_of(record, bare.judge)
    )
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


def _check_independent(askers: Sequence[Asker]) -> None:
    """Hold the judges of a panel apart: two of one developer share their weaknesses, and agree for that.

    Raises:
        UsageError: Two of them share a developer or a family.
    """
    for place, first in enumerate(askers):
        for second in askers[place + 1 :]:
            one, other = first.subject, second.subject
            shared = kinship(lineage(one.model, one.developer), lineage(other.model, other.developer))
            if shared and one != other:
                raise UsageError(
                    f"{first.name} and {second.name} share {shared}: a panel needs independent judges",
                    hint="Name judges of different developers, or add --allow-family.",
                )


def _replay(
    words: str,
    records: Mapping[Path, Mapping[str, object]],
    used: set[Path],
    calibrating: Sequence[str] | None,
) -> tuple[ReplayJudge, dict[str, Any]]:
    path, mark, column = words.rpartition("#")
    column, _, model = column.partition("=")
    if not mark or not path or not column:
        raise UsageError(
            f"'replay:{words}' names no column",
            hint="Write replay:FILE#COLUMN, or replay:FILE#COLUMN=MODEL for one of several models.",
        )
    judge = ReplayJudge(Path(path), column, model=model, languages=calibrating or ())
    if calibrating is None and not judge.is_of_one_model:
        raise UsageError(
            f"the stored verdicts are of {len(judge.models)} models",
            hint=f"Add =MODEL after the column: {', '.join(judge.models)[:200]}.",
        )
    found: dict[str, int] = {}
    for source, record in records.items():
        if record.get("judge") == judge.id:
            found |= calibrated_languages(record)
            used.add(source)
    judge.languages = tuple(sorted({*judge.languages, *found}))
    return judge, {
        "id": judge.id,
        "kind": "replay",
        "model": model,
        "calibration": dict.fromkeys(sorted(found), "human"),
        "labelled_answers": found,
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
        "developer": lineage(subject.model, subject.developer).developer,
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
    cascade: bool,
) -> tuple[Judge | AsyncJudge, dict[str, str]]:
    """The one judge, the panel of all, or a cascade, with what it was checked on in each language.

    What was calibrated as a whole is ``human`` there, and its models may vote; else it has the weakest mark of its
    members that judge in the language, because how well they do together is not known.
    """
    if len(judges) == 1:
        return judges[0], dict(members[0]["calibration"])
    identity = _together(judges, cascade).id
    whole: dict[str, int] = {}
    for path, record in records.items():
        if record.get("judge") == identity:
            used.add(path)
            whole |= calibrated_languages(record)
    for judge in judges:
        if isinstance(judge, ModelJudge | ReplayJudge):
            judge.languages = tuple(sorted({*judge.languages, *whole}))
    together = _together(judges, cascade)
    order = ("synthetic-only", "human")
    found = {}
    for language in together.languages:
        marks = [mark for member in members if (mark := member["calibration"].get(language)) in order]
        found[language] = "human" if language in whole or not marks else min(marks, key=order.index)
    return together, found


def _together(judges: Sequence[Judge | AsyncJudge], cascade: bool) -> AsyncJudge:
    if not cascade:
        return PanelJudge(judges)
    rules, *others = judges
    return CascadeJudge(cast(Judge, rules), others[0] if len(others) == 1 else PanelJudge(others))
