"""Nodes that are served on loopback, as fixtures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from served_node import Served, run_server

from kakehashi.exchange.node import Node


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    node = Node.init(tmp_path / "exchange", "Institute A")
    port, stop = run_server(node, page_bytes=200_000)
    yield Served(node, port)
    stop()
    node.store.close()
