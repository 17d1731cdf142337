"""Every operation of the server's own OpenAPI document, with arguments and bodies by chance: no 500."""

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nodes import GREEN, member, vulnerability
from served_node import TAXII
from stix_corpus import KINDS, whole

from kakehashi.exchange.server import make_app
from kakehashi.exchange.server.openapi import SUMMARIES

WAYS = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def two(served):
    served.join(member(1), "A")
    served.node.store.set_meta("private-questions", "visible")
    served.post("A", vulnerability(1, GREEN))
    return served


def checked(answer, method, path):
    assert answer.status < 500, (method, path, answer.data)
    if answer.status >= 400 and method != "HEAD":
        assert set(answer.json) == {"title", "http_status"}
        assert answer.headers["content-type"] == TAXII
    return answer


def test_the_document_has_every_route_and_says_what_each_does(two):
    document = two.ask("A", "/api/x-kakehashi/openapi.json").json
    routes = {
        (method.lower(), route.path)
        for route in make_app(two.node).routes
        for method in (route.methods or ())
        if method != "HEAD"
    }
    said = {(method, path) for path, item in document["paths"].items() for method in item}
    assert said == routes
    assert routes <= set(SUMMARIES), "a route without a summary: add it to server/openapi.py"
    for path, item in document["paths"].items():
        for operation in item.values():
            names = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
            assert all(f"{{{name}}}" in path for name in names)
            assert path.count("{") == len(names)


def operations(served):
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_dict(served.ask("A", "/api/x-kakehashi/openapi.json").json)
    found = [one.ok() for one in schema.get_all_operations() if "events" not in one.ok().path]
    assert len(found) >= 14
    return found


def fuzz(served, examples):
    done = set()
    headers = {"Accept": TAXII, "Authorization": f"Bearer {served.tokens['A']}", "Content-Type": TAXII}

    def check(operation):
        documented = set(operation.definition.raw["responses"])

        @settings(WAYS, max_examples=examples)
        @given(case=operation.as_strategy())
        def one(case):
            response = case.call(base_url=served.url, headers=headers)
            done.add((case.method, operation.path))
            assert response.status_code < 500, (case, response.content)
            assert str(response.status_code) in documented, (case, response.status_code)
            if response.status_code >= 400:
                assert set(response.json()) == {"title", "http_status"}

        one()

    for operation in operations(served):
        check(operation)
    return done


@pytest.mark.filterwarnings("ignore")
def test_no_operation_answers_500(two):
    assert len(fuzz(two, 5)) >= 14


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore")
def test_no_operation_answers_500_at_length(two, record_property):
    done = fuzz(two, 300)
    record_property("fuzzed", f"{len(done)} operations with 300 cases each: no 500")


@settings(WAYS, max_examples=60)
@given(value=_JSON, kind=st.sampled_from(KINDS), name=st.text(max_size=20))
def test_no_payload_is_too_strange_for_the_check_of_objects(value, kind, name):
    from kakehashi.exchange import problems_of
    from kakehashi.exchange.formats import recognize

    problems_of(value)
    problems_of(whole(kind) | {name: value})
    for key in whole(kind):
        problems_of(whole(kind) | {key: value})
    for ref, body in whole(kind).get("extensions", {}).items():
        for key in body:
            problems_of(whole(kind) | {"extensions": {ref: {**body, key: value}}})
    data = json.dumps(value).encode()
    if (form := recognize(data, value)) is not None:
        assert form.name


@pytest.mark.parametrize("name", ["misp", "csaf", "oecd"])
def test_no_document_is_too_strange_for_a_format(name):
    from kakehashi.errors import InputError
    from kakehashi.exchange import FORMATS

    base = {
        "misp": {
            "Event": {"uuid": "5c3ee8a1-6a2b-4d6e-9a3b-0c9d8b7a6f51", "info": "x", "date": "2026-03-01"}
        },
        "oecd": {"framework": "OECD common reporting framework", "incidents": [{}]},
        "csaf": {"document": {"csaf_version": "2.0"}, "product_tree": {}, "vulnerabilities": [{}]},
    }[name]

    @settings(WAYS, max_examples=80)
    @given(value=_JSON, key=st.sampled_from(["Tag", "Object", "Attribute", "distribution", "timestamp", "tracking",
           "publisher", "distribution", "notes", "cve", "title", "harm_type", "date"]))  # fmt: skip
    def one(value, key):
        (outer, inner), *rest = base.items()
        if isinstance(inner, dict):
            document = {outer: inner | {key: value}, **dict(rest)}
        else:
            document = {outer: inner, **dict(rest), "incidents": [{key: value}]}
        if name == "csaf":
            document["vulnerabilities"] = [{key: value}]
        with suppress(InputError):
            FORMATS[name].read(json.dumps(document).encode(), "x.json", None)

    one()


def test_a_body_of_any_json_is_answered(two):
    @settings(WAYS, max_examples=40)
    @given(value=_JSON, path=st.sampled_from(["{c}objects/", "/api/x-kakehashi/known/"]))
    def one(value, path):
        where = path.replace("{c}", two.collection)
        checked(two.ask("A", where, "POST", json.dumps({"objects": [value]} if "objects" in where else value).encode()),
                "POST", where)  # fmt: skip

    one()
