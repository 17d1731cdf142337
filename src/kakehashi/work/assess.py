"""``assess``: put the samples of several methods to several systems, and keep everything."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kakehashi.errors import UnknownNameError, UsageError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.engine import (
    Endpoint,
    EngineSettings,
    Estimate,
    Limits,
    Outcome,
    Patience,
    PooledEndpoint,
    PriceTable,
    Progress,
    ResponseCache,
    RunFolder,
    endpoint_for,
    estimate,
    run_jobs,
)
from kakehashi.evaluate.engine.finishing import finish
from kakehashi.evaluate.inspect.method import InspectMethod
from kakehashi.evaluate.local import LocalServer, pull, server_count
from kakehashi.ledger import Ledger
from kakehashi.model import Subject
from kakehashi.work.code import CodeWords
from kakehashi.work.data import pull_for
from kakehashi.work.inspect_tasks import check_grader, check_inspect, open_units, run_tasks, tasks_of
from kakehashi.work.judging import JudgeWords
from kakehashi.work.plan import Plan, local_server, make_plan
from kakehashi.work.preregister import citation, cite_plan, cited_plan
from kakehashi.work.seal import seal_run
from kakehashi.work.view import RunView, load_run
from kakehashi.work.workspace import Workspace

if TYPE_CHECKING:
    from kakehashi.evaluate.scale import RayCluster


@dataclass(frozen=True, slots=True)
class AssessmentRun:
    """What an assessment came to.

    Attributes:
        run: Identifier of the run.
        folder: Its run folder.
        outcome: Counts and failures of this session.
        view: The sealed run as reports and comparisons see it.
        notes: What was left out and why.
    """

    run: str
    folder: Path
    outcome: Outcome
    view: RunView
    notes: tuple[str, ...]


def assess(
    subjects: Sequence[str | Subject],
    *,
    profile: str = "quick",
    methods: Sequence[str] = (),
    languages: Sequence[str] = ("en",),
    limit: int | None = None,
    seed: int = 0,
    judges: Sequence[str] = (),
    phrases: Sequence[Path | str] = (),
    calibrations: Sequence[Path | str] = (),
    allow_family: bool = False,
    code: CodeWords | None = None,
    repeats: int = 1,
    alone: bool = False,
    release: str = "",
    budget: int | None = None,
    token_budget: int | None = None,
    cost_budget: float | None = None,
    prices: PriceTable | None = None,
    concurrency: int = 32,
    patience: float | None = None,
    partial: bool = False,
    offline: bool = False,
    grader: str | Subject | None = None,
    processes: int = 2,
    engine: str = "local",
    ray_address: str | None = None,
    ray_workers: int | None = None,
    mirror: Path | str | None = None,
    workspace: Path | str | None = None,
    progress: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> AssessmentRun:
    """Assess systems by several methods, seal the run into the ledger and return it.

    The same call goes on where an interrupted one was: nothing is generated twice, nothing is lost. A run that is
    complete is not run again.

    Args:
        subjects: Systems, or words that name them (``"local/smollm2"``, ``"openai:gpt-4o"``, a YAML file).
        profile: ``"quick"``, ``"standard"`` or ``"full"``.
        methods: Names of methods; the three shipped suites by default.
        languages: Languages of the items.
        limit: Units of each method and language, instead of the profile's.
        seed: Seed of the choice of items.
        judges: ``"rules"``, ``"model:SUBJECT"`` or ``"replay:FILE#COLUMN"`` instead of each method's own judge; several
            are a panel; with ``cascade:`` before them they are asked for what the rules leave doubtful. Answers
            that this workspace has already are not generated again for another judge.
        phrases: Phrase lists of your own for the rule judge.
        calibrations: What ``kakehashi judge calibrate --json`` wrote of phrase lists and models: they judge in
            those languages and in no others.
        allow_family: Allow judge models that share a developer or a family with a system, or with one another.
        code: Whether generated code may be run, for methods that run it; not unless said.
        repeats: Answers to each item, for methods whose measure takes several (``humaneval``: pass@k).
        alone: Run these methods alone; else one that rewards refusing everything has an over-refusal method beside it.
        release: Name of the release that is assessed. Another name is another run, and every answer is asked for anew.
        budget: Most calls of this session, those of a judge included.
        token_budget: Most tokens of this session, read and written together.
        cost_budget: Most money of this session, in the currency of ``prices``.
        prices: A dated price table; without it the cost is unknown.
        concurrency: Most calls at a time.
        patience: Seconds to bear with an endpoint that gives nothing but failures; 120 by default.
        partial: Seal what there is even where something failed or is missing; it is marked so.
        offline: Use only weights that are already here.
        grader: The system that Inspect tasks ask in the role of a grader.
        processes: Most Inspect tasks at a time, each in a process of its own.
        engine: ``"local"``, or ``"ray"``: the calls are made by workers of a Ray cluster.
        ray_address: Address of the cluster; without it one is started on this machine.
        ray_workers: Workers; as many as the cluster has processors by default.
        mirror: A folder or address from which the data of published methods are taken first, where they are not
            here; their licences are said.
        workspace: Folder of ledger, runs, cache and models.
        progress: Called with the progress now and then.
        say: Called with short messages.

    Raises:
        UnknownNameError: An unknown subject, method or profile.
        DataMissingError: A published method's data were not pulled.
        EndpointError: An endpoint failed for good before anything was answered.
        IsolationError: A method runs code, and this machine cannot isolate it.
        IncompleteError: Something failed or is missing and ``partial`` was not asked.
        StorageError: The workspace cannot be written.
        UsageError: The run is sealed and its folder gone: new answers would not become part of it.
    """
    if engine not in ("local", "ray"):
        raise UnknownNameError("engine", engine, ["local", "ray"])
    rooms = Workspace.of(workspace)
    data = DataStore(rooms.data)
    if mirror is not None:
        pull_for(methods, data, mirror, alone=alone, say=say)
    plan = make_plan(
        subjects,
        profile=profile,
        methods=methods,
        languages=languages,
        limit=limit,
        seed=seed,
        models=rooms.models,
        own_methods=rooms.methods,
        data=data,
        judge=JudgeWords(
            tuple(judges), tuple(map(Path, phrases)), tuple(map(Path, calibrations)), allow_family
        ),
        code=code or CodeWords(),
        repeats=repeats,
        alone=alone,
        release=release,
        grader=grader,
    )
    tasks = [planned.method for planned in tasks_of(plan) if isinstance(planned.method, InspectMethod)]
    check_grader(plan.grader, plan.subjects, tasks)
    check_inspect([task.adapter.task for task in tasks])
    if tasks and any(limit is not None for limit in (budget, token_budget, cost_budget)):
        raise UsageError(
            "budgets are not kept for Inspect tasks",
            hint="Bound them with --limit, or run them by themselves.",
        )
    for note in plan.notes:
        say(note)
    settings = EngineSettings(
        concurrency=concurrency,
        limits=Limits(calls=budget, tokens=token_budget, cost=cost_budget),
        prices=prices,
        patience=patience_of(patience),
    )
    folder = rooms.runs / plan.run
    with RunFolder.create(folder, plan.manifest) as opened:
        _check_not_sealed(rooms.ledger, plan.run, opened)
        say(_still_to_do(plan, opened, prices))
        cite_plan(rooms.ledger, plan, opened)
        if noted := citation(opened):
            say(noted)
        with ExitStack() as stack:
            cluster = None
            needed = _needed(plan, opened)
            if engine == "ray" and len(opened.done()) < len(plan):
                from kakehashi.evaluate.scale import RayCluster

                # Ray prints what befell a lost worker on the standard output, where our results go.
                stack.enter_context(redirect_stdout(sys.stderr))
                cluster = stack.enter_context(RayCluster(ray_address, ray_workers, rooms.models, offline))
                say(f"Ray: {len(cluster)} worker{'s' if len(cluster) != 1 else ''}")
                needed = _needed_by_inspect(plan, opened)  # other local models are served on the nodes
            servers = local_servers(needed, rooms, stack, offline, say)
            cache = stack.enter_context(ResponseCache(rooms.cache_of(release)))
            outcome = finish(_run(plan, servers, opened, cache, settings, progress, cluster))
            if tasks:
                plan, outcome = run_tasks(
                    plan, opened, servers, outcome,
                    concurrency=concurrency, processes=processes, patience=patience, say=say,
                )  # fmt: skip
        if outcome.is_complete:
            opened.mark_complete()
        elif not partial:
            outcome.raise_if_incomplete()
        seal_run(
            plan,
            opened,
            rooms.ledger,
            partial=not outcome.is_complete,
            warnings=outcome.warnings,
            preregistered=cited_plan(opened),
        )
    view = load_run(rooms.ledger, plan.run)
    return AssessmentRun(plan.run, folder, outcome, view, plan.notes)


def _check_not_sealed(ledger: Path, run: str, folder: RunFolder) -> None:
    """Refuse to ask anew what the ledger holds already: the new answers would be thrown away, the old ones shown."""
    if not (ledger / "ledger.json").exists():
        return
    with Ledger.open(ledger) as opened:
        heads = opened.records(kind="run", run=run)
    for head in heads:
        if not head.body["partial"] and head.text("created") != folder.manifest["created"]:
            raise UsageError(
                f"{run} stands in the ledger since {head.text('created')[:10]},"
                " and the folder of its answers is not here",
                hint=f"To see it: kakehashi report assessment {run}\n"
                "To ask the systems anew: name what is assessed with --release, such as --release 2.1",
            )


def _still_to_do(plan: Plan, folder: RunFolder, prices: PriceTable | None) -> str:
    done = folder.done()
    left = [(job.subject, job.sample) for job in plan.jobs() if job.key not in done]
    by_inspect = len(open_units(plan, folder))
    if by_inspect and not len(plan):
        return f"{plan.run}: {by_inspect} runs of Inspect tasks; nobody knows their calls beforehand"
    if not left:
        return f"{plan.run}: all {len(plan)} samples are finished"
    already = f", {len(plan) - len(left)} finished before" if len(left) < len(plan) else ""
    verdicts = plan.verdicts({job.key for job in plan.jobs()} - done)
    return f"{plan.run}: {in_words(estimate(left, prices), verdicts)}{already}"


def in_words(found: Estimate, verdicts: int = 0) -> str:
    """An estimate as one line; ``verdicts`` is the number of calls of judge models beside it."""
    cost = (
        found.reason
        if found.cost is None
        else f"at most {_money(found.cost)} {found.currency} at the prices of {found.prices_as_of}"
    )
    return (
        f"{found.samples} samples, at most {found.calls} calls; about {found.prompt_tokens} tokens to read "
        f"and at most {found.completion_tokens} to write; {cost}"
        + (f"; and at most {verdicts} calls of judge models, not in these figures" if verdicts else "")
    )


def _money(amount: float) -> str:
    """Two decimals, and two significant digits where those would read as nothing."""
    return f"{amount:.2f}" if amount >= 0.1 or amount == 0 else f"{amount:.2g}"


def patience_of(seconds: float | None) -> Patience:
    """How much failing endpoints are borne with, from seconds; the usual where none are given."""
    usual = Patience()
    if seconds is None:
        return usual
    return Patience(seconds=seconds, longest_wait=min(usual.longest_wait, seconds))


async def _run(
    plan: Plan,
    servers: Mapping[str, Sequence[LocalServer]],
    folder: RunFolder,
    cache: ResponseCache,
    settings: EngineSettings,
    progress: Callable[[Progress], None] | None,
    cluster: "RayCluster | None" = None,
) -> Outcome:
    def endpoint(subject: Subject) -> Endpoint:
        return served_endpoint(subject, servers) if cluster is None else cluster.endpoint(subject)

    done = folder.done()
    open_subjects = {job.subject.name for job in plan.jobs() if job.key not in done}
    judge = plan.judge
    askers = judge.askers if judge is not None and open_subjects else ()
    return await run_jobs(
        plan.jobs(),
        endpoints={
            **{subject.name: endpoint(subject) for subject in plan.subjects if subject.name in open_subjects},
            **{asker.name: endpoint(asker.subject) for asker in askers},
        },
        scorers={
            planned.key: planned.scorer(judge.judge if judge is not None else None)
            for planned in plan.methods
            if not isinstance(planned.method, InspectMethod)
        },
        askers=askers,
        folder=folder,
        cache=cache,
        settings=settings,
        progress=progress,
        total=len(plan),
    )


def served_endpoint(subject: Subject, servers: Mapping[str, Sequence[LocalServer]]) -> Endpoint:
    """The endpoint of a subject; a local one's calls go to the servers of its model."""
    if subject.endpoint != "local":
        return endpoint_for(subject)
    return PooledEndpoint(
        [
            endpoint_for(
                subject,
                local_url=server.base_url,
                local_identity=server.identity,
                max_concurrency=server.settings.n_parallel,
            )
            for server in servers.get(subject.model, [])
        ]
    )


