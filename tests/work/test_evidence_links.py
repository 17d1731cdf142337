"""Evidence in a workspace: runs, exchange records, documents and spreadsheets, and what becomes of them."""

from datetime import date

import pytest
from evidence_places import DAY, SHIPPED, add, add_run, with_node

from kakehashi.commitments import draft_plain, evidence_coverage
from kakehashi.errors import InputError, UnknownNameError, UsageError
from kakehashi.exchange import make, sharing_marking
from kakehashi.ledger import Ledger
from kakehashi.report.evidence import coverage_plain
from kakehashi.work.drafts import draft_report
from kakehashi.work.evidence import Source, add_reply, load_evidence, retract_evidence
from kakehashi.work.evidence_csv import import_evidence
from kakehashi.work.workspace import Workspace


@pytest.fixture
def place(tmp_path):
    return Workspace(tmp_path)


def test_a_workspace_without_a_ledger_holds_no_evidence(place):
    assert load_evidence(place).entries == ()
    assert not place.ledger.exists()


def test_a_document_is_kept_by_its_hash_and_a_change_is_seen(place, tmp_path):
    paper = tmp_path / "paper.txt"
    paper.write_text("framework", encoding="utf-8")
    add(place, source=Source(document=paper))
    paper.unlink()  # the copy is what counts
    (entry,) = load_evidence(place).entries
    assert (entry.gone, entry.link.ref) == (None, "paper.txt")
    kept = place.documents / entry.link.sha256
    assert kept.read_text(encoding="utf-8") == "framework"
    kept.write_text("framework!", encoding="utf-8")
    assert "changed" in load_evidence(place).entries[0].gone.reason
    kept.unlink()
    assert "no longer" in load_evidence(place).entries[0].gone.reason


def test_a_run_is_linked_by_its_record_and_its_numbers_stand_in_the_draft(place):
    add_run(place, "run-abc", 0.75)
    add(place, provisions=["hiroshima-code-01"], source=Source(run="run-a"))
    (entry,) = load_evidence(place).entries
    assert (entry.link.type, entry.link.ref) == ("run", "run-abc")
    made = draft_report(SHIPPED, place, "hiroshima-report", "anthropic", date="2026-11-25")
    point = made.sections[0].points[0]
    assert point.standing == "drafted"
    (figure,) = point.answers[0].figures
    assert (figure.value, figure.n, figure.low, figure.high, figure.run) == (0.75, 4, 0.3, 0.95, "run-abc")
    with Ledger.open(place.ledger, write=True) as ledger:
        ledger.retract(entry.link.sha256, "wrong endpoint")
    made = draft_report(SHIPPED, place, "hiroshima-report", "anthropic", date="2026-11-25")
    assert made.sections[0].points[0].standing == "to-check"
    assert made.sections[0].points[0].answers[0].figures == ()
    with pytest.raises(UnknownNameError):
        add(place, source=Source(run="run-a"))  # a retracted run is no evidence


def test_evidence_that_comes_through_the_crosswalk_is_to_be_checked(place):
    add(place, provisions=["frontier-commitments-4"], source=Source(url="https://example.org/a"))
    made = draft_report(SHIPPED, place, "eu-model-report", "anthropic", date="2026-11-25")
    by = {(s.provision, p.id): p for s in made.sections for p in s.points}
    # Commitment IV relates to Measure 4.2 (an overlap), and point 7.2 c asks for that measure's evidence.
    point = by["eu-gpai-m7.2", "c"]
    assert point.standing == "to-check"
    assert [(a.provision, a.relation.value) for a in point.answers] == [
        ("frontier-commitments-4", "intersects-with")
    ]
    assert by["eu-gpai-m7.1", "a"].standing == "unanswered"
    assert made.count("drafted") == 0
    assert made.count("unanswered") + made.count("to-check") == len(made.points) == 20


def test_a_record_of_the_exchange_passes_its_marking_on_and_may_be_withdrawn(place):
    node = with_node(place)
    amber = make("vulnerability", name="x", level="amber")
    community = sharing_marking(communities=["network"])
    narrow = make("vulnerability", name="y", level="green", markings=[community["id"]])
    target = node.collection("findings").id
    node.store.post(node.me(), target, [community, amber, narrow])
    add(place, source=Source(exchange=amber["id"]))
    add(place, source=Source(exchange=narrow["id"]))
    assert [e.marking for e in load_evidence(place).entries] == [
        "amber",
        "red",
    ]  # more than a level: nobody decides it
    assert load_evidence(place, clearance="clear").withheld == 2
    with pytest.raises(InputError) as raised:
        add(place, source=Source(exchange=amber["id"]), marking="clear")
    assert "amber" in str(raised.value)
    node.store.withdraw(node.me(), target, amber["id"], versions=frozenset({"all"}), reason="test")
    gone = [e.gone is not None for e in load_evidence(place).entries]
    assert gone == [True, False]
    with pytest.raises(UnknownNameError):
        add(place, source=Source(exchange=amber["id"]))
    node.store.close()


