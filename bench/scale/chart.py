"""Curves as a small SVG: counts on a logarithmic axis, costs on a linear one that begins at zero, so that flat looks flat."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from bench.scale.figures import Curve

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 60, 230, 34, 44
COLOURS = ("#0b6e99", "#c4432b", "#3d8b37", "#8250a8", "#b7791f", "#5f6b76")
GRID_LINES = 4


def _ceiling(value: float) -> float:
    """The next round number above a value: 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value)


def svg(curve: Curve) -> str:
    """Return the picture of a curve."""
    top = _ceiling(max(value for line in curve.lines.values() for value in line) * 1.05)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    logs = [math.log10(count) for count in curve.counts]
    spread = (logs[-1] - logs[0]) or 1

    def x(number: int) -> float:
        return round(LEFT + wide * (logs[number] - logs[0]) / spread, 1)

    def y(value: float) -> float:
        return round(TOP + high * (1 - value / top), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-weight="bold">{escape(curve.title)}, {escape(curve.unit)}</text>',
    ]
    for number in range(GRID_LINES + 1):
        value = top * number / GRID_LINES
        at = y(value)
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + wide}" y1="{at}" y2="{at}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4}" text-anchor="end">{value:g}</text>')
    for number, count in enumerate(curve.counts):
        parts.append(f'<text x="{x(number)}" y="{TOP + high + 18}" text-anchor="middle">{count:,}</text>')
    parts.append(
        f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(curve.of)}</text>'
    )
    for number, (name, values) in enumerate(curve.lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{x(at)},{y(value)}" for at, value in enumerate(values))
        legend = TOP + 14 + 20 * number
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<rect x="{WIDTH - RIGHT + 18}" y="{legend - 9}" width="10" height="10" fill="{colour}"/>'
        )
        parts.append(f'<text x="{WIDTH - RIGHT + 34}" y="{legend}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
