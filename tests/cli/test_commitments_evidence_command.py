"""Evidence, drafts, clocks and packs from the command line, in this process; and bad input of every kind."""

import json
import re
import signal
from types import SimpleNamespace

import pytest

from kakehashi.cli.main import run

FORMS = ("hiroshima-report", "eu-model-report", "aisi-perspectives")


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """The command in this process: its exit code, what it printed, and its JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KAKEHASHI_HOME", raising=False)
    before = signal.getsignal(signal.SIGTERM)

    def asked(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run(["commitments", *map(str, words)])
        shown = capsys.readouterr()
        code = ended.value.code or 0
        return SimpleNamespace(code=code, out=shown.out, err=shown.err)

    yield asked
    signal.signal(signal.SIGTERM, before)


def add(ask, *words, code=0, **changes):
    made = {
        "--for": "anthropic",
        "--provision": "frontier-commitments-2",
        "--date": "2025-11-20",
        "--author": "me",
    }
    made |= {f"--{key}": value for key, value in changes.items()}
    done = ask("evidence", "add", *(word for pair in made.items() for word in pair), *words)
    assert done.code == code, done.err
    return done


def test_from_evidence_to_coverage_draft_and_pack(ask, tmp_path):
    first = add(ask, "--url", "https://example.org/a", "--title", "A framework").out.strip()
    add(ask, "--not-found", "--searched", "their site", provision="frontier-commitments-4")
    add(ask, "--url", "https://example.org/b", provision="hiroshima-code-01")
    assert (
        ask(
            "evidence", "reply", first[:9], "--date", "2025-12-01", "--author", "me", "--text-ja", "回答"
        ).code
        == 0
    )
    listed = ask("evidence", "list", "--json")
    assert [e["finding"] for e in json.loads(listed.out)["evidence"]] == ["found", "not-found", "found"]
    assert "not a grade of virtue" in ask("evidence", "list").out
    assert "回答" in ask("evidence", "show", first[:9], "--lang", "ja").out

    done = ask("evidence", "coverage", "frontier-commitments", "--lang", "ja,en", "--out", "out")
    assert done.code == 0, done.err
    assert "優劣の評価ではない" in done.out
    told = json.loads((tmp_path / "out" / "coverage.json").read_text(encoding="utf-8"))
    counts = {one["organization"]: one["counts"] for one in told["organizations"]}
    assert counts["anthropic"] == {"found": 1, "not-found": 1, "gone": 0, "not-checked": 14}
    page = (tmp_path / "out" / "coverage.html").read_text(encoding="utf-8")
    editions = page.split('class="edition"')[1:]
    values = [re.findall(r'<data value="([^"]+)"', part) for part in editions]
    assert values[0] == values[1] != []
    assert "回答" in editions[0]
    assert "%" not in re.sub(r"<[^>]*>", "", editions[1])  # no share of anything without a sample

    for form in FORMS:
        done = ask("draft", form, "--for", "Anthropic", "--out", form, "--date", "2025-12-24")
        assert done.code == 0, done.err
        assert "未回答" in done.out
        told = json.loads((tmp_path / form / "draft.json").read_text(encoding="utf-8"))
        assert sum(told["counts"].values()) == sum(len(one["points"]) for one in told["sections"])
        page = (tmp_path / form / "draft.html").read_text(encoding="utf-8")
        values = [re.findall(r'<data value="([^"]+)"', part) for part in page.split('class="edition"')[1:]]
        assert values[0] == values[1] != []
        japanese = (tmp_path / form / "draft.ja.md").read_text(encoding="utf-8")
        english = (tmp_path / form / "draft.en.md").read_text(encoding="utf-8")
        assert (
            japanese.count("未回答（") == english.count("unanswered (未回答)") == told["counts"]["unanswered"]
        )
        assert "要確認" in japanese
    assert "2025年12月24日" in japanese

    from kakehashi.work.signed import make_key

    make_key(tmp_path / "me.key", "me")
    assert ask("evidence", "pack", "--key", "me.key", "--out", "pack.zip").code == 0
    verified = ask("evidence", "verify", "pack.zip", "--key", "me.pub")
    assert (verified.code, "4 records match" in verified.out) == (0, True)
    data = (tmp_path / "pack.zip").read_bytes()
    (tmp_path / "pack.zip").write_bytes(data.replace(b"A framework", b"B framework"))
    assert ask("evidence", "verify", "pack.zip").code == 6
    before = first
    assert ask("evidence", "retract", before[:9], "--reason", "x", "--author", "me").code == 0
    assert json.loads(ask("evidence", "list", "--json").out)["withdrawn"] == 1


def test_a_draft_can_be_gone_on_with_in_a_word_processor(ask, tmp_path):
    import zipfile

    add(ask, "--url", "https://example.org/a", provision="hiroshima-code-01")
    words = ("draft", "hiroshima-report", "--for", "anthropic", "--out", "out", "--date", "2025-12-24")
    assert ask(*words, "--format", "docx,csv,md").code == 0
    names = {f"draft.{one}.{kind}" for one in ("ja", "en") for kind in ("docx", "csv", "md")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    with zipfile.ZipFile(tmp_path / "out" / "draft.ja.docx") as archive:
        assert "未回答" in archive.read("word/document.xml").decode()
    assert ask(*words, "--format", "md").code == 0
    assert ask(*words, "--format", "odt").code == 2
    assert ask(*words, "--format", "").code == 2


def test_clocks_from_the_command_line(ask):
    started = ask(
        *("clock", "start", "incident-7", "--trigger", "critical-infrastructure", "--trigger", "death"),
        *("--at", "2025-11-21T17:00", "--zone", "Europe/Brussels", "--author", "me", "--json"),
    )
    assert started.code == 0, started.err
    assert len(json.loads(started.out)["deadlines"]) == 2
    listed = json.loads(ask("clock", "list", "--now", "2025-11-22T17:00+01:00", "--json").out)
    first = listed["deadlines"][0]
    # Friday 21 November 2025, 17:00: the strictest reading ends on Sunday, the other on Tuesday.
    assert first["elapsed"] == first["strictest"] == "2025-11-23T17:00+01:00"
    assert (first["end_of_day"], first["moved"]) == ("2025-11-23T23:59+01:00", "2025-11-25T23:59+01:00")
    assert (first["hours_left"], first["state"]) == (24.0, "running")
    assert "not legal advice" in listed["note"]
    plain = ask("clock", "list", "--now", "2025-11-24T17:00+01:00")
    assert "overdue" in plain.out
    assert "not legal advice" in plain.out
    sent = ("--at", "2025-11-22T10:00+01:00", "--author", "me")
    assert ask("clock", "report", "incident-7", *sent).code == 0
    assert ask("clock", "resolve", "incident-7", *sent).code == 0
    stages = [one["report"] for one in json.loads(ask("clock", "list", "--json").out)["deadlines"]]
    assert stages == ["final", "initial", "initial"]
    rules = ask("clock", "rules", "--lang", "ja").out
    assert "施策9.3" in rules
    assert rules.splitlines()[-1].startswith("法的助言ではない。")


def test_signatories_are_listed_by_the_name_that_held(ask):
    done = ask("signatories", "frontier-commitments", "--lang", "ja")
    assert "サムスン電子\t2024年5月21日" in done.out
    assert "Zhipu.ai" in done.out
    assert "not complete: 5 of 22" in ask("signatories", "aiia-2024").out
    assert "一部の署名者（22のうち5）" in ask("signatories", "aiia-2024", "--lang", "ja").out
    assert ask("signatories", "nist-ai-rmf").out == "no list of signatories is on record\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("evidence", "coverage", "frontier"), 2, "frontier-commitments"),  # unknown instrument
        (("evidence", "coverage", "nist-ai-rmf"), 2, "no signatory"),
        (("evidence", "coverage", "frontier-commitments", "--clearance", "white"), 2, "unknown marking: 'white'"),
        (("evidence", "coverage", "frontier-commitments", "--lang", "fr"), 2, "ja"),
        (("draft", "eu-report", "--for", "google"), 2, "eu-model-report"),
        (("draft", "hiroshima-report", "--for", "nobody-here"), 2, "kakehashi.signatories/1"),
        (("draft", "hiroshima-report", "--for", "google", "--date", "2999-01-01"), 3, "future"),
        (("clock", "start", "i", "--trigger", "deth", "--at", "2025-11-20T09:00Z", "--author", "me"), 2, "death"),
        (("clock", "start", "i", "--trigger", "death", "--at", "2999-11-20T09:00Z", "--author", "me"), 3, "future"),
        (("clock", "start", "i", "--trigger", "death", "--at", "2025-11-20T09:00", "--author", "me"), 3, "time zone"),
        (("clock", "start", "i.json", "--trigger", "death", "--at", "2025-11-20T09:00Z", "--author", "m"), 3, "file"),
        (("evidence", "import", "nowhere.csv"), 3, "no such file"),
        (("evidence", "verify", "nowhere.zip"), 3, "no such pack"),
        (("evidence", "pack", "--key", "nowhere.key", "--out", "p.zip"), 3, "no such key"),
        (("signatories", "frontier"), 2, "frontier-commitments"),
    ],
)  # fmt: skip
def test_bad_words_get_one_clear_error_and_leave_nothing(ask, tmp_path, words, code, said):
    done = ask(*words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert list(tmp_path.iterdir()) == []


def test_evidence_that_cannot_be_leaves_no_ledger(ask, tmp_path):
    for changes, words, code in (
        ({"date": "2999-01-01"}, ("--url", "https://a.example"), 3),
        ({"marking": "purple"}, ("--url", "https://a.example"), 2),
        ({"provision": "nothing-1"}, ("--url", "https://a.example"), 2),
        ({}, (), 3),
        ({}, ("--document", "nowhere.txt"), 3),
        ({}, ("--exchange", "x"), 3),
        ({}, ("--run", "x"), 5),
    ):
        add(ask, *words, code=code, **changes)
    assert list(tmp_path.iterdir()) == []


INSTRUMENT = """format: kakehashi.instrument/1
id: {id}
title: {{en: t, ja: 題}}
short: {{en: t, ja: 題}}
issuer: {{en: i, ja: 者}}
addressees: [companies]
legal_force: voluntary
status: in-force
version: "1"
adopted: "{adopted}"
supersedes: [{older}]
source: {{title: t, publisher: p, date: "2024"}}
reading: {{extent: none, by: me, date: "2025-01-01"}}
licence: {{en: own words, ja: 独自の要約}}
provisions:
  - id: {id}-1
    {num}: "1"
    title: {{en: one, {language}: 一}}
