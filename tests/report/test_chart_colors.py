"""Charts for every kind of colour vision, and in words for whoever cannot see them."""

import re
from itertools import combinations

import numpy as np
import pytest

from kakehashi.report import Assessment
from kakehashi.report.charts import COLOURS, SHAPES

#: What linear red, green and blue become without one kind of cone: Machado, Oliveira and Fernandes (2009), severity 1.
VISIONS = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
#: sRGB to XYZ, and the white of daylight (D65).
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def seen(color: str, vision: str) -> np.ndarray:
    """Lightness and two opponent hues (CIE 1976) of a colour as somebody sees it."""
    parts = np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    x = TO_XYZ @ np.clip(np.array(VISIONS[vision]) @ linear, 0, 1) / WHITE
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_the_measure_tells_what_is_told_apart_and_what_is_not() -> None:
    # White and black are 100 apart for everybody; this red and this green are one colour without the green cone.
    for vision in VISIONS:
        assert np.linalg.norm(seen("#ffffff", vision) - seen("#000000", vision)) == pytest.approx(
            100, abs=0.5
        )
    assert np.linalg.norm(seen("#a36800", "deuteranopia") - seen("#787800", "deuteranopia")) < 6
    assert np.linalg.norm(seen("#a36800", "all cones") - seen("#787800", "all cones")) > 25


@pytest.mark.parametrize("vision", VISIONS)
def test_colors_of_systems_are_told_apart_with_any_kind_of_cones(vision: str) -> None:
    # A difference of 2.3 can just be noticed; these are dots, and far from one another.
    for one, other in combinations(COLOURS, 2):
        assert np.linalg.norm(seen(one, vision) - seen(other, vision)) > 15, (one, other)


def test_nothing_is_said_by_color_alone() -> None:
    assert len(set(SHAPES)) == len(SHAPES) >= len(COLOURS)


def test_the_words_for_a_figure_are_made_of_its_data(three: Assessment, page: str) -> None:
    said = {}
    for language in ("en", "ja"):
        start = page.index(f'<article class="edition" lang="{language}">')
        inner = page[start : page.index("</article>", start)]
        figures = re.findall(
            r'<figure id="\w+-figure-([\w-]+)".*?<svg role="img" aria-label="([^"]+)"', inner, re.DOTALL
        )
        # English writes zero and first as words.
        said[language] = {
            name: sorted(set(re.findall(r"\d+(?:\.\d+)?", words)) - {"0", "1"}) for name, words in figures
        }
    shown = [one for one in three.differences if one.value is not None and one.n]
    shown = [one for one in shown if three.measure(one.measure).unit == "proportion"]
    beyond = sum(bool(one.better) for one in shown)
    assert three.published is not None
    whole = three.published.groups[0].exposure
    for language in ("en", "ja"):
        # Six headline measures of three systems.
        assert said[language]["headline"] == ["18", "6"]
        assert said[language]["differences"] == sorted({str(len(shown)), str(beyond)})
        assert str(whole.n_models) in said[language]["published-ranks"]
    assert said["en"] == said["ja"]
