"""Share partitions under members that come, go, settle and forget: nobody's record is lost or given twice."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from neuraxis.broker.coordinators.share import machine as machines
from neuraxis.broker.coordinators.share.commands import (
    Acquire,
    AcquireMode,
    Advance,
    Begin,
    Checkpoint,
    Cut,
    Forget,
    Initialise,
    Release,
)
from neuraxis.broker.coordinators.share.facts import ShareKey, SnapshotFact
from neuraxis.broker.coordinators.share.runs import DONE, Delivery, stored
from neuraxis.broker.coordinators.share.settings import ShareLimits
from neuraxis.wire.errors import Refused
from tests.broker.coordinators.share.world import (
    ACCEPT,
    GAP,
    KEY,
    LOCK_MS,
    REJECT,
    RELEASE,
    RENEW,
    FixedLimits,
    World,
)

MEMBERS = st.sampled_from(["ada", "bob", "cy"])
LIMIT = 3


class Deliveries(RuleBasedStateMachine):
    """What each offset went through, kept apart from the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(updates=4, delivery_count_limit=LIMIT, partition_max_record_locks=20)
        self.holder: dict[int, tuple[str, int]] = {}  # offset: member, until when
        self.delivered: dict[int, int] = {}
        self.durable: dict[int, int] = {}
        self.done: set[int] = set()
        self.log_start = 0

    def _give_back(self, offset: int) -> None:
        del self.holder[offset]
        self.durable[offset] = self.delivered[offset]
        if self.delivered[offset] >= LIMIT:
            self.done.add(offset)

    @rule(size=st.integers(1, 9))
    def produce(self, size: int) -> None:
        self.world.produce(size)

    @precondition(lambda self: self.world.batches)
    @rule(
        member=MEMBERS,
        wanted=st.integers(1, 12),
        size=st.integers(1, 12),
        mode=st.sampled_from(list(AcquireMode)),
    )
    def acquire(self, member: str, wanted: int, size: int, mode: AcquireMode) -> None:
        got = self.world.acquire(member, wanted, size, mode)
        if mode is AcquireMode.RECORD_LIMIT:
            assert sum(last - first + 1 for first, last, _ in got) <= min(wanted, size)
        for first, last, count in got:
            for offset in range(first, last + 1):
                assert offset not in self.holder, "acquired by two"
                assert offset not in self.done, "delivered again"
                assert self.log_start <= offset < self.world.end
                self.delivered[offset] = self.delivered.get(offset, 0) + 1
                assert self.delivered[offset] == count
                assert count <= LIMIT
                self.holder[offset] = (member, self.world.now.mono_ms + LOCK_MS)

    @precondition(lambda self: self.holder)
    @rule(
        data=st.data(),
        kind=st.sampled_from([GAP, ACCEPT, RELEASE, REJECT, RENEW]),
        length=st.integers(1, 8),
        stranger=st.booleans(),
    )
    def acknowledge(self, data: st.DataObject, kind: int, length: int, stranger: bool) -> None:
        first = data.draw(st.sampled_from(sorted(self.holder)))
        member = "eve" if stranger else self.holder[first][0]
        last = first
        while last + 1 < first + length and self.holder.get(last + 1, ("",))[0] == member:
            last += 1
        if stranger:
            with pytest.raises(Refused):
                self.world.ack(member, (first, last, kind))
            return
        self.world.ack(member, (first, last, kind))
        for offset in range(first, last + 1):
            if kind == RENEW:
                self.holder[offset] = (member, self.world.now.mono_ms + LOCK_MS)
            elif kind == RELEASE:
                self._give_back(offset)
            else:
                del self.holder[offset]
                self.done.add(offset)

    @rule(member=MEMBERS)
    def leave(self, member: str) -> None:
        self.world.leave(member)
        for offset in [each for each, (holder, _) in self.holder.items() if holder == member]:
            self._give_back(offset)

    @rule(milliseconds=st.integers(1, LOCK_MS))
    def wait(self, milliseconds: int) -> None:
        self.world.advance(milliseconds)
        now = self.world.now.mono_ms
        for offset in [each for each, (_, until) in self.holder.items() if until <= now]:
            self._give_back(offset)

    @rule(by=st.integers(1, 5))
    def delete_records(self, by: int) -> None:
        self.log_start = min(self.log_start + by, self.world.end)
        self.world.do(Advance(KEY, self.log_start))
        for offset in [each for each in self.holder if each < self.log_start]:
            del self.holder[offset]

    @rule()
    def restart(self) -> None:
        self.world.restart()
        for offset in self.holder:
            self.delivered[offset] = self.durable.get(offset, 0)
        self.holder.clear()

    @rule()
    def checkpoint(self) -> None:
        self.world.do(Checkpoint((KEY,)))

    @invariant()
    def every_offset_is_where_it_should_be(self) -> None:
        partition = self.world.partition
        runs = {offset: run for run in partition.runs for offset in range(run.first, run.last + 1)}
        assert sorted(runs) == list(range(partition.start_offset, partition.end_offset))
        for offset in range(self.log_start, self.world.end):
            run = runs.get(offset)
            if offset in self.done:
                assert offset < partition.start_offset or (run and run.state in DONE)
            elif offset in self.holder:
                assert run is not None
                assert (run.state, run.member) == (Delivery.ACQUIRED, self.holder[offset][0])
            else:
                assert offset >= partition.start_offset, "lost"
                assert run is None or run.state is Delivery.AVAILABLE
        assert not partition.runs or partition.runs[0].state not in DONE, "the start lags behind"


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_lock_that_ends_gives_the_records_to_the_next_and_counts() -> None:
    world = World(10)
    assert world.acquire("ada") == [(0, 9, 1)]
    assert world.acquire("bob") == []
    world.advance(LOCK_MS)
    assert world.acquire("bob") == [(0, 9, 2)]


