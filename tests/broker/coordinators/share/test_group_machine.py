"""Share groups beside the other kinds: one id, one kind; sessions; restarts; deletion."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from neuraxis.broker.coordinators.group import commands
from neuraxis.broker.coordinators.group.consumer.heartbeat import ConsumerHeartbeat
from neuraxis.broker.coordinators.share import group_machine as module
from neuraxis.broker.coordinators.share.group import KnownTopic
from neuraxis.broker.coordinators.share.group_machine import AllGroupsMachine, ShareTopicsKnown
from neuraxis.broker.coordinators.share.heartbeat import ShareHeartbeat
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.coordinators.group.test_machine import RandomClients
from tests.broker.coordinators.group.world import FixedSettings
from tests.broker.coordinators.group.world import World as ClassicWorld
from tests.broker.coordinators.share.groups import IDS, SESSION_MS, Groups, Topics, hard


def code_of(groups: Groups, command: Any) -> int:
    with pytest.raises(Refused) as caught:
        groups.do(command)
    return caught.value.code


def joining(group_id: str) -> commands.JoinGroup:
    return commands.JoinGroup(
        1, 4, group_id, "", None, "c", "/h", 10_000, 10_000, "consumer", (("range", b""),), "unique"
    )


def test_other_kinds_of_members_cannot_enter_a_share_group() -> None:
    groups = Groups()
    groups.beat("m", 0, "t4")
    assert code_of(groups, joining("g")) == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    heartbeat = commands.Heartbeat(1, "g", 1, "m", None)
    assert code_of(groups, heartbeat) == ErrorCode.UNKNOWN_MEMBER_ID
    entering = ConsumerHeartbeat(
        token=1,
        api_version=1,
        group_id="g",
        member_id="c",
        member_epoch=0,
        instance_id=None,
        rack_id=None,
        rebalance_timeout_ms=1_000,
        topic_names=("t1",),
        topic_regex=None,
        server_assignor=None,
        owned={},
        client_id="",
        client_host="",
        unique="u",
    )
    assert code_of(groups, entering) == ErrorCode.GROUP_ID_NOT_FOUND
    deleting = commands.DeleteOffsets(1, "g", (("t1", (0,)),))
    assert code_of(groups, deleting) == ErrorCode.GROUP_ID_NOT_FOUND


def test_a_group_of_another_kind_cannot_become_a_share_group() -> None:
    groups = Groups()
    groups.do(joining("g"))
    with pytest.raises(Refused) as caught:
        groups.beat("m", 0, "t4")
    assert caught.value.code == ErrorCode.GROUP_ID_NOT_FOUND
    assert code_of(groups, ShareTopicsKnown("g", (), 1)) == ErrorCode.GROUP_ID_NOT_FOUND


def test_a_member_that_is_not_heard_is_gone() -> None:
    groups = Groups()
    groups.beat("a", 0, "t4")
    groups.advance(SESSION_MS // 2)
    groups.beat("b", 0, "t4")
    groups.advance(SESSION_MS // 2 - 1)
    assert list(groups.group.members) == ["a", "b"]
    groups.advance(1)
    assert list(groups.group.members) == ["b"]
    groups.beat("b", 3)
    groups.advance(SESSION_MS - 1)
    assert list(groups.group.members) == ["b"]
    groups.advance(1)
    assert groups.group.phase() == "Empty"


def test_who_left_is_not_expected() -> None:
    groups = Groups()
    groups.beat("a", 0, "t4")
    groups.beat("a", -1)
    epoch = groups.group.epoch
    groups.advance(2 * SESSION_MS)
    assert groups.group.epoch == epoch


def test_a_restart_keeps_members_and_gives_them_a_full_session() -> None:
    groups = Groups()
    groups.beat("a", 0, "t4")
    groups.advance(SESSION_MS - 1)
    before = hard(groups.state)
    groups.restart()
    assert hard(groups.state) == before
    groups.advance(SESSION_MS - 1)
    assert groups.beat("a", 2).assignment is None
    groups.advance(SESSION_MS)
    assert groups.group.phase() == "Empty"


def test_only_an_empty_group_can_be_deleted_and_nothing_of_it_is_left() -> None:
    groups = Groups()
    groups.beat("a", 0, "t4")
    assert code_of(groups, commands.DeleteGroup(1, "g")) == ErrorCode.NON_EMPTY_GROUP
    groups.beat("a", -1)
    groups.do(commands.DeleteGroup(1, "g"))
    assert groups.state.shares == {}
    last = {key: value for key, value in groups.log if key[1] >= 10}
    assert last
    assert set(last.values()) == {None}


def test_topics_are_known_from_the_first_assignment_on_until_they_are_deleted() -> None:
    groups = Groups()
    groups.beat("a", 0, "t1", "t4")
    assert groups.group.topics == {
        IDS["t1"]: KnownTopic("t1", (0,)),
        IDS["t4"]: KnownTopic("t4", (0, 1, 2, 3)),
    }
    groups.do(commands.ForgetTopic("t1"))
    assert list(groups.group.topics) == [IDS["t4"]]
    del groups.topics.counts["t4"]
    groups.restart()  # a crash came between the deletion of the topic and the group's knowledge of it
    assert groups.group.topics == {}


def test_an_administrator_can_make_topics_known_while_nobody_is_there() -> None:
    groups = Groups()
    groups.do(ShareTopicsKnown("g", ((IDS["t4"], KnownTopic("t4", (1,))),), 1))
    groups.do(ShareTopicsKnown("g", ((IDS["t4"], KnownTopic("t4", (0,))),), 1))
    assert groups.group.topics == {IDS["t4"]: KnownTopic("t4", (0, 1))}
    assert groups.group.phase() == "Empty"
    groups.do(ShareTopicsKnown("g", ((IDS["t4"], None),), 1))
    assert groups.group.topics == {}
    groups.beat("a", 0, "t4")
    assert code_of(groups, ShareTopicsKnown("g", (), 1)) == ErrorCode.NON_EMPTY_GROUP


def test_there_is_an_end_of_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUPS", 1)
    groups = Groups()
    groups.beat("a", 0, "t4")
    with pytest.raises(Refused, match="delete some"):
        groups.beat("a", 0, "t4", group="h")
    groups.beat("b", 0, "t4")


def test_the_facts_of_a_snapshot_fold_to_the_same() -> None:
    groups = Groups()
    groups.beat("a", 0, "t4")
    groups.do(joining("classic"))
    state = groups.machine.new_state()
    for fact in groups.machine.facts(groups.state):
        groups.machine.apply(state, fact, groups.now)
    assert hard(state) == hard(groups.state)
    assert state.groups.keys() == groups.state.groups.keys()


class AllWorld(ClassicWorld):
    """The machine that the broker runs, with the clients of the classic one."""

    def __init__(self, **overrides: int) -> None:
        super().__init__(**overrides)
        self.machine = AllGroupsMachine(FixedSettings(**overrides), self.exists, Topics())
        self.state = self.machine.new_state()
        self._carry_out(self.machine.resume(self.state, self.now))

    def _carry_out(self, outcome: Any) -> None:
        for fact in outcome.records:
            key, value = self.machine.encode(fact)
            assert self.machine.decode(key, value) == fact
            self.log.append((key, value))
        for fact in (*outcome.records, *outcome.notes):
            self.machine.apply(self.state, fact, self.now)
        for token, body in outcome.replies:
            assert token not in self.answers, "answered twice"
            self.answers[token] = body


class AllClients(RandomClients):
    """Clients of classic groups that do anything, and share groups beside them in one log and one heap of deadlines."""

    @initialize(delay=st.sampled_from([0, 3_000]))
    def begin(self, delay: int) -> None:
        self.world = AllWorld(
            group_initial_rebalance_delay_ms=delay, group_max_size=4, offsets_retention_minutes=30
        )
        self.ids: list[str] = []
        self.generations: dict[str, int] = {}
        self.epochs: dict[tuple[str, str], int] = {}

    @rule(
        group=st.sampled_from(["s", "t"]),
        member=st.sampled_from(["m1", "m2", "m3"]),
        how=st.sampled_from(["join", "stay", "stay", "leave", "stray"]),
        topics=st.sampled_from([None, ("t1",), ("t1", "t4"), ("t4", "t5")]),
    )
    def share(self, group: str, member: str, how: str, topics: tuple[str, ...] | None) -> None:
        known = self.epochs.get((group, member), 0)
        epoch = {"join": 0, "stay": known, "leave": -1, "stray": known + 3}[how]
        token = self.world.token()
        command = ShareHeartbeat(token, group, member, epoch, None, topics, "c", "/h")
        try:
            self.world.run(command)
        except Refused:
            self.epochs.pop((group, member), None)
        else:
            self.epochs[group, member] = max(self.world.answers[token].member_epoch, 0)

    @rule(group=st.sampled_from(["s", "t"]))
    def intrude(self, group: str) -> None:
        """Members of other kinds stay outside of a share group that has members."""
        found = self.world.state.shares.get(group)
        if found is not None and found.members:
            with pytest.raises(Refused):
                self.world.join(group)

    @rule(group=st.sampled_from(["s", "t"]))
    def end(self, group: str) -> None:
        """A share group is deleted when it is empty, and only then."""
        found = self.world.state.shares.get(group)
        try:
            self.world.run(commands.DeleteGroup(self.world.token(), group))
        except Refused:
            assert found is None or found.members
        else:
            assert found is not None
            assert not found.members

    @invariant()
    def share_groups_are_the_fold_of_the_log(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        snapshot = [world.machine.encode(fact) for fact in world.machine.facts(world.state)]
        for log in (None, world.compacted(), snapshot):
            assert hard(world.fold(log)) == hard(world.state)

    @invariant()
    def no_kind_takes_the_id_of_another_and_nobody_stays_for_ever(self) -> None:
        if not hasattr(self, "world"):
            return
        state = self.world.state
        assert not state.shares.keys() & state.groups.keys()
        queued = {(group, member) for _, group, member in state.share_heap}
        for group_id, group in state.shares.items():
            assert group.current.keys() <= group.members.keys()
            for member in group.members:
                assert (group_id, member) in queued, "a silent member would stay for ever"

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "world"):
            assert not any(group.members for group in self.world.state.shares.values())


TestAllClients = AllClients.TestCase
TestAllClients.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
