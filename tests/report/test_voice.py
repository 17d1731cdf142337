import pytest

from kakehashi.errors import UnknownNameError, UsageError
from kakehashi.report.document import Blank, Code, Date, Listed, Number, Say, Span, Term, Verbatim
from kakehashi.report.voice import Voice, check_languages

EN, JA = Voice("en"), Voice("ja")


def test_numbers_carry_their_value_and_are_written_alike_in_both_languages() -> None:
    assert EN.html(Number(1 / 3, "percent")) == '<data value="0.333333">33.3%</data>'
    assert EN.plain(Number(-0.125, "signed-points")) == "−12.5 points"
    assert JA.plain(Number(-0.125, "signed-points")) == "−12.5ポイント"
    assert EN.plain(Number(0.0004, "signed-points")) == "0.0 points"
    assert EN.plain(Number(12345)) == "12,345"
    assert EN.plain(Number(0.95, "whole-percent")) == "95%"


def test_an_interval_names_its_unit_once() -> None:
    assert EN.plain(Span(-0.1, 0.25, "signed-points")) == "−10.0 to +25.0 points"
    assert JA.plain(Span(0.1, 0.25)) == "10.0～25.0%"


def test_both_ends_of_an_interval_of_counts_have_as_many_digits() -> None:
    assert EN.plain(Span(2, 3, "count")) == "2 to 3"
    assert EN.plain(Span(1.975, 3, "count")) == "2.0 to 3.0"


def test_dates_are_written_as_each_language_writes_them() -> None:
    assert EN.plain(Date("2026-11-24T12:05:06+09:00")) == "24 November 2026, 03:05 UTC"
    assert JA.plain(Date("2026-11-24T12:05:06+09:00")) == "2026年11月24日3時05分（協定世界時）"
    assert JA.plain(Date("2024-08-21")) == "2024年8月21日"
    assert EN.plain(Date("some day")) == "some day"


def test_words_that_are_not_ours_are_escaped_and_never_formatted() -> None:
    nasty = "<b>{first}</b>"
    piece = Say("pair.measures", {"one": Verbatim(nasty), "other": Code(nasty)})
    assert "<b>" not in EN.html(piece)
    assert EN.plain(piece) == f"{nasty} / {nasty}"


def test_a_term_falls_back_to_english_and_then_to_whatever_there_is() -> None:
    assert JA.plain(Term({"en": "Violence"})) == "Violence"
    assert JA.plain(Term({"fr": "Violence!"})) == "Violence!"


def test_lists_join_words_as_the_language_does() -> None:
    names = Listed((Verbatim("a"), Verbatim("b"), Verbatim("c")))
    assert (EN.plain(names), JA.plain(names)) == ("a, b and c", "a、b及びc")


def test_a_missing_number_cannot_be_shown_as_a_number() -> None:
    with pytest.raises(ValueError, match="Blank"):
        EN.html(Number(float("nan")))
    assert EN.plain(Blank("blank.unknown")) == "unknown"


def test_languages_are_checked_before_anything_is_paid_for() -> None:
    check_languages(("ja", "en"))
    with pytest.raises(UnknownNameError, match="'fr'"):
        check_languages(("en", "fr"))
    with pytest.raises(UsageError, match="each once"):
        check_languages(("en", "en"))
    with pytest.raises(UsageError):
        check_languages(())


def test_a_date_of_which_only_the_month_or_the_year_is_known_is_written_as_such() -> None:
    said = [(Voice(code).plain(Date(iso))) for iso in ("2024-12", "2024") for code in ("ja", "en")]
    assert said == ["2024年12月", "December 2024", "2024年", "2024"]
    assert 'datetime="2024-12"' in Voice("ja").html(Date("2024-12"))
