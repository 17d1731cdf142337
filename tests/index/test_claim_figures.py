"""The finder of figures and the matching, held against sentences that were labelled by hand."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.index.claims import check_text, find_figures
from kakehashi.index.claims.numerals import parse_number, plain_width

HERE = Path(__file__).parent

#: File → lowest precision and recall of finding, then of matching; measured and printed in docs/index-claims.md.
BOUNDS = {
    "labelled": (1.0, 1.0, 1.0, 0.986),
    "held_out": (1.0, 1.0, 1.0, 0.96),
    "fresh": (1.0, 1.0),
    "second_fresh": (0.985, 1.0),
}


def sentences(name):
    for line in (HERE / f"{name}_figures.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            language, text, labels = line.split("\t")
            yield language, text, [] if labels == "-" else labels.split()


def label(figure):
    if figure.kind == "date":
        return f"date:{figure.date}" + (f"..{figure.until}" if figure.until else "")
    low, high = (None if one is None else format(one.normalize(), "f") for one in (figure.low, figure.high))
    joint = "/" if figure.kind == "share" else ".."
    return f"{figure.kind}:{low}" + ("" if high is None else f"{joint}{high}")


def shares(pairs):
    """Precision and recall over pairs of what was found and what was labelled."""
    right = sum((found & wanted).total() for found, wanted in pairs)
    return right / sum(found.total() for found, _ in pairs), right / sum(
        wanted.total() for _, wanted in pairs
    )


@pytest.mark.parametrize("name", BOUNDS)
def test_precision_and_recall_stay_where_they_were_measured(name):
    finding, matching = [], []
    for _, text, labels in sentences(name):
        found = check_text(text)
        finding.append(
            (Counter(label(one.figure) for one in found), Counter(one.split("@")[0] for one in labels))
        )
        matching.append(
            (
                Counter(f"{label(one.figure)}@{one.match.claim.id}" for one in found if one.match.claim),
                Counter(one for one in labels if "@" in one),
            )
        )
    known = any(wanted for _, wanted in matching)
    measured = (*shares(finding), *(shares(matching) if known else ()))
    assert known or not any(found for found, _ in matching)
    assert all(value >= bound for value, bound in zip(measured, BOUNDS[name], strict=True)), measured


def test_the_labelled_set_is_half_japanese_and_has_distractors():
    rows = list(sentences("labelled"))
    assert len(rows) >= 120
    assert sum(language == "ja" for language, _, _ in rows) / len(rows) > 0.45
    assert sum(not labels for _, _, labels in rows) >= 25


@settings(max_examples=50)
@given(st.integers(min_value=0, max_value=10**15))
def test_a_number_with_separators_reads_as_itself(value):
    assert parse_number(f"{value:,}")[0] == value


@settings(max_examples=50)
@given(st.integers(1, 9999), st.integers(0, 9999), st.integers(0, 9999))
def test_oku_and_man_add_up(oku, man, rest):
    text = f"{oku}億" + (f"{man}万" if man else "") + (str(rest) if rest else "")
    assert parse_number(text)[0] == oku * 10**8 + man * 10**4 + rest


@settings(max_examples=50)
@given(
    st.text(
        alphabet="0123456789.,-–〜%％年月日令和第三割億万件社中分のof US$to ４５\n。△▲・半に人^eE×乗in",
        max_size=60,
    )
)
def test_whatever_the_text_is_figures_have_their_places(text):
    for one in find_figures(text):
        assert 0 <= one.start < one.end <= len(text)
        assert one.text == text[one.start : one.end].strip()


@settings(max_examples=50)
@given(st.text(alphabet="0123456789.,%年月件 ", max_size=30))
def test_full_width_signs_read_as_ascii_ones(text):
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    assert plain_width(wide) == text
    assert [label(one) for one in find_figures(wide)] == [label(one) for one in find_figures(text)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("約120件", "about"),
        ("120件超", "over"),
        ("more than 120 cases", "over"),
        ("120件以下", "under"),
        ("120件", ""),
    ],
)
def test_words_of_approximation_are_kept(text, said):
    (one,) = find_figures(text)
    assert (int(one.low), one.said) == (120, said)


@pytest.mark.parametrize(
    ("text", "counter"),
    [
        ("233 new AI-related incidents were logged", "new AI-related incidents"),
        ("233 incident reports", "incident reports"),
        ("12 firms reported incidents", "firms"),
        ("233 were reported", ""),
        ("233 reported in 2024", ""),
        ("1,200 staff", "staff"),
        ("40万トークン", "トークン"),
        ("2.5GW", "GW"),
    ],
)
def test_what_is_counted_is_said_up_to_its_noun(text, counter):
    assert find_figures(text)[0].counter == counter


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # Accounts and statistics of Japan print a triangle for minus.
        ("売上高は前年同月比△4.8%、純損益は▲2億円", ["percent:-4.8", "money-JPY:-200000000"]),
        ("対前年比-0.7%、マイナス1.5ポイント", ["percent:-0.7", "points:-1.5"]),
        ("growth of minus 0.4%", ["percent:-0.4"]),
        ("Seven in ten firms, or one in every four", ["share:7/10", "share:1/4"]),
        ("8件に1件、三人に二人、3 in 12 months", ["share:1/8", "share:2/3", "count:3", "months:12"]),
        ("普及率は六十一・四％、一・二次審査", ["percent:61.4"]),
        ("2年半後、4時間半、5年半ば", ["years:2.5", "hours:4.5", "years:5"]),
        ("three and a half months; two and a half million euros", ["months:3.5", "money-EUR:2500000"]),
        ("A$7.5m, C$2bn, CNY9bn, EUR20m, 6億豪ドル、40億ウォン", [
            "money-AUD:7500000", "money-CAD:2000000000", "money-CNY:9000000000", "money-EUR:20000000",
            "money-AUD:600000000", "money-KRW:4000000000",
        ]),
        ("10^25 FLOP, 10の23乗, 10²⁴, 3e24", [
            f"count:{10**25}", f"count:{10**23}", f"count:{10**24}", f"count:{3 * 10**24}",
        ]),
        ("The share rose from 12.5% to just 14, then climbed 9% to 233 in all", [
            "percent:12.5", "percent:14", "percent:9", "count:233",
        ]),
        ("fivefold, a twofold rise, half a dozen labs, two dozen firms", [
            "times:5", "times:2", "count:6", "count:24",
        ]),
        ("10 working days, 15営業日、48 consecutive hours", ["days:10", "days:15", "hours:48"]),
        ("2.788M H800 GPU hours、278.8万GPU時間、3万時間", ["hours:2788000", "hours:2788000", "hours:30000"]),
        ("Rmb3.6tn, $3T, 14.8T tokens, 5t of coal, 1 743 replies", [
            "money-CNY:3600000000000", "money-USD:3000000000000", "count:14800000000000", "count:5", "count:1743",
        ]),
        ("Articles 5, 6 and 7; pp. 12-15; Figure 3-2; p.145〜152; in tables 2 and 3, 40 firms", ["count:40"]),
        ("COM(2025) 165, (EU) 2024/1689, 規則(EU)2024/1689, S. 146, the U.S. 40 firms", ["count:40"]),
        ("15 U.S.C. § 9401, 88 FR 75191, Public Law 117-167, Executive Order 14110", []),
        ("Claude Opus 4.5, Llama 3.1 405B and Qwen3-235B-A22B at 12 Wall Street banks", ["count:12"]),
        ("1401 K Street NW, Suite 600, London SW1H 0NB, by 5 pm", []),
        ("1人当たり4万円、1IPアドレス当たり242万パケット、予算(百万円)、二十分の講演", [
            "money-JPY:40000", "count:2420000", "minutes:20",
        ]),
        ("第二百十七回国会、図表2-1-3、nine-tenths, the vote ended April 19.", ["share:9/10", "date:--04-19"]),
        ("June 3-9, between 3 and 9 June, May 5-19", [
            "date:--06-03..--06-09", "date:--06-03..--06-09", "date:--05-05..--05-19",
        ]),
        ("大手町4-5-6、RFC 9110、JIS Q 27001、40代、the thirty-third session", []),
    ],
)  # fmt: skip
def test_figures_are_read_as_they_are_written_in_reports(text, found):
    assert [label(one) for one in find_figures(text)] == found
