import json
import re
from dataclasses import replace

import fixtures
import pytest
from reading import Page

from kakehashi.errors import MissingExtraError, UnknownNameError, UsageError
from kakehashi.report import Assessment, build_assessment, render_html
from kakehashi.report import charts as drawing

SHAPES = ("one_system", "broken_run", "twelve_systems", "without_values", "japanese_run")


@pytest.fixture(scope="module", params=SHAPES)
def other(request: pytest.FixtureRequest) -> tuple[Assessment, str]:
    assessment = build_assessment(getattr(fixtures, request.param)(), with_published=False)
    return assessment, render_html(assessment, charts=False)


def values_in(text: str) -> set[str]:
    """Every number of the JSON as the page writes it."""
    found: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.update({f"{value:.6g}", f"{abs(value):.6g}"})

    walk(json.loads(text))
    return found


def check(page: Page) -> None:
    assert page.wrong == []
    assert len(page.ids) == len(set(page.ids))
    assert page.numbers["ja"] == page.numbers["en"] or sorted(page.numbers["ja"]) == sorted(
        page.numbers["en"]
    )
    assert sorted(page.dates["ja"]) == sorted(page.dates["en"])
    assert page.digits("ja") == page.digits("en")
    for edition in ("ja", "en"):
        assert not re.search(r"\b(NaN|nan|None|inf|undefined|null)\b", page.text(edition))


def test_numbers_in_japanese_equal_those_in_english(page: str) -> None:
    read = Page(page)
    check(read)
    assert len(read.numbers["en"]) > 500


def test_every_estimate_on_the_page_stands_in_the_json(three: Assessment, page: str) -> None:
    known = values_in(three.to_json())
    # Whole numbers on the page are also counts of rows, which the JSON holds as lists.
    fractions = {value for value in Page(page).numbers["en"] if "." in value and float(value) % 1}
    chance = {f"{round(sum(one.value is not None for one in three.differences) * 0.05, 1):.6g}"}
    assert fractions - known - chance == set()


def test_pages_of_every_shape_are_well_formed_and_equal_in_both_languages(
    other: tuple[Assessment, str],
) -> None:
    check(Page(other[1]))


def test_no_page_says_what_must_not_be_said(other: tuple[Assessment, str], page: str) -> None:
    for text in (page, other[1]):
        read = Page(text)
        for word in ("safest", "dangerous country", "overall score:", "ranking of countries"):
            assert word not in read.text("en").lower()
        for word in ("最も安全", "安全率", "総合得点", "国別順位"):
            assert word not in read.text("ja")


def test_nothing_is_loaded_from_elsewhere_and_no_script_is_needed(page: str) -> None:
    read = Page(page)
    assert "script" not in {tag for tag, _ in read.tags}
    for tag, found in read.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert str(found.get(name) or "#").startswith("#"), (tag, found)
        assert not any(name.startswith("on") for name in found)
    assert not re.search(r"@import|url\((?!#)", page)


def test_the_ledger_stands_in_one_meta_element(page: str) -> None:
    found = [a for tag, a in Page(page).tags if tag == "meta" and a.get("name") == "kakehashi-ledger"]
    assert [one["content"] for one in found] == [f"size=11 root={fixtures.ROOT}"]


def test_both_editions_are_reached_by_radio_buttons_with_labels(page: str) -> None:
    read = Page(page)
    buttons = [a for tag, a in read.tags if tag == "input"]
    assert [(b["type"], b["id"], "checked" in b) for b in buttons] == [
        ("radio", "show-ja", True),
        ("radio", "show-en", False),
    ]
    assert [a["for"] for tag, a in read.tags if tag == "label"] == ["show-ja", "show-en"]
    assert [a["lang"] for tag, a in read.tags if tag == "article"] == ["ja", "en"]
    for language in ("ja", "en"):
        assert f"#show-{language}:not(:checked) ~ main > .edition:lang({language})" in page


def test_tables_have_captions_scopes_and_as_many_cells_as_columns(page: str) -> None:
    for table in re.findall(r"<table.*?</table>", page, flags=re.DOTALL):
        assert "<caption>" in table
        head, *bodies = re.split(r"<tbody>", table)
        assert all('scope="' in cell for cell in re.findall(r"<th\b[^>]*>", table))
        columns = len(re.findall(r"<th\b", head))
        for body in bodies:
            rows = re.findall(r"<tr>.*?</tr>", body, flags=re.DOTALL)
            spanned = 'scope="rowgroup"' in body
            for place, row in enumerate(rows):
                cells = len(re.findall(r"<t[hd]\b", row))
                assert cells + (1 if spanned and place else 0) == columns


