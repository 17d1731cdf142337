"""TAXII 2.1 over the wire: addresses, headers, media types and status codes, and what nobody may learn."""

import gzip
import json
import logging
import socket
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nodes import AMBER, GREEN, RED, member, sharing, vulnerability
from served_node import TAXII, Served, run_server
from stix_corpus import KINDS, ours, stix_id, whole

from kakehashi.exchange import sql_base, sql_read, sql_store
from kakehashi.exchange.node import Node
from kakehashi.proof import Checkpoint, Frontier, VerifierKey


@pytest.fixture
def two(served):
    served.join(member(1), "A")
    served.join(member(2), "B")
    return served


def ids(answer):
    return [obj["id"] for obj in answer.json.get("objects", [])]


def test_the_way_from_discovery_to_objects(two):
    discovery = two.ask("A", "/taxii2/")
    assert discovery.status == 200
    assert discovery.headers["content-type"] == TAXII
    assert discovery.json == {"title": "Institute A", "default": "/api/", "api_roots": ["/api/"]}
    assert two.ask("A", "/api/").json["versions"] == [TAXII]
    (collection,) = two.ask("A", "/api/collections/").json["collections"]
    assert (collection["alias"], collection["can_read"], collection["can_write"]) == ("findings", True, True)
    assert two.ask("A", two.collection).json == collection
    assert two.ask("A", two.collection + "objects/").json == {}
    status = two.post("A", vulnerability(1, GREEN), vulnerability(1, GREEN, version=1), {"type": "file"})
    assert (status["total_count"], status["success_count"], status["failure_count"]) == (3, 2, 1)
    assert status["failures"][0]["message"] == "objects of type file are not exchanged here"
    assert two.ask("A", f"/api/status/{status['id']}/").json == status
    found = two.ask("B", two.collection + "objects/")
    assert found.json == {"objects": [vulnerability(1, GREEN, version=1)]}
    assert found.headers["x-taxii-date-added-first"] == found.headers["x-taxii-date-added-last"]
    one = two.ask("B", f"{two.collection}objects/{stix_id('vulnerability', 1)}/?match[version]=first")
    assert one.json == {"objects": [vulnerability(1, GREEN)]}
    versions = two.ask("B", f"{two.collection}objects/{stix_id('vulnerability', 1)}/versions/").json[
        "versions"
    ]
    assert versions == ["2026-03-01T09:00:00.000Z", "2026-03-01T09:00:01.000Z"]
    (row,) = two.ask("B", "/api/collections/findings/manifest/").json["objects"]
    assert row["version"] == "2026-03-01T09:00:01.000Z"
    assert row["date_added"] == found.headers["x-taxii-date-added-last"]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("status", "who", "method", "path", "body", "headers"),
    [
        (401, None, "GET", "/taxii2/", None, {}),
        (401, None, "GET", "/taxii2/", None, {"Authorization": "Bearer kx_wrong"}),
        (401, None, "GET", "/taxii2/", None, {"Authorization": "Basic ****"}),
        (406, "A", "GET", "/taxii2/", None, {"Accept": "application/json"}),
        (406, "A", "GET", "/taxii2/", None, {"Accept": "application/taxii+json;version=2.0"}),
        (200, "A", "GET", "/taxii2/", None, {"Accept": "text/html, application/taxii+json; version=2.1"}),
        (404, "A", "GET", "/nothing/", None, {}),
        (404, "A", "GET", "/api/collections/nothing/objects/", None, {}),
        (404, "A", "GET", "/api/status/nothing/", None, {}),
        (404, "A", "GET", "{c}objects/vulnerability--1/", None, {}),
        (404, "A", "GET", "{c}objects/vulnerability--1/versions/", None, {}),
        (404, "A", "DELETE", "{c}objects/vulnerability--1/", None, {}),
        (405, "A", "PUT", "{c}objects/", b"{}", {}),
        (415, "A", "POST", "{c}objects/", b"{}", {"Content-Type": "application/json"}),
        (400, "A", "POST", "{c}objects/", b"{", {}),
        (400, "A", "POST", "{c}objects/", b'{"objects": [NaN]}', {}),
        (422, "A", "POST", "{c}objects/", b"{}", {}),
        (422, "A", "POST", "{c}objects/", b"[]", {}),
        (413, "A", "POST", "{c}objects/", b"x" * (10 * 2**20 + 1), {}),
        (400, "A", "GET", "{c}objects/?limit=0", None, {}),
        (400, "A", "GET", "{c}objects/?limit=many", None, {}),
        (400, "A", "GET", "{c}objects/?added_after=yesterday", None, {}),
        (400, "A", "GET", "{c}objects/?next=AAAA", None, {}),
        (400, "A", "GET", "{c}manifest/?match[version]=newest", None, {}),
    ],
)  # fmt: skip
def test_what_is_refused_and_how(two, status, who, method, path, body, headers):
    sent = {name.replace("-", "_"): value for name, value in headers.items()}
    answer = two.ask(who, path.replace("{c}", two.collection), method, body, **sent)
    assert answer.status == status
    assert answer.headers["content-type"] == TAXII
    if status != 200:
        assert answer.json["http_status"] == str(status)
        assert set(answer.json) == {"title", "http_status"}
    if status == 401:
        assert "Basic" in answer.headers["www-authenticate"]


