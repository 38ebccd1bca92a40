"""Pictures of what was measured, as SVG written by hand: panels of bars, panels of lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

FONT = "font-family='system-ui, sans-serif'"
INK, FAINT, GRID = "#1c2430", "#5b6675", "#dfe4ea"
OWN, OTHER = "#c2410c", "#8fa3b8"
COLOURS = ("#c2410c", "#2563a8", "#2e7d4f", "#7a4fa3", "#8a6d1a", "#5b6675")
WIDTH, LEFT, RIGHT, ROW = 1000, 330, 200, 20


@dataclass(frozen=True)
class Bar:
    """A median with its quartiles; ours is drawn in another colour."""

    label: str
    low: float
    middle: float
    high: float
    note: str
    ours: bool = False


@dataclass(frozen=True)
class Series:
    """Points in the order of x."""

    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Lines:
    """One panel of lines: x is logarithmic, y begins at nought."""

    title: str
    x: str
    y: str
    series: list[Series]


def bars(title: str, subtitle: str, panels: list[tuple[str, list[Bar]]]) -> str:
    """Panels below one another, each with a scale of its own."""
    parts, top = [], 84
    for heading, members in panels:
        parts.append(_text(20, top, heading, size=14, weight=600))
        most = max(bar.high for bar in members)
        for number, bar in enumerate(members):
            parts += _bar(bar, top + 12 + number * ROW, most)
        top += 12 + len(members) * ROW + 30
    return _document(title, subtitle, parts, top)


def _bar(bar: Bar, y: float, most: float) -> list[str]:
    scale = (WIDTH - LEFT - RIGHT) / most
    colour, middle = OWN if bar.ours else OTHER, y + ROW / 2 - 2
    end = LEFT + bar.middle * scale
    return [
        _text(LEFT - 10, middle + 4, bar.label, anchor="end", weight=600 if bar.ours else 400),
        f"<rect x='{LEFT}' y='{y:.1f}' width='{max(1, end - LEFT):.1f}' height='{ROW - 5}' fill='{colour}'/>",
        f"<path d='M{LEFT + bar.low * scale:.1f} {middle:.1f}H{LEFT + bar.high * scale:.1f}' stroke='{INK}'/>",
        _text(LEFT + max(bar.high, bar.middle) * scale + 8, middle + 4, bar.note, colour=FAINT),
    ]


def lines(title: str, subtitle: str, panels: list[Lines]) -> str:
    """Panels below one another."""
    parts, top = [], 84
    for panel in panels:
        parts += _panel(panel, top)
        top += 300
    return _document(title, subtitle, parts, top)


def _panel(panel: Lines, top: float) -> list[str]:
    points = [point for series in panel.series for point in series.points]
    left, width, height, base = 90, WIDTH - 90 - 190, 210, top + 16 + 210
    low, high = math.log10(min(x for x, _ in points)), math.log10(max(x for x, _ in points))
    most = nice(max(y for _, y in points))
    parts = [_text(20, top, panel.title, size=14, weight=600)]
    for part in range(5):
        y = base - height * part / 4
        parts.append(f"<path d='M{left} {y:.1f}H{left + width}' stroke='{GRID}'/>")
        parts.append(_text(left - 8, y + 4, short(most * part / 4), anchor="end", colour=FAINT))
    places = sorted({x for x, _ in points})
    for x in places:
        at = left + width * ((math.log10(x) - low) / (high - low) if high > low else 0.5)
        parts.append(_text(at, base + 18, short(x), anchor="middle", colour=FAINT))
    parts.append(_text(left + width / 2, base + 38, panel.x, anchor="middle", colour=FAINT))
    parts.append(_text(left + width + 14, top, panel.y, colour=FAINT))
    for number, series in enumerate(panel.series):
        colour = COLOURS[number % len(COLOURS)]
        placed = [
            (left + width * ((math.log10(x) - low) / (high - low) if high > low else 0.5), base - height * y / most)
            for x, y in series.points
        ]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        parts.append(f"<path d='M{path}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>" for x, y in placed]
        parts.append(_text(left + width + 14, top + 34 + number * 20, series.name, colour=colour, weight=600))
    return parts


def nice(most: float) -> float:
    """A round number that is not below."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= most)


def short(figure: float) -> str:
    """As a person would write it beside an axis."""
    if 1000 <= figure < 10_000:
        return f"{figure:,.0f}"
    for unit, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if figure >= unit:
            return f"{figure / unit:.3g}{name}"
    return f"{figure:.3g}"


def _text(
    x: float, y: float, text: str, *, size: int = 12, weight: int = 400, anchor: str = "start", colour: str = INK
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' font-weight='{weight}' text-anchor='{anchor}'"
        f" fill='{colour}'>{escape(text)}</text>"
    )


def _document(title: str, subtitle: str, parts: list[str], height: float) -> str:
    head = [_text(20, 32, title, size=20, weight=700), _text(20, 54, subtitle, colour=FAINT)]
    opening = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:.0f}' {FONT} role='img'>"
    ground = f"<title>{escape(title)}</title><rect width='100%' height='100%' fill='#ffffff'/>"
    return "\n".join([opening, ground, *head, *parts, "</svg>", ""])
