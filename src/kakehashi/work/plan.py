"""What a run is made of, decided before anything is asked: subjects, methods, selections, identity."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kakehashi import __version__
from kakehashi.errors import DataMissingError, UnknownNameError, UsageError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.engine import Job, JobKey, checked_address
from kakehashi.evaluate.inspect.method import InspectMethod
from kakehashi.evaluate.judges import AsyncJudge, Judge, NoPrompts
from kakehashi.evaluate.local import LocalServer, embedded_model, weights_path
from kakehashi.evaluate.methods import Method, Selection, get_method
from kakehashi.evaluate.methods.base import Scorer
from kakehashi.evaluate.methods.judged import DEFAULT_JUDGE, OFFICIAL_PROMPTS
from kakehashi.evaluate.sandbox import Sandbox
from kakehashi.evaluate.subjects import parse_subject
from kakehashi.model import MethodCard, Sample, Subject
from kakehashi.work.beside import with_beside
from kakehashi.work.code import CodeWords, with_sandbox
from kakehashi.work.judging import ChosenJudge, JudgeWords, choose_judge, with_known_errors


@dataclass(frozen=True, slots=True)
class Profile:
    """How much of each method to run.

    Attributes:
        limits: Units for each method (pairs, questions, cells); a method not named runs whole.
        max_tokens: Most tokens for each answer.
    """

    limits: Mapping[str, int]
    max_tokens: int


PROFILES = {
    "quick": Profile(
        {
            "kakehashi/core": 42,
            "kakehashi/facts": 42,
            "kakehashi/attacks": 40,
            "helm-safety": 20,
            "harmbench": 42,
            "simple-safety-tests": 40,
            "xstest": 54,
            "bbq": 22,
            "anthropic-red-team": 40,
            "air-bench-2024": 64,
            "facts-grounding-v1": 8,
            "facts-grounding-v2": 8,
            "strongreject": 36,
            "do-not-answer": 40,
            "jailbreakbench": 20,
            "mlcommons-joint-testing": 20,
            "aisi-ja-perspectives": 36,
        },
        48,
    ),
    # HELM asks a thousand items of the long sets; a context of BBQ is four questions.
    "standard": Profile({"kakehashi/attacks": 200, "anthropic-red-team": 1000, "bbq": 250}, 128),
    "full": Profile({}, 256),
}
DEFAULT_METHODS = ("kakehashi/core", "kakehashi/facts", "kakehashi/attacks")


@dataclass(frozen=True, slots=True)
class PlannedMethod:
    """A method with the part of it that is to be run.

    Attributes:
        method: The method.
        card: Its card, with the judge that this run asks.
        selection: Languages, limit, seed.
        samples: The samples chosen.
        sandbox: Where the code of answers runs, for a method that runs it.
    """

    method: Method
    card: MethodCard
    selection: Selection
    samples: tuple[Sample, ...]
    sandbox: Sandbox | None = None

    @property
    def key(self) -> str:
        """Name and version, as run folders know it."""
        return f"{self.card.id}@{self.card.version}"

    def scorer(self, judge: Judge | AsyncJudge | None) -> Scorer:
        """What scores the answers: a judge that has no official prompts here judges nothing."""
        return self.method.scorer(NoPrompts() if self.card.judge == NoPrompts.id else judge)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides what a run asks; two equal plans are one run.

    Attributes:
        run: Identifier, from the hash of the manifest.
        manifest: The plan as JSON.
        subjects: The systems.
        methods: The methods with their samples.
        notes: What was left out and why.
        judge: The judge that was named, or ``None``: each method asks its own.
        grader: The system that Inspect tasks ask in the role of a grader, or ``None``.
    """

    run: str
    manifest: Mapping[str, Any]
    subjects: tuple[Subject, ...]
    methods: tuple[PlannedMethod, ...]
    notes: tuple[str, ...]
    judge: ChosenJudge | None = None
    grader: Subject | None = None

    def jobs(self) -> Iterator[Job]:
        """All work, subject by subject."""
        for subject in self.subjects:
            for planned in self.methods:
                for sample in planned.samples:
                    yield Job(subject, planned.key, sample)

    def verdicts(self, keys: Set[JobKey] | None = None) -> int:
        """Calls of judge models, where nothing is cached and every answer is there to be judged.

        Args:
            keys: The jobs that are meant, or ``None`` for all.
        """
        if self.judge is None or not self.judge.askers:
            return 0
        calls = {
            one.key: getattr(one.method, "judge_calls", 1)
            for one in self.methods
            if one.card.judge.startswith(self.judge.judge.id)
        }
        meant = sum(calls.get(job.method, 0) for job in self.jobs() if keys is None or job.key in keys)
        return meant * len(self.judge.askers)

    def __len__(self) -> int:
        """Number of jobs."""
        return len(self.subjects) * sum(len(planned.samples) for planned in self.methods)


