"""What must be true at the end, as pure functions of what went in and what came out.

The rule of the file: a check compares two independent accounts (the files and the group) and says both numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from examples.connected_car.feed import Fleet

ODOMETER_SHARE, ODOMETER_KM = (
    0.03,
    0.15,
)  # integrated speed against the recorded odometer: 3 %, or 150 m on short trips


@dataclass
class Check:
    """One check: its sentence, whether it holds, and the numbers it rests on."""

    name: str
    holds: bool
    detail: str


@dataclass
class Outcome:
    """What the group found, and what the run measured on the way."""

    cars: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # Any: plain values from the member processes
    owners: dict[int, set[int]] = field(default_factory=dict)  # partition -> members that ended with it
    acknowledged: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    committed: dict[int, int] = field(default_factory=dict)
    published: dict[str, dict[str, Any]] = field(default_factory=dict)
    killed: bool = False
    acknowledged_at_kill: int = 0
    outage_s: float = 0.0
    restart_s: float = 0.0

    def trips(self) -> list[dict[str, Any]]:
        """All trips in order of vehicle and time, each with its summary."""
        return [
            {**trip, "summary": summary}
            for _, car in sorted(self.cars.items())
            for trip, summary in zip(car["trips"], car["summaries"], strict=True)
        ]


@dataclass
class Score:
    """A detector against the label, in seconds."""

    true: int
    found: int
    labelled: int

    @property
    def precision(self) -> float:
        """Share of the seconds found that carry the label."""
        return self.true / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the labelled seconds that were found."""
        return self.true / self.labelled if self.labelled else 1.0


def score(fleet: Fleet, outcome: Outcome) -> Score:
    """Score the harsh seconds of the labelled vehicles against the study's label."""
    found = {(trip["vehicle"], one["event_ms"]) for trip in labelled_trips(outcome) for one in trip["harsh"]}
    return Score(len(found & fleet.labels.keys()), len(found), len(fleet.labels))


def labelled_trips(outcome: Outcome) -> list[dict[str, Any]]:
    """The trips of the driving study: the CAN cars carry no label."""
    return [trip for trip in outcome.trips() if trip["vehicle"].startswith("drive-")]


def run_checks(fleet: Fleet, outcome: Outcome) -> list[Check]:
    """Run every check; the order is that of the report."""
    sent = len(fleet.readings)
    counts = {vehicle: car["count"] for vehicle, car in outcome.cars.items()}
    wrong_count = [name for name, ledger in fleet.ledgers.items() if counts.get(name) != ledger.count]
    disorder = sum(car["repeated"] + car["missing"] for car in outcome.cars.values())
    wrong_sum = [
        name
        for name, ledger in fleet.ledgers.items()
        if outcome.cars.get(name, {}).get("checksum") != ledger.checksum
    ]
    shared = [partition for partition, members in outcome.owners.items() if len(members) != 1]
    lag = {at: end - outcome.committed.get(at, 0) for at, end in outcome.ends.items()}
    checks = [
        Check(
            "Every reading was acknowledged",
            outcome.acknowledged == sent,
            f"{outcome.acknowledged:,} of {sent:,} acknowledged by the broker (acks=all, idempotent)",
        ),
        Check(
            "Every reading came out exactly once",
            not wrong_count and sum(counts.values()) == sent == sum(outcome.ends.values()),
            f"{sum(outcome.ends.values()):,} records in the log, {sum(counts.values()):,} readings read"
            + _naming(wrong_count),
        ),
        Check(
            "In order for every vehicle",
            disorder == 0,
            f"{disorder} gaps, repeats or swaps in the sequences of {len(outcome.cars)} vehicles; nothing de-duplicated",
        ),
        Check(
            "Byte for byte, with its event time",
            not wrong_sum,
            f"chained CRC-32 over time and value equal for {len(fleet.ledgers) - len(wrong_sum)} of "
            f"{len(fleet.ledgers)} vehicles" + _naming(wrong_sum),
        ),
        Check(
            "Every partition had one owner, and its offsets are committed",
            not shared and not any(lag.values()),
            f"{len(outcome.owners)} partitions held vehicles; group lag {sum(lag.values()):,}",
        ),
    ]
    if outcome.killed:
        checks.append(
            Check(
                "The broker was killed half-way and lost nothing",
                0 < outcome.acknowledged_at_kill < sent and outcome.restart_s > 0 and not wrong_count,
                f"SIGKILL after {outcome.acknowledged_at_kill:,} acknowledgements, left down for a second; listening "
                f"{outcome.restart_s:.2f} s after its start, acknowledging again {outcome.outage_s:.2f} s after the kill",
            )
        )
    return [*checks, *_result_checks(fleet, outcome)]


def _result_checks(fleet: Fleet, outcome: Outcome) -> list[Check]:
    """The checks of what the group computed."""
    trips = outcome.trips()
    result = score(fleet, outcome)
    events = len({(vehicle, label.event) for (vehicle, _), label in fleet.labels.items()})
    found = {
        (trip["vehicle"], one["event_ms"]): one["category"]
        for trip in labelled_trips(outcome)
        for one in trip["harsh"]
    }
    wrong_category = [
        key for key, label in fleet.labels.items() if found.get(key, label.category) != label.category
    ]
    found_events = sum(len({one["event"] for one in trip["harsh"]}) for trip in labelled_trips(outcome))
    return [
        Check(
            "Trips found by silence are the trips recorded",
            len(trips) == len(fleet.trips),
            f"{len(trips)} session windows (gap 5 minutes), {len(fleet.trips)} recordings",
        ),
        _odometer_check(fleet, trips),
        Check(
            "Harsh seconds agree with the label",
            result.true == result.found == result.labelled and not wrong_category and found_events == events,
            f"precision {result.precision:.3f}, recall {result.recall:.3f} ({result.true} of {result.labelled} seconds, "
            f"{found_events} of {events} events), {len(wrong_category)} categories differ",
        ),
        Check(
            "Every trip is published on the trips topic",
            outcome.published.keys() == {f"{trip['vehicle']}/{trip['start_ms']}" for trip in trips}
            and all(
                outcome.published.get(f"{trip['vehicle']}/{trip['start_ms']}") == trip["summary"]
                for trip in trips
            ),
            f"{len(outcome.published)} keys there, {len(trips)} trips here, contents equal",
        ),
    ]


def _odometer_check(fleet: Fleet, trips: list[dict[str, Any]]) -> Check:
    """Compare distances with the recorded odometers, trip by trip (a car without one, 7512BE4D, is left out)."""
    recorded = [km for _, km in sorted(fleet.odometer_km.items())]
    named = {vehicle for vehicle, _ in fleet.odometer_km}
    computed = [trip["distance_km"] for trip in trips if trip["vehicle"] in named]
    far = [
        abs(ours - theirs)
        for ours, theirs in zip(computed, recorded, strict=False)
        if abs(ours - theirs) > max(ODOMETER_KM, ODOMETER_SHARE * theirs)
    ]
    return Check(
        "Distances agree with the odometers",
        len(computed) == len(recorded) and not far,
        f"{sum(computed):.1f} km from speed, {sum(recorded):.1f} km recorded, on {len(recorded)} trips; "
        f"{len(far)} differ by more than {ODOMETER_SHARE:.0%} or {ODOMETER_KM * 1000:.0f} m",
    )


def _naming(vehicles: list[str]) -> str:
    return f"; differs for {', '.join(vehicles[:5])}" if vehicles else ""
