"""Static SVG figures: drawn by altair, turned into SVG by vl-convert, without a script or a request.

The colours are Okabe and Ito's, told apart by every kind of colour vision; nothing is said by colour alone.
Text stays text, so it can be searched and copied, and the page draws it with the reader's own fonts, the
Japanese among them.
"""

import importlib.util
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from kakehashi.errors import MissingExtraError
from kakehashi.report.document import Figure, HeatMap, IntervalPlot, Plot, RankPlot, ReliabilityPlot
from kakehashi.report.voice import Voice

#: Font that the layout is measured with; the page's style sheet puts its own list in its place.
FONT = "sans-serif"

#: Okabe and Ito (2008), with a grey in the place of black, which a dark page swallows.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")

#: One shape a system, so that nobody has to tell two colours apart.
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right")

_SIZE = 12
_INK, _GRID = "#333333", "#dddddd"
_MAX_DOTS = 400


def charts_available() -> bool:
    """Whether the extra ``charts`` is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("altair", "vl_convert"))


def draw(figure: Figure, voice: Voice) -> Markup | None:
    """The figure as inline SVG in one language; ``None`` where it has nothing to show or too much.

    Raises:
        MissingExtraError: The extra ``charts`` is not installed.
    """
    specification = _specification(figure, voice)
    if specification is None:
        return None
    import vl_convert

    svg = vl_convert.vegalite_to_svg(specification, vl_version=_vl_version())
    return _inline(svg, figure, voice)


def draw_png(figure: Figure, voice: Voice, *, fonts: Sequence[str] = (), font: str = FONT) -> bytes | None:
    """The figure as a PNG on white at twice its size; ``None`` as for :func:`draw`.

    Args:
        figure: The figure.
        voice: Its language.
        fonts: Folders of fonts to draw with, before those of the machine.
        font: Family of the text.

    Raises:
        MissingExtraError: The extra ``charts`` is not installed.
    """
    specification = _specification(figure, voice)
    if specification is None:
        return None
    import vl_convert

    for folder in fonts:
        vl_convert.register_font_directory(folder)
    specification["config"] |= {"font": font, "background": "#ffffff", "padding": 12}
    return bytes(vl_convert.vegalite_to_png(specification, vl_version=_vl_version(), scale=2))


def _specification(figure: Figure, voice: Voice) -> dict[str, Any] | None:
    if not charts_available():
        raise MissingExtraError("charts", "drawing figures")
    from altair.utils.schemapi import debug_mode

    with debug_mode(
        False
    ):  # the specifications are ours; checking each against the schema takes half the time
        chart = _chart(figure.plot, voice)
        if chart is None:
            return None
        specification: dict[str, Any] = chart.to_dict(validate=False)
    return {**specification, "config": _theme()}


def _vl_version() -> str:
    import altair

    return ".".join(str(altair.SCHEMA_VERSION).lstrip("v").split(".")[:2])


def _theme() -> dict[str, Any]:
    """Vega-Lite's configuration: our fonts and colours, nothing cut off."""
    plain = {"labelFontSize": _SIZE, "titleFontSize": _SIZE, "labelColor": _INK, "titleColor": _INK}
    unlimited = {"labelLimit": 0, "titleLimit": 0}
    return {
        "font": FONT,
        "background": "transparent",
        "padding": 4,
        "view": {"stroke": None},
        "axis": {
            **plain,
            **unlimited,
            "titleFontWeight": "normal",
            "gridColor": _GRID,
            "domainColor": _GRID,
            "tickColor": _GRID,
        },
        "title": {"fontSize": _SIZE, "color": _INK, "anchor": "start", "limit": 0},
        "legend": {**plain, **unlimited},
    }


def _inline(svg: str, figure: Figure, voice: Voice) -> Markup:
    """One SVG made fit to stand among others on a page: own ids, a name, a size that shrinks."""
    # Vega counts its ids over the whole process; numbered anew, equal figures give equal bytes.
    for number, name in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))):
        own = f"{voice.language}-{figure.id}-{number}"
        svg = svg.replace(f'id="{name}"', f'id="{own}"').replace(f"url(#{name})", f"url(#{own})")
    size = re.search(r'<svg[^>]*?\bwidth="([\d.]+)"', svg)
    width = float(size.group(1)) if size else 640.0
    svg = re.sub(r"(<svg[^>]*?)\s(?:width|height)=\"[\d.]+\"", r"\1", svg, count=1)
    svg = re.sub(r"(<svg[^>]*?)\s(?:width|height)=\"[\d.]+\"", r"\1", svg, count=1)
    svg = re.sub(r"\saria-(?:label|roledescription)=\"[^\"]*\"|\srole=\"[^\"]*\"", "", svg)
    svg = _without_idle(svg)
    start = Markup('<svg role="img" aria-label="{}" style="max-width:{}px" ').format(
        voice.plain(figure.alt), round(width)
    )
    return Markup(svg.replace("<svg ", str(start), 1))