def test_tokens_end_are_taken_back_and_are_scoped(served):
    caller = served.join(member(1), "A", scopes=["read"])
    assert served.ask("A", served.collection + "objects/", "POST", {"objects": [{}]}).status == 403
    token = served.node.tokens.list()[0]
    served.node.tokens.revoke(token.id)
    assert served.ask("A", "/taxii2/").status == 401
    token, text = served.node.tokens.issue(caller.identity, days=2)
    assert served.node.tokens.caller(text, now=token.expires - timedelta(seconds=1)) is not None
    assert served.node.tokens.caller(text, now=token.expires) is None
    served.tokens["A"] = served.node.tokens.issue(caller.identity, scopes=["write"])[1]
    assert served.ask("A", served.collection + "objects/").status == 403
    for file in served.node.path.iterdir():
        assert served.tokens["A"].encode() not in file.read_bytes(), "only hashes are kept"


def test_next_is_bound_to_its_caller_and_filters_repeats_and_survives_a_restart(two):
    two.post("A", *(vulnerability(n, GREEN) for n in range(1, 8)))
    base = two.collection + "objects/?limit=3"
    first = two.ask("B", base)
    following = f"{base}&next={first.json['next']}"
    second = two.ask("B", following)
    assert ids(second) == [stix_id("vulnerability", n) for n in (4, 5, 6)]
    assert two.ask("B", following).data == second.data
    assert two.ask("A", following).status == 400
    assert two.ask("B", following + "&match[type]=note").status == 400
    assert two.ask("B", following.replace("/objects/", "/manifest/")).status == 400
    port, stop = run_server(Node.open(two.node.path), page_bytes=200_000)
    two.port = port
    assert two.ask("B", following).data == second.data
    stop()


def test_added_after_alone_is_a_lossless_cursor(two):
    two.post("A", *(vulnerability(n, GREEN) for n in range(1, 31)))
    found, after = [], "1970-01-01T00:00:00Z"
    while True:
        answer = two.ask("B", f"{two.collection}objects/?limit=7&added_after={after}")
        if not ids(answer):
            break
        found += ids(answer)
        after = answer.headers["x-taxii-date-added-last"]
    assert found == [stix_id("vulnerability", n) for n in range(1, 31)]


def test_a_page_has_a_budget_of_bytes_and_is_packed_for_whoever_takes_that(two):
    two.post("A", *(vulnerability(n, GREEN, description="x" * 50_000) for n in range(1, 11)))
    answer = two.ask("B", two.collection + "objects/")
    assert answer.json["more"] is True
    assert len(answer.data) < 250_000
    packed = two.ask("B", two.collection + "objects/", Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.data) == answer.data
    from zstandard import ZstdDecompressor

    packed = two.ask("B", two.collection + "objects/", Accept_Encoding="gzip, zstd")
    assert ZstdDecompressor().decompress(packed.data) == answer.data


def test_an_envelope_sent_again_gives_the_same_status(two):
    first = two.post("A", vulnerability(1, GREEN))
    assert two.post("A", vulnerability(1, GREEN)) == first
    assert two.ask("B", f"/api/status/{first['id']}/").status == 404


