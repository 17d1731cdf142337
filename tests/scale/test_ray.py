"""A run over a local Ray cluster of two nodes is the run that it is without, and a lost node loses no finished sample.

Run by ``make ray-test`` in an environment of its own, skipped where Ray is absent.
"""

import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from kakehashi.errors import EndpointUnreachableError
from kakehashi.evaluate.scale import RayCluster, RayEndpoint
from kakehashi.work.assess import assess

ray = pytest.importorskip("ray", reason="Ray is not here: make ray-test installs it and runs these")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from commands import Served, kakehashi  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.second = made.add_node(num_cpus=1)
    yield made
    made.shutdown()


def prompts(mock):
    return Counter(body["messages"][-1]["content"] for body in mock.server.bodies)


def values(run):
    return {(m.measure.id, tuple(sorted(m.facets.items()))): (m.value, m.n) for m in run.view.measurements}


def test_a_run_over_two_nodes_is_the_run_that_it_is_without(cluster, tmp_path):
    with Served(delay=0.02) as mock:
        words = {"methods": ["core"], "limit": 14}
        alone = assess([mock.subject], workspace=tmp_path / "alone", **words)
        before = prompts(mock)
        mock.server.bodies.clear()
        said = []
        spread = assess(
            [mock.subject],
            workspace=tmp_path / "ray",
            engine="ray",
            ray_address=cluster.address,
            say=said.append,
            **words,
        )
        assert prompts(mock) == before
        assert (spread.run, values(spread)) == (alone.run, values(alone))
        assert "Ray: 2 workers" in said
        # Finished by the cluster, it is finished without one too.
        calls = mock.server.calls
        assess([mock.subject], workspace=tmp_path / "ray", **words)
        assert mock.server.calls == calls


def test_workers_stand_on_both_nodes_and_both_answer(cluster, tmp_path):
    import asyncio

    from kakehashi.evaluate.subjects import parse_subject

    with RayCluster(cluster.address, 2, tmp_path, True) as held:
        assert len(set(held.nodes())) == 2
        endpoint = held.endpoint(parse_subject("mock:echo"))
        assert isinstance(endpoint, RayEndpoint)

        async def ask():
            words = [[{"role": "user", "content": f"word {n}"}] for n in range(20)]
            return await asyncio.gather(*(endpoint.complete(one, {}) for one in words))

        found = asyncio.run(ask())
        assert [one.text for one in found] == [f"word {n}" for n in range(20)]
        assert held.answered() == [10, 10]


def test_a_budget_is_kept_to_the_call_and_the_next_session_goes_on(cluster, tmp_path):
    from kakehashi.errors import BudgetError

    with Served() as mock:
        words = {"methods": ["core"], "limit": 14, "workspace": tmp_path / "w"}
        with pytest.raises(BudgetError):
            assess([mock.subject], engine="ray", ray_address=cluster.address, budget=9, **words)
        assert mock.server.calls == 9
        assess([mock.subject], engine="ray", ray_address=cluster.address, **words)
        assert mock.server.calls == 28
        assert set(prompts(mock).values()) == {1}


def test_a_node_that_is_lost_loses_no_finished_sample(cluster, tmp_path, capsys):
    with Served(delay=0.25) as mock:
        lost = []

        def lose():
            end = time.monotonic() + 120
            while mock.server.answered < 20 and time.monotonic() < end:
                time.sleep(0.02)
            rows = sum(p.read_bytes().count(b"\n") for p in tmp_path.glob("w/runs/*/rows.jsonl"))
            lost.append(rows)
            cluster.remove_node(cluster.second, allow_graceful=False)

        thread = threading.Thread(target=lose)
        thread.start()
        done = assess(
            [mock.subject], methods=["core"], limit=42, workspace=tmp_path / "w", engine="ray",
            ray_address=cluster.address, concurrency=8,
        )  # fmt: skip
        thread.join()
        assert lost
        assert lost[0] >= 12
        assert done.outcome.is_complete
        assert not done.view.partial
        assert len(done.view.items["sample"]) == 84
        # Only what was under way on the lost node, eight calls at most, was asked twice.
        assert 84 <= mock.server.calls <= 84 + 8
        assert set(prompts(mock).values()) <= {1, 2}
    # Ray tells of the lost workers; not where results are printed, which a script may read as JSON.
    assert capsys.readouterr().out == ""


def test_a_cluster_that_is_not_there_is_an_error_with_the_command(tmp_path):
    with pytest.raises(EndpointUnreachableError, match="no Ray cluster answers"):
        RayCluster("127.0.0.1:1", 1, tmp_path, True).__enter__()


def test_the_command_starts_a_cluster_of_its_own(tmp_path):
    done = kakehashi(
        "assess", "mock:refuse", "--method", "core", "--limit", "7", "--engine", "ray", "--ray-workers", "1",
        cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert done.code == 0, done.both
    assert "Ray: 1 worker\n" in done.err