def make_plan(
    subjects: Sequence[str | Subject],
    *,
    profile: str = "quick",
    methods: Sequence[str] = (),
    languages: Sequence[str] = ("en",),
    limit: int | None = None,
    seed: int = 0,
    models: Path = Path("kakehashi-work/models"),
    own_methods: Path | None = None,
    data: DataStore | None = None,
    judge: JudgeWords | None = None,
    grader: str | Subject | None = None,
    code: CodeWords | None = None,
    repeats: int = 1,
    alone: bool = False,
    release: str = "",
) -> Plan:
    """Decide what is run.

    Args:
        subjects: Systems, or words that name them.
        profile: ``"quick"``, ``"standard"`` or ``"full"``.
        methods: Names of methods; the three shipped suites by default.
        languages: Languages of the items.
        limit: Units of each method and language, instead of the profile's.
        seed: Seed of the choice.
        models: Folder of weights.
        own_methods: Folder of the user's own methods.
        data: Pulled data sets, for published methods.
        judge: Which judge reads the answers, instead of each method's own.
        grader: Which system Inspect tasks ask in the role of a grader.
        code: Whether generated code may be run; ``None`` where nothing is about to be run.
        repeats: Answers to each item, for methods whose measure takes several.
        alone: Run these methods alone, even one that asks for an over-refusal method beside it.
        release: Name of the release that is assessed: what answers may change while its description stays the same.

    Raises:
        IsolationError: A method runs code, and this machine cannot isolate it.
        UnknownNameError: An unknown subject, profile, method, language or judge.
        InputError: A subject's address holds credentials.
        DataMissingError: A published method's data were not pulled, or nothing could be judged for want of the
            official judge prompts.
        UsageError: Two subjects of one name, no sample at all, a limit below one, a judge without calibration or
            one that would judge itself.
    """
    if profile not in PROFILES:
        raise UnknownNameError("profile", profile, list(PROFILES))
    if limit is not None and limit < 1:
        raise UsageError(f"limit must be at least 1, not {limit}")
    if release and not (release.isprintable() and release.strip()):
        raise UsageError(f"{release!r} is no name of a release", hint="Such as 2.1, or the hash of a commit.")
    if not subjects:
        raise UsageError("no subject was named", hint="For example: kakehashi assess local/smollm2")
    systems = _distinct([parse_subject(s) if isinstance(s, str) else s for s in subjects])
    for subject in systems:
        if subject.base_url:
            checked_address(subject.base_url)  # before it is written into any manifest
    chosen = choose_judge(judge or JudgeWords())
    asking = parse_subject(grader) if isinstance(grader, str) else grader
    planned: list[PlannedMethod] = []
    lack: DataMissingError | None = None
    notes: list[str] = [] if chosen is None else chosen.notes(systems, languages)
    names = tuple(dict.fromkeys(methods or DEFAULT_METHODS))
    if not alone:
        names, beside = with_beside(names, own_methods, data, grades=chosen is not None)
        notes += beside
    _check_languages(languages, names, own_methods, data)
    for name in names:
        method, sandbox = get_method(name, own_methods, data), None
        if isinstance(method, InspectMethod):
            planned.append(_inspected(method, asking, PROFILES[profile], limit, seed))
            continue
        if code is not None:
            method, sandbox = with_sandbox(method, code)
        one, absent = _planned(method, PROFILES[profile], languages, limit, seed, repeats)
        if sandbox is not None:
            one = replace(one, sandbox=sandbox)
        if chosen is None:
            one = replace(one, card=with_known_errors(one.card))
        elif (lacking := _lacks_prompts(one.method, chosen)) is not None:
            lack = lack or lacking
            one = replace(one, card=replace(one.card, judge=NoPrompts.id, judge_calibration={}))
            notes.append(f"{one.card.id}: not judged, for {lacking.message}. {lacking.hint}")
        else:
            one = replace(one, card=_our_wording(one.method, chosen.card(_official(one), _prompts_id(one))))
        notes += [f"{one.card.id} has no items in {language}" for language in absent]
        notes += [
            f"{one.card.id} [{language}]: nobody has reviewed this language edition, so it is kept out of comparisons"
            for language in one.selection.languages
            if one.card.review.get(language) == "unreviewed"
        ]
        if one.samples:
            planned.append(one)
    if lack is not None and all(_is_unjudged(one) for one in planned):
        raise lack
    notes += _rewards_refusing(planned)
    if repeats > 1 and not any(sample.repeat for one in planned for sample in one.samples):
        raise UsageError(
            "none of these methods takes several answers to an item",
            hint="Leave --repeats out, or name humaneval.",
        )
    if not planned:
        raise UsageError("nothing to run: " + "; ".join(notes), hint="Run: kakehashi methods list")
    asked = [asker.subject for asker in chosen.askers] if chosen is not None else []
    asked += [] if asking is None else [asking]
    manifest: dict[str, Any] = {
        "kakehashi": __version__,
        "profile": profile,
        "seed": seed,
        "languages": list(languages),
        "subjects": [json.loads(json.dumps(asdict(subject))) for subject in systems],
        "methods": [_described(one) for one in planned],
        "runtime": _runtimes([*systems, *asked], models),
    }
    if release:
        manifest["release"] = release
    boxes = {one.key: one.sandbox.described() for one in planned if one.sandbox is not None}
    if boxes:
        manifest["code"] = boxes
    if chosen is not None:
        manifest["judge"] = chosen.described()
    if asking is not None:
        manifest["grader"] = json.loads(json.dumps(asdict(asking)))
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False, allow_nan=False)
    run = f"run-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return Plan(run, manifest, systems, tuple(planned), tuple(notes), chosen, asking)


