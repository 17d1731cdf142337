"""Nodes that are served on loopback, as fixtures."""

from collections.abc import Iterator
from pathlib import Path

import nodes
import pytest
from pg_server import server
from served_node import Served, run_server

from kakehashi.exchange.node import Node


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    node = Node.init(tmp_path / "exchange", "Institute A")
    port, stop = run_server(node, page_bytes=200_000)
    yield Served(node, port)
    stop()
    node.store.close()


#: Whose tests run on both databases.
_ON_BOTH = {"test_exchange_store", "test_server", "test_alerts", "test_partner_logs", "test_race"}
_ON_BOTH |= {"test_events", "test_timeline", "test_webhooks", "test_node_time"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    alone = metafunc.definition.get_closest_marker("one_database") is not None
    if metafunc.module.__name__ in _ON_BOTH and not alone:
        both = ["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))]
        metafunc.parametrize("database", both, indirect=True)


@pytest.fixture(autouse=True)
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database that nodes and stores of a test are made on."""
    name = getattr(request, "param", "sqlite")
    if name == "postgres":
        fresh = server().fresh
        init = Node.init.__func__
        monkeypatch.setattr(nodes, "fresh_address", fresh)
        monkeypatch.setattr(
            Node,
            "init",
            classmethod(lambda cls, *words, **more: init(cls, *words, **{"db": fresh(), **more})),
        )
    return name