def _without_idle(svg: str) -> str:
    """Without what draws nothing and does nothing on a page without scripts: a third of the bytes."""
    svg = re.sub(
        r' (?:pointer-events="none"|aria-hidden="true"|opacity="1"|font-family="sans-serif")', "", svg
    )
    svg = re.sub(r'<path class="(?:back|fore)ground"[^>]* d="(?:M0,0h0v0h0Z)?"[^>]*/>', "", svg)
    return re.sub(r' (?:transform|d|[xy]2?)="[^"]*"', lambda found: _to_hundredths(found.group()), svg)


def _to_hundredths(attribute: str) -> str:
    """Coordinates as fine as a screen can show."""
    return re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found.group()):.2f}", attribute)


def _chart(plot: Plot, voice: Voice) -> Any:
    match plot:
        case IntervalPlot():
            return _intervals(plot, voice)
        case ReliabilityPlot():
            return _reliability(plot, voice)
        case HeatMap():
            return _heat_map(plot, voice)
        case RankPlot():
            return _ranks(plot, voice)


def _width(text: str, bold: bool = False) -> float:
    """About how wide a label is, so that room is left for it whatever fonts are at hand."""
    letter = 0.6 if bold else 0.58
    return sum(_SIZE if unicodedata.east_asian_width(c) in "WF" else _SIZE * letter for c in text)


def _room(labels: Sequence[str], bold: Sequence[str] = ()) -> float:
    widths = [*map(_width, labels), *(_width(label, bold=True) for label in bold)]
    return round(max(widths, default=0) + 12)


def _data(values: Sequence[Mapping[str, object]]) -> Any:
    import altair

    inline: Any = altair.Data
    return inline(values=list(values))


def _unique(labels: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(labels))


def _intervals(plot: IntervalPlot, voice: Voice) -> Any:
    """One view a panel; groups are lines with a bold label between the lines of their rows.

    Facets would say the same, at ten times the time and size.
    """
    import altair as alt

    if not plot.dots or len(plot.dots) > _MAX_DOTS:
        return None
    names = _unique([voice.plain(dot.row) for dot in plot.dots])
    panels = _unique([voice.plain(dot.panel) if dot.panel else "" for dot in plot.dots])
    factor = 100 if plot.style == "signed-points" else 1
    lines: list[str] = []
    rows: dict[str, list[dict[str, object]]] = {panel: [] for panel in panels}
    last = None
    for dot in plot.dots:
        name, group = voice.plain(dot.row), voice.plain(dot.group) if dot.group else ""
        if dot.group is not None and group != last:
            lines.append(f"{len(lines):04d}h{group}")
            last = group
            known: dict[str, str] = {}
        elif last is None:
            known, last = {}, ""
        if name not in known:
            known[name] = f"{len(lines):04d}r{name}"
            lines.append(known[name])
        low, high = (dot.value if end is None else end for end in (dot.low, dot.high))
        rows[voice.plain(dot.panel) if dot.panel else ""].append(
            {
                "line": known[name],
                "name": name,
                "value": round(dot.value * factor, 6),
                "low": round(low * factor, 6),
                "high": round(high * factor, 6),
                "beyond": low > 0 or high < 0,
            }
        )
    ends = [float(str(row[key])) for part in rows.values() for row in part for key in ("low", "high")]
    domain = [0, 1] if plot.style == "percent" else [min(0.0, *ends), max(0.0, *ends)]
    axis = alt.Axis(
        labelExpr="substring(datum.value, 5)",
        labelAlign="left",
        labelPadding=_room(
            [line[5:] for line in lines if line[4] == "r"], [line[5:] for line in lines if line[4] == "h"]
        ),
        labelFontWeight={
            "condition": {"test": "substring(datum.value, 4, 5) == 'h'", "value": "bold"},
            "value": "normal",
        },
        ticks=False,
        domain=False,
        grid=False,
    )
    views = []
    for place, panel in enumerate(panels):
        base = alt.Chart(_data(rows[panel])).encode(
            y=alt.Y(
                "line:N",
                scale=alt.Scale(domain=lines, paddingInner=0.2),
                title=None,
                axis=axis if place == 0 else None,
            )
        )
        x = alt.X(
            "low:Q",
            scale=alt.Scale(domain=domain, nice=plot.style != "percent"),
            title=voice.plain(plot.axis),
            axis=alt.Axis(format=".0%" if plot.style == "percent" else "d", tickCount=5, labelFlush=False),
        )
        colour: Any = alt.value(COLOURS[0])
        form: Any = alt.value("circle")
        # Pairs of systems are no systems: their dots share one colour, and are filled where beyond noise.
        fill: Any = alt.value(COLOURS[0])
        if plot.zero_line:
            fill = alt.condition("datum.beyond", alt.value(COLOURS[0]), alt.value("#fffffd"))
        elif 1 < len(names) <= len(COLOURS):
            scale = alt.Scale(domain=names, range=list(COLOURS[: len(names)]))
            shapes = alt.Scale(domain=names, range=list(SHAPES[: len(names)]))
            colour = fill = alt.Color("name:N", scale=scale, legend=None)
            form = alt.Shape("name:N", scale=shapes, legend=None)
        dots = base.mark_point(size=60, opacity=1, strokeWidth=1.6)
        layers = [
            base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q", color=colour),
            dots.encode(x=alt.X("value:Q"), stroke=colour, fill=fill, shape=form),
        ]
        if plot.zero_line:
            zero = alt.Chart(_data([{"zero": 0}]))
            layers.insert(0, zero.mark_rule(color="#888888", strokeDash=[4, 3]).encode(x="zero:Q"))
        view = alt.layer(*layers).properties(width=280 if len(panels) > 1 else 440, height=alt.Step(17))
        views.append(view.properties(title=panel) if panel else view)
    return views[0] if len(views) == 1 else alt.hconcat(*views, spacing=24)


