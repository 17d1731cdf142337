"""The page as a browser lays it out: nothing is cut off at the width of an ordinary screen.

Skips where there is no Chromium; the rest of the room's tests need none.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kakehashi.report import Assessment, render_html

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)

#: Written into a copy of the page, which carries no script of its own.
MEASURE = """
<script>
// What scrolls is known to style sheets one frame after it is laid out.
addEventListener("load", () => setTimeout(() => {
  const cut = [...document.querySelectorAll(".scroll")].filter(box => box.scrollWidth > box.clientWidth + 1);
  const named = cut.map(box => (box.querySelector("table") || box.parentElement).id);
  const hints = [...document.querySelectorAll(".hint")];
  const shown = hints.filter(hint => hint.getClientRects().length);
  document.body.dataset.measured = JSON.stringify({
    wide: document.documentElement.scrollWidth - innerWidth,
    cut: named,
    hinted: shown.map(hint => hint.closest("table").id),
    could: hints.map(hint => hint.closest("table").id),
    exact: CSS.supports("container-type", "scroll-state"),
    tables: document.querySelectorAll("table").length,
  });
}, 500));
</script>
"""


def measured(text: str, folder: Path, width: int) -> dict[str, object]:
    """What a browser of that width makes of a page."""
    page = folder / f"page-{width}.html"
    without_policy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    page.write_text(without_policy.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    command = [str(CHROMIUM), "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900", "--hide-scrollbars"]
    command += ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    command += ["--virtual-time-budget=5000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r'data-measured="([^"]*)"', done.stdout)
    if found is None:
        pytest.skip(f"this Chromium did not lay out the page: {done.stderr[-300:]}")
    loaded: dict[str, object] = json.loads(found.group(1).replace("&quot;", '"'))
    return loaded


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_table_and_no_figure_is_cut_off_at_1200_pixels(
    three: Assessment, tmp_path: Path, language: str
) -> None:
    text = render_html(three, languages=(language,))
    found = measured(text, tmp_path, 1200)
    assert found["tables"] == text.count("<table")
    assert found["cut"] == []
    assert found["hinted"] == []
    assert found["wide"] == 0


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_on_a_narrow_screen_the_page_keeps_its_width_and_wide_tables_say_that_they_scroll(
    three: Assessment, tmp_path: Path
) -> None:
    found = measured(render_html(three, languages=("ja",)), tmp_path, 500)
    assert found["wide"] == 0
    cut, hinted, could = (found[name] for name in ("cut", "hinted", "could"))
    assert isinstance(cut, list)
    assert isinstance(hinted, list)
    assert isinstance(could, list)
    assert "ja-table-differences" in cut
    assert set(cut) & set(could) <= set(hinted)
    # A browser that knows what scrolls shows the sign there only.
    assert not found["exact"] or set(hinted) == set(cut) & set(could)
