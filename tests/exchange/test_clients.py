"""Clients of others read and write the server unchanged."""

import pytest
from nodes import GREEN, member, vulnerability

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def two(served):
    served.join(member(1), "A")
    served.post("A", *(vulnerability(n, GREEN) for n in range(1, 6)))
    return served


def test_stix2s_sources_and_sinks_read_and_write(two):
    stix2 = pytest.importorskip("stix2")
    taxii = pytest.importorskip("taxii2client.v21")
    collection = taxii.Collection(two.url + two.collection, user="x", password=two.tokens["A"])
    source = stix2.TAXIICollectionSource(collection)
    found = source.query([stix2.Filter("type", "=", "vulnerability")])
    assert sorted(obj["name"] for obj in found) == [f"weakness {n}" for n in range(1, 6)]
    assert source.get(vulnerability(3)["id"])["name"] == "weakness 3"
    assert len(source.all_versions(vulnerability(3)["id"])) == 1
    own = stix2.v21.Vulnerability(name="made by stix2", object_marking_refs=[GREEN])
    stix2.TAXIICollectionSink(collection).add(own)
    assert source.get(own.id)["name"] == "made by stix2"


def test_cc_taxii2_client_finds_collections_and_walks_pages(two):
    """It reads only (it has no call that writes), and its own objects are indicators, which a node does not take."""
    library = pytest.importorskip("cc_taxii2_client")
    client = library.CCTaxiiClient("x", two.tokens["A"])
    client.url = two.url
    (collection,) = client.get_collections()
    assert collection == two.node.collection("findings").id
    assert list(client.get_cc_indicators_generator(matches={"type": "indicator"}, follow_pages=True)) == []
    names, query = [], "objects/?limit=2"
    while True:
        page = client._get_json("api", collection, query)
        names += [obj["name"] for obj in page.objects]
        if not page.more:
            break
        query = f"objects/?limit=2&next={page.next}"
    assert names == [f"weakness {n}" for n in range(1, 6)]