def test_deletion_over_the_wire(two):
    two.post("A", vulnerability(1, GREEN))
    path = f"{two.collection}objects/{stix_id('vulnerability', 1)}/"
    assert two.ask("B", path, "DELETE").status == 403
    assert two.ask("A", path, "DELETE").status == 200
    assert two.ask("B", path).status == 404
    (note,) = two.ask("B", two.collection + "objects/").json["objects"]
    assert note["object_refs"] == [stix_id("vulnerability", 1)]


def test_an_embargo_that_ends_is_delivered_by_polling(two, monkeypatch):
    until = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    embargo = sharing(1, embargo_until=until, embargo_recipients=[stix_id("identity", 9)])
    two.post("A", embargo, vulnerability(1, GREEN, embargo["id"]), vulnerability(2, GREEN))
    first = two.ask("B", two.collection + "objects/")
    assert ids(first) == [stix_id("vulnerability", 2)]

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=2)

    for module in (sql_store, sql_base, sql_read):
        monkeypatch.setattr(module, "datetime", Later)
    after = first.headers["x-taxii-date-added-last"]
    while not ids(later := two.ask("B", f"{two.collection}objects/?added_after={after}")):
        time.sleep(0.02)  # the server's own clock task enters it
    assert ids(later) == [embargo["id"], stix_id("vulnerability", 1)]


def test_log_and_checkpoint_can_be_copied_by_every_partner(two):
    two.post("A", vulnerability(1, RED, description="canary-log"))
    lines = [line.encode() for line in two.ask("B", "/api/x-kakehashi/log/").json["lines"]]
    told = two.ask("B", "/api/x-kakehashi/checkpoint/").json
    note = Checkpoint.parse(told["checkpoint"])
    assert note.verified_by([VerifierKey.parse(told["key"])])
    assert (note.head.size, note.head.root_hex) == (1, Frontier(lines).root().hex())
    assert set(json.loads(lines[0])) == {"commitment", "event", "seq"}


def restricted(n, kind, audience):
    """An object of a type with a canary in every property that can hold one."""
    obj = whole(kind, 500 + n, object_marking_refs=[RED, audience])
    obj.pop("created_by_ref", None)
    for name in ("name", "description", "content", "abstract", "explanation", "contact_information"):
        if name in obj or name == "description":
            obj[name] = f"canary-{n}-{name}"
    obj["labels"] = [f"canary-{n}-label"]
    obj["external_references"] = [
        {"source_name": f"canary-{n}-source", "external_id": f"canary-{n}-reference"}
    ]
    return obj


def test_no_canary_reaches_a_lower_caller_through_any_door(two, caplog):
    caplog.set_level(logging.DEBUG)
    two.join(member(3), "C")
    audience = sharing(1, recipients=[stix_id("identity", 2)], communities=["canary-community"])
    hidden = [
        restricted(n, kind, audience["id"])
        for n, kind in enumerate(k for k in KINDS if k[:3] not in ("mar", "ext"))
    ]
    hidden += [
        vulnerability(600, description="canary-unmarked"),
        vulnerability(601, AMBER, description="canary-no-audience"),
        vulnerability(
            602,
            GREEN,
            description="canary-part",
            granular_markings=[{"marking_ref": RED, "selectors": ["description"]}],
        ),
        whole(
            "note",
            603,
            content="canary-about",
            object_refs=[stix_id("vulnerability", 600)],
            object_marking_refs=[GREEN],
        ),
        whole(
            "relationship",
            604,
            description="canary-end",
            target_ref=stix_id("vulnerability", 601),
            object_marking_refs=[GREEN],
        ),
    ]
    status = two.post("A", audience, vulnerability(1, GREEN), *hidden, vulnerability(2, GREEN))
    assert status["failure_count"] == 0
    seen_by_b = two.ask("B", two.collection + "objects/").data
    assert seen_by_b.count(b"canary-") > 20, "the canaries do sing for who may hear them"
    paths = [
        two.collection + end
        for end in ("objects/", "manifest/", "", "objects/?match[version]=all", "objects/?limit=1")
    ]
    paths += ["/taxii2/", "/api/", "/api/collections/", f"/api/status/{status['id']}/"]
    paths += [f"/api/x-kakehashi/{end}/" for end in ("markings", "log", "checkpoint")]
    for obj in hidden:
        paths += [
            f"{two.collection}objects/{obj['id']}/{end}" for end in ("", "versions/", "?match[version]=all")
        ]
        paths += [
            f"{two.collection}objects/?match[id]={obj['id']}",
            f"{two.collection}manifest/?match[id]={obj['id']}",
        ]
    heard = []
    for path in paths:
        answer = two.ask("C", path)
        heard.append(answer.data + json.dumps(answer.headers).encode())
        if "objects/" in path and any(obj["id"] in path and "match[id]" not in path for obj in hidden):
            assert answer.status == 404
    for obj in hidden:
        heard.append(two.ask("C", f"{two.collection}objects/{obj['id']}/", "DELETE").data)
        assert b"canary" not in heard[-1]
        heard.append(
            json.dumps(
                two.post("C", obj | {"modified": "2027-01-01T00:00:00.000Z", "labels": ["mine"]})["failures"][
                    0
                ]["message"]
            ).encode()
        )
    everything = b"\n".join(heard)
    assert b"canary" not in everything
    for obj in hidden:
        assert obj["id"].encode() not in everything.replace(b"status", b"")
    assert ids(two.ask("C", two.collection + "objects/")) == [stix_id("vulnerability", n) for n in (1, 2)]
    assert "canary" not in caplog.text
    del two.tokens["C"]


words = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
texts = st.text(st.characters(), max_size=12)  # lone surrogates too, which JSON can spell
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(texts, x, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    end=st.sampled_from(["objects/", "manifest/", "", "objects/x/", "objects/x/versions/", "%00/", "../"]),
    names=st.lists(
        st.sampled_from(["limit", "next", "added_after", "match[id]", "match[type]", "match[version]", "x"]),
        max_size=3,
    ),
    values=st.lists(words, min_size=3, max_size=3),
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    body=json_values | st.builds(lambda objects: {"objects": objects}, st.lists(json_values, max_size=3)),
    spoil=st.sampled_from(KINDS),
    place=st.sampled_from(["", "object_refs", "source_ref", "sighting_of_ref", "object_marking_refs"]),
)
def test_no_request_makes_the_server_fail(fuzzed, end, names, values, method, body, spoil, place):
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in zip(names, values, strict=False))
    sent = json.dumps(body).encode()
    if (
        method == "POST"
        and isinstance(body, dict)
        and isinstance(body.get("objects"), list)
        and body["objects"]
    ):
        sent = json.dumps(
            {"objects": [*body["objects"], whole(spoil) | {place or values[0] or "x": body["objects"][0]}]}
        ).encode()
    answer = fuzzed.ask("A", f"{fuzzed.collection}{end}?{query}", method, sent if method == "POST" else None)
    assert answer.status < 500, answer.data
    assert answer.headers["content-type"] == TAXII
    assert b"postgresql" not in answer.data
    assert b"sqlite" not in answer.data
    json.loads(answer.data)


def test_what_cannot_be_said_in_utf_8_or_kept_in_a_database_is_refused_and_says_nothing_of_the_node(two):
    for end in ("%00/", "x%00/versions/", "?match[id]=%00", "?match[type]=a%00b"):
        answer = two.ask("A", f"{two.collection}objects/{end}")
        assert answer.status == 400
        assert answer.json["title"] == "an address holds a NUL character"
    assert two.ask("A", "/api/status/%00/").status == 400
    lone = {"type": "x-\ud800", "id": "\ud800", "modified": "\udfff"}
    envelope = {"objects": [vulnerability(1, GREEN), lone]}
    status = two.ask("A", two.collection + "objects/", "POST", envelope)
    assert (status.status, status.json["success_count"], status.json["failure_count"]) == (202, 1, 1)
    assert status.json["failures"][0]["id"] == "?"
    assert two.ask("A", f"/api/status/{status.json['id']}/").json == status.json


def test_what_an_object_is_about_is_an_id_on_every_type(two):
    # One such object, taken in, would have stopped everybody's reading of its collection on PostgreSQL.
    for refs in (5, "x", {"a": 1}, [1], [["a"]], ["note\0"], [True], None, []):
        spoiled = [
            vulnerability(2, GREEN, object_refs=refs),
            vulnerability(3, GREEN, source_ref=refs),
            {**vulnerability(4, GREEN, sighting_of_ref=refs), "type": "x-own", "id": stix_id("x-own", 4)},
        ]
        status = two.post("A", vulnerability(1, GREEN), *spoiled)
        assert [one["id"] for one in status["failures"]] == [obj["id"] for obj in spoiled], refs
    assert ids(two.ask("B", two.collection + "objects/")) == [stix_id("vulnerability", 1)]


