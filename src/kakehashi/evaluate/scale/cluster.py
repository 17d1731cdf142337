"""Calls spread over a Ray cluster, while one process keeps run folder, cache and budget.

Each worker is an actor that holds the endpoints of the systems, local models served on its own node among them. The
engine gives each call to the worker with the fewest under way. What a worker answers is in the run folder before
anything rests on it, so a worker that is lost loses the calls under way on it and no finished sample: they are tried
again elsewhere, within the engine's patience.
"""

import asyncio
import importlib.util
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kakehashi.errors import EndpointError, EndpointUnreachableError, MissingExtraError
from kakehashi.evaluate.engine import Adaptation, Completion, Endpoint, endpoint_for
from kakehashi.evaluate.engine.endpoint import Messages, ParameterRefusedSignal
from kakehashi.evaluate.local import LocalServer, embedded_model, pull, weights_path
from kakehashi.model import Subject

#: Seconds that a call waits for a worker's answer beyond all limits of the endpoint itself.
_LOST_AFTER = 3600.0


class Worker:
    """What runs on the nodes: endpoints by name of subject.

    Args:
        models: Folder of weights on the node.
        offline: Whether weights may be fetched.
    """

    def __init__(self, models: str, offline: bool) -> None:
        self._models = Path(models)
        self._offline = offline
        self._servers = ExitStack()
        self._addresses: dict[str, LocalServer] = {}
        self._endpoints: dict[str, Endpoint] = {}

    async def ask(
        self, subject: Subject, messages: Sequence[Mapping[str, str]], parameters: Mapping[str, object]
    ) -> tuple[str, Any]:
        """One attempt and how it ended.

        Returns:
            ``("answer", Completion)``, ``("refused", Adaptation)``, ``("error", EndpointError)``, or
            ``("failed", words)`` for what no further attempt on this node would mend, such as a missing extra.
        """
        try:
            endpoint = self._endpoints.get(subject.name)
            if endpoint is None:
                endpoint = self._endpoints[subject.name] = await asyncio.to_thread(self._open, subject)
            return "answer", await endpoint.complete(list(messages), dict(parameters))
        except ParameterRefusedSignal as signal:
            return "refused", signal.adaptation
        except EndpointError as error:
            return "error", error
        except Exception as error:
            return "failed", f"{type(error).__name__}: {error}"

    def _open(self, subject: Subject) -> Endpoint:
        if subject.endpoint != "local":
            return endpoint_for(subject)
        server = self._addresses.get(subject.model)
        if server is None:
            model = embedded_model(subject.model)
            pull(model, self._models, offline=self._offline)
            server = self._servers.enter_context(LocalServer(model, weights_path(model, self._models)))
            self._addresses[subject.model] = server
        return endpoint_for(
            subject,
            local_url=server.base_url,
            local_identity=server.identity,
            max_concurrency=server.settings.n_parallel,
        )

    def where(self) -> str:
        """The node that it runs on."""
        import ray

        return str(ray.get_runtime_context().get_node_id())


@dataclass(slots=True)
class _Held:
    """A worker as the driver sees it."""

    actor: Any
    under_way: int = 0
    answered: int = 0
    lost: bool = False


@dataclass(slots=True)
class _Workers:
    """The workers, shared by the endpoints of all systems."""

    members: list[_Held] = field(default_factory=list)
    free: asyncio.Condition = field(default_factory=asyncio.Condition)

    def take(self, most: int | None) -> _Held | None:
        """The worker with the fewest calls under way, if any may take one more."""
        free = [w for w in self.members if not w.lost and (most is None or w.under_way < most)]
        return min(free, key=lambda w: w.under_way) if free else None


