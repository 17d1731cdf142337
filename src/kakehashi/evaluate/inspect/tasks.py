"""Our suites as Inspect tasks: ``inspect eval kakehashi/core --model …``."""

from dataclasses import asdict
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, metric, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from kakehashi.evaluate.methods import Scored, Selection, get_method
from kakehashi.model import Answer, Provenance, Sample, Status
from kakehashi.model import Score as OurScore


@task
def core(language: str = "en", limit: int | None = None, seed: int = 0, max_tokens: int = 256) -> Task:
    """Kakehashi's harmful requests and their benign twins.

    Args:
        language: Language of the items.
        limit: Pairs; all by default.
        seed: Seed of the choice.
        max_tokens: Most tokens for each answer.
    """
    return _suite("kakehashi/core", language, limit, seed, max_tokens)


@task
def facts(language: str = "en", limit: int | None = None, seed: int = 0, max_tokens: int = 256) -> Task:
    """Kakehashi's closed questions of fact, with stated confidence.

    Args:
        language: Language of the items.
        limit: Questions; all by default.
        seed: Seed of the choice.
        max_tokens: Most tokens for each answer.
    """
    return _suite("kakehashi/facts", language, limit, seed, max_tokens)


@task
def attacks(language: str = "en", limit: int | None = None, seed: int = 0, max_tokens: int = 256) -> Task:
    """Kakehashi's harmful requests under published attack techniques.

    Args:
        language: Language of the items.
        limit: Cells; all by default.
        seed: Seed of the choice.
        max_tokens: Most tokens for each answer.
    """
    return _suite("kakehashi/attacks", language, limit, seed, max_tokens)


def _suite(name: str, language: str, limit: int | None, seed: int, max_tokens: int) -> Task:
    method = get_method(name)
    samples = method.samples(Selection((language,), limit, seed, max_tokens))
    short = name.removeprefix("kakehashi/")
    return Task(
        dataset=MemoryDataset([_sample(one) for one in samples], name=name),
        solver=turns(),
        scorer=form(name),
        metrics=[measures(name)],
        config=GenerateConfig(temperature=0, max_tokens=max_tokens),
        name=short,
        version=method.card.version,
        metadata={
            "method": method.card.id,
            "data_revision": method.card.data_revision,
            "licence": method.card.licence,
        },
    )


def _sample(sample: Sample) -> InspectSample:
    start: list[ChatMessage] = [ChatMessageSystem(content=sample.system)] if sample.system else []
    return InspectSample(
        id=sample.id,
        input=[*start, ChatMessageUser(content=sample.turns[0])],
        target=sample.target or "",
        metadata={
            "category": sample.category,
            "kind": sample.kind,
            "cluster": sample.cluster,
            "language": sample.language,
            "kakehashi": asdict(sample),
        },
    )


def sample_of(state_metadata: dict[str, Any]) -> Sample:
    """Our sample, as it travels in the metadata."""
    described = state_metadata["kakehashi"]
    return Sample(**{**described, "turns": tuple(described["turns"])})


@solver
def turns() -> Solver:
    """Put the turns of a sample one after another."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await generate(state)
        for turn in sample_of(state.metadata).turns[1:]:
            state.messages.append(ChatMessageUser(content=turn))
            state = await generate(state)
        return state

    return solve


@metric
def measures(name: str) -> Metric:
    """The headlines of a suite, as its own method counts them.

    Args:
        name: The method.
    """

    def compute(scores: list[SampleScore]) -> Any:
        method = get_method(name)
        rows = [Scored(sample_of(dict(s.sample_metadata or {})), _ours(s.score)) for s in scores]
        found = method.measure(
            rows, subject="", provenance=Provenance("inspect", name, method.card.version, "")
        )
        heads = [m for m in found if set(m.facets) == {"language"}]
        return {m.measure.id.partition(":")[2]: float("nan") if m.value is None else m.value for m in heads}

    return compute


def _ours(score: Score) -> OurScore:
    described = dict(score.metadata or {})["kakehashi"]
    return OurScore(**described)


@scorer(metrics=[])
def form(name: str) -> Scorer:
    """The suite's own scorer, by rules; the value is what a sample adds to its headline measure.

    Args:
        name: The method.
    """
    method = get_method(name)
    ask = method.scorer()

    async def score(state: TaskState, target: Target) -> Score:
        sample = sample_of(state.metadata)
        found = ask(sample, _answer(state))
        assert isinstance(found, OurScore), "the suites are scored by rules, which decide at once"
        credit = method.credit(Scored(sample, found))
        value = "N" if credit is None or credit.value is None else credit.value
        return Score(
            value=value,
            answer=state.output.completion,
            explanation=f"{found.label} ({found.reason})" if found.reason else str(found.label),
            metadata={"label": str(found.label), "kakehashi": asdict(found)},
        )

    return score


def _answer(state: TaskState) -> Answer:
    blocked = bool(state.output.choices) and state.output.stop_reason == "content_filter"
    text = state.output.completion
    if blocked:
        return Answer(text, Status.BLOCKED)
    return Answer(text, Status.OK if text.strip() else Status.EMPTY)
