"""Requests that a good client would send next, so that hostile ones find groups, transactions and sessions in every state.

What answers say of members and producers is kept as pairs that belong together; one field in three requests is then spoiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fuzz.hostile import BLOBS, Words, batch, request_maker
from neuraxis.wire.messages import add_offsets_to_txn as offsets_to_txn
from neuraxis.wire.messages import add_partitions_to_txn as to_txn
from neuraxis.wire.messages import consumer_group_heartbeat as consumer
from neuraxis.wire.messages import end_txn, heartbeat, init_producer_id, join_group, leave_group, sync_group
from neuraxis.wire.messages import fetch as fetching
from neuraxis.wire.messages import offset_commit as commit
from neuraxis.wire.messages import produce as producing
from neuraxis.wire.messages import share_acknowledge as share_ack
from neuraxis.wire.messages import share_fetch as sharing
from neuraxis.wire.messages import share_group_heartbeat as share_heartbeat
from neuraxis.wire.messages import streams_group_heartbeat as streams
from neuraxis.wire.messages import txn_offset_commit as txn_commit
from neuraxis.wire.schema import Message, fields_of

MEMBERS = ("AAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBB", "CCCCCCCCCCCCCCCCCCCCCC")
JOIN, PRODUCER = 11, 22
CONSUMER, SHARE, STREAMS = 68, 76, 88
PAIRS = {
    JOIN: ("member_id", "generation_id"),
    PRODUCER: ("producer_id", "producer_epoch"),
    CONSUMER: ("member_id", "member_epoch"),
    SHARE: ("member_id", "member_epoch"),
    STREAMS: ("member_id", "member_epoch"),
}
"""What of the answers of these keys belongs together."""
KEPT_PAIRS = 12

Made = tuple[Message, int]


class Pairs:
    """Members with their epochs, producers with theirs, as the newest answers said."""

    def __init__(self) -> None:
        self._known: dict[int, dict[Any, int]] = {
            key: {} for key in PAIRS
        }  # Any: a member's or producer's id

    def learn(self, key: int, answer: Any) -> None:  # Any: a response
        """Remember the pair of an answer, and forget the oldest."""
        names = PAIRS.get(key)
        if names is None or getattr(answer, "error_code", 0) not in (0, 79):
            return
        who, epoch = (getattr(answer, name, None) for name in names)
        if who is None or who in {-1, ""} or epoch is None:
            return
        known = self._known[key]
        known.pop(who, None)
        known[who] = epoch
        if len(known) > KEPT_PAIRS:
            del known[next(iter(known))]

    def pick(self, words: Words, key: int) -> tuple[Any, int]:  # Any: a member's or producer's id
        """A pair of this key; a new member, or no producer, where there is none."""
        known = self._known[key]
        if not known:
            return (-1, -1) if key == PRODUCER else ("", 0)
        choice = words.pick(list(known))
        return choice, known[choice]

    def epoch(self, key: int, who: str) -> int:
        """A member's epoch, 0 where it is new."""
        return self._known[key].get(who, 0)


def _topic_id(words: Words) -> bytes:
    known = words.taught.get("topic_id")
    value: bytes = words.pick(known) if known else bytes(16)
    return value


def _join(words: Words, pairs: Pairs) -> Made:
    member, _ = pairs.pick(words, JOIN) if words.random() < 0.8 else ("", 0)
    protocols = [join_group.JoinGroupRequestProtocol("range", words.pick(BLOBS["metadata"][:3]))]
    return join_group.JoinGroupRequest(
        group_id=words.pick(("g0", "g0", "g1")),
        session_timeout_ms=words.pick((6_000, 30_000)),
        rebalance_timeout_ms=words.pick((500, 5_000)),
        member_id=member,
        protocol_type="consumer",
        protocols=protocols,
    ), words.pick((0, 3, 4, 5, 9))


def _sync(words: Words, pairs: Pairs) -> Made:
    member, generation = pairs.pick(words, JOIN)
    assignments = [sync_group.SyncGroupRequestAssignment(member, b"\0\0\0\0\0\0\0\0\0\0")]
    return sync_group.SyncGroupRequest(
        group_id=words.pick(("g0", "g0", "g1")),
        generation_id=generation,
        member_id=member,
        protocol_type="consumer",
        protocol_name="range",
        assignments=assignments if words.random() < 0.7 else [],
    ), words.pick((0, 3, 5))


