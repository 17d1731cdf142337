"""Evidence as records: what may be entered, what stands in a cell, what a share of a list is."""

from datetime import date
from math import comb

import pytest
from catalogs import catalog, instrument

from kakehashi.commitments import (
    EvidenceLink,
    evidence_coverage,
    finite_share,
    load_catalog,
    read_evidence,
    state_of,
)
from kakehashi.commitments.evidence import Gone, check_marking, evidence_body, find_evidence, reply_body
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError, UsageError
from kakehashi.exchange.ids import TLP_2
from kakehashi.ledger import Ledger
from kakehashi.model.tlp import LEVELS

DAY = date(2026, 11, 25)
URL = EvidenceLink("url", "https://example.org/a")
SHIPPED = load_catalog()


def body(**changes):
    made = {
        "organization": "anthropic", "provisions": ["frontier-commitments-2"], "finding": "found",
        "date": "2026-11-20", "author": "N. N.", "created": "2026-11-25T00:00:00Z", "link": URL, "today": DAY,
    }  # fmt: skip
    return evidence_body(SHIPPED, **(made | changes))


@pytest.fixture
def ledger(tmp_path):
    with Ledger.init(tmp_path / "ledger") as opened:
        yield opened


def states(ledger, provision="frontier-commitments-2", **options):
    return state_of(read_evidence(ledger, **options).of("anthropic", provision))


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"organization": "anthropik"}, UnknownNameError, "anthropic"),
        ({"provisions": ["frontier-commitment-2"]}, UnknownNameError, "frontier-commitments-2"),
        ({"provisions": ["eu-gpai-c7"]}, InputError, "only gathers"),
        ({"provisions": []}, InputError, "at least one"),
        ({"finding": "proven"}, UnknownNameError, "found"),
        ({"date": "2026-11-26"}, InputError, "in the future"),
        ({"date": "2026-11"}, InputError, "is no date"),
        ({"date": "20261120"}, InputError, "is no date"),
        ({"marking": "purple"}, UnknownNameError, "amber"),
        ({"author": " "}, InputError, "author"),
        ({"link": None}, InputError, "needs what was found"),
        ({"finding": "not-found", "link": None}, InputError, "where it was searched"),
        (
            {"finding": "not-found", "searched": "x", "link": EvidenceLink("run", "r")},
            InputError,
            "nothing was found",
        ),
    ],
)
def test_what_cannot_be_evidence_is_one_clear_error(changes, error, said):
    with pytest.raises(error) as raised:
        body(**changes)
    assert said in str(raised.value)


def test_the_latest_finding_decides_and_what_is_gone_only_where_nothing_else_is(ledger):
    assert states(ledger) == "not-checked"
    ledger.append(body(finding="not-checked", link=None))
    assert states(ledger) == "not-checked"
    first = ledger.append(body(date="2026-10-01"))
    assert states(ledger) == "found"
    assert states(ledger, gone={first: Gone("x", "")}) == "gone"
    ledger.append(body(finding="not-found", link=None, searched="their site", date="2026-11-01"))
    assert states(ledger) == "not-found"
    assert states(ledger, gone={first: Gone("x", "")}) == "not-found"
    ledger.append(body(date="2026-11-01", author="another"))  # of one day, what was found
    assert states(ledger) == "found"
    ledger.append(
        body(finding="not-found", link=None, searched="elsewhere", date="2026-11-01")
    )  # whatever came first
    assert states(ledger) == "found"


def test_records_are_superseded_and_counted_never_changed(ledger):
    old, new = ledger.append(body()), ledger.append(body(date="2026-11-21"))
    ledger.supersede(old, new, "newer")
    ledger.append(body(provisions=["frontier-commitments-4"]))
    book = read_evidence(ledger)
    assert [e.date for e in book.entries] == ["2026-11-21", "2026-11-20"]
    assert (book.withdrawn, book.size, book.root) == (1, 4, ledger.root().root_hex)
    ledger.retract(new, "wrong company")
    assert read_evidence(ledger).withdrawn == 2
    assert ledger.verify().findings == ()


