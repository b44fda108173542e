"""Where and how the fleet drove, as SVG: maps of tracks coloured by speed, and one speed profile per trip.

The rule of the file: a track is broken where the recording has a hole; nothing is drawn that was not recorded.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from examples.connected_car.charts import line, nice_step, path, scale, speed_class, svg, text

HOLE_KM = 0.3  # points further apart than this are not joined (136 km/h is 38 m a second)
NEAR_PX = 1.1  # a point closer than this to the last one drawn changes nothing anybody could see
KM_PER_DEGREE = 111.32
RADIUS = {"low": 3.0, "med": 4.5, "high": 7.0}


class Region(NamedTuple):
    """A map: its name and its box in degrees."""

    name: str
    south: float
    west: float
    north: float
    east: float

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether a place lies in the box."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


REGIONS = (
    Region("Omaha, Nebraska", 41.20, -96.15, 41.34, -95.90),
    Region("Across Iowa, Omaha to Ames", 41.0, -96.15, 42.2, -93.2),
    Region("East Jutland, Denmark", 55.5, 9.5, 56.4, 10.6),
)


def fleet_map(trips: Sequence[dict[str, Any]], region: Region, width: float, height: float) -> str:
    """Draw the tracks within a region, fitted to what is there; slower below faster, harsh seconds on top."""
    inside = [
        (number, trip)
        for number, trip in enumerate(trips)
        if trip["track"] and next((one for one in REGIONS if _holds(one, trip)), None) == region
    ]
    if not inside:
        return ""
    places = [(latitude, longitude) for _, trip in inside for latitude, longitude, _ in trip["track"]]
    south, north = min(place[0] for place in places), max(place[0] for place in places)
    west, east = min(place[1] for place in places), max(place[1] for place in places)
    stretch = math.cos(math.radians((south + north) / 2))
    margin = 26.0
    per_degree = min(
        (width - 2 * margin) / ((east - west) * stretch or 1e-6),
        (height - 2 * margin - 20) / ((north - south) or 1e-6),
    )
    free_x = width - (east - west) * stretch * per_degree
    free_y = height - 20 - (north - south) * per_degree

    def place(latitude: float, longitude: float) -> tuple[float, float]:
        return free_x / 2 + (longitude - west) * stretch * per_degree, 20 + free_y / 2 + (
            north - latitude
        ) * per_degree

    parts = [text(16, 24, region.name, "map-title")]
    for number, trip in inside:
        parts.append(f'<g class="trip" data-trip="{number}">' + "".join(_track(trip, place)))
        parts.append(f"<title>{html.escape(describe(trip))}</title></g>")
    for number, trip in inside:
        parts.append(f'<g class="trip" data-trip="{number}">')
        for one in sorted(trip["harsh"], key=lambda one: float(one["g"])):
            if one["latitude"] is None:
                continue
            x, y = place(one["latitude"], one["longitude"])
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS[one["category"]]}" class="harsh {one["category"]}">'
                f"<title>{html.escape(trip['vehicle'])}: {one['category']}, {one['g']:.2f} g at "
                f"{one['speed_kmh']:.0f} km/h</title></circle>"
            )
        parts.append("</g>")
    km = nice_step(width * 0.22 / per_degree * KM_PER_DEGREE, 1)
    if km / KM_PER_DEGREE * per_degree > width * 0.4:
        km /= 2
    length = km / KM_PER_DEGREE * per_degree
    parts.append(line(16, height - 16, 16 + length, height - 16, "scale-bar"))
    parts.append(text(16, height - 22, f"{km:g} km", "tick"))
    return svg(width, height, parts, f"Map: {region.name}", "map")


def _holds(region: Region, trip: dict[str, Any]) -> bool:
    return all(region.holds(latitude, longitude) for latitude, longitude, _ in trip["track"])


def _track(trip: dict[str, Any], place: Any) -> list[str]:  # Any: the projection above
    """Return the track in runs of one colour each."""
    parts: list[str] = []
    run: list[tuple[float, float]] = []
    colour, before, last = -1, None, (0.0, 0.0)
    for latitude, longitude, kmh in trip["track"]:
        point, now = place(latitude, longitude), speed_class(kmh)
        hole = before is not None and _km(before, (latitude, longitude)) > HOLE_KM
        if hole or now != colour:
            parts.append(path([*run, last], f"track s{colour}") if run else "")
            run = [last, point] if run and not hole else [point]
            colour = now
        elif math.dist(run[-1], point) >= NEAR_PX:
            run.append(point)
        before, last = (latitude, longitude), point
    return [*parts, path([*run, last], f"track s{colour}") if run else ""]


def _km(one: tuple[float, float], other: tuple[float, float]) -> float:
    stretch = math.cos(math.radians(one[0]))
    return math.hypot(one[0] - other[0], (one[1] - other[1]) * stretch) * KM_PER_DEGREE


def describe(trip: dict[str, Any]) -> str:
    """Return one line about a trip."""
    summary = trip["summary"]
    minutes = (
        f"{summary['duration_s'] / 60:.0f} min"
        if summary["duration_s"] >= 90
        else f"{summary['duration_s']:.0f} s"
    )
    return f"{trip['vehicle']} · {minutes} · {summary['distance_km']:.1f} km"


def profile(trip: dict[str, Any], number: int) -> str:
    """Draw the speed of one trip over its time, and its harsh seconds as ticks above."""
    width, height, top, bottom = 260.0, 96.0, 26.0, 92.0
    seconds = max(trip["profile"][-1][0], 1.0)
    x, y = scale(0, seconds, 0, width - 18), scale(0, 140, bottom, top + 8)
    parts = [line(0, y(kmh), width - 18, y(kmh), "grid") for kmh in (50, 100)]
    parts += [text(width, y(kmh) + 3, f"{kmh:g}", "tick small", "end") for kmh in (50, 100)]
    for run in _runs(trip["profile"], x, y):
        parts.append(path(run, "area speed", bottom))
        parts.append(path(run, "series speed"))
    parts.append(line(0, bottom, width - 18, bottom, "base"))
    for one in trip["harsh"]:
        at = x((one["event_ms"] - trip["start_ms"]) / 1000)
        parts.append(line(at, top, at, top + 9, f"harsh-tick {one['category']}"))
    harsh = len(trip["harsh"])
    parts.append(text(0, 13, describe(trip), "profile-title"))
    if harsh:
        parts.append(text(width, 13, f"{harsh} s harsh", "profile-harsh", "end"))
    return f'<div class="profile trip" data-trip="{number}">{svg(width, height, parts, describe(trip))}</div>'


def _runs(
    points: Sequence[tuple[float, float]], x: Any, y: Any
) -> list[list[tuple[float, float]]]:  # Any: scales
    """Return the profile in pixels, at most one minimum and maximum per pixel, broken at holes over ten seconds."""
    runs: list[list[tuple[float, float]]] = []
    last = -1e9
    column: list[tuple[float, float]] = []
    for at, kmh in points:
        if at - last > 10:
            if column and runs:
                runs[-1] += column
            runs.append([])
            column = []
        pixel = x(at)
        if column and int(column[0][0]) == int(pixel):
            column = sorted([column[0], column[-1], (pixel, y(kmh))], key=lambda place: place[1])
            column = sorted([column[0], column[-1]])
        else:
            runs[-1] += column
            column = [(pixel, y(kmh))]
        last = at
    if runs:
        runs[-1] += column
    return [run for run in runs if len(run) > 1]
