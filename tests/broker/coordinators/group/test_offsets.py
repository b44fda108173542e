"""Committed offsets: who may commit, delete and forget them, with every code."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.coordinators.group import commands, offsets, queries
from neuraxis.broker.coordinators.group.state import Membership
from neuraxis.wire.errors import Refused
from tests.broker.coordinators.group.world import TOPIC_ID, World, subscription

MEMBER = {"generation_id": 1}


def stored(world: World, group: str = "g", topic: str = "t1", partition: int = 0) -> int:
    return queries.position(world.state, group, topic, partition).offset


def test_a_member_commits_in_its_generation() -> None:
    world = World()
    (member,) = world.stable()
    codes = world.commit(
        generation_id=1, member_id=member, offsets={("t1", 0): 7, ("t2", 0): 9}, metadata="m"
    )
    assert codes == [0, 0]
    position = queries.position(world.state, "g", "t1", 0)
    assert (position.offset, position.leader_epoch, position.metadata) == (7, 0, "m")


def test_all_positions_of_a_commit_are_one_batch() -> None:
    world = World()
    before = world.batches
    world.commit(offsets={("t1", 0): 1, ("t1", 1): 2, ("t2", 0): 3})
    assert world.batches == before + 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"generation_id": 2}, 22),
        ({"generation_id": -1}, 22),
        ({"member_id": "who"}, 25),
        ({"group_instance_id": "i"}, 25),
        ({"generation_id": -1, "member_id": ""}, 25),
    ],
)
def test_a_commit_to_a_group_with_members_must_come_from_one(fields: dict[str, Any], code: int) -> None:
    world = World()
    (member,) = world.stable()
    assert world.commit(**({"generation_id": 1, "member_id": member} | fields)) == [code]
    assert stored(world) == -1


def test_a_commit_while_members_fetch_their_shares_is_told_of_the_rebalance() -> None:
    world = World()
    member = world.member_id()
    world.join(member=member)
    assert world.commit(generation_id=1, member_id=member) == [27]


def test_a_commit_during_a_rebalance_is_taken() -> None:
    world = World()
    leader, follower = world.stable(count=2)
    world.join(member=leader)
    assert world.commit(generation_id=world.generation(), member_id=follower) == [0]


def test_a_commit_keeps_the_member_alive() -> None:
    world = World()
    (member,) = world.stable()
    for _ in range(5):
        world.advance(9_000)
        world.commit(generation_id=1, member_id=member)
    assert world.heartbeat("g", 1, member) == 0


@pytest.mark.parametrize("member_id", ["", "somebody"])
def test_a_client_without_a_group_commits_with_a_negative_generation(member_id: str) -> None:
    world = World()
    assert world.commit("simple", member_id=member_id) == [0]
    assert world.commit("", member_id=member_id) == [0]  # the empty group id is one, for commits
    assert stored(world, "simple") == 5


@pytest.mark.parametrize(("version", "code"), [(8, 22), (9, 69)])
def test_a_generation_of_a_group_that_does_not_exist(version: int, code: int) -> None:
    world = World()
    assert world.commit("none", generation_id=3, member_id="m", version=version) == [code]
    assert not world.state.groups


def test_an_administrator_commits_to_a_group_that_is_empty_now() -> None:
    world = World()
    (member,) = world.stable()
    world.leave("g", (member, None))
    assert world.commit() == [0]
    assert world.commit(generation_id=1, member_id=member) == [25]


def test_unknown_topics_and_partitions_have_their_own_codes_whatever_the_group_says() -> None:
    world = World()
    (member,) = world.stable()
    where = {("t1", 0): 1, ("t1", 3): 1, ("nope", 0): 1}
    assert world.commit(generation_id=1, member_id=member, offsets=where) == [0, 3, 3]
    assert world.commit(generation_id=9, member_id=member, offsets=where) == [22, 3, 3]


def test_a_topic_id_that_no_topic_has() -> None:
    world = World()
    unknown = commands.TopicCommit(None, TOPIC_ID, (commands.PartitionCommit(0, 1, 0, None),))
    token = world.run(commands.CommitOffsets(1, 10, "g", -1, "", None, -1, (unknown,)))
    (topic,) = world.answers[token].topics
    assert (topic.topic_id, topic.partitions[0].error_code) == (TOPIC_ID, 100)


def test_metadata_is_limited_by_its_characters() -> None:
    world = World()
    assert world.commit(metadata="x" * 4_096) == [0]
    assert world.commit(metadata="\u00e9" * 4_096) == [0]
    assert world.commit(metadata="x" * 4_097) == [12]
    assert World(offset_metadata_max_bytes=1).commit(metadata="xx") == [12]


def test_null_metadata_reads_back_empty() -> None:
    world = World()
    world.commit(metadata=None)
    assert queries.position(world.state, "g", "t1", 0).metadata == ""


def test_no_more_groups_than_the_coordinator_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "MAX_GROUPS", 1)
    world = World()
    assert world.commit("one") == [0]
    assert world.commit("two") == [44]
    assert world.commit("one") == [0]


# ---- OffsetDelete ------------------------------------------------------------------------------------------------


def delete(world: World, group: str, *topics: tuple[str, tuple[int, ...]]) -> Any:
    return world.answers[world.run(commands.DeleteOffsets(world.token(), group, topics))]


def codes(body: Any) -> list[int]:
    return [partition.error_code for topic in body.topics for partition in topic.partitions]


def test_offsets_of_a_simple_group_are_deleted() -> None:
    world = World()
    world.commit(offsets={("t1", 0): 1, ("t1", 1): 2})
    body = delete(world, "g", ("t1", (0, 2, 9)), ("nope", (0,)))
    assert (body.error_code, codes(body)) == (0, [0, 0, 3, 3])
    assert (stored(world), stored(world, partition=1)) == (-1, 2)


def test_offsets_of_topics_that_members_read_are_kept() -> None:
    world = World()
    (member,) = world.stable()
    world.commit(generation_id=1, member_id=member, offsets={("t1", 0): 1, ("t2", 0): 2})
    assert codes(delete(world, "g", ("t1", (0,)), ("t2", (0,)))) == [86, 0]
    assert (stored(world), stored(world, topic="t2")) == (1, -1)


def test_what_a_group_reads_is_taken_to_be_everything_when_it_cannot_be_known() -> None:
    world = World()
    world.stable(protocols=(("range", b"?"),))
    assert codes(delete(world, "g", ("t2", (0,)))) == [86]


def test_offsets_of_an_active_group_of_another_protocol_type_are_kept() -> None:
    world = World()
    member = world.member_id(protocol_type="connect")
    world.join(member=member, protocol_type="connect")
    assert delete(world, "g", ("t1", (0,))).error_code == 68


@pytest.mark.parametrize(("group", "code"), [("none", 69), ("", 24)])
def test_deleting_offsets_of_no_group(group: str, code: int) -> None:
    assert delete(World(), group, ("t1", (0,))).error_code == code


def test_the_topics_of_a_group_are_those_of_all_its_members() -> None:
    world = World()
    world.stable(count=2, protocols=(("range", subscription("t1", "t2")),))
    membership = world.state.groups["g"].membership
    assert membership is not None
    assert offsets.subscribed_topics(membership) == {"t1", "t2"}
    assert offsets.subscribed_topics(Membership()) == frozenset()


# ---- DeleteGroups ------------------------------------------------------------------------------------------------


def delete_group(world: World, group: str) -> int:
    try:
        world.run(commands.DeleteGroup(world.token(), group))
    except Refused as refused:
        return int(refused.code)
    return 0


def test_an_empty_group_is_deleted_with_its_offsets() -> None:
    world = World()
    (member,) = world.stable()
    world.commit(generation_id=1, member_id=member)
    assert delete_group(world, "g") == 68
    world.leave("g", (member, None))
    assert delete_group(world, "g") == 0
    assert not world.state.groups
    assert not world.state.groups_of_topic
    assert not world.fold().groups
    assert delete_group(world, "g") == 69


def test_a_deleted_group_begins_anew_at_generation_1() -> None:
    world = World()
    (member,) = world.stable()
    world.leave("g", (member, None))
    delete_group(world, "g")
    world.stable()
    assert world.generation() == 1


# ---- topics that are gone ----------------------------------------------------------------------------------------


def test_the_offsets_of_a_deleted_topic_go_from_all_groups() -> None:
    world = World()
    for group in ("a", "b"):
        world.commit(group, offsets={("t1", 0): 1, ("t2", 0): 2})
    world.run(commands.ForgetTopic("t1"))
    assert [stored(world, group) for group in ("a", "b")] == [-1, -1]
    assert [stored(world, group, "t2") for group in ("a", "b")] == [2, 2]
    assert list(world.state.groups_of_topic) == ["t2"]
    before = len(world.log)
    world.run(commands.ForgetTopic("t1"))
    assert len(world.log) == before
