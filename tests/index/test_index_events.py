"""What came before and after a day: days by hand, no word on why, bad files."""

import re
from datetime import date

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.errors import FormatVersionError, InputError
from kakehashi.index.claims.events import Step, read_event, with_steps, workspace_steps
from kakehashi.report.events import event_document, event_plain
from kakehashi.report.html import render_document
from kakehashi.report.voice import messages

TODAY = date(2026, 11, 25)
EVENT = """format: kakehashi.event/1
what: {en: "A model is released", ja: "モデルの公開"}
date: 2024-02-28
source: "made up"
acts:
  - {kind: policy-act, date: 2024-03-01, what: {en: "a bill", ja: "法案"}, source: "gazette"}
  - {kind: first-public-evaluation, date: 2024-02-27, what: {en: "early", ja: "事前"}, source: "a"}
  - {kind: first-public-evaluation, date: 2025-02-28, what: {en: "late", ja: "事後"}, source: "b"}
"""

#: Words that say why.
CAUSAL = {
    "en": r"\b(because|caus\w+|due to|led to|leads to|result\w* (?:in|of|from)|trigger\w*|respon\w+|therefore|thus|"
    r"hence|impact\w*|effect\w*|influenc\w+|prompted|owing to|thanks to|driven by|reaction|consequen\w+)\b",
    "ja": "ため|によって|による影響|影響|原因|結果として|を受けて|契機|きっかけ|"
    "起因|もたら|引き起こ|対応して|効果|反応|従って|したがって|ゆえ|招い",
}


def event(tmp_path, text=EVENT):
    path = tmp_path / "e.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_days_are_those_of_the_calendar(tmp_path):
    found = event_plain(read_event(event(tmp_path), today=TODAY))
    # 2024 is a leap year: 28 Feb → 1 Mar is 2 days, and a year on it is 366
    assert [(one["kind"], one["days"]) for one in found["acts"]] == [
        ("first-public-evaluation", -1),
        ("policy-act", 2),
        ("first-public-evaluation", 366),
    ]
    assert found["days_to_first"] == {
        "first-public-evaluation": 366,
        "policy-act": 2,
        "alert": None,
        "fix": None,
    }


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_word_on_why_on_either_page(tmp_path, language):
    found = read_event(event(tmp_path), today=TODAY)
    page = render_document(event_document(found), run="", languages=(language,), charts=False)
    words = re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert re.findall(CAUSAL[language], words, re.I) == []
    ours = [text for key, text in messages(language).items() if key.startswith("claims.event")]
    assert [text for text in ours if re.search(CAUSAL[language], text, re.I)] == []
    # the list of words would find one
    assert re.search(CAUSAL[language], {"en": "It led to a law.", "ja": "公開を受けて制定"}[language])


@pytest.mark.parametrize(
    ("old", "new", "message", "row"),
    [
        ("2024-03-01", "2027-03-01", "in the future", 6),
        ("date: 2024-02-28", "date: 2026-11-26", "in the future", 3),
        ("2024-03-01", "2024-02-30", "is no day", 6),
        ("2024-03-01", "20240301", "is no day", 6),
        ("date: 2024-02-28", "date: 2024-02-28T23:30:00-08:00", "is no day", 3),
        (', ja: "法案"', "", "no text in 'ja'", 6),
        ("policy-act", "outrage", "is none of", 6),
        ('source: "gazette"', 'sauce: "gazette"', "'source' is missing", 6),
        ('source: "made up"', 'source: ""', "must be a text", 4),
        ("acts:", "acts: 3\nmore:", "not known", 6),
        ("format: kakehashi.event/1", "format: x", "'format' must be", 1),
        ("acts:", "acts: [", "not YAML", None),
    ],
)
def test_a_bad_file_is_one_error_with_its_line(tmp_path, old, new, message, row):
    with pytest.raises(InputError, match=message) as caught:
        read_event(event(tmp_path, EVENT.replace(old, new, 1)), today=TODAY)
    assert row is None or caught.value.row == row


def test_a_newer_format_is_refused(tmp_path):
    with pytest.raises(FormatVersionError):
        read_event(event(tmp_path, EVENT.replace("event/1", "event/2")))


def test_runs_of_a_ledger_are_own_evaluations_not_public_ones(tmp_path):
    from kakehashi.ledger import Ledger

    assert workspace_steps(tmp_path) == []
    with Ledger.init(tmp_path / "ledger") as ledger:
        body = {
            "kind": "run",
            "run": "run-1",
            "created": "2024-03-05T10:00:00Z",
            "software": "kakehashi/0.1.0",
        }
        ledger.append({**body, "subjects": [], "methods": [], "settings": {}, "counts": {}, "partial": False})
    (step,) = workspace_steps(tmp_path)
    assert (step.kind, step.date, step.origin) == ("own-evaluation", "2024-03-05", "ledger")
    found = with_steps(read_event(event(tmp_path), today=TODAY), [step])
    assert [found.days(one) for one in found.steps] == [-1, 2, 6, 366]
    assert event_plain(found)["days_to_first"]["first-public-evaluation"] == 366


def test_steps_of_one_day_stand_in_a_fixed_order(tmp_path):
    found = read_event(event(tmp_path), today=TODAY)
    words = {"en": "x", "ja": "甲"}
    more = [Step(kind, "2024-03-01", words, "s") for kind in ("fix", "alert")]
    assert with_steps(found, more).steps == with_steps(found, more[::-1]).steps


def test_the_command_writes_all_files_or_none(tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli, ["index", "event", str(event(tmp_path)), "--lang", "ja,en", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert "2日後" in done.output
    assert sorted(one.name for one in out.iterdir()) == [
        "event.en.csv",
        "event.html",
        "event.ja.csv",
        "event.json",
    ]
    bad = event(tmp_path, EVENT.replace("2024-03-01", "2999-01-01"))
    done = CliRunner().invoke(cli, ["index", "event", str(bad), "--out", str(tmp_path / "none")])
    assert isinstance(done.exception, InputError)
    assert not (tmp_path / "none").exists()
