"""The group coordinator as a whole: hard state is the fold of its log, whatever happened; restarts; the cost of a call."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from neuraxis.broker.coordinators.group import commands
from neuraxis.broker.coordinators.group.state import JOIN_TIMER, SYNC_TIMER, Phase, hard_state
from neuraxis.wire.errors import Refused
from tests.broker.coordinators.group.world import PARTITIONS, FixedSettings, World

GROUPS = ("a", "b")
PROTOCOLS = (
    (("range", b"\0\0\0\0\0\1\0\2t1\xff\xff\xff\xff"),),
    (("range", b"1"), ("sticky", b"2")),
    (("sticky", b"?"), ("range", b"3")),
)


class RandomClients(RuleBasedStateMachine):
    """Clients that do anything, mostly sensible, in any order; what must hold is checked after every step."""

    @initialize(delay=st.sampled_from([0, 3_000]))
    def begin(self, delay: int) -> None:
        self.world = World(
            group_initial_rebalance_delay_ms=delay, group_max_size=4, offsets_retention_minutes=30
        )
        self.ids: list[str] = []
        self.generations: dict[str, int] = {}

    def pick(self, number: int) -> str:
        known = ["", *self.ids[-6:]]
        return known[number % len(known)]

    @rule(
        group=st.sampled_from(GROUPS),
        number=st.integers(0, 6),
        instance=st.sampled_from([None, None, "i1", "i2"]),
        version=st.sampled_from([0, 3, 5, 9]),
        protocols=st.sampled_from(PROTOCOLS),
        rebalance_timeout_ms=st.sampled_from([0, 8_000, 60_000]),
    )
    def join(self, group: str, number: int, **options: Any) -> None:
        token = self.world.join(group, self.pick(number), session_timeout_ms=10_000, **options)
        answer = self.world.answers.get(token)
        if answer is not None and answer.member_id and answer.member_id not in self.ids:
            self.ids.append(answer.member_id)

    def current(self, group: str) -> Any:
        found = self.world.state.groups.get(group)
        return None if found is None else found.membership

    @rule(group=st.sampled_from(GROUPS), rounds=st.integers(1, 4), rejoin=st.booleans())
    def behave(self, group: str, rounds: int, rejoin: bool) -> None:
        """Every member does what a real one would do next, several times over."""
        for _ in range(rounds):
            membership = self.current(group)
            for member_id in list(membership.members) if membership is not None else []:
                self.act(group, member_id, rejoin)
            rejoin = False

    def act(self, group: str, member_id: str, rejoin: bool) -> None:
        membership = self.current(group)
        member = None if membership is None else membership.members.get(member_id)
        if member is None or member.joining is not None or member.syncing is not None:
            return
        generation_id = membership.generation_id
        if membership.phase is Phase.PREPARING_REBALANCE or (rejoin and membership.leader == member_id):
            self.world.join(group, member_id, instance=member.group_instance_id, protocols=member.protocols)
        elif membership.phase is Phase.COMPLETING_REBALANCE:
            self.world.sync(
                group,
                generation_id,
                member_id,
                protocol_name=membership.protocol_name,
                assignments={each: each.encode() for each in membership.members},
            )
        else:
            assert self.world.heartbeat(group, generation_id, member_id) == 0
            assert self.world.commit(group, generation_id=generation_id, member_id=member_id) == [0]

    @rule(group=st.sampled_from(GROUPS), number=st.integers(0, 6), generation=st.integers(-1, 4))
    def stray(self, group: str, number: int, generation: int) -> None:
        member = self.pick(number)
        self.world.heartbeat(group, generation, member)
        self.world.sync(group, generation, member)
        self.world.commit(group, generation_id=generation, member_id=member, offsets={("t2", 0): generation})

    @rule(group=st.sampled_from(GROUPS), number=st.integers(0, 6), instance=st.sampled_from([None, "i1"]))
    def leave(self, group: str, number: int, instance: str | None) -> None:
        self.world.leave(group, (self.pick(number), instance))

    @rule(group=st.sampled_from(GROUPS))
    def delete(self, group: str) -> None:
        self.world.run(commands.DeleteOffsets(self.world.token(), group, (("t1", (0,)),)))
        with contextlib.suppress(Refused):
            self.world.run(commands.DeleteGroup(self.world.token(), group))
            self.generations.pop(group, None)

    @rule(topic=st.sampled_from(["t1", "t2"]))
    def forget(self, topic: str) -> None:
        self.world.run(commands.ForgetTopic(topic))

    @rule(ms=st.sampled_from([1, 3_000, 6_000, 10_000, 60_000, 3_000_000]))
    def wait(self, ms: int) -> None:
        self.world.advance(ms)
        for group in GROUPS:
            if group not in self.world.state.groups:
                self.generations.pop(group, None)

    @rule()
    def restart(self) -> None:
        self.world.restart()
        # What was joined and never handed out its shares is not kept: such a generation was nobody's.
        self.generations.clear()

    @invariant()
    def hard_state_is_the_fold_of_the_log(self) -> None:
        if not hasattr(self, "world"):
            return
        live = hard_state(self.world.state)
        assert hard_state(self.world.fold()) == live
        assert hard_state(self.world.fold(self.world.compacted())) == live
        machine = self.world.machine
        snapshot = [machine.encode(fact) for fact in machine.facts(self.world.state)]
        assert hard_state(self.world.fold(snapshot)) == live

    @invariant()
    def memberships_are_consistent(self) -> None:
        if not hasattr(self, "world"):
            return
        for group in self.world.state.groups.values():
            membership = group.membership
            if membership is None:
                continue
            members = membership.members
            assert (membership.leader in members) or not members
            assert membership.joining == sum(each.joining is not None for each in members.values())
            counts: dict[str, int] = {}
            for each in members.values():
                for name in {name for name, _ in each.protocols}:
                    counts[name] = counts.get(name, 0) + 1
            assert membership.protocol_counts == counts
            assert set(membership.static_members.values()) <= set(members)
            assert members or membership.phase in (Phase.EMPTY, Phase.PREPARING_REBALANCE)
            assert membership.phase is not Phase.EMPTY or not members
            assert membership.generation_id >= self.generations.get(group.group_id, 0)
            self.generations[group.group_id] = membership.generation_id
            for each in members.values():
                waits = each.joining is not None or each.syncing is not None
                assert waits or each.member_id in group.timers, "a silent member would stay for ever"
                if each.syncing is not None:
                    assert membership.phase is Phase.COMPLETING_REBALANCE
            preparing = membership.phase is Phase.PREPARING_REBALANCE
            assert (JOIN_TIMER in group.timers) == preparing, "a rebalance would last for ever"
            fetching = membership.phase in (Phase.COMPLETING_REBALANCE, Phase.STABLE)
            timed = fetching and bool(membership.unsynced)
            assert (SYNC_TIMER in group.timers) == timed, "a sync would be waited for for ever"
            entries = {(entry.at_ms, entry.group_id, entry.key) for entry in self.world.state.heap}
            for key, timer in group.timers.items():
                assert (timer.queued_ms, group.group_id, key) in entries, "a timer would never fire"
            if membership.phase is not Phase.PREPARING_REBALANCE:
                assert not membership.joining

    def teardown(self) -> None:
        """Heal everything: within ten minutes no call is open."""
        if not hasattr(self, "world"):
            return
        self.world.advance(600_000)
        for group in self.world.state.groups.values():
            if group.membership is not None:
                for member in group.membership.members.values():
                    assert member.joining is None
                    assert member.syncing is None


TestRandomClients = RandomClients.TestCase
TestRandomClients.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_a_stable_group_goes_on_after_a_restart_with_full_sessions() -> None:
    world = World()
    (member,) = world.stable()
    world.commit(generation_id=1, member_id=member, offsets={("t1", 0): 42})
    world.advance(9_000)
    world.restart()
    world.advance(9_999)
    assert world.heartbeat("g", 1, member) == 0
    assert world.answers[world.sync("g", 1, member)].assignment == member.encode()
    assert world.commit(generation_id=1, member_id=member) == [0]


def test_members_that_do_not_come_back_after_a_restart_are_missed_after_a_session() -> None:
    world = World()
    world.stable()
    world.restart()
    world.advance(10_000)
    assert world.phase() == "Empty"


def test_a_join_in_progress_is_forgotten_by_a_restart_and_the_last_generation_goes_on() -> None:
    world = World()
    leader, follower = world.stable(count=2)
    generation = world.generation()
    world.join(member=leader)
    world.restart()
    assert world.phase() == "Stable"
    assert world.heartbeat("g", generation, follower) == 0
    token = world.join(member=leader)
    world.join(member=follower)
    assert world.answers[token].generation_id == generation + 1


def test_a_member_that_left_is_not_waited_for_after_a_restart() -> None:
    world = World()
    stays, leaves = world.stable(count=2)
    generation = world.generation()
    world.leave("g", (leaves, None))
    world.restart()
    assert world.phase() == "PreparingRebalance"
    assert world.heartbeat("g", generation, stays) == 27
    assert world.heartbeat("g", generation, leaves) == 25
    token = world.join(member=stays)
    assert world.answers[token].generation_id == generation + 1
    assert world.answers[token].leader == stays


def test_members_that_do_not_join_again_after_a_departure_and_a_restart_are_missed() -> None:
    world = World()
    stays, _, leaves = world.stable(count=3)
    generation = world.generation()
    world.leave("g", (leaves, None))
    world.restart()
    token = world.join(member=stays)
    assert token not in world.answers
    world.advance(10_000)
    assert world.answers[token].generation_id == generation + 1
    assert [member.member_id for member in world.answers[token].members] == [stays]


def test_a_group_whose_last_stored_member_left_is_empty_after_a_restart() -> None:
    world = World()
    (leaves,) = world.stable()
    newcomer = world.member_id()
    world.join(member=newcomer)
    world.leave("g", (leaves, None))
    world.restart()
    assert world.phase() == "Empty"


def test_positions_in_a_topic_that_a_crash_left_half_deleted_go_at_the_next_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.commit("g", offsets={("t1", 0): 1, ("t2", 0): 2})
    world.commit("h", offsets={("t1", 0): 1})
    monkeypatch.delitem(PARTITIONS, "t1")
    world.restart()
    assert list(world.state.groups_of_topic) == ["t2"]
    assert list(world.fold().groups) == ["g"]


def test_changed_configs_come_into_force() -> None:
    world = World()
    world.machine.configure(FixedSettings(group_min_session_timeout_ms=1))
    assert world.code(world.join(session_timeout_ms=1)) == 79


def test_the_cost_of_a_call_does_not_grow_with_the_number_of_groups() -> None:
    # Counted in steps of the interpreter, not in seconds: a scan of all groups would show as thousands of lines.
    import sys

    def steps(world: World) -> int:
        (member,) = world.stable("mine")
        count = 0

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal count
            count += event == "line"
            return trace

        command = commands.Heartbeat(world.token(), "mine", 1, member, None)
        earlier = sys.gettrace()
        sys.settrace(trace)
        try:
            outcome = world.machine.decide(world.state, command, world.now)
            for note in outcome.notes:
                world.machine.apply(world.state, note, world.now)
            world.machine.deadline(world.state)
        finally:
            sys.settrace(earlier)
        return count

    many = World()
    for number in range(300):
        many.commit(f"g{number}")
    assert steps(many) == steps(World())
