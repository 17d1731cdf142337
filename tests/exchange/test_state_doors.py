"""Events and webhooks, driven by the same histories as the store: each shows what the independent model says.

After every step each member's events behind its own place, and what its webhook would send at this moment, are held to
the model: nothing that it may not see, and nothing lost of what it may.
"""

import json

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from nodes import FINDINGS, OTHER, member
from stix_corpus import stix_id
from test_state import MEMBERS, Exchange

from kakehashi.exchange.alert_tables import ALERT_TABLES
from kakehashi.exchange.events import as_sse, events_after, log_size
from kakehashi.exchange.webhooks import (
    add_hook,
    allow_host,
    body_of_delivery,
    dropped,
    due_deliveries,
    fill_queues,
    hooks,
)

FAR = "2999-01-01T00:00:00.000000Z"


class Doors(Exchange):
    def __init__(self) -> None:
        super().__init__()
        allow_host(self.node, "alerts.example.org")
        self.place = dict.fromkeys(MEMBERS, 0)
        self.heard = {n: set() for n in MEMBERS}
        self.told = {n: set() for n in MEMBERS}
        self.hook = {}
        for n in MEMBERS:
            hook, _ = add_hook(
                self.node, "https://alerts.example.org/", stix_id("identity", n), what="all", content=True
            )
            self.hook[n] = hook.id

    def wanted(self, n):
        identity = stix_id("identity", n)
        return {one for c in (FINDINGS, OTHER) for one in self.model.walk(identity, c, self.now)}

    @invariant()
    def events_are_what_the_model_says(self):
        self.store.tick(self.now)
        for n in MEMBERS:
            wanted, identity = self.wanted(n), stix_id("identity", n)
            while self.place[n] < (upto := log_size(self.store)):
                caller = self.store.member(identity)
                events, self.place[n] = events_after(
                    self.store, caller, self.place[n], upto, limit=3, now=self.now
                )
                assert {(e.id, e.version) for e in events} <= wanted, "shown by events"
                assert all(b"\n" not in as_sse(e)[:-2].partition(b"data: ")[2] for e in events)
                self.heard[n].update((e.id, e.version) for e in events)
            assert wanted <= self.heard[n], "lost behind the place"

    @invariant()
    def webhooks_send_what_the_model_says(self):
        self.store.tick(self.now)
        fill_queues(self.node, now=self.now)
        known = {one.id: one for one in hooks(self.node)}
        for n in MEMBERS:
            wanted = self.wanted(n)
            with self.store.rows(ALERT_TABLES, write=True) as con:
                con.execute("UPDATE webhook_queue SET due = ''")
            rows = due_deliveries(self.node, self.hook[n], limit=10_000)
            for row in rows[:: 1 + len(rows) % 2]:  # some wait for a later step, when it may be otherwise
                body = body_of_delivery(self.node, known[self.hook[n]], row, now=self.now)
                if body is not None:
                    sent = json.loads(body)["data"]
                    assert (sent["id"], sent["version"]) in wanted, "shown by a webhook"
                    assert sent["object"]["id"] == sent["id"]
                    self.told[n].add((sent["id"], sent["version"]))
                dropped(self.node, row)
            waiting = {
                (row.object, row.version) for row in due_deliveries(self.node, self.hook[n], limit=10_000)
            }
            assert wanted <= self.told[n] | waiting, "lost by a webhook"


def drive(examples: int, steps: int) -> None:
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Doors,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=quiet,
            database=None,
        ),
    )


def test_no_step_loses_or_leaks_anything_by_events_or_webhooks():
    assert member(1).identity in {stix_id("identity", n) for n in MEMBERS}
    drive(12, 20)


@pytest.mark.proof
def test_no_step_loses_or_leaks_anything_by_events_or_webhooks_in_many_long_histories():
    drive(200, 40)