def local_server(subject: Subject, models: Path) -> LocalServer:
    """A server for a local subject, not yet started; one thread and one slot, so that results repeat.

    Raises:
        MissingExtraError: The runtime is not installed.
    """
    model = embedded_model(subject.model)
    return LocalServer(model, weights_path(model, models))


def _distinct(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    seen: dict[str, Subject] = {}
    for subject in subjects:
        before = seen.get(subject.name)
        if before is None:
            seen[subject.name] = subject
        elif before != subject:
            raise UsageError(
                f"two different subjects are called {subject.name!r}",
                hint="Give one of them another 'name' in its file.",
            )
    return tuple(seen.values())


def _check_languages(
    languages: Sequence[str], methods: Sequence[str], own: Path | None, data: DataStore | None
) -> None:
    """A language of none of the methods chosen is left out with a note; one of no method at all is a slip."""
    spoken = {language for name in methods for language in get_method(name, own, data).card.languages}
    for language in languages:
        if language not in spoken:
            known = spoken.union(*(get_method(name).card.languages for name in DEFAULT_METHODS))
            if language not in known:
                raise UnknownNameError("language", language, sorted(known))


def _planned(
    method: Method, profile: Profile, languages: Sequence[str], limit: int | None, seed: int, repeats: int
) -> tuple[PlannedMethod, list[str]]:
    card = method.card
    spoken = tuple(language for language in languages if language in card.languages)
    selection = Selection(
        languages=spoken,
        limit=limit if limit is not None else profile.limits.get(card.id),
        seed=seed,
        max_tokens=profile.max_tokens,
        repeats=repeats,
    )
    samples = tuple(method.samples(selection)) if spoken else ()
    absent = [language for language in languages if language not in card.languages]
    return PlannedMethod(method, card, selection, samples), absent


def _inspected(
    method: InspectMethod, grader: Subject | None, profile: Profile, limit: int | None, seed: int
) -> PlannedMethod:
    """An Inspect task; nobody knows its samples before it runs."""
    method = InspectMethod(method.adapter, "" if grader is None else grader.name)
    selection = Selection(
        languages=(method.adapter.language,), limit=limit, seed=seed, max_tokens=profile.max_tokens
    )
    return PlannedMethod(method, method.card, selection, ())


def _official(planned: PlannedMethod) -> MethodCard:
    """The card, saying that a judge that can grade is given the method's own prompts and not the judge's."""
    graded = getattr(planned.method, "grades", False) and planned.card.judge == DEFAULT_JUDGE
    return replace(planned.card, judge=OFFICIAL_PROMPTS) if graded else planned.card


def _prompts_id(planned: PlannedMethod) -> str:
    """Name of a method's official prompts, ``""`` where it has none of its own or they were not pulled."""
    try:
        return str(getattr(planned.method, "prompts_id", ""))
    except DataMissingError:
        return ""


def _lacks_prompts(method: Method, chosen: ChosenJudge) -> DataMissingError | None:
    """What is missing where the judge could grade and a method's official prompts were not pulled."""
    check = getattr(method, "check_prompts", None)
    if check is None:
        return None
    from kakehashi.evaluate.methods.published.graded_suite import can_grade  # loaded with the method

    if not can_grade(chosen.judge):
        return None
    try:
        check()
    except DataMissingError as error:
        return error
    return None


def _is_unjudged(planned: PlannedMethod) -> bool:
    """Whether nothing of a method could be judged; a composite names what it lacks, and has closed answers too."""
    return planned.card.judge == NoPrompts.id and not hasattr(planned.method, "components")


def _our_wording(method: Method, card: MethodCard) -> MethodCard:
    if getattr(method, "our_wording", False):
        return replace(card, judge=card.judge.replace(OFFICIAL_PROMPTS, "by prompts of our wording"))
    return card


def _rewards_refusing(planned: Sequence[PlannedMethod]) -> list[str]:
    """A note where a published method that rewards refusing everything would stand alone."""
    constructs = {measure.construct for one in planned for measure in one.card.measures}
    alone = [one.card.id for one in planned if not one.card.own and one.card.rewards_refusing]
    if not alone or "over-refusal" in constructs:
        return []
    words = "a system that refuses everything does best here, and no method of this run measures over-refusal"
    return [f"{', '.join(alone)}: {words}; add --method kakehashi/core or --method xstest"]


def _described(planned: PlannedMethod) -> dict[str, Any]:
    if isinstance(planned.method, InspectMethod):
        return {**_of_card(planned), "inspect": planned.method.adapter.described()}
    return _of_card(planned)


def _of_card(planned: PlannedMethod) -> dict[str, Any]:
    card = planned.card
    return {
        "id": card.id,
        "version": card.version,
        "data_revision": card.data_revision,
        "judge": card.judge,
        "languages": list(planned.selection.languages),
        "limit": planned.selection.limit,
        "max_tokens": planned.selection.max_tokens,
        "samples": len(planned.samples),
        **({"repeats": times} if (times := _times(planned)) > 1 else {}),
    }


def _times(planned: PlannedMethod) -> int:
    """How many answers to an item the run asks for; only methods that take several have more than one."""
    return 1 + max((sample.repeat for sample in planned.samples), default=0)


def _runtimes(subjects: Sequence[Subject], models: Path) -> dict[str, Any]:
    return {
        subject.model: local_server(subject, models).identity
        for subject in subjects
        if subject.endpoint == "local"
    }


def without_key_names(subject: Subject) -> Subject:
    """The subject as reports show it: without the name of the environment variable that holds its key."""
    return replace(subject, key_env="")
