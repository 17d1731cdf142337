"""Store and an independent model of the policy, driven together: after every step each walk equals the model's.

Two things are asked of every member after every step: a full walk shows exactly what the model says (so loss and leak
both show), and whoever only ever polled behind his cursor has met everything that he may see now.
"""

import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from nodes import EVERYTHING, FINDINGS, OTHER, member, store_with
from stix_corpus import ours, stix_id, whole

from kakehashi.exchange import Node
from kakehashi.exchange.age import ReadingKey
from kakehashi.exchange.bundles import make_bundle
from kakehashi.exchange.bundles.file import check_signed, unseal
from kakehashi.exchange.ids import TLP_IDS
from kakehashi.exchange.partners import Partner, pin
from kakehashi.exchange.records import extension_of
from kakehashi.proof import SigningKey

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from policy_model import Deposit, Member, PolicyModel

MEMBERS = range(1, 5)
READER = ReadingKey(bytes([7]) * 32)
START = datetime(2026, 6, 1, tzinfo=UTC)
SHARING = [stix_id("marking-definition", n) for n in range(1, 7)]
COMMUNITIES, CAVEATS = ("network", "inner"), ("national-security", "trade-secret", "personal-data")
REFS = [stix_id(kind, n) for kind in ("vulnerability", "course-of-action", "note") for n in range(1, 4)]

who = st.sampled_from(MEMBERS)
small = st.integers(1, 3)
where = st.sampled_from([FINDINGS, FINDINGS, OTHER])
identities = st.lists(who.map(lambda n: stix_id("identity", n)), min_size=1, max_size=2, unique=True)
levels = st.sampled_from(list(TLP_IDS))
marks = st.one_of(
    st.just([]),
    st.builds(
        lambda tlp, more: [tlp, *more], levels, st.lists(st.sampled_from(SHARING), max_size=2, unique=True)
    ),
    st.lists(st.sampled_from([*SHARING, *TLP_IDS]), min_size=1, max_size=2, unique=True),
)
rights = st.fixed_dictionaries(
    {
        "clearance": st.sampled_from([None, "clear", "green", "amber", "amber+strict", "red", "red"]),
        "communities": st.sets(st.sampled_from(COMMUNITIES)),
        "caveats": st.sets(st.sampled_from(CAVEATS)),
        "reads": st.sampled_from([{FINDINGS}, {FINDINGS, OTHER}, {FINDINGS, OTHER}, set()]),
    }
)
sharing_bodies = st.fixed_dictionaries(
    {},
    optional={
        "communities": st.lists(st.sampled_from(COMMUNITIES), min_size=1, unique=True),
        "recipients": identities,
        "caveats": st.lists(st.sampled_from(CAVEATS), min_size=1, max_size=2, unique=True),
        "embargo": st.tuples(st.integers(1, 6), identities),
    },
).filter(bool)


