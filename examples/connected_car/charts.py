"""Charts as SVG text: a scale, a frame, and one function per chart of the report. Colours are classes; report.css knows them.

The rule of the file: plain values in, SVG out; nothing is measured or decided here.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from typing import Any

Scale = Callable[[float], float]


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """Return the linear map of [low, high] onto [start, end] pixels."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def svg(width: float, height: float, parts: Sequence[str], label: str, css: str = "") -> str:
    """Return an SVG element that scales with its box; `label` is what a screen reader says."""
    return (
        f'<svg class="{css}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html.escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


def text(x: float, y: float, content: str, css: str = "tick", anchor: str = "start") -> str:
    """Return a text element."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{html.escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """Return a line element."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def path(points: Sequence[tuple[float, float]], css: str, close_at: float | None = None) -> str:
    """Return a polyline, or an area down to the y of `close_at`."""
    if not points:
        return ""
    moves = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    end = (
        f"L{points[-1][0]:.1f} {close_at:.1f}L{points[0][0]:.1f} {close_at:.1f}Z"
        if close_at is not None
        else ""
    )
    return f'<path d="M{moves}{end}" class="{css}"/>'


def nice_step(span: float, count: int) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that cuts `span` into about `count` pieces."""
    raw = span / max(count, 1) or 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= raw)


def ticks(low: float, high: float, count: int) -> list[float]:
    """Return round values within [low, high]."""
    step = nice_step(high - low, count)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def frame(
    x: Scale, y: Scale, xs: Sequence[float], ys: Sequence[float], box: tuple[float, float, float, float]
) -> str:
    """Return grid lines at `ys` with their values, and values at `xs`; box is left, top, right, bottom."""
    left, _, right, bottom = box
    parts = []
    for value in ys:
        parts.append(line(left, y(value), right, y(value), "grid"))
        parts.append(text(left - 8, y(value) + 4, f"{value:,g}", anchor="end"))
    parts += [text(x(value), bottom + 18, f"{value:g}", anchor="middle") for value in xs]
    return "".join(parts)


def rates(samples: Sequence[tuple[float, int, int, int]], column: int) -> list[tuple[float, float]]:
    """Return (seconds, per second) of a counter, each over the last three samples (0.3 s)."""
    points = []
    for at in range(3, len(samples)):
        seconds = samples[at][0] - samples[at - 3][0]
        points.append(
            (samples[at][0], (samples[at][column] - samples[at - 3][column]) / seconds if seconds else 0.0)
        )
    return points


def throughput(samples: Sequence[tuple[float, int, int, int]], marks: Sequence[tuple[float, str]]) -> str:
    """Two panels over time: readings a second, and readings that wait; kill and return are marked."""
    left, right, top, middle, low, bottom = 66.0, 1090.0, 46.0, 250.0, 290.0, 380.0
    end = max(samples[-1][0], 0.5)
    acknowledged, read = rates(samples, 2), rates(samples, 3)
    highest = max([rate for _, rate in (*acknowledged, *read)] or [1.0]) * 1.06
    waiting = [(at, float(sent - done)) for at, sent, done, _ in samples]
    unread = [(at, float(max(done - seen, 0))) for at, _, done, seen in samples]
    most = max([count for _, count in (*waiting, *unread)] or [1.0]) * 1.1 or 1.0
    x, y, z = scale(0, end, left, right), scale(0, highest, middle, top), scale(0, most, bottom, low)
    times = {what: at for at, what in marks}
    parts = []
    if "broker killed (SIGKILL)" in times:
        down, back = times["broker killed (SIGKILL)"], times.get("broker back", end)
        shade = f'y="{top}" width="{x(back) - x(down):.1f}" height="{bottom - top}" class="outage"/>'
        parts.append(f'<rect x="{x(down):.1f}" {shade}')
    parts.append(frame(x, y, [], ticks(0, highest, 4), (left, top, right, middle)))
    parts.append(frame(x, z, ticks(0, end, 10), ticks(0, most, 2), (left, low, right, bottom)))
    parts += [path([(x(at), y(rate)) for at, rate in read], "series read")]
    parts += [path([(x(at), y(rate)) for at, rate in acknowledged], "series acknowledged")]
    parts += [path([(x(at), z(count)) for at, count in unread], "area read", bottom)]
    parts += [path([(x(at), z(count)) for at, count in waiting], "area acknowledged", bottom)]
    for number, (at, what) in enumerate(sorted(marks)):
        turned = x(at) > (left + right) * 0.7
        parts.append(line(x(at), 26 if number % 2 == 0 else 12, x(at), bottom, "mark"))
        place = (x(at) - 6, 36 if number % 2 == 0 else 20, what, "mark-label", "end") if turned else None
        parts.append(text(*(place or (x(at) + 6, 36 if number % 2 == 0 else 20, what, "mark-label"))))
    parts.append(text(left, low - 8, "readings waiting", "axis"))
    parts.append(text(left, 14, "readings per second", "axis"))
    parts.append(text(right, bottom + 34, "seconds since the feed began", "axis", "end"))
    return svg(1110, 420, parts, "Throughput over time")


def speed_histogram(trips: Sequence[dict[str, Any]]) -> str:
    """Minutes driven per 10 km/h of speed."""
    minutes: dict[int, float] = {}
    for trip in trips:
        for (at, kmh), (after, _) in zip(trip["profile"], trip["profile"][1:], strict=False):
            if 0 < after - at <= 10:
                minutes[int(kmh // 10)] = minutes.get(int(kmh // 10), 0.0) + (after - at) / 60
    left, right, top, bottom = 46.0, 520.0, 24.0, 250.0
    bins = max(minutes, default=0) + 1
    highest = max(minutes.values(), default=1.0) * 1.08
    x, y = scale(0, bins * 10, left, right), scale(0, highest, bottom, top)
    parts = [
        frame(
            x, y, [10 * at for at in range(0, bins + 1, 2)], ticks(0, highest, 4), (left, top, right, bottom)
        )
    ]
    for at in range(bins):
        height = bottom - y(minutes.get(at, 0.0))
        parts.append(
            f'<rect x="{x(at * 10) + 1:.1f}" y="{bottom - height:.1f}" width="{x(10) - x(0) - 2:.1f}" '
            f'height="{height:.1f}" rx="2" class="bar s{speed_class(at * 10 + 5)}">'
            f"<title>{at * 10}-{at * 10 + 10} km/h: {minutes.get(at, 0.0):.0f} min</title></rect>"
        )
    parts.append(text(left, 12, "minutes", "axis"))
    parts.append(text(right, bottom + 36, "km/h", "axis", "end"))
    return svg(540, 290, parts, "Time driven by speed")


def speed_class(kmh: float) -> int:
    """Return the colour class 0..5 of a speed."""
    return min(int(kmh // 22), 5)


def friction(trips: Sequence[dict[str, Any]]) -> str:
    """Forward against sideways acceleration: density of all seconds, harsh ones as dots, the rule's squares."""
    size, reach, cell = 500.0, 0.72, 0.02
    left, top, right, bottom = 46.0, 16.0, size + 16.0, size - 14.0
    x, y = scale(-reach, reach, left, right), scale(-reach, reach, bottom, top)
    counts: dict[tuple[int, int], int] = {}
    for trip in trips:
        for _, forward, sideways, _ in trip["seconds"]:
            place = (math.floor(sideways / cell), math.floor(forward / cell))
            counts[place] = counts.get(place, 0) + 1
    most = math.log1p(max(counts.values(), default=1))
    parts = []
    for (column, row), count in counts.items():
        shade = 0.08 + 0.8 * math.log1p(count) / most
        parts.append(
            f'<rect x="{x(column * cell):.1f}" y="{y((row + 1) * cell):.1f}" width="{x(cell) - x(0):.2f}" '
            f'height="{y(0) - y(cell):.2f}" class="density" opacity="{shade:.2f}"/>'
        )
    for edge, name in ((0.35, "low"), (0.45, "med"), (0.6, "high")):
        parts.append(
            f'<rect x="{x(-edge):.1f}" y="{y(edge):.1f}" width="{x(edge) - x(-edge):.1f}" '
            f'height="{y(-edge) - y(edge):.1f}" class="limit {name}"/>'
        )
        parts.append(text(x(edge) - 4, y(edge) + 13, f"{edge:g} g", f"limit-label {name}", "end"))
    for trip in trips:
        for one in trip["harsh"]:
            parts.append(
                f'<circle cx="{x(one["sideways_g"]):.1f}" cy="{y(one["forward_g"]):.1f}" r="3" '
                f'class="harsh {one["category"]}"><title>{html.escape(trip["vehicle"])}: {one["g"]:.2f} g at '
                f"{one['speed_kmh']:.0f} km/h</title></circle>"
            )
    for value in (-0.6, -0.3, 0.0, 0.3, 0.6):
        parts.append(text(x(value), bottom + 18, f"{value:g}", anchor="middle"))
        parts.append(text(left - 8, y(value) + 4, f"{value:g}", anchor="end"))
    parts.append(text(left + 4, top + 12, "speeding up ↑   braking ↓", "axis"))
    parts.append(text(right, bottom + 34, "g, sideways", "axis", "end"))
    return svg(size + 30, size + 26, parts, "Forward and sideways acceleration")


def precision_recall(curves: dict[str, list[tuple[float, float, float]]]) -> str:
    """One line per rule in the recall-precision plane; points are (threshold g, precision, recall)."""
    left, right, top, bottom = 46.0, 520.0, 24.0, 250.0
    x, y = scale(0, 1, left, right), scale(0, 1.04, bottom, top)
    parts = [frame(x, y, [0, 0.25, 0.5, 0.75, 1], [0, 0.25, 0.5, 0.75, 1], (left, top, right, bottom))]
    places = {"axis": (0.2, 0.87), "vector": (0.55, 0.78), "speed": (0.2, 0.1)}
    for name, points in curves.items():
        places_px = [
            (x(recall), y(precision)) for _, precision, recall in points
        ]  # in the order of the threshold
        parts.append(path(places_px, f"series rule-{name}"))
    names = {"axis": "longer axis", "vector": "length of the vector", "speed": "change of speed alone"}
    for name in curves:
        at = places[name]
        parts.append(text(x(at[0]), y(at[1]), names[name], f"rule-label rule-{name}"))
    parts.append(
        f'<circle cx="{x(1):.1f}" cy="{y(1):.1f}" r="5" class="chosen"><title>0.35 g</title></circle>'
    )
    parts.append(text(x(1) - 10, y(1) - 8, "0.35 g", "mark-label", "end"))
    parts.append(text(left, 12, "precision", "axis"))
    parts.append(text(right, bottom + 36, "recall", "axis", "end"))
    return svg(540, 290, parts, "Precision and recall of three rules")


def warm_up(trips: Sequence[dict[str, Any]]) -> str:
    """Coolant temperature over the first 15 minutes of every trip that measured it."""
    left, right, top, bottom, minutes = 46.0, 520.0, 24.0, 250.0, 15.0
    x, y = scale(0, minutes, left, right), scale(15, 105, bottom, top)
    parts = [frame(x, y, [0, 5, 10, 15], [20, 40, 60, 80, 100], (left, top, right, bottom))]
    parts.append(line(left, y(80), right, y(80), "limit med"))
    order = sorted(range(len(trips)), key=lambda at: trips[at]["warm_up_s"] or math.inf)
    for number, trip in enumerate(trips):
        points = [(x(at / 60), y(degrees)) for at, degrees in trip["coolant"] if at <= minutes * 60]
        parts.append(path(points, f"series warm-{number % 3}"))
        warm = trip["warm_up_s"]
        if warm is not None and warm <= minutes * 60:
            parts.append(
                f'<circle cx="{x(warm / 60):.1f}" cy="{y(80):.1f}" r="4" class="warm-{number % 3}"/>'
            )
            label = f"{trip['vehicle']} warm after {warm / 60:.1f} min"
            parts.append(
                text(right, y(46) + 17 * order.index(number), label, f"rule-label warm-{number % 3}", "end")
            )
    parts.append(text(left, 12, "coolant, °C", "axis"))
    parts.append(text(right, bottom + 36, "minutes since the start", "axis", "end"))
    return svg(540, 290, parts, "Warm-up of the CAN cars")