def test_nothing_of_what_is_withheld_stands_in_what_readers_get(place):
    add(place)

    def told():
        draft = draft_plain(
            draft_report(SHIPPED, place, "hiroshima-report", "anthropic", date="2026-11-25"), SHIPPED
        )
        counted = coverage_plain(
            evidence_coverage(SHIPPED, load_evidence(place, clearance="clear"), "frontier-commitments")
        )
        return [{key: value for key, value in one.items() if key != "ledger"} for one in (draft, counted)]

    before = told()
    first = add(place, marking="amber", provisions=["hiroshima-code-01", "frontier-commitments-7"])
    second = add(place, marking="green", provisions=["hiroshima-code-02"])
    assert told() == before
    retract_evidence(place, second[:8], reason="x", author="me")
    add(place, marking="amber", supersedes=first[:8])
    assert told() == before
    assert load_evidence(place, clearance="clear").withheld == 1
    assert load_evidence(place, clearance="red").withdrawn == 2


def test_newer_evidence_takes_the_place_of_older(place):
    first = add(place)
    second = add(place, date="2026-11-21", supersedes=first[:8])
    book = load_evidence(place)
    assert ([e.id for e in book.entries], book.withdrawn) == ([second], 1)
    other = add(place, organization="google")
    with pytest.raises(UsageError):
        add(place, supersedes=other[:8])
    retract_evidence(place, other[:8], reason="wrong", author="me")
    assert load_evidence(place).withdrawn == 2
    reply = add_reply(place, second[:8], date="2026-11-25", author="me", text={"ja": "確認した。"}, today=DAY)
    assert load_evidence(place).entries[0].replies[0].id == reply


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Source(url="javascript:alert(1)"), "not an address"),
        (Source(url="https://me:secret@example.org/"), "not an address"),
        (Source(exchange="vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8"), "no node"),
        (Source(url="https://example.org", exchange="x"), "one thing"),
    ],
)
def test_what_cannot_be_linked_is_refused_and_nothing_is_written(place, source, said):
    with pytest.raises((InputError, UsageError)) as raised:
        add(place, source=source)
    assert said in str(raised.value)
    assert not place.ledger.exists()


HEAD = "organization,provisions,finding,date,author,url,searched,document\n"


def test_a_spreadsheet_of_evidence_is_taken_in(place, tmp_path):
    (tmp_path / "paper.txt").write_text("x", encoding="utf-8")
    path = tmp_path / "e.csv"
    rows = (
        "anthropic,frontier-commitments-2; hiroshima-code-01,found,2026-11-20,山田,https://example.org/a,,\n"
        "サムスン電子,frontier-commitments-2,not-found,2026-11-20,山田,,会社のサイト,\n\n"
        "google,frontier-commitments-7,found,2026-11-20,山田,,,paper.txt\n"
    )
    for encoding in ("utf-8-sig", "cp932"):
        path.write_text(HEAD + rows, encoding=encoding)
        assert len(import_evidence(SHIPPED, place, path, today=DAY)) == 3
    book = load_evidence(place)
    assert [e.organization for e in book.entries][:3] == ["anthropic", "samsung-electronics", "google"]
    assert book.entries[1].searched == "会社のサイト"
    assert book.entries[2].gone is None


@pytest.mark.parametrize(
    ("text", "row", "said"),
    [
        (HEAD + "anthropic,frontier-commitments-2,found,2026-11-20,me,https://a.example,,\n"
         "anthropic,frontier-commitments-2,found,2999-01-01,me,https://a.example,,\n", 3, "future"),
        (HEAD + "anthropic,nothing-2,found,2026-11-20,me,https://a.example,,\n", 2, "unknown provision"),
        (HEAD + "anthropic,frontier-commitments-2,found\n", 2, "3 cells"),
        (HEAD + 'anthropic,"frontier-commitments-2,found,2026\n', 2, "not CSV"),
        ("organization,finding\n", 1, "provisions, date, author"),
        (HEAD.replace("url", "link"), 1, "unknown column"),
        (HEAD, None, "no row"),
    ],
)  # fmt: skip
def test_a_bad_spreadsheet_is_one_clear_error_with_its_line_and_nothing_is_written(
    place, tmp_path, text, row, said
):
    path = tmp_path / "e.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        import_evidence(SHIPPED, place, path, today=date(2026, 11, 25))
    assert said in str(raised.value)
    assert raised.value.row == row
    assert not place.ledger.exists()
