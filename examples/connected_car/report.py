"""The report: one HTML file that needs nothing but itself.

The rule of the file: words and arrangement; numbers come from checks.py and the run, pictures from charts.py and maps.py.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples.connected_car import charts, maps
from examples.connected_car.checks import Check, Outcome, labelled_trips
from examples.connected_car.feed import Fleet

PAGE = Path(__file__).parent / "page"
Samples = Sequence[tuple[float, int, int, int]]


def write_report(
    directory: Path,
    fleet: Fleet,
    outcome: Outcome,
    checks: Sequence[Check],
    samples: Samples,
    marks: Sequence[tuple[float, str]],
    read_again: int,
) -> Path:
    """Write `index.html` into `directory` and return its path."""
    trips = outcome.trips()
    sections = [
        _head(fleet, outcome, checks, trips, samples),
        _map(trips),
        _throughput(outcome, samples, marks, read_again),
        _checks(checks),
        _harsh(fleet, outcome),
        _profiles(trips),
        _more(trips),
        _table(trips),
        _foot(),
    ]
    style, script = (PAGE / "report.css").read_text(), (PAGE / "report.js").read_text()
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Connected car: a fleet through Neuraxis</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><main>{''.join(sections)}</main><script>{script}</script></body></html>"
    )
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / "index.html"
    target.write_text(page, encoding="utf-8")
    return target


def _section(title: str, lead: str, *content: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2><p class='lead'>{lead}</p>{''.join(content)}</section>"


def _head(
    fleet: Fleet, outcome: Outcome, checks: Sequence[Check], trips: list[dict[str, Any]], samples: Samples
) -> str:
    failed = [check for check in checks if not check.holds]
    killed = " The broker was killed half-way and started again." if outcome.killed else ""
    verdict = (
        f"{len(failed)} of {len(checks)} checks failed."
        if failed
        else "Every reading came out exactly once and in order."
    )
    peak = max([rate for _, rate in charts.rates(samples, 2)] or [0.0])
    tiles = [
        (f"{len(fleet.readings):,}", "readings"),
        (f"{len(fleet.ledgers)}", "vehicles"),
        (f"{len(trips)}", "trips"),
        (f"{sum(trip['distance_km'] for trip in trips):,.0f} km", "driven"),
        (f"{sum(len(trip['harsh']) for trip in trips)} s", "of harsh driving"),
        (f"{peak:,.0f}/s", "highest rate acknowledged"),
    ]
    if outcome.killed:
        tiles.append((f"{outcome.outage_s:.1f} s", "from kill to next acknowledgement"))
    tiles.append((f"{len(checks) - len(failed)}/{len(checks)}", "checks hold"))
    cells = "".join(f"<div><b>{value}</b><span>{name}</span></div>" for value, name in tiles)
    return (
        "<header><p class='kicker'>Neuraxis · connected car</p>"
        f"<h1>A fleet of recorded drives, through one broker</h1><p class='intro'>{len(fleet.ledgers)} vehicles sent "
        f"{len(fleet.readings):,} real readings; two consumers made trips of them.{killed} <strong>{verdict}</strong></p>"
        f"<div class='tiles'>{cells}</div></header>"
    )


def _throughput(
    outcome: Outcome, samples: Samples, marks: Sequence[tuple[float, str]], read_again: int
) -> str:
    lead = "The cars keep sending while the broker is down; their readings wait in the producer and follow when it is back."
    if not outcome.killed:
        lead = "The feed runs at a steady pace; the second consumer joins after a fifth of it."
    note = (
        f"When the second member takes over partitions it reads them from their start to rebuild the trips in progress: "
        f"{read_again:,} readings were read again, and counted once."
    )
    legend = (
        "<p class='legend'><span class='key acknowledged'></span>acknowledged by the broker"
        "<span class='key read'></span>read by the consumer group</p>"
    )
    return _section("Throughput", f"{lead} {note}", legend, charts.throughput(samples, marks))


def _checks(checks: Sequence[Check]) -> str:
    rows = "".join(
        f"<li class='{'holds' if check.holds else 'fails'}'><b>{html.escape(check.name)}</b>"
        f"<span>{html.escape(check.detail)}</span></li>"
        for check in checks
    )
    return _section(
        "Checks",
        "The demo compares what came out with the files themselves.",
        f"<ul class='checks'>{rows}</ul>",
    )


def _map(trips: list[dict[str, Any]]) -> str:
    sizes = ((700.0, 520.0), (390.0, 250.0), (390.0, 250.0))
    drawn = [maps.fleet_map(trips, region, *size) for region, size in zip(maps.REGIONS, sizes, strict=True)]
    if not any(drawn):
        return ""
    legend = "".join(
        f"<span class='key s{at}'></span>{at * 22}{'+' if at == 5 else f'-{at * 22 + 22}'}" for at in range(6)
    )
    harsh = "".join(
        f"<span class='key dot {name}'></span>{name} {words}"
        for name, words in (("low", "from 0.35 g"), ("med", "from 0.45 g"), ("high", "above 0.6 g"))
    )
    first, *others = drawn
    side = "".join(one for one in others if one)
    grid = f"<div class='maps'><div>{first}</div><div>{side}</div></div>" if first else f"<div>{side}</div>"
    return _section(
        "Where they drove",
        "Tracks coloured by speed in km/h; dots are seconds of harsh driving. Point at a track to find its trip below.",
        f"<p class='legend'>{legend}<span class='gap'></span>{harsh}</p>",
        grid,
    )


def sweep(fleet: Fleet, outcome: Outcome) -> dict[str, list[tuple[float, float, float]]]:
    """Return (threshold g, precision, recall) for three rules, over the labelled vehicles' seconds."""
    rules: dict[str, list[tuple[float, bool]]] = {"axis": [], "vector": [], "speed": []}
    for trip in labelled_trips(outcome):
        for at, forward, sideways, by_speed in trip["seconds"]:
            labelled = (trip["vehicle"], at) in fleet.labels
            rules["axis"].append((max(abs(forward), abs(sideways)), labelled))
            rules["vector"].append(((forward**2 + sideways**2) ** 0.5, labelled))
            rules["speed"].append((abs(by_speed), labelled))
    total = len(fleet.labels)
    curves = {}
    for name, seconds in rules.items():
        points = []
        for hundredths in range(5, 81):
            threshold = hundredths / 100
            found = [labelled for value, labelled in seconds if value >= threshold]
            if found and total:
                points.append((threshold, sum(found) / len(found), sum(found) / total))
        curves[name] = points
    return curves