class Exchange(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = store_with(Path(self.folder.name), *(member(n) for n in MEMBERS))
        self.model = PolicyModel()
        self.now, self.tick, self.ids = START, 0, {}
        self.node = Node(Path(self.folder.name), self.store, stix_id("identity", 99), "the node")
        (self.node.path / "node.key").write_text(SigningKey("node", bytes(32)).secret_text())
        for n in MEMBERS:
            name = stix_id("identity", n)
            pin(
                self.node,
                Partner(name, str(n), SigningKey(str(n), bytes([n]) * 32).verifier, READER.recipient),
            )
        self.packed: dict[int, tuple[int, set[tuple[str, str]]]] = {}
        self.polled: dict[tuple[int, str], set[tuple[str, str]]] = {}
        self.cursor: dict[tuple[int, str], int] = {}
        for n in MEMBERS:
            self.model.members[stix_id("identity", n)] = Member(
                stix_id("identity", n), "red", {"network"}, set(), {FINDINGS, OTHER}
            )

    def deposit(self, n: int, collection: str, obj: dict) -> None:
        (outcome,) = self.store.post(member(n), collection, [obj]).outcomes
        owner = self.ids.get(obj["id"])
        if owner is not None and owner != (n, collection):
            if (
                outcome.failure is None
            ):  # the very same, sent by one who sees it: nothing new, and nothing learned
                name, version = stix_id("identity", n), obj.get("modified", obj["created"])
                assert not outcome.new
                assert obj in [deposit.obj for deposit in self.model.deposits]
                assert (obj["id"], version) in self.model.walk(name, collection, datetime.now(UTC))
            return
        if owner is not None and obj["type"] == "marking-definition":
            return
        older = self.model.versions(obj["id"])
        if older and all(deposit.gone for deposit in older):
            assert outcome.failure is not None
            return
        assert outcome.failure is None
        self.ids[obj["id"]] = (n, collection)
        self.model.deposits.append(Deposit(stix_id("identity", n), collection, obj))

    def marked(self, kind: str, number: int, on_whole: list, on_part: list, **body: object) -> dict:
        self.tick += 1
        at = (datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(seconds=self.tick)).strftime(
            "%Y-%m-%dT%H:%M:%S.000Z"
        )
        made = whole(kind, number, **body)
        made = {k: v for k, v in made.items() if k not in ("created_by_ref", "object_marking_refs")} | {
            "modified": at
        }
        if on_whole:
            made["object_marking_refs"] = on_whole
        if on_part:
            made["granular_markings"] = [{"marking_ref": ref, "selectors": ["id"]} for ref in on_part]
        return made

    @rule(
        n=who,
        c=where,
        number=small,
        on_whole=marks,
        on_part=st.one_of(st.just([]), st.just([]), marks),
    )
    def vulnerability(self, n, c, number, on_whole, on_part):
        self.deposit(n, c, self.marked("vulnerability", number, on_whole, on_part))

    @rule(n=who, number=small, on_whole=marks)
    def course_of_action(self, n, number, on_whole):
        self.deposit(n, OTHER, self.marked("course-of-action", number, on_whole, []))

    @rule(
        n=who,
        number=small,
        on_whole=marks,
        ends=st.tuples(st.sampled_from(REFS), st.sampled_from(REFS)),
    )
    def relationship(self, n, number, on_whole, ends):
        obj = self.marked("relationship", number, on_whole, [], source_ref=ends[0], target_ref=ends[1])
        self.deposit(n, FINDINGS, obj)

    @rule(
        n=who,
        number=small,
        on_whole=marks,
        about=st.lists(st.sampled_from(REFS), min_size=1, max_size=2),
    )
    def note(self, n, number, on_whole, about):
        self.deposit(n, FINDINGS, self.marked("note", number, on_whole, [], object_refs=about))

    @rule(
        n=who,
        number=st.integers(1, 6),
        body=sharing_bodies,
        on_whole=st.one_of(st.just([]), st.lists(levels, max_size=1)),
    )
    def marking(self, n, number, body, on_whole):
        body = dict(body)
        if embargo := body.pop("embargo", None):
            body["embargo_until"] = (START + timedelta(days=embargo[0])).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            body["embargo_recipients"] = embargo[1]
        obj = whole("marking-definition", number, extensions=ours("sharing", **body))
        self.deposit(n, FINDINGS, obj | ({"object_marking_refs": on_whole} if on_whole else {}))

    @rule(n=who, given=rights)
    def grant_or_revoke(self, n, given):
        self.store.put_member(member(n, **given), str(n), now=self.now)
        identity = stix_id("identity", n)
        self.model.members[identity] = Member(
            identity, given["clearance"], given["communities"], given["caveats"], given["reads"]
        )

    @rule(days=st.integers(1, 3))
    def time_passes(self, days):
        self.now += timedelta(days=days)

    @rule(n=who, pick=st.integers(0, 99), newest=st.booleans())
    def recall(self, n, pick, newest):
        mine = sorted(
            {d.obj["id"] for d in self.model.deposits if d.by == stix_id("identity", n) and not d.gone}
        )
        mine = [ref for ref in mine if not ref.startswith("marking") and ref in self.ids]
        if not mine:
            return
        ref = mine[pick % len(mine)]
        alive = [d for d in self.model.versions(ref) if not d.gone]
        gone = alive[-1:] if newest else alive
        before = self.store.verify().head.size
        versions = frozenset({"last" if newest else "all"})
        collection = self.ids[ref][1]
        assert self.store.withdraw(member(n), collection, ref, versions=versions) == len(gone)
        for deposit in gone:
            deposit.gone = True
        query = "SELECT data FROM objects WHERE seq > ? AND type = 'note' AND data IS NOT NULL"
        with self.store.reading() as con:
            rows = [json.loads(row[0]) for row in con.execute(query, (before,))]
        (note,) = [obj for obj in rows if extension_of(obj, "tombstone")]
        # The model's tombstone: seen by whoever might have seen the newest version.
        body = {
            k: v
            for k, v in self.model.versions(ref)[-1].obj.items()
            if k not in ("id", "created", "modified")
        }
        pseudo = body | {k: note[k] for k in ("id", "created", "modified")}
        self.model.deposits.append(Deposit(stix_id("identity", n), collection, pseudo))

    @rule(n=who, again=st.booleans())
    def bundle(self, n, again):
        """Over this door too: a whole bundle is the model's set, and those that follow one another lose nothing."""
        since, met = (0, set()) if again else self.packed.get(n, (0, set()))
        made = make_bundle(self.node, stix_id("identity", n), since=since, now=self.now)
        payload = unseal(*check_signed(made.data, self.node.key().verifier), READER)
        objects = [json.loads(row["data"]) for row in payload["entries"]]
        inside = {(obj["id"], obj.get("modified", obj["created"])) for obj in objects}
        wanted = set().union(
            *(self.model.walk(stix_id("identity", n), c, self.now) for c in (FINDINGS, OTHER))
        )
        assert inside <= wanted, "leaked by a bundle"
        assert wanted <= inside | met, "lost between bundles"
        self.packed[n] = (made.last, met | inside)

    @rule()
    def copy_of_the_log(self):
        """Whoever copies the log learns number, kind and a commitment of each line, and nothing else."""
        lines = [json.loads(line) for line in self.store.log_lines(0, 10_000)]
        assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
        assert all(set(line) == {"seq", "event", "commitment"} for line in lines)
        assert len({line["commitment"] for line in lines}) == len(lines)

    @invariant()
    def every_walk_equals_the_models(self):
        for n in MEMBERS:  # visibility is enforced when reading as well, and by pages that are kept
            identity = stix_id("identity", n)
            for collection in (FINDINGS, OTHER):
                early = self.store.page(
                    self.store.member(identity), collection, EVERYTHING, limit=10_000, now=self.now, kept=True
                ).entries
                assert {(e.id, e.version) for e in early} == self.model.walk(identity, collection, self.now)
        self.store.tick(self.now)
        for n in MEMBERS:
            caller = self.store.member(stix_id("identity", n))
            for collection in (FINDINGS, OTHER):
                wanted = self.model.walk(stix_id("identity", n), collection, self.now)
                asked = {"limit": 10_000, "now": self.now}
                entries = self.store.page(caller, collection, EVERYTHING, **asked).entries
                assert {(e.id, e.version) for e in entries} == wanted
                assert self.store.page(caller, collection, EVERYTHING, **asked, kept=True).entries == entries
                key = (n, collection)
                page = self.store.page(
                    caller,
                    collection,
                    EVERYTHING,
                    after=self.cursor.get(key, 0),
                    limit=10_000,
                    now=self.now,
                    kept=True,
                ).entries
                self.polled.setdefault(key, set()).update((e.id, e.version) for e in page)
                self.cursor[key] = page[-1].seq if page else self.cursor.get(key, 0)
                assert wanted <= self.polled[key], "lost behind the cursor"

    def teardown(self):
        assert self.store.verify().findings == ()
        self.store.close()
        self.folder.cleanup()


def drive(examples: int, steps: int) -> None:
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Exchange,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=quiet,
            database=None,
        ),
    )


def test_no_step_loses_or_leaks_anything():
    drive(15, 25)


@pytest.mark.proof
def test_no_step_loses_or_leaks_anything_in_many_long_histories():
    drive(400, 50)