def test_evidence_of_a_run_that_was_retracted_says_so(ledger):
    run = ledger.append(
        {
            "kind": "run", "run": "r1", "created": "2026-07-01T12:00:00Z", "software": "kakehashi/0.1.0",
            "subjects": [], "methods": [], "settings": {}, "counts": {}, "partial": False,
        }
    )  # fmt: skip
    ledger.append(body(link=EvidenceLink("run", "r1", sha256=run)))
    assert states(ledger) == "found"
    ledger.retract(run, "wrong endpoint")
    (entry,) = read_evidence(ledger).entries
    assert entry.gone is not None
    assert "wrong endpoint" in entry.gone.reason
    assert states(ledger) == "gone"


def test_a_reply_stands_beside_the_evidence_and_is_dated(ledger):
    ledger.append(body())
    (entry,) = read_evidence(ledger).entries
    made = {"date": "2026-11-24", "author": "N. N.", "created": "2026-11-25T00:00:00Z", "today": DAY}
    ledger.append(reply_body(entry, text={"en": "yes", "ja": "はい"}, **made))
    (again,) = read_evidence(ledger).entries
    assert [(r.date, r.text["ja"], r.organization) for r in again.replies] == [
        ("2026-11-24", "はい", "anthropic")
    ]
    for changes, said in (
        ({"date": "2026-11-19"}, "cannot answer"),
        ({"date": "2026-11-26"}, "in the future"),
        ({"text": {}}, "needs a text"),
    ):
        with pytest.raises(InputError) as raised:
            reply_body(entry, **({"text": {"en": "x"}} | made | changes))
        assert said in str(raised.value)
    assert find_evidence(read_evidence(ledger), entry.id[:8]).id == entry.id
    with pytest.raises(UnknownNameError):
        find_evidence(read_evidence(ledger), "0000")


def test_what_is_marked_higher_is_left_out_and_counted(ledger):
    for marking in LEVELS:
        ledger.append(body(marking=marking))
    assert [len(read_evidence(ledger, clearance=one).entries) for one in LEVELS] == [1, 2, 3, 4, 5]
    assert [read_evidence(ledger, clearance=one).withheld for one in LEVELS] == [4, 3, 2, 1, 0]
    with pytest.raises(UnknownNameError):
        read_evidence(ledger, clearance="white")
    assert tuple(TLP_2) == LEVELS
    check_marking("amber+strict")


def test_coverage_counts_and_never_averages(ledger):
    ledger.append(body())
    ledger.append(body(provisions=["frontier-commitments-4"], finding="not-found", link=None, searched="x"))
    ledger.append(body(organization="google", provisions=["frontier-commitments-2", "hiroshima-code-01"]))
    found = evidence_coverage(SHIPPED, read_evidence(ledger), "frontier-commitments")
    assert len(found.organizations) == found.listed == found.total == 20
    assert len(found.provisions) == 16
    assert found.counts("anthropic") == {"found": 1, "not-found": 1, "gone": 0, "not-checked": 14}
    assert found.counts("google") == {"found": 1, "not-found": 0, "gone": 0, "not-checked": 15}
    second = next(one for one in found.provisions if one.provision == "frontier-commitments-2")
    assert (second.counts["found"], second.checked, second.n, second.interval) == (2, 2, 20, None)
    drawn = evidence_coverage(SHIPPED, read_evidence(ledger), "frontier-commitments", sampled=True)
    second = next(one for one in drawn.provisions if one.provision == "frontier-commitments-2")
    # 2 of 2 drawn from 20: with 3 that have it the chance is (3 x 2) / (20 x 19) = 1.6%, with 4 it is 3.2%.
    assert (second.interval.low * 20, second.interval.high * 20) == (4, 20)
    with pytest.raises(UsageError):
        evidence_coverage(
            SHIPPED, read_evidence(ledger), "frontier-commitments", organizations=["google"], sampled=True
        )
    with pytest.raises(UsageError) as raised:
        evidence_coverage(SHIPPED, read_evidence(ledger), "nist-ai-rmf")
    assert "--for" in str(raised.value)


