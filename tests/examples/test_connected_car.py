"""The connected-car example: the fold, the checks that must be able to fail, and a small slice of the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from examples.connected_car.analyse import Car, Trip, category
from examples.connected_car.checks import Check, Outcome, run_checks
from examples.connected_car.feed import Fleet, load
from examples.connected_car.fleet import _plain
from examples.connected_car.run import main

SLICE = "drive-18,drive-06,7512BE4D"


def row(sequence: int, **fields: float) -> bytes:
    return json.dumps({"seq": sequence, **fields}).encode()


def test_five_minutes_of_silence_end_a_trip() -> None:
    car = Car("a")
    assert car.take(0, row(0, speed_mph=10)) is None
    assert car.take(300_000, row(1, speed_mph=10)) is None
    ended = car.take(600_001, row(2, speed_mph=10))
    assert ended is car.trips[0]
    assert [(trip.start_ms, trip.end_ms, trip.readings) for trip in car.trips] == [
        (0, 300_000, 2),
        (600_001, 600_001, 1),
    ]


def test_distance_is_speed_over_time_but_not_across_a_hole() -> None:
    trip = Trip("a", 0)
    for at_s in (*range(11), *range(71, 82)):
        trip.signal(at_s * 1000, "vehicle_speed", 36.0)
    assert trip.distance_km == pytest.approx(0.2)
    assert trip.mean_kmh == pytest.approx(36.0)


def test_stops_and_idling() -> None:
    trip = Trip("a", 0)
    for at, kmh in enumerate([0, 0, 20, 20, 1, 1, 5, 1, 20, 0]):
        trip.signal(at * 1000, "vehicle_speed", float(kmh))
    assert trip.stops == 2  # creeping at 5 km/h between two halts is not driving
    assert trip.idle_ms == 5000


def test_consecutive_harsh_seconds_are_one_event_named_after_its_peak() -> None:
    trip = Trip("a", 0)
    for at, forward in enumerate([0.36, 0.46, 0.1, -0.35, 0.349, 0.61]):
        trip.drive(at * 1000, {"accel_x": forward, "accel_y": 0.0})
    assert [(one.event, one.category) for one in trip.harsh] == [
        (0, "med"),
        (0, "med"),
        (1, "low"),
        (2, "high"),
    ]
    assert trip.harsh_events == {"low": 1, "med": 1, "high": 1}


def test_categories_begin_where_the_study_says() -> None:
    assert [category(g) for g in (0.35, 0.449, 0.45, 0.6, 0.601)] == ["low", "low", "med", "med", "high"]


def test_positions_without_a_fix_are_set_aside() -> None:
    trip = Trip("a", 0)
    for accuracy in (63.0, 3.0):
        trip.signal(0, "gnss_position_accuracy", accuracy)
        trip.signal(0, "gnss_latitude", 56.0)
        trip.signal(0, "gnss_longitude", 10.0)
    assert (trip.set_aside, trip.track) == (1, [(56.0, 10.0, 0.0)])


def test_warm_up_counts_only_from_cold() -> None:
    cold, warm = Trip("a", 0), Trip("a", 0)
    for at, degrees in enumerate([20.0, 79.0, 80.0, 90.0]):
        cold.signal(at * 1000, "coolant_temp", degrees)
        warm.signal(at * 1000, "coolant_temp", degrees + 60)
    assert (cold.warm_up_s, warm.warm_up_s) == (2.0, None)


@pytest.mark.parametrize(
    ("sequences", "repeated", "missing"),
    [([0, 1, 2], 0, 0), ([0, 1, 1, 2], 1, 0), ([0, 2], 0, 1), ([0, 2, 1], 1, 1), ([2], 0, 2)],
)
def test_repeats_gaps_and_swaps_show(sequences: list[int], repeated: int, missing: int) -> None:
    car = Car("a")
    for at, sequence in enumerate(sequences):
        car.take(at, row(sequence))
    assert (car.repeated, car.missing) == (repeated, missing)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return load(SLICE.split(","))


def outcome_of(fleet: Fleet, values: list[tuple[str, int, bytes]]) -> Outcome:
    """Fold readings as a perfect group would, without a broker."""
    cars: dict[str, Car] = {}
    for vehicle, event_ms, value in values:
        cars.setdefault(vehicle, Car(vehicle)).take(event_ms, value)
    plain: dict[str, dict[str, Any]] = {name: _plain(car) for name, car in cars.items()}
    published = {f"{name}/{one['start_ms']}": one for name, car in plain.items() for one in car["summaries"]}
    count = len(values)
    return Outcome(
        cars=plain,
        owners={0: {1}},
        acknowledged=len(fleet.readings),
        ends={0: count},
        committed={0: count},
        published=published,
    )


def failed(checks: list[Check]) -> set[str]:
    return {check.name for check in checks if not check.holds}


def readings(fleet: Fleet) -> list[tuple[str, int, bytes]]:
    return [(one.vehicle, one.event_ms, one.value) for one in fleet.readings]


def test_a_perfect_run_passes_every_check(fleet: Fleet) -> None:
    assert failed(run_checks(fleet, outcome_of(fleet, readings(fleet)))) == set()


def test_a_lost_reading_is_found(fleet: Fleet) -> None:
    values = readings(fleet)
    del values[100]
    assert {"Every reading came out exactly once", "Byte for byte, with its event time"} <= failed(
        run_checks(fleet, outcome_of(fleet, values))
    )


def test_a_repeated_reading_is_found(fleet: Fleet) -> None:
    values = readings(fleet)
    values.insert(100, values[99])
    assert {"Every reading came out exactly once", "In order for every vehicle"} <= failed(
        run_checks(fleet, outcome_of(fleet, values))
    )


def test_swapped_readings_are_found(fleet: Fleet) -> None:
    values = readings(fleet)
    one, other = [at for at, value in enumerate(values) if value[0] == "drive-18"][50:52]
    values[one], values[other] = values[other], values[one]
    assert failed(run_checks(fleet, outcome_of(fleet, values))) >= {
        "In order for every vehicle",
        "Byte for byte, with its event time",
    }


def test_a_changed_byte_and_a_changed_time_are_found(fleet: Fleet) -> None:
    values = readings(fleet)
    vehicle, event_ms, value = values[10]
    for changed in (
        (vehicle, event_ms + 1, value),
        (vehicle, event_ms, value.replace(b'"seq":', b'"seq": ')),
    ):
        values[10] = changed
        assert "Byte for byte, with its event time" in failed(run_checks(fleet, outcome_of(fleet, values)))


def test_a_missed_harsh_second_is_found(fleet: Fleet) -> None:
    outcome = outcome_of(fleet, readings(fleet))
    outcome.cars["drive-18"]["trips"][0]["harsh"].pop()
    assert "Harsh seconds agree with the label" in failed(run_checks(fleet, outcome))


def test_an_uncommitted_offset_a_lost_trip_and_a_wrong_distance_are_found(fleet: Fleet) -> None:
    outcome = outcome_of(fleet, readings(fleet))
    outcome.committed[0] -= 1
    outcome.published.popitem()
    outcome.cars["drive-06"]["trips"][0]["distance_km"] += 1.0
    assert failed(run_checks(fleet, outcome)) == {
        "Every partition had one owner, and its offsets are committed",
        "Every trip is published on the trips topic",
        "Distances agree with the odometers",
    }


def test_a_slice_runs_on_an_existing_cluster(
    bootstrap: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--bootstrap", bootstrap, "--only", SLICE, "--rate", "0", "--out", str(tmp_path)])
    assert code == 0, capsys.readouterr().out
    page = (tmp_path / "index.html").read_text()
    assert "drive-18" in page
    assert not any(f'{where}="http' in page or f"url({where}" in page for where in ("src", "href"))


def test_a_slice_survives_the_kill_of_its_own_broker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--only", SLICE, "--rate", "4000", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "The broker was killed half-way and lost nothing" in printed


def test_failures_say_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "drive-99", "--out", str(tmp_path)]) == 1
    assert "drive-01 to drive-34" in capsys.readouterr().out
    assert main(["--bootstrap", "127.0.0.1:1", "--only", "drive-03", "--out", str(tmp_path)]) == 1
    assert "neuraxis up" in capsys.readouterr().out
