"""The fleet: recorded drives read from CSV, merged as if all cars had set out together, and sent with confluent-kafka.

The rule of the file: one row of the files is one reading is one record. Key = vehicle, record timestamp = event time,
`seq` counts the readings of a vehicle from 0.
"""

from __future__ import annotations

import csv
import heapq
import json
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, Producer

DATA = Path(__file__).parent / "data"
LONGEST_PAUSE_MS = (
    600_000  # in fleet time a parked car waits ten minutes at most, so that --speed does not wait for hours
)
KM_PER_MILE = 1.609344


class Reading(NamedTuple):
    """One record to send. `fleet_ms` is the time since the vehicle's first reading, long pauses shortened."""

    fleet_ms: int
    vehicle: str
    event_ms: int
    value: bytes


class Label(NamedTuple):
    """A second the study marked as harsh driving: the event's number within the drive, and the event's category."""

    event: str
    category: str


@dataclass
class Ledger:
    """What a vehicle's readings amount to, in their order: the same sum on both sides of the broker proves the way."""

    count: int = 0
    checksum: int = 0

    def take(self, event_ms: int, value: bytes) -> None:
        """Chain one reading into the checksum; a lost, repeated, changed or swapped one changes it."""
        self.count += 1
        self.checksum = zlib.crc32(value, zlib.crc32(event_ms.to_bytes(8, "big"), self.checksum))


@dataclass
class Fleet:
    """Everything the recordings say: what goes in, and what they already know about the result."""

    readings: list[Reading] = field(default_factory=list)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    trips: set[tuple[str, str]] = field(default_factory=set)  # (vehicle, the recording's own number)
    labels: dict[tuple[str, int], Label] = field(default_factory=dict)  # (vehicle, event_ms)
    odometer_km: dict[tuple[str, str], float] = field(default_factory=dict)  # as recorded, per trip


def load(only: Collection[str] = ()) -> Fleet:
    """Read both files, keep the vehicles in `only` (all if empty), and merge them by fleet time."""
    fleet = Fleet()
    cars: dict[str, list[Reading]] = {}
    for vehicle, event_ms, fields in _rows(fleet, only):
        car = cars.setdefault(vehicle, [])
        ledger = fleet.ledgers.setdefault(vehicle, Ledger())
        value = json.dumps({"seq": ledger.count, **fields}, separators=(",", ":")).encode()
        ledger.take(event_ms, value)
        before = car[-1] if car else Reading(0, vehicle, event_ms, b"")
        fleet_ms = before.fleet_ms + min(event_ms - before.event_ms, LONGEST_PAUSE_MS)
        car.append(Reading(fleet_ms, vehicle, event_ms, value))
    fleet.readings = list(heapq.merge(*cars.values(), key=lambda reading: reading.fleet_ms))
    return fleet


def _rows(fleet: Fleet, only: Collection[str]) -> Iterator[tuple[str, int, dict[str, object]]]:
    """Yield (vehicle, event time, fields) of both files and note labels, trips and odometers on the way."""
    with (DATA / "drives_1hz.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            vehicle, event_ms = f"drive-{int(row.pop('drive')):02d}", int(row.pop("ts_ms"))
            if only and vehicle not in only:
                continue
            event, category = (
                row.pop("accel_event"),
                row.pop("accel_event_cat"),
            )  # stays here: it is the answer
            if category:
                fleet.labels[vehicle, event_ms] = Label(event, category)
            fleet.trips.add((vehicle, "1"))
            driven = float(row.pop("distance_miles") or 0) * KM_PER_MILE
            fleet.odometer_km[vehicle, "1"] = fleet.odometer_km.get((vehicle, "1"), 0.0) + driven
            del row["drive_distance_miles"]
            yield vehicle, event_ms, {name: float(value) for name, value in row.items() if value}
    with (DATA / "can_signals.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            vehicle, event_ms = row["vehicle"], int(row["ts_ms"])
            if only and vehicle not in only:
                continue
            trip = (vehicle, row["trip"])
            fleet.trips.add(trip)
            value = float(row["value"])
            if row["signal"] == "gnss_trip_distance":
                fleet.odometer_km[trip] = max(fleet.odometer_km.get(trip, 0.0), value / 1000)
            yield vehicle, event_ms, {"signal": row["signal"], "value": value, "unit": row["unit"]}


class Feed:
    """Sends the fleet; `sent` and `acknowledged` may be read from another thread while it runs."""

    def __init__(self, bootstrap: str, topic: str, readings: list[Reading]) -> None:
        self.topic = topic
        self.readings = readings
        self.sent = 0
        self.acknowledged = 0
        self.ends: dict[int, int] = {}  # partition -> offset behind the last acknowledged reading
        self.failure: str | None = None
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "client.id": "connected-car-feed",
                "log_level": 2,  # the outage is expected; failures arrive by delivery report
                "acks": "all",
                "enable.idempotence": True,  # a retry after the kill must not write a reading twice
                "linger.ms": 5,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 200_000,  # the cars do not wait for the broker: room for all of it
                "reconnect.backoff.max.ms": 500,  # the outage is short; look again soon
            }
        )

    def run(self, rate: float, speed: float) -> None:
        """Send everything: at `speed` times real time, else at `rate` readings a second, else (0, 0) at full tilt."""
        due: Callable[[int], float] | None = None
        if speed:
            due = lambda index: self.readings[index].fleet_ms / 1000 / speed  # noqa: E731  # two one-line rules side by side
        elif rate:
            due = lambda index: index / rate  # noqa: E731  # as above
        started = time.monotonic()
        for index, reading in enumerate(self.readings):
            if due is not None and index % 64 == 0:  # 64: a pause below 5 ms is not worth a system call
                while (wait := due(index) - (time.monotonic() - started)) > 0 and self.failure is None:
                    self._producer.poll(min(wait, 0.05))
            if self.failure is not None:
                return
            self._send(reading)
        while self._producer.flush(0.2) and self.failure is None:
            pass

    def _send(self, reading: Reading) -> None:
        while True:
            try:
                self._producer.produce(
                    self.topic,
                    key=reading.vehicle,
                    value=reading.value,
                    timestamp=reading.event_ms,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.05)
                continue
            break
        self.sent += 1
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failure = f"a reading of {message.key()!r} was not delivered: {error}"
            return
        self.acknowledged += 1
        partition, offset = message.partition() or 0, message.offset() or 0
        self.ends[partition] = max(self.ends.get(partition, 0), offset + 1)