def _heartbeat(words: Words, pairs: Pairs) -> Made:
    member, generation = pairs.pick(words, JOIN)
    group_id = words.pick(("g0", "g0", "g1"))
    if words.random() < 0.1:
        return leave_group.LeaveGroupRequest(group_id=group_id, member_id=member), 2
    return heartbeat.HeartbeatRequest(group_id=group_id, generation_id=generation, member_id=member), 4


def _commit(words: Words, pairs: Pairs) -> Made:
    key = words.pick((JOIN, CONSUMER))
    member, epoch = pairs.pick(words, key)
    partitions = [commit.OffsetCommitRequestPartition(0, words.pick((0, 1, 5)), -1, None)]
    return commit.OffsetCommitRequest(
        group_id="g0" if key == JOIN else "c0",
        generation_id_or_member_epoch=epoch,
        member_id=member,
        topics=[commit.OffsetCommitRequestTopic(name="t0", partitions=partitions)],
    ), 9


def _epoch(words: Words, pairs: Pairs, key: int, member: str) -> int:
    luck = words.random()
    return pairs.epoch(key, member) if luck < 0.85 else 0 if luck < 0.92 else -1


def _consumer(words: Words, pairs: Pairs) -> Made:
    member = words.pick(MEMBERS)
    epoch = _epoch(words, pairs, CONSUMER, member)
    owned = [consumer.TopicPartitions(_topic_id(words), [0])] if words.random() < 0.3 else []
    request = consumer.ConsumerGroupHeartbeatRequest(
        group_id="c0", member_id=member, member_epoch=epoch, topic_partitions=owned
    )
    if epoch == 0:
        request.rebalance_timeout_ms = 5_000
        request.topic_partitions = []
        request.subscribed_topic_names = words.pick((["t0"], ["t0", "t1"], ["t2", "made"]))
        request.server_assignor = words.pick((None, "uniform", "range"))
        if words.random() < 0.3:
            request.subscribed_topic_regex = words.pick(("t.*", "(t|m)+.*", ""))
    return request, 1


def _share(words: Words, pairs: Pairs) -> Made:
    member = words.pick(MEMBERS)
    epoch = _epoch(words, pairs, SHARE, member)
    names = words.pick((["t0"], ["t0", "t1"])) if epoch == 0 else None
    return share_heartbeat.ShareGroupHeartbeatRequest("share", member, epoch, None, names), 1


def _streams(words: Words, pairs: Pairs) -> Made:
    member = words.pick(MEMBERS)
    epoch = _epoch(words, pairs, STREAMS, member)
    request = streams.StreamsGroupHeartbeatRequest(group_id="streams", member_id=member, member_epoch=epoch)
    if epoch == 0:
        changelog = streams.TopicInfo(words.pick(("app-log", "app-log2")), 0, 1, [])
        parts = [
            streams.Subtopology("0", ["t0"], [], [changelog], ["made"], [], []),
            streams.Subtopology(
                "1", ["t1"], [], [], [], [streams.TopicInfo("made", words.pick((0, 2)), 1, [])], []
            ),
        ]
        request.rebalance_timeout_ms = 5_000
        request.topology = streams.Topology(words.pick((0, 0, 1)), parts[: words.pick((1, 2))])
        request.process_id = words.pick(("p0", "p1"))
        request.active_tasks = request.standby_tasks = request.warmup_tasks = []
        request.client_tags = []
    elif words.random() < 0.5:
        request.active_tasks = [streams.TaskIds("0", [0, 1])]
        request.standby_tasks = request.warmup_tasks = []
    return request, words.pick((0, 1))


def _share_fetch(words: Words, pairs: Pairs) -> Made:
    member = words.pick(MEMBERS)
    epoch = words.pick((0, 0, 1, 2, 3, 4, -1))
    batches = []
    if epoch > 0 and words.random() < 0.5:
        first = words.pick((0, 0, 1, 3))
        batches = [
            sharing.AcknowledgementBatch(first, first + words.pick((0, 0, 2)), [words.pick((0, 1, 2, 3))])
        ]
    topics = [sharing.FetchTopic(_topic_id(words), [sharing.FetchPartition(0, batches)])]
    return sharing.ShareFetchRequest(
        group_id="share",
        member_id=member,
        share_session_epoch=epoch,
        max_wait_ms=words.pick((0, 100, 500)),
        min_bytes=words.pick((0, 1)),
        max_records=words.pick((1, 10, 500)),
        batch_size=words.pick((1, 100)),
        topics=topics if epoch == 0 or words.random() < 0.6 else [],
    ), words.pick((1, 2))


