"""Changes of a table, and the judge of the change events that came of them.

The rule of the file: the engine is at least once, so that after a restart it may go back and tell some changes again; from
where it went back to it must tell them all, in order.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a car: Debezium's letter (r snapshot, c insert, u update, d delete); its speed after it."""

    operation: str
    car: int
    speed: int


class Table:
    """The cars as they are, and the statements that change them; `changes` is what was executed, in order."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.rows: dict[int, int] = {}
        self.changes: list[Change] = []
        self.next_car = 1

    def statement(self) -> str:
        """Return the next statement, and take it for executed: half updates, a third inserts, the rest deletions."""
        kind = self.random.choices("cud", weights=(3, 5, 1))[0] if len(self.rows) > 3 else "c"
        speed = self.random.randrange(1_000_000)
        if kind == "c":
            car, self.next_car = self.next_car, self.next_car + 1
            self.rows[car] = speed
            text = f"INSERT INTO cars VALUES ({car}, {speed})"
        else:
            car = self.random.choice(sorted(self.rows))
            text = f"UPDATE cars SET speed = {speed} WHERE car = {car}"
            if kind == "d":
                speed = self.rows.pop(car)
                text = f"DELETE FROM cars WHERE car = {car}"
            else:
                self.rows[car] = speed
        self.changes.append(Change(kind, car, speed))
        return text


def read_event(value: bytes) -> Change:
    """Return the change that an event of Debezium tells, without its schema."""
    event = json.loads(value)
    event = event.get("payload", event)
    row = event["before"] if event["op"] == "d" else event["after"]
    return Change(event["op"], row["car"], row["speed"])


def wrong_order(expected: Sequence[Change], told: Iterable[Change]) -> str:
    """Return what is wrong with the events told, or an empty string: each follows the one before it, or goes back.

    Each expected change must be another one, so that its place is known.
    """
    place = {change: position for position, change in enumerate(expected)}
    assert len(place) == len(expected), "two of the expected changes are the same"
    at = -1  # the place of the event before
    furthest = -1
    for number, change in enumerate(told):
        position = place.get(change)
        if position is None:
            return f"event {number} tells {change}, which was not executed"
        if position > at + 1:
            return f"event {number} tells {change}, number {position}, after number {at}"
        at, furthest = position, max(furthest, position)
    if furthest + 1 < len(expected):
        return f"only {furthest + 1} of {len(expected)} changes are told"
    if at != furthest:
        return f"it went back and ended at number {at} of {furthest}"
    return ""