def _harsh(fleet: Fleet, outcome: Outcome) -> str:
    trips = labelled_trips(outcome)
    if not trips or not fleet.labels:
        return ""
    curves = sweep(fleet, outcome)
    best = max(curves["speed"], key=lambda point: point[1] * point[2], default=(0.0, 0.0, 0.0))
    vector = next((point for point in curves["vector"] if point[0] == 0.35), (0.35, 0.0, 0.0))
    words = (
        "<p>The rule that matches best: a second is harsh when the longer of forward and sideways acceleration reaches "
        "<b>0.35 g</b>; seconds that follow each other are one event, named after its peak. It finds exactly the labelled "
        "seconds, and it should: the study drew its label from the same accelerometer with the same thresholds. So the "
        "agreement shows that every value arrived unharmed, not that the rule is clever.</p>"
        f"<p>Two other rules for comparison: the length of the vector at 0.35 g has precision {vector[1]:.2f} at recall "
        f"{vector[2]:.2f}; the change of GPS speed alone, what a car without an accelerometer could see, is no "
        f"detector (precision {best[1]:.2f} at recall {best[2]:.2f}): it is smoothed, and one to two seconds late.</p>"
    )
    return _section(
        "Harsh driving",
        "Every second of the study by its forces: the darker a square the more seconds, dots are harsh ones.",
        f"<div class='two'><div>{charts.friction(trips)}</div><div class='words'>{words}"
        f"{charts.precision_recall(curves)}</div></div>",
    )


def _profiles(trips: list[dict[str, Any]]) -> str:
    order = sorted(range(len(trips)), key=lambda at: (-len(trips[at]["harsh"]), -trips[at]["distance_km"]))
    drawn = "".join(maps.profile(trips[at], at) for at in order if len(trips[at]["profile"]) > 1)
    return _section(
        "Trip by trip",
        "Speed over each trip's own time, most harsh driving first; ticks above are harsh seconds, lines are 50 and 100 km/h.",
        f"<div class='profiles'>{drawn}</div>",
    )


def _more(trips: list[dict[str, Any]]) -> str:
    can = [trip for trip in trips if trip["coolant"]]
    warm = f"<div><h3>Warm-up of the cars that report coolant</h3>{charts.warm_up(can)}</div>" if can else ""
    return _section(
        "How they drove",
        "Time at each speed, all trips together; and how long a cold engine takes to 80 °C.",
        f"<div class='two'><div><h3>Minutes at each speed</h3>{charts.speed_histogram(trips)}</div>{warm}</div>",
    )


def _table(trips: list[dict[str, Any]]) -> str:
    head = "".join(
        f"<th>{name}</th>"
        for name in (
            "vehicle",
            "min",
            "km",
            "mean",
            "max km/h",
            "stops",
            "idle",
            "low",
            "med",
            "high",
            "warm-up",
            "fuel",
        )
    )
    rows = []
    for number, trip in enumerate(trips):
        one = trip["summary"]
        cells = [
            trip["vehicle"],
            f"{one['duration_s'] / 60:.1f}",
            f"{one['distance_km']:.1f}",
            f"{one['mean_kmh']:.0f}",
            f"{one['max_kmh']:.0f}",
            one["stops"],
            f"{one['idle_share']:.0%}",
            one["harsh_low"] or "",
            one["harsh_med"] or "",
            one["harsh_high"] or "",
            f"{one['warm_up_s']:.0f} s" if one["warm_up_s"] else "",
            f"{one['fuel_used_percent']:.1f} %" if one["fuel_used_percent"] else "",
        ]
        row = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
        rows.append(f"<tr class='trip' data-trip='{number}'>{row}</tr>")
    return _section(
        "All trips",
        "low, med and high count events; idle is the share of time below 2 km/h; fuel is the tank's level used.",
        f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>",
    )


def _foot() -> str:
    return (
        "<footer><p>Data: drives-1..34 from hardtme/DrivePlotR, © 2024 Marie Hardt; 3BA199E2 and 7512BE4D from "
        "CSS-Electronics/api-examples, © 2020 CSS-Electronics; both MIT, notices in examples/connected_car/data/LICENSES.txt. "
        "The CAN cars carry no harsh-driving label; what is marked on them is not scored. Holes in the recordings are left "
        "open: no distance is counted across more than ten seconds of silence.</p></footer>"
    )