def _reliability(plot: ReliabilityPlot, voice: Voice) -> Any:
    import altair as alt

    rows = [
        {"system": p.subject, "confidence": p.confidence, "accuracy": p.accuracy, "n": p.n}
        for p in plot.points
    ]
    names = _unique([str(row["system"]) for row in rows])
    if not rows or len(names) > 12:
        return None
    percent = alt.Axis(format=".0%", values=[0, 0.5, 1], labelFlush=False)
    whole = alt.Scale(domain=[0, 1])
    diagonal = (
        alt.Chart()
        .mark_rule(color="#888888", strokeDash=[4, 3])
        .encode(x=alt.datum(0), y=alt.datum(0), x2=alt.datum(1), y2=alt.datum(1))
    )
    dots = (
        alt.Chart()
        .mark_point(filled=True, color=COLOURS[0], opacity=0.9)
        .encode(
            x=alt.X("confidence:Q", scale=whole, axis=percent, title=voice.plain(plot.x)),
            y=alt.Y("accuracy:Q", scale=whole, axis=percent, title=voice.plain(plot.y)),
            size=alt.Size("n:Q", title=voice.plain(plot.size), scale=alt.Scale(range=[40, 260]), legend=None),
        )
    )
    label = (
        alt.Chart()
        .mark_text(dy=-12, fontSize=10, color=_INK)
        .encode(x="confidence:Q", y="accuracy:Q", text=alt.Text("n:Q", format="d"))
    )
    views = [
        alt.layer(
            diagonal, dots, label, data=_data([row for row in rows if row["system"] == name])
        ).properties(width=170, height=170, title=name)
        for name in names
    ]
    return alt.concat(*views, columns=3, spacing=28)


def _two_digits(value: float) -> str:
    text = f"{value:.2f}".replace("-", "−")
    return "0.00" if text == "−0.00" else text


def _heat_map(plot: HeatMap, voice: Voice) -> Any:
    import altair as alt

    names = [voice.plain(name) for name in plot.names]
    numbers = [str(i) for i in range(1, len(names) + 1)]
    rows = [
        {"one": names[i], "other": str(j + 1), "value": cell, "text": _two_digits(cell)}
        for i, line in enumerate(plot.values)
        for j, cell in enumerate(line)
        if cell is not None and i != j
    ]
    if not rows or len(names) > 20:
        return None
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("other:N", sort=numbers, title=None, axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("one:N", sort=names, title=None, axis=alt.Axis(minExtent=_room(names))),
    )
    # Blue for agreement and orange for reversal: no red and green.
    scale = alt.Scale(domain=[-1, 0, 1], range=["#D55E00", "#f2f2f2", "#0072B2"])
    cells = base.mark_rect(stroke="#ffffff").encode(
        color=alt.Color("value:Q", scale=scale, title=voice.plain(plot.legend))
    )
    # White text on the darkest cells only; on all others near-black, in the light and in the dark page.
    text = base.mark_text(fontSize=11).encode(
        text="text:N",
        color=alt.condition("abs(datum.value) > 0.6", alt.value("#fffffe"), alt.value("#111111")),
    )
    return alt.layer(cells, text).properties(width=alt.Step(44), height=alt.Step(28))


def _ranks(plot: RankPlot, voice: Voice) -> Any:
    import altair as alt

    if not plot.ranges or len(plot.ranges) > 60:
        return None
    rows = [{"name": one.name, "best": one.best, "worst": one.worst} for one in plot.ranges]
    names = [one.name for one in plot.ranges]
    last = max(one.worst for one in plot.ranges)
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(minExtent=_room(names)))
    )
    x = alt.X(
        "best:Q",
        scale=alt.Scale(domain=[0.5, last + 0.5], nice=False),
        title=voice.plain(plot.axis),
        axis=alt.Axis(format="d", tickMinStep=1),
    )
    return alt.layer(
        base.mark_rule(strokeWidth=4, color=COLOURS[5]).encode(x=x, x2="worst:Q"),
        base.mark_point(filled=True, size=46, color=COLOURS[0], opacity=1).encode(x="best:Q"),
        base.mark_point(filled=True, size=46, color=COLOURS[1], shape="square", opacity=1).encode(
            x="worst:Q"
        ),
    ).properties(width=420, height=alt.Step(16))