class RayEndpoint:
    """A system whose calls are made by workers of a cluster.

    Args:
        subject: The system.
        base: Its endpoint here, never called: identity, parameters and reading are its own.
        workers: The workers.
        most: Most calls at a time on one worker, or ``None``.
    """

    def __init__(self, subject: Subject, base: Endpoint, workers: _Workers, most: int | None) -> None:
        self.subject = subject
        self._base = base
        self._workers = workers
        self._most = most

    @property
    def identity(self) -> Mapping[str, Any]:
        """As without a cluster, so that cache and run folder are the same."""
        return self._base.identity

    @property
    def max_concurrency(self) -> int | None:
        """That of one worker times the workers."""
        return None if self._most is None else self._most * max(1, len(self._workers.members))

    def settle(self, parameters: Mapping[str, object]) -> dict[str, object]:
        """The parameters as the endpoint takes them."""
        return self._base.settle(parameters)

    def adapt(self, adaptation: Adaptation) -> None:
        """Take over an adaptation."""
        self._base.adapt(adaptation)

    async def complete(self, messages: Messages, parameters: Mapping[str, object]) -> Completion:
        """One attempt by the worker with the fewest calls under way.

        Raises:
            EndpointError: The attempt failed, or the worker was lost.
            ParameterRefusedSignal: The endpoint refused a parameter.
        """
        import ray

        worker = await self._take()
        worker.under_way += 1
        try:
            answer = worker.actor.ask.remote(self.subject, [dict(m) for m in messages], dict(parameters))
            kind, found = await asyncio.wait_for(answer, _LOST_AFTER)
        except (ray.exceptions.RayError, TimeoutError) as error:
            worker.lost = True
            raise EndpointUnreachableError(
                f"a worker of the cluster was lost ({type(error).__name__})",
                endpoint=str(self.identity.get("model", "")),
            ) from None
        finally:
            worker.under_way -= 1
            async with self._workers.free:
                self._workers.free.notify_all()
        worker.answered += 1
        if kind == "refused":
            self._base.adapt(found)
            raise ParameterRefusedSignal(found)
        if kind == "error":
            raise found
        if kind == "failed":
            raise EndpointError(f"a worker cannot ask {self.subject.name}: {found}", permanent=True)
        assert isinstance(found, Completion)
        return found

    async def _take(self) -> _Held:
        async with self._workers.free:
            while True:
                if all(worker.lost for worker in self._workers.members):
                    raise EndpointUnreachableError(
                        "every worker of the cluster was lost",
                        permanent=True,
                        hint="The same command goes on with a new cluster, or without --engine ray.",
                    )
                worker = self._workers.take(self._most)
                if worker is not None:
                    return worker
                await self._workers.free.wait()

    def read(self, raw: Mapping[str, Any]) -> Completion:
        """A response that logs or cache kept, read again."""
        return self._base.read(raw)

    async def close(self) -> None:
        """Close what was opened here; the workers close theirs when the cluster is left."""
        await self._base.close()


class RayCluster:
    """A connection to a Ray cluster with workers on its nodes; a context manager.

    Args:
        address: Address of the cluster; ``None`` starts one on this machine.
        workers: Workers; as many as the cluster has processors by default.
        models: Folder of weights on the nodes.
        offline: Whether weights may be fetched there.

    Raises:
        MissingExtraError: Ray is not installed.
    """

    def __init__(self, address: str | None, workers: int | None, models: Path, offline: bool) -> None:
        if importlib.util.find_spec("ray") is None:
            raise MissingExtraError("ray", "--engine ray")
        self._address = address
        self._count = workers
        self._models = models
        self._offline = offline
        self._workers = _Workers()

    def __enter__(self) -> Self:
        """Connect and start the workers, spread over the nodes."""
        import ray

        try:
            _reach(self._address)
            ray.init(
                address=self._address or "local",
                log_to_driver=False,
                logging_level="error",
                include_dashboard=False if self._address is None else None,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise EndpointUnreachableError(
                f"no Ray cluster answers at {self._address}: {str(error).splitlines()[0]}",
                hint="Run 'ray start --head' on the first machine, 'ray start --address=HOST:6379' on the others.",
            ) from None
        count = self._count or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._workers.members = [self._worker() for _ in range(count)]
        return self

    def _worker(self) -> _Held:
        """A worker that takes a processor of its own, which is what spreads them; one that is lost stays lost."""
        import ray

        options = {"num_cpus": 1, "max_concurrency": 1000, "scheduling_strategy": "SPREAD"}
        return _Held(ray.remote(Worker).options(**options).remote(str(self._models.resolve()), self._offline))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the workers and leave the cluster."""
        import ray

        for worker in self._workers.members:
            ray.kill(worker.actor)
        ray.shutdown()

    def __len__(self) -> int:
        """Number of workers."""
        return len(self._workers.members)

    def nodes(self) -> list[str]:
        """The node of each worker."""
        import ray

        found: list[str] = ray.get([worker.actor.where.remote() for worker in self._workers.members])
        return found

    def answered(self) -> list[int]:
        """How many calls each worker has answered."""
        return [worker.answered for worker in self._workers.members]

    def endpoint(self, subject: Subject) -> RayEndpoint:
        """The endpoint of a subject whose calls the workers make."""
        if subject.endpoint != "local":
            base = endpoint_for(subject)
            return RayEndpoint(subject, base, self._workers, base.max_concurrency)
        model = embedded_model(subject.model)
        server = LocalServer(model, weights_path(model, self._models))  # not started: it says who it is
        base = endpoint_for(
            subject, local_url="http://127.0.0.1:9/v1", local_identity=server.identity, max_concurrency=1
        )
        return RayEndpoint(subject, base, self._workers, server.settings.n_parallel)


def _reach(address: str | None) -> None:
    """Try a connection first: Ray itself waits for minutes.

    Raises:
        OSError: Nobody listens there.
    """
    host, _, port = (address or "").rpartition("/")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()
