"""Readers of events that take nothing: they hold one page of memory, and are cut off, socket and all."""

import socket
import time

from nodes import GREEN, member, vulnerability
from served_node import Served, run_server

from kakehashi.exchange import Node

SIZE, PAGE, HIGH_WATER = 100_000, 1 << 18, 1 << 16


def wait_until(holds, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def test_a_reader_that_takes_nothing_holds_one_page_and_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr("kakehashi.exchange.server.stream.STALLED", 0.5)
    node = Node.init(tmp_path / "exchange", "Institute A")
    port, stop = run_server(node, keep_alive=0.1)
    served, state = Served(node, port), stop.server.server_state
    served.join(member(1), "A")
    for first in range(0, 120, 30):  # 12 MB: more than the kernel takes for both ends of a connection
        objects = [vulnerability(n, GREEN, description="x" * SIZE) for n in range(first, first + 30)]
        node.store.post(node.me(), node.collection("findings").id, objects)
    wait_until(lambda: not state.connections)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", port))
    head = f"GET /api/x-kakehashi/events/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.tokens['A']}\r\n\r\n"
    slow.sendall(head.encode())
    hub, held = stop.server.config.app.state.hub, []

    def cut_off() -> bool:
        held.extend(one.transport.get_write_buffer_size() for one in list(state.connections) if one.transport)
        return bool(held) and not hub.open and not state.connections

    wait_until(cut_off)
    # a page may end with the object that fills it; what it is framed with is far below a tenth
    assert HIGH_WATER < max(held) < 1.1 * (PAGE + SIZE) + HIGH_WATER
    slow.close()
    stop()
    node.store.close()
