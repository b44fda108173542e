"""Fetch (key 1), versions 4-18.

A fetch that finds less than min_bytes is parked at its partitions and woken when a high watermark rises: never polled.
A batch that contains the offset asked for is returned whole. Answers hold file ranges, not bytes.
Fetch sessions are declined (session id 0, 70 for an unknown one), which Kafka's protocol allows.
Not done: aborted transactions (there are none yet), replica fetches (there are no followers: treated as a consumer's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.call import PARKED, Call, Handled, handles
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.fetch import (
    EpochEndOffset,
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
)

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Range
    from neuraxis.broker.node import Node, Topic
    from neuraxis.broker.parking import Timer
    from neuraxis.broker.partition import Partition
    from neuraxis.broker.work import Now

READ_COMMITTED = 1
MAX_WAIT_MS = 30 * 60 * 1000
"""A longer wait is cut to half an hour: a parked call must have an end."""


class Wanted(NamedTuple):
    """One partition of a fetch: where it is, and what was asked."""

    topic: Topic | None
    partition: Partition | None
    asked: FetchPartition
    error_code: int


@handles(FetchRequest, versions="4-18", needs="READ topic")
def fetch(node: Node, call: Call, request: FetchRequest) -> Handled:
    """Answer at once when there is enough or something is wrong; else wait for it."""
    if request.session_id != 0:
        return FetchResponse(error_code=ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
    waiter = _Waiter(node, call, request)
    response = waiter.try_answer(
        final=request.max_wait_ms <= 0 or request.min_bytes <= 0 or not request.topics
    )
    if response is not None:
        return response
    waiter.park()
    return PARKED


class _Waiter:
    """A fetch, and what it waits for."""

    __slots__ = ("call", "node", "request", "timer", "watched")

    def __init__(self, node: Node, call: Call, request: FetchRequest) -> None:
        self.node = node
        self.call = call
        self.request = request
        self.timer: Timer | None = None
        self.watched: list[Partition] = []

    def park(self) -> None:
        for wanted in self.look_up():
            if wanted.partition is not None:
                wanted.partition.waiting[self] = self.on_progress
                self.watched.append(wanted.partition)
        wait_ms = min(self.request.max_wait_ms, MAX_WAIT_MS)
        self.timer = self.node.parking.at(self.call.now.mono_ms + wait_ms, self.on_timeout)
        self.call.abandon = self.leave

    def leave(self) -> None:
        for partition in self.watched:
            partition.waiting.pop(self, None)
        self.watched.clear()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def on_progress(self, partition: Partition, now: Now) -> None:
        response = self.try_answer(final=False)
        if response is not None:
            self.leave()
            self.call.answer(response)

    def on_timeout(self, now: Now) -> None:
        self.leave()
        self.call.answer(self.try_answer(final=True))

    def look_up(self) -> list[Wanted]:
        node, by_id = self.node, self.call.api_version >= 13
        found = []
        for topic_asked in self.request.topics:
            topic = (
                node.topics_by_id.get(topic_asked.topic_id) if by_id else node.topics.get(topic_asked.topic)
            )
            missing = ErrorCode.UNKNOWN_TOPIC_ID if by_id else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            for asked in topic_asked.partitions:
                if topic is None:
                    found.append(Wanted(None, None, asked, missing))
                elif not 0 <= asked.partition < len(topic.partitions):
                    found.append(Wanted(topic, None, asked, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
                else:
                    partition = topic.partitions[asked.partition]
                    code = partition.check_leader_epoch(asked.current_leader_epoch)
                    found.append(Wanted(topic, partition, asked, code))
        return found

    def try_answer(self, *, final: bool) -> FetchResponse | None:
        """The response if there is enough to say, else None."""
        committed = self.request.isolation_level == READ_COMMITTED
        wanted = self.look_up()
        if not final and not any(_has_news(each, committed=committed) for each in wanted):
            return None
        budget = self.request.max_bytes
        size, told = 0, False
        answers = []
        for each in wanted:
            data = _read(each, budget - size, committed=committed, first=size == 0)
            records = data.records
            if records is not None and not isinstance(records, bytes):
                size += records.length  # type: ignore[union-attr]  # `_read` puts a Range or b"" there
            if data.error_code == ErrorCode.FENCED_LEADER_EPOCH and each.partition is not None:
                data.current_leader = LeaderIdAndEpoch(self.node.node_id, each.partition.leader_epoch)
            told = told or data.error_code != 0 or data.diverging_epoch is not None
            answers.append(data)
        if not final and not told and size < self.request.min_bytes:
            for data in answers:
                if data.records:
                    data.records.release()  # type: ignore[union-attr]  # a Range, see above
            return None
        return self.respond(answers)

    def respond(self, answers: list[PartitionData]) -> FetchResponse:
        responses, position = [], 0
        led_elsewhere = False
        for topic in self.request.topics:
            partitions = answers[position : position + len(topic.partitions)]
            position += len(topic.partitions)
            led_elsewhere = led_elsewhere or any(data.current_leader is not None for data in partitions)
            responses.append(FetchableTopicResponse(topic.topic, topic.topic_id, partitions))
        endpoints = [self.endpoint()] if led_elsewhere else []
        self.call.saw(self.node.catalogue.ticket)
        return FetchResponse(responses=responses, node_endpoints=endpoints)

    def endpoint(self) -> NodeEndpoint:
        listener = self.node.listener_of(self.call.session)
        return NodeEndpoint(self.node.node_id, listener.advertised_host, listener.advertised_port)


def _limit(partition: Partition, *, committed: bool) -> int:
    return partition.last_stable_offset if committed else partition.high_watermark


def _has_news(wanted: Wanted, *, committed: bool) -> bool:
    """Whether answering now would say something: an error, a divergence or data."""
    partition, asked = wanted.partition, wanted.asked
    if partition is None or wanted.error_code or asked.last_fetched_epoch >= 0:
        return True
    offset = asked.fetch_offset
    return (
        offset < _limit(partition, committed=committed)
        or offset > partition.log_end_offset
        or offset < partition.log_start_offset
    )


def _read(wanted: Wanted, budget: int, *, committed: bool, first: bool) -> PartitionData:
    partition, asked = wanted.partition, wanted.asked
    if partition is None:
        return PartitionData(asked.partition, wanted.error_code, -1, records=b"")
    if wanted.error_code:
        return PartitionData(asked.partition, wanted.error_code, -1, records=b"")
    data = PartitionData(
        asked.partition,
        0,
        partition.high_watermark,
        partition.last_stable_offset,
        partition.log_start_offset,
        aborted_transactions=[] if committed else None,
        records=b"",
    )
    if asked.last_fetched_epoch >= 0:
        data.diverging_epoch = _divergence(partition, asked)
        if data.diverging_epoch is not None:
            return data
    limit = _limit(partition, committed=committed)
    offset = asked.fetch_offset
    maximum = min(asked.partition_max_bytes, budget)
    try:
        if offset < partition.log_start_offset or offset > partition.log_end_offset:
            raise Refused(ErrorCode.OFFSET_OUT_OF_RANGE, "the offset is outside the log")
        if offset < limit and (maximum > 0 or first):
            found: Range | None = partition.log.read(offset, max(maximum, 0), limit, minimum_one=first)
            if found is not None:
                data.records = found
    except Refused as refused:
        return PartitionData(asked.partition, refused.code, -1, records=b"")
    return data


def _divergence(partition: Partition, asked: FetchPartition) -> EpochEndOffset | None:
    epoch, end_offset = partition.log.end_offset_for_epoch(asked.last_fetched_epoch)
    if epoch < asked.last_fetched_epoch or end_offset < asked.fetch_offset:
        return EpochEndOffset(epoch, end_offset)
    return None
