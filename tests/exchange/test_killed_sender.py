"""A sender of webhooks that is killed while the receiver holds its request."""

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from nodes import GREEN, vulnerability
from stix_corpus import stix_id
from test_webhooks import Receiver

from kakehashi.exchange import Node
from kakehashi.exchange.alert_tables import ALERT_TABLES
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.webhook_send import TIMEOUT, send_due
from kakehashi.exchange.webhooks import add_hook, allow_host, due_deliveries


def test_what_a_killed_process_was_sending_is_sent_again_with_the_same_id(tmp_path):
    node = Node.init(tmp_path / "exchange", "Institute A")
    findings = frozenset({node.collection("findings").id})
    node.store.put_member(Caller(stix_id("identity", 2), "amber", reads=findings), "B")
    allow_host(node, "localhost", private=True)
    words = [sys.executable, "-m", "kakehashi.cli.main", "exchange", "webhook", "send"]
    with Receiver("hang") as receiver:
        hook, _ = add_hook(node, receiver.url, "B", what="all")
        node.store.post(node.me(), next(iter(findings)), [vulnerability(1, GREEN)])
        sender = subprocess.Popen(
            [*words, "--workspace", str(tmp_path)], env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        end = time.monotonic() + 60
        while not receiver.got and time.monotonic() < end:
            time.sleep(0.01)
        sender.kill()
        sender.wait()
        assert len(receiver.got) == 1
        assert due_deliveries(node, hook.id) == ()  # still claimed: no other process sends it meanwhile
        later = datetime.now(UTC) + timedelta(seconds=3 * TIMEOUT)
        assert len(due_deliveries(node, hook.id, now=later)) == 1
        with node.store.rows(ALERT_TABLES, write=True) as con:
            con.execute("UPDATE webhook_queue SET due = ''")  # as if that time had passed
        assert asyncio.run(send_due(node)) == 1
        (first, told), (second, again) = receiver.got
        assert first["webhook-id"] == second["webhook-id"]
        assert told == again
        assert asyncio.run(send_due(node)) == 0
    node.store.close()