def test_a_renewed_lock_lasts_as_long_again() -> None:
    world = World(4)
    world.acquire("ada")
    world.advance(LOCK_MS - 1)
    world.ack("ada", (0, 1, RENEW))
    world.advance(1)
    assert world.runs() == [(0, 1, "acquired", 1), (2, 3, "available", 1)]
    world.advance(LOCK_MS)
    assert world.runs() == [(0, 3, "available", 1)]


def test_after_a_restart_nothing_is_acquired_and_deliveries_that_ended_still_count() -> None:
    world = World(6)
    world.acquire("ada")
    world.ack("ada", (0, 1, ACCEPT), (3, 4, RELEASE))
    world.acquire("ada")
    world.restart()
    assert world.runs() == [(2, 2, "available", 0), (3, 4, "available", 1)]
    assert world.acquire("bob") == [(2, 2, 1), (3, 4, 2), (5, 5, 1)]


def test_only_the_first_beginning_counts() -> None:
    world = World(5, start=2)
    world.do(Begin(KEY, 4, 0))
    assert world.partition.start_offset == 2


def test_an_administrator_makes_it_begin_anew_and_ends_the_locks() -> None:
    world = World(10)
    world.acquire("ada", max_records=5)
    world.do(Initialise(((KEY, 3, 0),)))
    assert (world.partition.state_epoch, world.partition.start_offset, world.runs()) == (1, 3, [])
    with pytest.raises(Refused):
        world.ack("ada", (3, 4, ACCEPT))
    assert world.acquire("bob") == [(3, 9, 1)]


def test_a_start_offset_of_minus_one_is_no_beginning() -> None:
    world = World(10)
    world.do(Initialise(((KEY, -1, 0),)))
    world.do(Begin(KEY, 7, 0))
    assert (world.partition.state_epoch, world.partition.start_offset) == (1, 7)


