"""Readings to trips: a pure fold over one vehicle's readings in order. No clock, no network, no files.

The rule of the file: the same readings in the same order give the same trips, so a member that takes over a partition reads
it from the start and is where the member before it was.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from examples.connected_car.feed import Ledger

TRIP_GAP_MS = 300_000  # five minutes of silence end a trip; the longest gap inside a recorded drive is 76 s
SPEED_GAP_MS = 10_000  # across longer gaps no distance is counted: nobody knows what the car did
HARSH_GAP_MS = 1_500  # harsh seconds that follow each other are one event (readings come once a second)
HARSH_G = 0.35  # the longer of |forward| and |sideways|; medium from 0.45, high above 0.6
STILL_KMH, MOVING_KMH = 2.0, 10.0
WARM_DEGC, COLD_DEGC = 80.0, 60.0
STANDARD_GRAVITY = 9.80665
KMH_PER_MPH = 1.609344
TILT_SAMPLES = 60  # a minute at 1 Hz tells how the logger is mounted
GOOD_FIX_M = 25.0  # the receiver reports 63 m before its first fix, and positions from memory


def category(peak_g: float) -> str:
    """Return the category of a harsh event by its peak, in g."""
    if peak_g > 0.6:
        return "high"
    return "med" if peak_g >= 0.45 else "low"


@dataclass
class Harsh:
    """One second of harsh driving. `event` counts within the trip; `category` is that of the whole event."""

    event_ms: int
    event: int
    g: float
    forward_g: float
    sideways_g: float
    speed_kmh: float
    latitude: float | None
    longitude: float | None
    category: str = "low"


@dataclass
class Trip:
    """What is known of one trip so far; times in Unix ms, distances in km, speeds in km/h."""

    vehicle: str
    start_ms: int
    end_ms: int = 0
    readings: int = 0
    distance_km: float = 0.0
    observed_ms: int = 0
    idle_ms: int = 0
    stops: int = 0
    max_kmh: float = 0.0
    set_aside: int = 0  # positions without a fix
    warm_up_s: float | None = None
    fuel_start: float | None = None
    fuel_end: float | None = None
    harsh: list[Harsh] = field(default_factory=list)
    track: list[tuple[float, float, float]] = field(default_factory=list)  # latitude, longitude, km/h
    profile: list[tuple[float, float]] = field(default_factory=list)  # seconds from start, km/h
    coolant: list[tuple[float, float]] = field(default_factory=list)  # seconds from start, degC
    seconds: list[tuple[int, float, float, float]] = field(
        default_factory=list
    )  # time, forward, sideways, by speed (g)

    def __post_init__(self) -> None:
        self._speed: tuple[int, float] | None = None
        self._was_moving = False
        self._signals: dict[str, float] = {}
        self._tilt = [0.0, 0.0, 0]  # sum of both horizontal axes, samples

    @property
    def mean_kmh(self) -> float:
        """Mean speed over the time the car was observed."""
        return self.distance_km / (self.observed_ms / 3_600_000) if self.observed_ms else 0.0

    @property
    def harsh_events(self) -> dict[str, int]:
        """Number of harsh events by category."""
        events = {one.event: one.category for one in self.harsh}
        return {name: list(events.values()).count(name) for name in ("low", "med", "high")}

    def drive(self, at_ms: int, row: dict[str, float]) -> None:
        """Take one second of the driving study: a wide row."""
        slower = self._speed
        if "speed_mph" in row:
            self._take_speed(at_ms, row["speed_mph"] * KMH_PER_MPH)
        kmh = self._speed[1] if self._speed else 0.0
        place = (row.get("gps_lat"), row.get("gps_lon"))
        if place[0] is not None and place[1] is not None:
            self.track.append((place[0], place[1], kmh))
        if "accel_x" in row and "accel_y" in row:
            by_speed = (
                (kmh - slower[1]) / 3.6 / STANDARD_GRAVITY if slower and at_ms - slower[0] == 1000 else 0.0
            )
            self.seconds.append((at_ms, row["accel_x"], row["accel_y"], by_speed))
            self._take_acceleration(at_ms, row["accel_x"], row["accel_y"], place)

    def signal(self, at_ms: int, name: str, value: float) -> None:
        """Take one decoded CAN or GNSS signal."""
        since_s = (at_ms - self.start_ms) / 1000
        self._signals[name] = value
        if name == "vehicle_speed":
            self._take_speed(at_ms, value)
        elif name == "gnss_longitude":
            if self._signals.get("gnss_position_accuracy", 63.0) <= GOOD_FIX_M:
                kmh = self._speed[1] if self._speed else 0.0
                self.track.append((self._signals["gnss_latitude"], value, kmh))
            else:
                self.set_aside += 1
        elif name == "coolant_temp":
            self.coolant.append((since_s, value))
            if self.warm_up_s is None and value >= WARM_DEGC and self.coolant[0][1] < COLD_DEGC:
                self.warm_up_s = since_s
        elif name == "fuel_level":
            self.fuel_start = value if self.fuel_start is None else self.fuel_start
            self.fuel_end = value
        elif name == "gnss_accel_z":
            self._take_tilted(at_ms)

    def _take_speed(self, at_ms: int, kmh: float) -> None:
        if self._speed is not None and 0 < at_ms - self._speed[0] <= SPEED_GAP_MS:
            passed_ms = at_ms - self._speed[0]
            self.distance_km += (self._speed[1] + kmh) / 2 * passed_ms / 3_600_000
            self.observed_ms += passed_ms
            if self._speed[1] < STILL_KMH:
                self.idle_ms += passed_ms
        if kmh < STILL_KMH and self._was_moving:
            self.stops += 1
            self._was_moving = False
        elif kmh > MOVING_KMH:
            self._was_moving = True
        self.max_kmh = max(self.max_kmh, kmh)
        self._speed = (at_ms, kmh)
        self.profile.append(((at_ms - self.start_ms) / 1000, kmh))

    def _take_tilted(self, at_ms: int) -> None:
        """The logger of the CAN car stands upright: x is gravity; what y and z show on average is its tilt."""
        sideways, forward = self._signals.get("gnss_accel_y", 0.0), self._signals["gnss_accel_z"]
        tilt, count = self._tilt, int(self._tilt[2])
        if count >= TILT_SAMPLES:
            place = (self.track[-1][0], self.track[-1][1]) if self.track else (None, None)
            forward_g, sideways_g = (
                (value - total / count) / STANDARD_GRAVITY
                for value, total in ((forward, tilt[1]), (sideways, tilt[0]))
            )
            self._take_acceleration(at_ms, forward_g, sideways_g, place)
        self._tilt = [tilt[0] + sideways, tilt[1] + forward, count + 1]

    def _take_acceleration(
        self, at_ms: int, forward_g: float, sideways_g: float, place: tuple[float | None, float | None]
    ) -> None:
        peak = max(abs(forward_g), abs(sideways_g))
        if peak < HARSH_G:
            return
        last = self.harsh[-1] if self.harsh else None
        follows = last is not None and at_ms - last.event_ms <= HARSH_GAP_MS
        event = 0 if last is None else last.event if follows else last.event + 1
        kmh = self._speed[1] if self._speed else 0.0
        self.harsh.append(Harsh(at_ms, event, peak, forward_g, sideways_g, kmh, *place))
        seconds = [one for one in self.harsh if one.event == event]
        for one in seconds:
            one.category = category(max(second.g for second in seconds))

    def summary(self) -> dict[str, object]:
        """Return what is published about the trip: numbers, no tracks."""
        harsh = self.harsh_events
        return {
            "vehicle": self.vehicle,
            "start_ms": self.start_ms,
            "duration_s": round((self.end_ms - self.start_ms) / 1000, 1),
            "distance_km": round(self.distance_km, 3),
            "mean_kmh": round(self.mean_kmh, 1),
            "max_kmh": round(self.max_kmh, 1),
            "stops": self.stops,
            "idle_share": round(self.idle_ms / self.observed_ms, 3) if self.observed_ms else 0.0,
            "harsh_seconds": len(self.harsh),
            "harsh_low": harsh["low"],
            "harsh_med": harsh["med"],
            "harsh_high": harsh["high"],
            "warm_up_s": self.warm_up_s,
            "fuel_used_percent": round(self.fuel_start - (self.fuel_end or 0.0), 1)
            if self.fuel_start
            else None,
            "readings": self.readings,
            "positions_set_aside": self.set_aside,
        }

    def state(self) -> dict[str, object]:
        """Return everything, as plain values another process can take."""
        return asdict(self)


class Car:
    """One vehicle: its ledger, the order of its readings, and its trips."""

    def __init__(self, vehicle: str) -> None:
        self.vehicle = vehicle
        self.ledger = Ledger()
        self.expected = 0  # the sequence number that should come next
        self.repeated = 0
        self.missing = 0
        self.trips: list[Trip] = []

    def take(self, event_ms: int, value: bytes) -> Trip | None:
        """Fold one reading in; returns the trip that it shows to have ended."""
        reading = json.loads(value)
        sequence = reading.pop("seq")
        if sequence < self.expected:
            self.repeated += (
                1  # or late; counted, not dropped: the log itself should hold each reading once, in order
            )
        else:
            self.missing += sequence - self.expected
            self.expected = sequence + 1
        self.ledger.take(event_ms, value)
        ended = None
        if not self.trips or event_ms - self.trips[-1].end_ms > TRIP_GAP_MS:
            ended = self.trips[-1] if self.trips else None
            self.trips.append(Trip(self.vehicle, event_ms))
        trip = self.trips[-1]
        trip.end_ms = event_ms
        trip.readings += 1
        if "signal" in reading:
            trip.signal(event_ms, reading["signal"], reading["value"])
        else:
            trip.drive(event_ms, reading)
        return ended