"""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"older": "b"}, "supersedes itself through others"),  # b supersedes a: a cycle
        ({"language": "fr"}, "'ja' is a required property"),  # a missing language
        ({"num": "no"}, "write 'num'"),  # the key that YAML reads as False
        ({"adopted": "2999-01"}, "in the future"),
        ({"older": "nothing"}, "which is not here"),
    ],
)
def test_a_bad_file_of_ones_own_is_named_with_its_line_and_nothing_is_written(ask, tmp_path, changes, said):
    own = tmp_path / "own"
    own.mkdir()
    plain = {"adopted": "2024-01", "older": "", "num": "num", "language": "ja"}
    (own / "a.yaml").write_text(INSTRUMENT.format(**(plain | changes | {"id": "a"})), encoding="utf-8")
    (own / "b.yaml").write_text(INSTRUMENT.format(**(plain | {"older": "a", "id": "b"})), encoding="utf-8")
    done = ask("export", "a", "--format", "ciso-assistant", "--catalog", "own", "--out", "out")
    assert done.code == 3
    assert re.search(r"[ab]\.yaml:\d+: ", done.err)
    assert said in done.err
    assert not (tmp_path / "out").exists()


def test_an_organization_of_ones_own_can_be_answered_for(ask, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / "us.yaml").write_text(
        "format: kakehashi.signatories/1\nid: us\norganizations:\n"
        "  - {id: our-company, kind: company, names: [{en: Our Company, ja: 当社}]}\nlists: []\n",
        encoding="utf-8",
    )
    done = ask(
        *("evidence", "add", "--for", "当社", "--provision", "jp-aisi-eval-01", "--date", "2025-11-20"),
        *("--author", "me", "--url", "https://example.org/a", "--catalog", "own"),
    )
    assert done.code == 0, done.err
    drafted = ask("draft", "aisi-perspectives", "--for", "our-company", "--catalog", "own", "--json")
    assert json.loads(drafted.out)["counts"] == {"drafted": 1, "to-check": 0, "unanswered": 9}


def test_libraries_for_ciso_assistant_are_written(ask, tmp_path):
    done = ask("export", "hiroshima-code", "eu-gpai", "--format", "ciso-assistant", "--out", "out", "--json")
    assert done.code == 0, done.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "hiroshima-code.yaml", "eu-gpai.yaml", "mapping-core-hiroshima-code-to-eu-gpai.yaml",
    }  # fmt: skip