def _needed(plan: Plan, folder: RunFolder) -> list[Subject]:
    """Whose models are still to be asked: systems with unfinished work, and the judge's."""
    done = folder.done()
    waiting = {
        (job.subject.endpoint, job.subject.model): job.subject for job in plan.jobs() if job.key not in done
    }
    asked = [asker.subject for asker in plan.judge.askers] if plan.judge is not None and waiting else []
    return [*waiting.values(), *asked, *_needed_by_inspect(plan, folder)]


def _needed_by_inspect(plan: Plan, folder: RunFolder) -> list[Subject]:
    waiting = open_units(plan, folder)
    grader = [plan.grader] if plan.grader is not None and waiting else []
    return [*(unit.subject for unit in waiting), *grader]


def local_servers(
    subjects: Sequence[Subject],
    rooms: Workspace,
    stack: ExitStack,
    offline: bool,
    say: Callable[[str], None],
) -> dict[str, list[LocalServer]]:
    """Servers for those of the subjects that are local, started, by model."""
    servers: dict[str, list[LocalServer]] = {}
    for subject in subjects:
        if subject.endpoint == "local" and subject.model not in servers:
            group = [local_server(subject, rooms.models) for _ in range(server_count())]
            pull(group[0].model, rooms.models, offline=offline, say=say)
            servers[subject.model] = [stack.enter_context(server) for server in group]
    return servers
