"""The requests that are sent: how a topic is made, written, read and asked for, and how groups live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any  # Any: requests, one class for each API

from bench.scale.client import Peer, check
from neuraxis.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from neuraxis.wire.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from neuraxis.wire.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from neuraxis.wire.messages.list_offsets import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from neuraxis.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from neuraxis.wire.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
)
from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from neuraxis.wire.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment
from neuraxis.wire.records import Record, build_batch

Place = tuple[str, int]
"""A topic and a partition."""
Asked = tuple[Any, int]
"""A request and its version."""

CREATED_AT_ONCE = 500
RECORD = bytes(build_batch([Record(0, 1_750_000_000_000, None, b"v" * 100)]))
"""A batch of one record of 100 bytes."""
LATEST = -1
SESSION_MS = 1_800_000
"""The longest session that a broker allows by default: nobody is put out while we measure something else."""


def produce(place: Place, batch: bytes = RECORD) -> Asked:
    """Write a batch, acks=1."""
    topic, index = place
    data = TopicProduceData(name=topic, partition_data=[PartitionProduceData(index, batch)])
    return ProduceRequest(acks=1, timeout_ms=30_000, topic_data=[data]), 12


def _wanted(places: Sequence[tuple[Place, int]], max_bytes: int) -> list[FetchTopic]:
    topics: dict[str, FetchTopic] = {}
    for (topic, index), offset in places:
        asked = FetchPartition(partition=index, fetch_offset=offset, partition_max_bytes=max_bytes)
        topics.setdefault(topic, FetchTopic(topic=topic, partitions=[])).partitions.append(asked)
    return list(topics.values())


def fetch(place: Place, offset: int = 0, max_bytes: int = 100) -> Asked:
    """Read one batch, without a session."""
    topics = _wanted([(place, offset)], max_bytes)
    return FetchRequest(max_wait_ms=0, min_bytes=1, max_bytes=max_bytes, session_epoch=-1, topics=topics), 12


def session_fetch(session_id: int, epoch: int, places: Sequence[tuple[Place, int]]) -> Asked:
    """Go on with a fetch session (or begin it, at epoch 0), telling new positions in some of its partitions."""
    request = FetchRequest(
        max_wait_ms=0,
        min_bytes=1,
        max_bytes=1 << 20,
        session_id=session_id,
        session_epoch=epoch,
        topics=_wanted(places, 1 << 20),
    )
    return request, 12


def session_rounds(
    session_id: int, epoch: int, places: Sequence[Place], ends: dict[Place, int]
) -> list[Asked]:
    """A consumer's fetches in a session over all partitions of which one after the other has something new.

    Each tells that the partition before was read to its end, and goes back by one batch in the next.
    """
    asked = []
    before: Place | None = None
    for number, place in enumerate(places):
        told = [(place, ends[place] - 1)]
        if before is not None and before != place:
            told.insert(0, (before, ends[before]))
        asked.append(session_fetch(session_id, epoch + number, told))
        before = place
    return asked


def list_offsets(place: Place, timestamp: int = LATEST) -> Asked:
    """Ask for the end of a partition, or for the first offset with a timestamp."""
    topic, index = place
    wanted = ListOffsetsTopic(
        name=topic, partitions=[ListOffsetsPartition(partition_index=index, timestamp=timestamp)]
    )
    return ListOffsetsRequest(replica_id=-1, topics=[wanted]), 9


def metadata(topic: str | None) -> Asked:
    """Ask for one topic, or for all."""
    topics = None if topic is None else [MetadataRequestTopic(name=topic)]
    return MetadataRequest(topics=topics, allow_auto_topic_creation=False), 12


def commit(group: str, place: Place, offset: int, generation: int = -1, member: str = "") -> Asked:
    """Commit a position."""
    topic, index = place
    partition = OffsetCommitRequestPartition(partition_index=index, committed_offset=offset)
    topics = [OffsetCommitRequestTopic(name=topic, partitions=[partition])]
    return OffsetCommitRequest(
        group_id=group, generation_id_or_member_epoch=generation, member_id=member, topics=topics
    ), 8


def fetch_position(group: str, place: Place) -> Asked:
    """Ask for a committed position."""
    topic, index = place
    wanted = OffsetFetchRequestTopics(name=topic, partition_indexes=[index])
    return OffsetFetchRequest(groups=[OffsetFetchRequestGroup(group_id=group, topics=[wanted])]), 8


def create_topics(peer: Peer, names: Sequence[str], partitions: int = 1) -> None:
    """Make topics."""
    for begin in range(0, len(names), CREATED_AT_ONCE):
        topics = [
            CreatableTopic(name=name, num_partitions=partitions, replication_factor=1)
            for name in names[begin : begin + CREATED_AT_ONCE]
        ]
        check(peer.ask(CreateTopicsRequest(topics=topics), 7))


def grow_topic(peer: Peer, name: str, partitions: int) -> None:
    """Give a topic more partitions."""
    topic = CreatePartitionsTopic(name=name, count=partitions, assignments=None)
    check(peer.ask(CreatePartitionsRequest(topics=[topic], timeout_ms=60_000), 3))


def join_classic(peer: Peer, group: str) -> tuple[str, int]:
    """Let a member into a group of its own; its id and generation."""
    protocols = [JoinGroupRequestProtocol("range", b"\0\1\0\0\0\1\0\1t\xff\xff\xff\xff\0\0\0\0")]
    request = JoinGroupRequest(
        group_id=group,
        session_timeout_ms=SESSION_MS,
        rebalance_timeout_ms=60_000,
        member_id="",
        protocol_type="consumer",
        protocols=protocols,
    )
    request.member_id = peer.ask(request, 5).member_id
    joined = peer.ask(request, 5)
    check(joined)
    assignments = [SyncGroupRequestAssignment(joined.member_id, b"\0\1\0\0\0\0\xff\xff\xff\xff")]
    synced = SyncGroupRequest(
        group_id=group,
        generation_id=joined.generation_id,
        member_id=joined.member_id,
        assignments=assignments,
    )
    check(peer.ask(synced, 3))
    return joined.member_id, joined.generation_id


def heartbeat(group: str, member: str, generation: int) -> Asked:
    """A classic member lives."""
    return HeartbeatRequest(group_id=group, generation_id=generation, member_id=member), 4


def consumer_heartbeat(group: str, member: str, epoch: int, topic: str | None = None) -> Asked:
    """A member of the newer protocol joins (epoch 0, with the topic it wants) or lives."""
    request = ConsumerGroupHeartbeatRequest(group_id=group, member_id=member, member_epoch=epoch)
    if topic is not None:
        request.rebalance_timeout_ms = 60_000
        request.subscribed_topic_names = [topic]
        request.topic_partitions = []
    return request, 1


def in_turn(places: Sequence[Any], count: int) -> Iterator[Any]:
    """`count` items, one after the other, from the beginning again where there are fewer."""
    return (places[number % len(places)] for number in range(count))