def test_a_list_that_is_not_complete_says_so_and_gives_no_interval(ledger):
    found = evidence_coverage(SHIPPED, read_evidence(ledger), "aiia-2024")
    assert (found.listed, found.total, found.complete) == (5, 22, False)
    with pytest.raises(UsageError):
        evidence_coverage(SHIPPED, read_evidence(ledger), "aiia-2024", sampled=True)


def test_the_interval_of_a_list_covers_at_least_as_often_as_it_says():
    # Exact, over every list of up to 16, every sample of it and every number that has it.
    worst = 1.0
    for total in range(1, 17):
        for n in range(1, total + 1):
            made = [finite_share(k, n, total) for k in range(n + 1)]
            for with_it in range(total + 1):
                covered = sum(
                    comb(with_it, k) * comb(total - with_it, n - k)
                    for k in range(n + 1)
                    if made[k].low * total - 1e-9 <= with_it <= made[k].high * total + 1e-9
                )
                worst = min(worst, covered / comb(total, n))
    assert 0.95 <= worst < 0.96
    assert (finite_share(3, 7, 7).low, finite_share(3, 7, 7).high) == (3 / 7, 3 / 7)
    with pytest.raises(NotEstimableError):
        finite_share(0, 0, 5)
    with pytest.raises(UsageError):
        finite_share(3, 2, 5)


def test_organizations_are_named_as_they_were_on_the_date():
    zhipu = SHIPPED.organization("Z.ai")  # found by a later name too
    assert zhipu.id == "zhipu-ai"
    assert (zhipu.name_on("2024-05-21")["en"], zhipu.name_on("2026-01-01")["en"]) == ("Zhipu.ai", "Z.ai")
    assert not zhipu.names[1].verified
    assert SHIPPED.organization("サムスン電子").id == "samsung-electronics"


def test_the_shipped_signatories_are_those_of_the_reference(shared):
    import yaml

    def read(name):
        text = (shared / "commitments" / name).read_text(encoding="utf-8")
        return list(yaml.safe_load_all(text))

    said = read("05-frontier-ai-safety-commitments.yaml")[0]["catalog"]
    names = {one.date or "later": set() for one in SHIPPED.signatures("frontier-commitments")}
    for one in SHIPPED.signatures("frontier-commitments"):
        names[one.date or "later"].add(SHIPPED.organization(one.organization).name_on(one.on)["en"])
    assert names == {
        "2024-05-21": set(said["signatories_initial_16"]),
        "later": set(said["signatories_joined_later"]),
    }
    seoul = read("04-seoul.yaml")[0]["catalogs"][0]
    assert {
        SHIPPED.organization(one.organization).name_on(one.on)["en"]
        for one in SHIPPED.signatures("seoul-declaration")
    } == set(seoul["signatories"])


def test_signatories_of_a_file_of_ones_own_are_checked(tmp_path):
    from kakehashi.commitments import check_catalog

    listed = {
        "format": "kakehashi.signatories/1",
        "id": "mine",
        "organizations": [
            {"id": "a", "kind": "company", "names": [{"from": "2025", "en": "B", "ja": "B"}, {"en": "A", "ja": "A"}]}
        ],
        "lists": [
            {
                "instrument": "x", "complete": True, "total": 3, "as_of": "2999",
                "source": {"title": "t", "publisher": "p", "date": "2024"},
                "signatures": [{"organization": "a", "date": "2025-01-02", "until": "2024-01-01"},
                               {"organization": "nobody", "by": "2999-01"}],
            }
        ],
    }  # fmt: skip
    found = check_catalog(catalog(tmp_path, instrument("x", "x-1"), listed), today=DAY)
    assert sorted(one.code for one in found) == [
        *("contradiction", "future-date", "future-date", "names-out-of-order", "unknown-id", "wrong-total"),
    ]
    assert all(one.place.path.endswith("1.yaml") and one.place.line > 1 for one in found)
