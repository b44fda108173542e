from __future__ import annotations

from dataclasses import replace

import pytest

from neuraxis.broker.coordinators.group import commands
from neuraxis.broker.coordinators.group.consumer.heartbeat import ConsumerHeartbeat
from neuraxis.broker.coordinators.group.state import hard_state
from neuraxis.broker.coordinators.streams.state import MemberState, Progress
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.coordinators.streams.world import Streams, duties


def test_silence_ends_a_member_and_others_take_over() -> None:
    streams = Streams()
    streams.beat("a", 0)
    streams.beat("b", 0)
    streams.world.advance(30_000)
    streams.beat("b", 3)
    streams.world.advance(20_000)
    assert list(streams.group.members) == ["b"]
    assert streams.beat("b", 3).member_epoch == 4
    assert streams.group.targets["b"] == duties("0_0 0_1")


def test_who_does_not_let_go_in_its_rebalance_timeout_is_gone() -> None:
    streams = Streams()
    streams.beat("a", 0, rebalance_timeout_ms=700)
    streams.beat("b", 0)
    streams.world.advance(1_000)
    assert "a" in streams.group.members, "nobody has told it yet"
    streams.beat("a", 2)
    streams.world.advance(600)
    streams.beat("a", 2)
    streams.world.advance(200)
    assert list(streams.group.members) == ["b"]


def test_who_lets_go_in_time_stays() -> None:
    streams = Streams()
    streams.beat("a", 0, rebalance_timeout_ms=700)
    streams.beat("b", 0)
    streams.beat("a", 2)
    streams.beat("a", 2, owned=duties("0_0"))
    streams.world.advance(1_000)
    assert set(streams.group.members) == {"a", "b"}


def test_the_first_assignment_waits_for_members() -> None:
    streams = Streams()
    streams.topics.configs["streams.initial.rebalance.delay.ms"] = 3_000
    assert streams.beat("a", 0).status[0].status_code == 5
    streams.world.advance(2_000)
    assert streams.beat("b", 0).member_epoch == 1
    streams.world.advance(1_000)
    assert (streams.group.epoch, streams.group.assignment_epoch) == (3, 3)
    assert len(streams.beat("a", 1).active_tasks) == 1
    assert len(streams.beat("b", 1).active_tasks) == 1


def test_the_delay_of_a_group_that_everybody_left_assigns_nothing() -> None:
    streams = Streams()
    streams.topics.configs["streams.initial.rebalance.delay.ms"] = 3_000
    streams.beat("a", 0)
    streams.beat("a", -1)
    streams.world.advance(4_000)
    assert streams.group.targets == {}


def test_a_restart_keeps_what_is_durable_and_gives_everybody_a_full_session() -> None:
    streams = Streams()
    streams.beat("a", 0)
    streams.beat("b", 0, progress=Progress((("0", 0, 1),)))
    streams.beat("a", 2)
    before = hard_state(streams.world.state)
    streams.world.restart()
    assert hard_state(streams.world.state) == before
    assert hard_state(streams.world.fold(streams.world.compacted())) == before
    assert streams.group.current["a"].state is MemberState.UNREVOKED_TASKS
    assert streams.beat("a", 2, owned=duties("0_0")).member_epoch == 3
    assert len(streams.beat("b", 3).active_tasks) == 1
    streams.world.advance(50_000)
    assert streams.group.phase() == "Empty"


def test_an_empty_classic_group_makes_room_and_keeps_its_offsets() -> None:
    streams = Streams()
    commit = commands.TopicCommit("t1", bytes(16), (commands.PartitionCommit(0, 5, -1, None),))
    world = streams.world
    world.run(commands.CommitOffsets(world.token(), 9, "g", -1, "", None, -1, (commit,)))
    streams.beat("a", 0)
    assert world.state.groups["g"].offsets["t1"][0].offset == 5
    streams.beat("a", -1)
    world.run(commands.DeleteGroup(world.token(), "g"))
    assert hard_state(world.fold()) == hard_state(world.state) == {}


def test_a_group_of_another_kind_does_not_make_room() -> None:
    streams = Streams()
    streams.topics.configs["consumer.session.timeout.ms"] = 45_000
    streams.topics.configs["consumer.heartbeat.interval.ms"] = 5_000
    streams.topics.configs["consumer.assignment.interval.ms"] = 0
    streams.beat("a", 0)
    join = ConsumerHeartbeat(
        token=99,
        api_version=1,
        unique="u",
        group_id="g",
        member_id="c",
        member_epoch=0,
        instance_id=None,
        rack_id=None,
        rebalance_timeout_ms=9_000,
        topic_names=("t1",),
        topic_regex=None,
        server_assignor=None,
        owned={},
        client_id="",
        client_host="",
    )
    streams.world.run(join)
    assert streams.world.answers[99].error_code == ErrorCode.GROUP_ID_NOT_FOUND
    streams.beat("a", -1)
    streams.world.run(replace(join, token=100))
    assert streams.world.state.groups["g"].streams is None
    with pytest.raises(Refused):
        streams.beat("a", 0)
    assert hard_state(streams.world.fold()) == hard_state(streams.world.state)
