"""What each role opens, at every door, and that none opens content."""

from dataclasses import replace

from nodes import AMBER, GREEN, member, sharing, vulnerability
from stix_corpus import stix_id

OUR = "/api/x-kakehashi/"
SCOPES = ("read", "write", "audit", "configure")


def test_each_role_opens_its_own_doors_and_none_opens_content(served):
    node, ids = served.node, frozenset({served.node.collection("findings").id})
    network = sharing(1, communities=["network"])
    objects = [
        network,
        vulnerability(1, GREEN),
        vulnerability(2, AMBER, network["id"], description="canary-body"),
    ]
    node.store.post(node.me(), next(iter(ids)), objects)
    none = replace(member(0, clearance=None), communities=frozenset(), reads=frozenset(), writes=frozenset())
    people = {
        "reader": {"reads": ids, "clearance": "amber", "communities": frozenset({"network"})},
        "contributor": {"writes": ids, "clearance": "amber", "communities": frozenset({"network"})},
        **{
            role: {"roles": frozenset({role})}
            for role in ("releaser", "alert-officer", "auditor", "administrator")
        },
    }
    for number, (name, rights) in enumerate(people.items(), 11):
        caller = replace(none, identity=stix_id("identity", number), **rights)
        node.store.put_member(caller, name)
        served.tokens[name] = node.tokens.issue(caller.identity, scopes=SCOPES)[1]  # as wide as tokens get
        served.tokens[f"{name}, usual"] = node.tokens.issue(caller.identity)[1]
    opens = {
        ("reader", "GET", served.collection + "objects/"): 200,
        ("reader", "POST", served.collection + "objects/"): 403,
        ("contributor", "POST", served.collection + "objects/"): 202,
        ("contributor", "GET", served.collection + "objects/"): 403,
        ("auditor", "GET", OUR + "log/reads/"): 200,
        ("administrator", "GET", OUR + "members/"): 200,
        ("reader", "GET", OUR + "events/"): None,  # a stream, tested elsewhere
        ("contributor", "GET", OUR + "events/"): 403,
    }
    doors = [("GET", OUR + f"{end}/") for end in ("log/reads", "members", "events")]
    doors += [
        ("GET", f"{served.collection}{end}")
        for end in ("objects/", "manifest/", f"objects/{objects[2]['id']}/")
    ]
    doors += [("POST", served.collection + "objects/")]
    for name in people:
        for method, path in doors:
            expected = opens.get((name, method, path), 403 if path.endswith("events/") else 404)
            if name in ("reader", "contributor") and path.startswith(served.collection):
                expected = opens.get((name, method, path), 200 if name == "reader" else 403)
            if expected is None:
                continue
            body = {"objects": [vulnerability(50, GREEN)]} if method == "POST" else None
            answer = served.ask(name, path, method, body)
            assert (name, path, answer.status) == (name, path, expected)
            if name != "reader":
                assert b"canary" not in answer.data
                assert (
                    name == "administrator"
                    or stix_id("vulnerability", 2).encode() not in answer.data
                    or (
                        name == "auditor" and path.endswith("reads/")  # which id was read, not what it holds
                    )
                )
    for name in ("auditor", "administrator"):  # the role without the scope
        assert [served.ask(f"{name}, usual", OUR + end).status for end in ("log/reads/", "members/")] == [
            404,
            404,
        ]
    listed = served.ask("administrator", OUR + "members/")
    assert {row["name"]: row["roles"] for row in listed.json["members"]}["auditor"] == ["auditor"]
    assert b"vulnerability--" not in listed.data
