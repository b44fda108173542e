from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.fetch_sessions import EVICTION_MS, MAX_EPOCH, FetchSession, FetchSessions, dirty_entries
from neuraxis.broker.work import Now
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.fetch import (
    FetchPartition,
    FetchRequest,
    FetchTopic,
    ForgottenTopic,
    PartitionData,
)
from tests.broker.harness import SeededEntropy


def request(
    session_id: int = 0, epoch: int = 0, count: int = 1, forget: int = 0, **fields: Any
) -> FetchRequest:
    partitions = [FetchPartition(index) for index in range(count)]
    return FetchRequest(
        session_id=session_id,
        session_epoch=epoch,
        topics=[FetchTopic("t", bytes(16), partitions)] if count else [],
        forgotten_topics_data=[ForgottenTopic("t", bytes(16), list(range(forget)))] if forget else [],
        **fields,
    )


class Clock:
    """Sessions, and the time at which requests come."""

    def __init__(self, slots: int) -> None:
        self.sessions = FetchSessions(slots)
        self.now_ms = 0
        self.entropy = SeededEntropy(1)

    def open(self, *arguments: Any, by_id: bool = False, **fields: Any) -> FetchSession | None:
        now = Now(self.now_ms, self.now_ms)
        return self.sessions.open(request(*arguments, **fields), by_id=by_id, now=now, entropy=self.entropy)

    def begin(self, count: int = 1) -> FetchSession:
        session = self.open(count=count)
        assert session is not None
        return session


def test_ids_are_positive_and_every_session_has_its_own() -> None:
    clock = Clock(100)
    ids = {clock.begin().id for _ in range(100)}
    assert len(ids) == 100
    assert all(0 < each < 1 << 31 for each in ids)


@pytest.mark.parametrize(
    ("session_off", "epoch", "by_id", "code"), [(1, 1, False, 70), (0, 2, False, 71), (0, 1, True, 106)]
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    session_off: int, epoch: int, by_id: bool, code: int
) -> None:
    clock = Clock(10)
    session = clock.begin()
    with pytest.raises(Refused) as refused:
        clock.open(session.id + session_off, epoch, by_id=by_id)
    assert refused.value.code == code
    assert (session.epoch, len(session.entries)) == (1, 1)


def test_epochs_wrap_to_1() -> None:
    clock = Clock(10)
    session = clock.begin()
    session.epoch = MAX_EPOCH
    clock.open(session.id, MAX_EPOCH)
    assert session.epoch == 1


def test_a_session_without_partitions_ends() -> None:
    clock = Clock(10)
    session = clock.begin(2)
    assert clock.open(session.id, 1, count=0, forget=2) is None
    assert clock.sessions.sessions == {}
    assert session.ended


def test_another_isolation_level_makes_everything_worth_a_look() -> None:
    clock = Clock(10)
    session = clock.begin(3)
    for entry in dirty_entries(session):
        session.settle(entry, more=False, sent=False)
    clock.open(session.id, 1, count=0)
    assert list(dirty_entries(session)) == []
    clock.open(session.id, 2, count=0, isolation_level=1)
    assert [entry.key for entry in dirty_entries(session)] == [("t", 0), ("t", 1), ("t", 2)]


def test_an_entry_whose_records_were_sent_goes_behind_the_others() -> None:
    session = Clock(10).begin(3)
    first = next(dirty_entries(session))
    session.settle(first, more=True, sent=True)
    assert [entry.key[1] for entry in dirty_entries(session)] == [1, 2, 0]
    session.settle(first, more=False, sent=True)
    assert [entry.key[1] for entry in dirty_entries(session)] == [1, 2]


def test_an_entry_tells_what_is_new_once_and_errors_always() -> None:
    entry = next(dirty_entries(Clock(10).begin()))
    data = PartitionData(0, 0, 5, 5, 0, records=b"")
    assert [entry.tells(data), entry.tells(data)] == [True, False]
    failed = PartitionData(0, 1, -1, records=b"")
    assert [entry.tells(failed), entry.tells(failed), entry.tells(data)] == [True, True, True]


def test_when_the_slots_are_full_there_is_no_session() -> None:
    clock = Clock(1)
    kept = clock.begin()
    assert clock.open() is None
    assert list(clock.sessions.sessions) == [kept.id]


def test_the_session_unused_for_longest_goes_when_it_was_long_enough() -> None:
    clock = Clock(2)
    first, second = clock.begin(), clock.begin()
    clock.now_ms = 10
    clock.open(first.id, 1, count=0)
    clock.now_ms = EVICTION_MS + 5
    third = clock.begin()
    assert (second.ended, first.ended) == (True, False)
    assert list(clock.sessions.sessions) == [first.id, third.id]


def test_an_established_smaller_session_goes_for_a_larger_one() -> None:
    clock = Clock(2)
    small, large = clock.begin(2), clock.begin(5)
    clock.now_ms = EVICTION_MS + 1
    for session in (small, large):
        clock.open(session.id, 1, count=0)
    assert clock.open(count=2) is None, "it is not larger"
    newcomer = clock.begin(3)
    assert small.ended
    assert list(clock.sessions.sessions) == [large.id, newcomer.id]


def test_a_young_session_does_not_go_for_a_larger_one() -> None:
    clock = Clock(1)
    clock.begin(1)
    assert clock.open(count=100) is None


def test_a_full_fetch_ends_the_session_it_names() -> None:
    clock = Clock(10)
    first = clock.begin()
    ended = []
    first.on_end = lambda: ended.append(first.id)
    assert clock.open(first.id, -1) is None
    assert ended == [first.id]
    second = clock.begin()
    assert clock.open(second.id, 0) is not None
    assert second.ended