def _share_acknowledge(words: Words, pairs: Pairs) -> Made:
    first = words.pick((0, 0, 1, 3))
    batches = [
        share_ack.AcknowledgementBatch(first, first + words.pick((0, 0, 2)), [words.pick((0, 1, 2, 3, 4))])
    ]
    topics = [share_ack.AcknowledgeTopic(_topic_id(words), [share_ack.AcknowledgePartition(0, batches)])]
    return share_ack.ShareAcknowledgeRequest(
        "share", words.pick(MEMBERS), words.pick((1, 2, 3, 4, -1)), False, topics
    ), 2


def _produce(words: Words, pairs: Pairs) -> Made:
    part = producing.PartitionProduceData(words.pick((0, 0, 1)), batch(words))
    data = [producing.TopicProduceData(words.pick(("t0", "t0", "t1", "made")), bytes(16), [part])]
    transactional_id = "tx0" if words.random() < 0.4 else None
    return producing.ProduceRequest(transactional_id, -1, 1_000, data), words.pick((8, 11, 12))


def _fetch(words: Words, pairs: Pairs) -> Made:
    sessions = words.taught.get("session_id") or [0]
    session = words.pick(sessions)
    asked = fetching.FetchPartition(partition=0, fetch_offset=words.pick((0, 0, 1, 3)))
    asked.partition_max_bytes = words.pick((1, 1_000, 1 << 20))
    topics = [fetching.FetchTopic(topic=words.pick(("t0", "t1")), partitions=[asked])]
    return fetching.FetchRequest(
        max_wait_ms=words.pick((0, 100, 500)),
        min_bytes=1,
        max_bytes=1 << 20,
        isolation_level=words.pick((0, 1)),
        session_id=session,
        session_epoch=words.pick((0, 0, 1, 2, 3, -1)),
        topics=topics if words.random() < 0.8 else [],
    ), words.pick((4, 7, 11, 12))


def _init(words: Words, pairs: Pairs) -> Made:
    transactional_id = words.pick(("tx0", "tx0", "tx1", None))
    return init_producer_id.InitProducerIdRequest(transactional_id, 60_000, -1, -1), words.pick((2, 4, 5))


def _add_partitions(words: Words, pairs: Pairs) -> Made:
    producer_id, epoch = pairs.pick(words, PRODUCER)
    topics = [to_txn.AddPartitionsToTxnTopic(words.pick(("t0", "t1")), [0])]
    if words.random() < 0.3:
        one = to_txn.AddPartitionsToTxnTransaction("tx0", producer_id, epoch, words.random() < 0.3, topics)
        return to_txn.AddPartitionsToTxnRequest(transactions=[one]), 5
    return to_txn.AddPartitionsToTxnRequest([], "tx0", producer_id, epoch, topics), 3


def _add_offsets(words: Words, pairs: Pairs) -> Made:
    producer_id, epoch = pairs.pick(words, PRODUCER)
    return offsets_to_txn.AddOffsetsToTxnRequest(
        "tx0", producer_id, epoch, words.pick(("g0", "c0"))
    ), words.pick((3, 4))


def _txn_commit(words: Words, pairs: Pairs) -> Made:
    producer_id, epoch = pairs.pick(words, PRODUCER)
    partitions = [txn_commit.TxnOffsetCommitRequestPartition(0, 3, -1, None)]
    return txn_commit.TxnOffsetCommitRequest(
        "tx0",
        words.pick(("g0", "c0")),
        producer_id,
        epoch,
        topics=[txn_commit.TxnOffsetCommitRequestTopic(name="t0", partitions=partitions)],
    ), words.pick((2, 3, 5))


def _end(words: Words, pairs: Pairs) -> Made:
    producer_id, epoch = pairs.pick(words, PRODUCER)
    return end_txn.EndTxnRequest("tx0", producer_id, epoch, words.random() < 0.5), words.pick((3, 4, 5))


STEPS: tuple[Callable[[Words, Pairs], Made], ...] = (
    *(_join, _join, _sync, _sync, _heartbeat, _commit),
    *(_consumer, _consumer, _share, _share, _streams, _streams),
    *(_share_fetch, _share_fetch, _share_fetch, _share_acknowledge),
    *(_produce, _produce, _produce, _fetch, _fetch),
    *(_init, _add_partitions, _add_offsets, _txn_commit, _end),
)


def request(words: Words, pairs: Pairs) -> Made:
    """The next request of some client; in one of three a field is what nobody would write there."""
    made, version = STEPS[int(words.random() * len(STEPS))](words, pairs)
    if words.random() < 0.33:
        other = request_maker(type(made), version)(words)
        names = [name for name, field in fields_of(type(made)) if field.present(version)]
        name = words.pick(names)
        setattr(made, name, getattr(other, name))
    return made, version