def test_every_figure_has_alternative_text_and_a_table_of_its_own(page: str) -> None:
    figures = re.findall(r"<figure.*?</figure>.*?<table", page, flags=re.DOTALL)
    assert len(figures) == 2 * 8
    for figure in figures:
        label = re.search(r'<svg role="img" aria-label="([^"]+)"', figure)
        assert label is not None
        assert len(label.group(1)) > 20
        assert "<text" in figure


def test_a_figure_shows_each_estimate_once(three: Assessment, page: str) -> None:
    # Six headline measures of three systems: eighteen dots, not eighteen in each group.
    figure = re.search(r'<figure id="en-figure-headline"[^>]*>.*?</figure>', page, flags=re.DOTALL)
    assert figure is not None
    dots = re.findall(r'<g class="mark-symbol.*?</g>', figure.group(), flags=re.DOTALL)
    assert sum(len(re.findall("<path", group)) for group in dots) == 18


def test_the_same_values_give_the_same_bytes(three: Assessment, page: str) -> None:
    assert render_html(three) == page


def test_names_titles_and_notes_that_try_to_be_markup_stay_words(hostile: Assessment) -> None:
    text = render_html(hostile)
    assert "<script" not in text.lower()
    read = Page(text)
    check(read)
    assert "<script>alert(1)</script>" in read.text("en")


def test_one_language_needs_no_switch(three: Assessment) -> None:
    text = render_html(three, languages=("en",), charts=False)
    read = Page(text)
    assert read.wrong == []
    assert "<input" not in text
    assert set(read.numbers) - {""} == {"en"}


def test_without_the_extra_the_tables_stand_alone_and_a_line_says_how_to_get_figures(
    three: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "charts_available", lambda: False)
    monkeypatch.setattr("kakehashi.report.html.charts_available", lambda: False)
    text = render_html(three)
    assert "<svg" not in text
    assert "kakehashi[charts]" in text
    assert "<table" in text
    with pytest.raises(MissingExtraError, match="charts"):
        render_html(three, charts=True)


def test_an_unknown_or_doubled_language_is_refused(three: Assessment) -> None:
    with pytest.raises(UnknownNameError):
        render_html(three, languages=("de",))
    with pytest.raises(UsageError):
        render_html(three, languages=("en", "en"))


def test_where_no_order_can_be_stated_the_page_says_so(page: str) -> None:
    read = Page(page)
    assert "no order can be stated" in read.text("en")
    assert "順序は判断できない" in read.text("ja")


def blocks(text: str, edition: str) -> list[tuple[str, str]]:
    """Tags of an edition with their ids, the language taken off: what stands where, without its words."""
    inner = re.search(rf'<article class="edition" lang="{edition}">(.*?)</article>', text, flags=re.DOTALL)
    assert inner is not None
    whole = re.sub(r"<svg.*?</svg>", "<svg>", inner.group(1), flags=re.DOTALL)
    tags = re.findall(
        r"<(h\d|p|ul|ol|li|section|figure|svg|table|caption|tr|th|td|time|nav)\b([^>]*)>", whole
    )
    named = [(tag, re.search(r'\bid="([^"]+)"', rest)) for tag, rest in tags]
    return [(tag, found.group(1).removeprefix(f"{edition}-") if found else "") for tag, found in named]


def test_both_languages_have_the_same_blocks_in_the_same_order(page: str) -> None:
    english = blocks(page, "en")
    assert english == blocks(page, "ja")
    assert len(english) > 1000


def test_other_shapes_have_the_same_blocks_too(other: tuple[Assessment, str]) -> None:
    assert blocks(other[1], "en") == blocks(other[1], "ja")