def test_a_token_that_is_revoked_while_a_body_travels_no_longer_writes(two):
    body = json.dumps({"objects": [vulnerability(1, GREEN)]}).encode()
    head = (
        f"POST {two.collection}objects/ HTTP/1.1\r\nHost: x\r\nAccept: {TAXII}\r\nContent-Type: {TAXII}\r\n"
        f"Authorization: Bearer {two.tokens['A']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", two.port), timeout=30) as line:
        line.sendall(head.encode() + body[:20])
        time.sleep(0.1)  # else the head may not be read yet, and the first look finds the revoked token
        for token in two.node.tokens.list():
            if token.identity == stix_id("identity", 1):
                two.node.tokens.revoke(token.id)
        line.sendall(body[20:])
        assert line.recv(100).startswith(b"HTTP/1.1 401 ")
    assert two.ask("B", two.collection + "objects/").json == {}


@pytest.fixture
def fuzzed(tmp_path):
    node = Node.init(tmp_path / "exchange", "Institute A")
    port, stop = run_server(node)
    made = Served(node, port)
    made.join(member(1), "A")
    yield made
    stop()
    node.store.close()


def test_taxii2_client_reads_and_writes_unchanged(two):
    client = pytest.importorskip("taxii2client.v21")
    server = client.Server(f"{two.url}/taxii2/", user="x", password=two.tokens["A"])
    (collection,) = server.api_roots[0].collections
    status = collection.add_objects({"objects": [vulnerability(n, GREEN) for n in range(1, 26)]})
    assert (status.status, status.success_count) == ("complete", 25)
    reader = client.Collection(f"{two.url}{two.collection}", user="x", password=two.tokens["B"])
    found = [obj for page in client.as_pages(reader.get_objects, per_request=10) for obj in page["objects"]]
    assert found == [vulnerability(n, GREEN) for n in range(1, 26)]
    assert len(reader.get_manifest()["objects"]) == 25
    assert reader.get_object(stix_id("vulnerability", 3))["objects"] == [vulnerability(3, GREEN)]
    assert reader.object_versions(stix_id("vulnerability", 3))["versions"] == ["2026-03-01T09:00:00.000Z"]
    collection.delete_object(stix_id("vulnerability", 3))
    assert len(reader.get_objects()["objects"]) == 25  # 24 and a tombstone
    server.close()
    reader.close()


@pytest.mark.one_database
def test_stix2_reads_from_the_node(two):
    stix2, client = pytest.importorskip("stix2"), pytest.importorskip("taxii2client.v21")
    two.post(
        "A",
        *(
            whole(kind, 7, object_marking_refs=[GREEN]) | {"created_by_ref": stix_id("identity", 7)}
            for kind in ("vulnerability", "attack-pattern")
        ),
    )
    reader = client.Collection(f"{two.url}{two.collection}", user="x", password=two.tokens["B"])
    source = stix2.TAXIICollectionSource(reader, allow_custom=True)
    assert source.get(stix_id("vulnerability", 7)).name == "weakness 1"
    assert len(source.query([stix2.Filter("type", "=", "attack-pattern")])) == 1
    reader.close()


def test_extensions_travel_unchanged(two):
    measured = whole(
        "sighting",
        1,
        object_marking_refs=[GREEN],
        extensions=ours(
            "measurement",
            observed_count=0,
            trial_count=9,
            counted="complied",
            subject={"name": "m"},
            method="own/x",
        ),
    )
    two.post("A", vulnerability(1, GREEN), measured)
    assert two.ask("B", two.collection + "objects/?match[type]=sighting").json["objects"] == [measured]


@pytest.mark.one_database
def test_answers_do_not_wait_for_acknowledgements_of_their_first_half():
    from kakehashi.exchange.server.serve import listen

    # asyncio sets TCP_NODELAY only where the socket says its protocol; without it each answer took 45 ms.
    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