def test_what_is_forgotten_leaves_a_tombstone_and_locks_of_it_end_in_nothing() -> None:
    world = World(10)
    world.acquire("ada")
    world.do(Forget((KEY,)))
    assert world.log[-1][1] is None
    assert world.state.partitions == {}
    world.advance(LOCK_MS)
    assert world.machine.deadline(world.state) is None
    world.leave("ada")


def test_batches_of_aborted_transactions_are_archived_and_not_given() -> None:
    world = World(3, 3, 3)
    assert world.acquire("ada", aborted=((3, 5),)) == [(0, 2, 1), (6, 8, 1)]
    assert world.runs() == [(0, 2, "acquired", 1), (3, 5, "archived", 1), (6, 8, "acquired", 1)]
    world.ack("ada", (0, 2, ACCEPT))
    assert world.partition.start_offset == 6


def test_a_snapshot_follows_so_many_updates() -> None:
    world = World(9, updates=3)
    world.acquire("ada")
    for offset in range(6):
        world.ack("ada", (offset, offset, ACCEPT))
    kinds = [type(world.machine.decode(*record)) for record in world.log]
    assert [kind is SnapshotFact for kind in kinds] == [True, False, False, False, True] + [False] * 2 + [
        False,
        True,
    ]


def test_the_facts_of_a_snapshot_fold_to_the_same() -> None:
    world = World(9)
    world.acquire("ada")
    world.ack("ada", (2, 3, ACCEPT), (5, 5, RELEASE))
    state = world.machine.new_state()
    for fact in world.machine.facts(world.state):
        world.machine.apply(state, fact, world.now)
    assert world.hard(state) == world.hard(world.state)
    assert stored(state.partitions[KEY].runs) == stored(world.partition.runs)


def test_there_is_an_end_of_share_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "MAX_SHARE_PARTITIONS", 1)
    world = World(9)
    other = ShareKey("group", bytes(16), 0)
    with pytest.raises(Refused, match="delete share groups"):
        world.do(Begin(other, 0, 0))
    with pytest.raises(Refused, match="delete share groups"):
        world.do(Initialise(((other, 0, 0),)))


def test_locks_of_many_partitions_end_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "MAX_EXPIRED", 1)
    world = World(2)
    other = ShareKey("other", bytes(16), 0)
    world.do(Begin(other, 0, 0))
    world.acquire("ada")
    world.do(Acquire(other, "ada", ((0, 1),), 5, 5))
    world.advance(LOCK_MS)
    assert world.runs() == [(0, 1, "available", 1)]
    assert world.state.partitions[other].runs[0].state is Delivery.AVAILABLE


def test_a_lower_limit_of_deliveries_holds_for_what_is_out() -> None:
    world = World(2)
    world.acquire("ada")
    world.machine.limits = FixedLimits(ShareLimits(delivery_count_limit=1), 500)
    world.leave("ada")
    assert (world.runs(), world.partition.start_offset) == ([], 2)


def test_what_a_power_cut_took_from_the_log_is_forgotten_and_the_epoch_is_the_new_one() -> None:
    world = World(10)
    assert world.acquire("ada") == [(0, 9, 1)]
    world.ack("ada", (0, 1, ACCEPT), (4, 9, ACCEPT))
    world.do(Release((KEY,), "ada"))
    world.do(Cut(((KEY, 6, 3),)))
    assert world.partition.leader_epoch == 3
    assert (world.partition.start_offset, world.partition.end_offset) == (2, 6)
    assert world.acquire("bob") == [(2, 3, 2), (6, 9, 1)]


def test_a_share_partition_that_began_after_what_is_left_begins_where_the_log_was_cut() -> None:
    world = World(10)
    world.acquire("ada")
    world.ack("ada", (0, 9, ACCEPT))
    world.do(Cut(((KEY, 4, 1),)))
    assert (world.partition.start_offset, world.runs()) == (4, [])
    assert world.acquire("bob") == [(4, 9, 1)]