def test_numbers_stand_in_the_same_cells_in_both_languages(page: str) -> None:
    rows = {}
    for edition in ("en", "ja"):
        tables = re.findall(rf'<table id="{edition}-table-.*?</table>', page, flags=re.DOTALL)
        cells = [re.findall(r"<t[hd]\b.*?</t[hd]>", table, flags=re.DOTALL) for table in tables]
        # Within a cell a language may say "3 of 5" as "5, of them 3".
        rows[edition] = [sorted(re.findall(r'<data value="([^"]+)"', cell)) for row in cells for cell in row]
    assert rows["en"] == rows["ja"]


def words(text: str, edition: str, section: str) -> str:
    """The words of one section of an edition."""
    found = re.search(rf'<section id="{edition}-{section}".*?</section>', text, flags=re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", found.group(), flags=re.DOTALL).split())


@pytest.mark.parametrize("section", ["summary", "categories", "attacks", "facts", "methods"])
def test_every_part_that_shows_our_suites_says_that_they_are_ours(page: str, section: str) -> None:
    assert "Own suites of Kakehashi" in words(page, "en", section)
    for edition in ("en", "ja"):
        assert "HELM Safety" in words(page, edition, section)
        assert "AIR-Bench" in words(page, edition, section)
    assert "独自の評価セット" in words(page, "ja", section)


def test_the_mark_of_our_suites_stands_at_the_foot_of_every_printed_page(page: str) -> None:
    for edition, said in (("en", "not HELM Safety or AIR-Bench"), ("ja", "HELM SafetyやAIR-Benchではない")):
        foot = re.search(rf"@page {edition} {{\s*@bottom-left {{ content: \"([^\"]*)\"", page)
        assert foot is not None
        assert said in foot.group(1)
        assert fixtures.RUN in foot.group(1)


def test_the_first_page_says_what_differs_prompt_by_prompt_and_what_no_order_is(three: Assessment) -> None:
    """Where only differences on the same items are beyond noise, they are named with their intervals."""
    sides = ("kakehashi/core:safe-handling-rate [en]", "kakehashi/core:over-refusal-rate [en]")
    changed = tuple(
        replace(one, order="items-only") if one.measure in sides and one.order == "stated" else one
        for one in three.differences
    )
    text = render_html(replace(three, differences=changed), charts=False)
    said = re.findall(r'<p class="lead">(.*?)</p>', text, flags=re.DOTALL)
    english = Page("<article lang='en'>" + said[len(said) // 2 + 1] + "</article>")
    beyond = [one for one in changed if one.measure in sides and one.order == "items-only"]
    assert beyond
    shown = [float(value) for value in english.numbers["en"]]
    for one in beyond:
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        for number in (one.value, one.low, one.high):
            assert any(abs(abs(number) - value) < 1e-5 for value in shown), one
    words_of_it = english.text("en")
    assert "Compared prompt by prompt" in words_of_it
    assert "no order of the systems can be stated" in words_of_it
    assert "this order can be stated" not in words_of_it


def test_a_stated_order_and_a_difference_on_the_same_prompts_are_told_apart(three: Assessment) -> None:
    from kakehashi.report import terminal_sentences

    first, *rest = [one for one in three.differences if "safe-handling" in one.measure]
    orders = [replace(first, order="stated"), *(replace(one, order="none") for one in rest)]
    others = [replace(one, order="none") for one in three.differences if "over-refusal" in one.measure]
    said = terminal_sentences(replace(three, differences=(*orders, *others)))[1]
    assert "this order can be stated" in said
    assert "by over-refusal (lower is better), no pair differs beyond noise" in said
    silent = [replace(one, order="none") for one in (*orders, *others)]
    said = terminal_sentences(replace(three, differences=tuple(silent)))[1]
    expected = "by safe-handling rate and over-refusal, so no order can be stated."
    assert said == f"No pair of systems differs beyond noise {expected}"


def test_with_many_pairs_the_first_page_counts_what_it_cannot_name() -> None:
    from kakehashi.report import terminal_sentences

    assessment = build_assessment(fixtures.japanese_run(), with_published=False)
    said = terminal_sentences(assessment)[1]
    for key in ("safe-handling-rate", "over-refusal-rate"):
        for language, name in (("en", "English"), ("ja", "Japanese")):
            mine = [
                one.order for one in assessment.differences if one.measure.endswith(f"{key} [{language}]")
            ]
            assert len(mine) == 3
            stated = (
                f"({name}) ({'higher' if key[0] == 's' else 'lower'} is better), an order can be stated for "
            )
            stated += f"{mine.count('stated')} of 3 pairs, a difference prompt by prompt only for "
            assert f"{stated}{mine.count('items-only')}, " in said


def test_differences_carry_their_own_smallest_detectable_difference(three: Assessment) -> None:
    by_measure: dict[str, set[float | None]] = {}
    for one in three.differences:
        by_measure.setdefault(one.measure, set()).add(one.detectable)
    assert any(len(found) > 1 for found in by_measure.values())
    for key, found in by_measure.items():
        known = [value for value in found if value is not None]
        assert not known or three.measure(key).detectable in (None, max(known))


def test_a_table_too_wide_for_a_small_page_says_that_it_scrolls(page: str) -> None:
    for table in re.findall(r"<table.*?</table>", page, flags=re.DOTALL):
        columns = len(re.findall(r'<th scope="col"', table))
        assert ('class="hint"' in table) == (columns > 3)
        assert ('class="wide' in table) == (columns > 9)


def test_the_hollow_points_are_those_that_are_not_beyond_noise(three: Assessment, page: str) -> None:
    figure = re.search(r'<figure id="en-figure-differences"[^>]*>.*?</figure>', page, flags=re.DOTALL)
    assert figure is not None
    symbols = "".join(re.findall(r'<g class="mark-symbol.*?</g>', figure.group(), flags=re.DOTALL))
    shown = [one for one in three.differences if one.value is not None and one.n]
    shown = [one for one in shown if three.measure(one.measure).unit == "proportion"]
    assert symbols.count('fill="#fffffd"') == sum(not one.better for one in shown)
    assert symbols.count('fill="#0072B2"') == sum(bool(one.better) for one in shown)


def test_different_constructs_that_conflict_are_called_a_trade_off(page: str) -> None:
    read = Page(page)
    assert "not a contradiction but a trade-off" in read.text("en")
    assert "矛盾ではなくトレードオフ" in read.text("ja")


def test_no_answer_and_no_rendered_attack_is_printed(page: str) -> None:
    from kakehashi.evaluate.methods import get_method
    from kakehashi.evaluate.methods.base import Selection

    samples = get_method("kakehashi/attacks").samples(Selection(limit=40))
    samples = [*samples, *get_method("kakehashi/core").samples(Selection(limit=42))]
    words = Page(page).text("en")
    assert [sample.id for sample in samples if sample.turns[-1][:60] in words] == []
    assert "I'm sorry, but I can't help with that." not in words


def test_the_partial_run_warns_on_its_first_page() -> None:
    assessment = build_assessment(fixtures.broken_run(), with_published=False)
    read = Page(render_html(assessment, charts=False))
    assert "sealed before it was complete" in read.text("en")
    assert "logprobs: this endpoint does not know the parameter" in read.text("ja")


def test_unreviewed_items_are_marked() -> None:
    view = fixtures.japanese_run()
    cards = {
        name: replace(card, review={"en": "author", "ja": "unreviewed"}) for name, card in view.cards.items()
    }
    assessment = build_assessment(replace(view, cards=cards), with_published=False)
    read = Page(render_html(assessment, charts=False))
    assert "Kakehashi facts suite, Japanese: unreviewed" in read.text("en")
    assert "未査読" in read.text("ja")


def test_with_many_differences_the_first_page_names_the_orders_and_leaves_the_sizes_to_the_figures(
    three: Assessment,
) -> None:
    from kakehashi.report import terminal_sentences

    sides = ("safe-handling-rate", "over-refusal-rate")
    changed = tuple(
        replace(one, order="stated" if one.first == three.systems[0].name else "items-only")
        if any(side in one.measure for side in sides)
        else one
        for one in three.differences
    )
    said = terminal_sentences(replace(three, differences=changed))[1]
    assert said.startswith(
        "Orders can be stated where the 95% intervals of the rates do not overlap: by safe-handling"
    )
    stated = [one for one in changed if one.order == "stated" and any(side in one.measure for side in sides)]
    for one in stated:
        high, low = (one.first, one.second) if one.value > 0 else (one.second, one.first)
        assert f"{high} is above " in said
        assert low in said
    assert "points" not in said
    japanese = terminal_sentences(replace(three, differences=changed), language="ja")[1]
    assert "順序を判断できるのは次の組である" in japanese
