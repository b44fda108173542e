"""TxnOffsetCommit: who may, and what a transaction leaves behind in the coordinator's log."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from neuraxis.broker.coordinators.group.commands import PartitionCommit, TopicCommit
from neuraxis.broker.coordinators.group.transactional import CommitInTransaction, commit
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest
from neuraxis.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from tests.broker.coordinators.group.world import TOPIC_ID, World
from tests.broker.harness import CoreHarness
from tests.broker.restart import restarted
from tests.broker.transactional import Client, position

TOPICS = (TopicCommit("t1", TOPIC_ID, (PartitionCommit(0, 5, -1, "m"), PartitionCommit(9, 5, -1, None))),)


def decide(world: World, **changes: Any) -> Any:
    values = {
        "token": world.token(),
        "api_version": 5,
        "group_id": "g",
        "producer_id": 7,
        "producer_epoch": 1,
        "generation_id": -1,
        "member_id": "",
        "group_instance_id": None,
        "topics": TOPICS,
    } | changes
    command = CommitInTransaction(**values)  # type: ignore[arg-type]  # fields by name
    return commit(world.state, world.machine.settings, world.exists, command, world.now)


def codes(outcome: Any) -> list[int]:
    return [each.error_code for each in outcome.replies[0].body.topics[0].partitions]


def test_what_exists_is_written_for_the_producer() -> None:
    outcome = decide(World())
    assert codes(outcome) == [0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]
    assert outcome.transaction == (7, 1)
    (fact,) = outcome.records
    assert (fact.group_id, fact.topic, fact.partition, fact.committed.offset) == ("g", "t1", 0, 5)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"group_id": ""}, ErrorCode.INVALID_GROUP_ID),
        ({"generation_id": 3, "member_id": "m"}, ErrorCode.ILLEGAL_GENERATION),
        ({"generation_id": 3, "member_id": "m", "api_version": 6}, ErrorCode.GROUP_ID_NOT_FOUND),
        ({"member_id": "m"}, ErrorCode.NONE),
    ],
)
def test_a_group_that_does_not_exist(changes: dict[str, Any], code: ErrorCode) -> None:
    outcome = decide(World(), **changes)
    assert codes(outcome)[0] == code
    assert bool(outcome.records) == (code is ErrorCode.NONE)


def test_metadata_that_is_too_long_and_unknown_ids() -> None:
    long = (TopicCommit("t1", TOPIC_ID, (PartitionCommit(0, 5, -1, "m" * 4_097),)),)
    assert codes(decide(World(), topics=long)) == [ErrorCode.OFFSET_METADATA_TOO_LARGE]
    unknown = (TopicCommit(None, TOPIC_ID, (PartitionCommit(0, 5, -1, ""),)),)
    assert codes(decide(World(), topics=unknown, api_version=6)) == [ErrorCode.UNKNOWN_TOPIC_ID]


# ---- in the log ----------------------------------------------------------------------------------------------------


def started() -> tuple[CoreHarness, Client]:
    broker = CoreHarness()
    broker.create_topic("t")
    client = Client(broker)
    assert client.init() == 0
    return broker, client


def plain(broker: CoreHarness, offset: int) -> None:
    topics = [OffsetCommitRequestTopic("t", bytes(16), [OffsetCommitRequestPartition(0, offset, -1, "")])]
    answer = broker.connect().request(OffsetCommitRequest("g", -1, "", None, -1, topics), 7)
    assert answer.topics[0].partitions[0].error_code == 0


@pytest.mark.parametrize("clean", [True, False])
def test_pending_positions_are_still_pending_after_a_restart(clean: bool) -> None:
    broker, client = started()
    assert client.offset(5) == 0
    again = restarted(broker, clean=clean)
    assert (position(again), position(again, stable=False)) == (-88, -1)
    client.peer = again.connect()
    assert client.end() == 0
    assert position(again) == 5
    assert position(restarted(again)) == 5


def test_the_later_of_two_commits_counts_whichever_ends_first() -> None:
    broker, client = started()
    other = Client(broker, "other")
    assert other.init() == 0
    assert client.offset(5) == 0
    assert other.offset(6) == 0
    assert other.end() == 0
    assert (position(broker), position(broker, stable=False)) == (-88, 6)
    assert client.end() == 0
    assert position(broker) == 6
    assert client.offset(7) == 0
    plain(broker, 8)
    assert (position(broker), position(broker, stable=False)) == (-88, 8)
    assert client.end() == 0
    assert position(broker) == position(restarted(broker)) == 8


def test_time_does_not_delete_what_is_pending() -> None:
    broker, client = started()
    plain(broker, 3)
    broker.advance(7 * 24 * 3_600_000 - 600_000)
    assert client.init(900_000) == 0
    assert client.offset(5) == 0
    broker.advance(800_000)
    assert client.end() == 0
    assert position(broker) == 5


@pytest.mark.parametrize("seed", range(10))
def test_the_log_alone_gives_the_same_positions(seed: int) -> None:
    rng = Random(seed)
    broker, client = started()
    clients = [client, *(Client(broker, f"c{number}") for number in range(2))]
    for each in clients[1:]:
        assert each.init() == 0
    for offset in range(40):
        action = rng.random()
        chosen = rng.choice(clients)
        if action < 0.5:
            assert chosen.offset(offset) == 0
        elif action < 0.9:
            chosen.end(commit=rng.random() < 0.6)
        else:
            plain(broker, offset)
    again = restarted(broker, clean=rng.random() < 0.5)
    assert position(again, stable=False) == position(broker, stable=False)
    assert position(again) == position(broker)


@pytest.mark.parametrize("clean", [True, False])
def test_a_deleted_topic_takes_pending_positions_with_it(clean: bool) -> None:
    broker, client = started()
    assert client.offset(5) == 0
    broker.connect().request(DeleteTopicsRequest(topic_names=["t"], timeout_ms=1_000), 5)
    broker.create_topic("t")
    broker = restarted(broker, clean=clean)
    client.peer = broker.connect()
    assert client.end() == 0
    assert position(broker) == -1
