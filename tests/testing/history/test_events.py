"""Events, their pairing, and their lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from neuraxis.testing.history import Event, History, HistoryError, Log, Position, Record, from_lines, to_line
from neuraxis.testing.history.events import KINDS, STAGES

LOGS = some.builds(Log, some.text(max_size=5), some.integers(0, 9))
OFFSETS = some.none() | some.integers(0, 2**62)
RECORDS = some.lists(some.builds(Record, LOGS, some.integers(), OFFSETS), max_size=3).map(tuple)
EVENTS = some.builds(
    Event,
    operation=some.integers(0, 2**62),
    stage=some.sampled_from(STAGES),
    process=some.text(),
    kind=some.sampled_from(KINDS),
    time_ns=some.integers(0, 2**62),
    sends=RECORDS,
    polls=RECORDS,
    positions=some.lists(some.builds(Position, LOGS, OFFSETS), max_size=3).map(tuple),
    group=some.none() | some.text(),
    groups=some.lists(some.text(), max_size=2).map(tuple),
    ending_ns=some.none() | some.integers(0, 2**62),
    error=some.none() | some.text(),
)


@given(some.lists(EVENTS, max_size=5))
def test_lines_give_back_the_events(events: list[Event]) -> None:
    lines = [to_line(event) for event in events]
    assert not any("\n" in line for line in lines)
    assert list(from_lines([*lines, "", "\n"])) == events


def test_a_broken_line_is_named_by_its_number() -> None:
    good = to_line(Event(1, "invoke", "p", "send", 0))
    for bad in ("{", "[]", "{}", good.replace("invoke", "maybe"), good.replace("send", "think")):
        with pytest.raises(HistoryError, match="line 2 is not an event"):
            list(from_lines([good, bad]))


def test_an_operation_that_never_completes_is_unknown_and_keeps_what_it_planned() -> None:
    planned = (Record(Log("t", 0), 7),)
    history = History.of([Event(1, "invoke", "p", "send", 5, sends=planned)])
    [operation] = history.operations
    assert (operation.outcome, operation.completed_ns, operation.sends) == ("unknown", None, planned)
    assert history.outcomes() == {"send": {"ok": 0, "fail": 0, "unknown": 1}}


@pytest.mark.parametrize(
    "events",
    [
        [Event(1, "invoke", "p", "send", 0), Event(1, "invoke", "p", "send", 1)],
        [Event(1, "ok", "p", "send", 0)],
        [
            Event(1, "invoke", "p", "send", 0),
            Event(1, "ok", "p", "send", 1),
            Event(1, "fail", "p", "send", 2),
        ],
        [Event(1, "invoke", "p", "send", 0), Event(1, "ok", "q", "send", 1)],
        [Event(1, "invoke", "p", "send", 0), Event(1, "ok", "p", "poll", 1)],
    ],
)
def test_events_that_do_not_pair_up_are_refused(events: list[Event]) -> None:
    with pytest.raises(HistoryError, match="operation 1"):
        History.of(events)
