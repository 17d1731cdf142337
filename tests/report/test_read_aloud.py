"""A page for those who see little, use the keyboard or have it read to them: rules that a machine can check."""

import re
from collections import Counter
from importlib.resources import files
from itertools import pairwise

import pytest
from reading import Page

#: What text stands on; ``head`` is ``band`` or lighter.
GROUNDS = ("paper", "band", "warn")


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colors() -> list[dict[str, str]]:
    """The named colours of the page: in light, in the dark and on paper."""
    css = files("kakehashi.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    found = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", one)) for one in re.findall(r":root {([^}]*)}", css)
    ]
    return [{**found[0], **one} for one in found]


def test_the_measure_of_contrast_is_that_of_the_guidelines() -> None:
    # Black on white is 21 to 1; #767676 is the lightest grey that passes on white, at 4.54.
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_text_can_be_read_in_light_in_the_dark_and_on_paper() -> None:
    assert len(colors()) == 3
    for named in colors():
        for ground in GROUNDS:
            for text in ("ink", "faint", "accent"):
                assert contrast(named[text], named[ground]) >= 4.5, (text, ground, named)
            assert contrast(named["focus"], named[ground]) >= 3, (ground, named)
        assert contrast(named["on-accent"], named["accent"]) >= 4.5


def test_whatever_can_be_reached_by_keyboard_has_a_name_of_its_own(page: str) -> None:
    for edition in ("ja", "en"):
        start = page.index(f'<article class="edition" lang="{edition}">')
        inner = page[start : page.index("</article>", start)]
        labels = Counter(re.findall(r'role="region" tabindex="0" aria-label="([^"]+)"', inner))
        assert len(labels) > 20
        assert [one for one, n in labels.items() if n > 1] == []
        links = re.findall(r"<a [^>]*>(.*?)</a>", inner, re.DOTALL)
        assert all(re.sub(r"<[^>]+>", "", one).strip() for one in links)
    read = Page(page)
    # The order of the keyboard is that of the page.
    assert {str(found["tabindex"]) for _, found in read.tags if "tabindex" in found} == {"0"}
    labelled = {str(found["aria-labelledby"]) for _, found in read.tags if "aria-labelledby" in found}
    assert labelled <= set(read.ids)
    assert all("aria-labelledby" in found for tag, found in read.tags if tag in ("section", "figure"))
    assert {str(found["id"]) for tag, found in read.tags if tag == "input"} == {
        str(found["for"]) for tag, found in read.tags if tag == "label"
    }


def test_the_headings_of_an_assessment_stand_in_order(page: str) -> None:
    levels = [int(tag[1]) for tag, _ in Page(page).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 2  # one an edition
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
