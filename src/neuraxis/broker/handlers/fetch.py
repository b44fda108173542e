"""Fetch (key 1), versions 4-18.

A fetch that finds less than min_bytes is parked at its partitions and woken when a high watermark rises: never polled.
A batch that contains the offset asked for is returned whole. Answers hold file ranges, not bytes.
What it takes to find them may be on the disk alone: a thread reads it, and the answer then is looked for anew.
v7 fetch sessions: a client says once what it wants, and later fetches look only at partitions with news.
Readers of committed data get records before the first open transaction, and the aborted ones by their first offset.
Who claims to be a replica is told that the partition is not its (6): there are no followers.
An answer above the quota of bytes is left out: the client gets an empty one with throttle_time_ms and asks again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker import fetch_reading
from neuraxis.broker.authorisation.authoriser import TOPIC
from neuraxis.broker.call import PARKED, Call, Handled, handles
from neuraxis.broker.fetch_reading import Wanted
from neuraxis.broker.fetch_sessions import INITIAL_EPOCH, Entry, FetchSession, dirty_entries
from neuraxis.broker.log.cold import WouldWait
from neuraxis.broker.operations import READ
from neuraxis.wire import frames
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.fetch import (
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
)

if TYPE_CHECKING:
    from neuraxis.broker.log.cold import ColdStep
    from neuraxis.broker.node import Node
    from neuraxis.broker.parking import Timer
    from neuraxis.broker.partition import Partition
    from neuraxis.broker.work import Now

READ_UNCOMMITTED, READ_COMMITTED = 0, 1
IDS_SINCE = 13
"""The first version that names topics by id."""
SESSIONS_SINCE = 7
"""The first version whose answers have an error code of their own."""
NO_ID = bytes(16)
NO_LEADER_EPOCH = -1
"""A client that does not say which epoch it believes in; here any negative number means that."""
MAX_WAIT_MS = 30 * 60 * 1000
"""A longer wait is cut to half an hour: a parked call must have an end."""
MOST_LACKING = 32
"""Cold reads that one try asks for: the partitions after them come with the next try, or the next fetch."""


@handles(FetchRequest, versions="4-18", needs="READ topic")
def fetch(node: Node, call: Call, request: FetchRequest) -> Handled:
    """Answer at once when there is enough or something is wrong; else wait for it."""
    if request.isolation_level not in (READ_UNCOMMITTED, READ_COMMITTED):
        return _counted(node, call, _refused(request, call.api_version, ErrorCode.INVALID_REQUEST))
    try:
        session = node.fetch_sessions.open(
            request, by_id=call.api_version >= IDS_SINCE, now=call.now, entropy=node.entropy
        )
    except Refused as refused:
        return _counted(node, call, FetchResponse(error_code=refused.code))
    waiter = _Waiter(node, call, request, session)
    if request.min_bytes <= 0 or not (request.topics if session is None else session.entries):
        waiter.final = True
    return node.cold.serve(call, request, waiter.step)


def _refused(request: FetchRequest, version: int, code: ErrorCode) -> FetchResponse:
    """One error for the whole request: in its own field, and where topics have names at each partition."""
    topics = [
        FetchableTopicResponse(
            topic.topic,
            NO_ID,
            [PartitionData(each.partition, code, -1, records=b"") for each in topic.partitions],
        )
        for topic in (request.topics if version < IDS_SINCE else ())
        if topic.partitions
    ]
    return FetchResponse(error_code=code if version >= SESSIONS_SINCE else 0, responses=topics)


def _counted(node: Node, call: Call, response: FetchResponse) -> FetchResponse:
    """The response of a fetch that is refused as a whole; its errors are counted here, for the core skips those of fetches."""
    node.counters.answered(call.api_key, response)
    return response


class _Waiter:
    """A fetch, and what it waits for."""

    __slots__ = (
        "call", "deadline_ms", "epoch", "final", "is_replica", "max_bytes", "node", "request", "session", "timer",
        "watched",
    )  # fmt: skip

    def __init__(self, node: Node, call: Call, request: FetchRequest, session: FetchSession | None) -> None:
        self.node = node
        self.call = call
        self.request = request
        self.session = session
        self.epoch = 0 if session is None else session.epoch
        state = request.replica_state
        self.is_replica = (request.replica_id if state is None else state.replica_id) >= 0
        self.timer: Timer | None = None
        self.deadline_ms = call.now.mono_ms + min(request.max_wait_ms, MAX_WAIT_MS)
        self.final = False  # whatever there is, is the answer
        self.watched: list[Partition] = []
        self.max_bytes = request.max_bytes
        most = node.quotas.most_fetched(call.session) if node.quotas.on else None
        if most is not None:  # more than that would be above the quota whenever it is asked for
            self.max_bytes = min(self.max_bytes, most)

    def step(self) -> Handled:
        """The response if there is enough to say or the time is over, else PARKED. Raises WouldWait."""
        try:
            final = self.final or self.call.now.mono_ms >= self.deadline_ms
            response = self.try_answer(final=final)
        except WouldWait:
            self.leave_if_parked()  # nobody need tell of news: all is looked at again
            raise
        if response is None:
            if self.timer is None:
                self.park()
            return PARKED
        self.leave_if_parked()
        return response

    def park(self) -> None:
        if self.session is not None:
            overtaken = self.session.on_end
            self.session.on_news, self.session.on_end = self.on_news, self.on_end
            if overtaken is not None:
                overtaken()
        else:
            for wanted in self.look_up():
                if wanted.partition is not None:
                    wanted.partition.waiting[self] = self.on_progress
                    self.watched.append(wanted.partition)
        self.timer = self.node.parking.at(self.deadline_ms, self.on_news)
        self.call.abandon = self.leave

    def leave_if_parked(self) -> None:
        if self.timer is not None:
            self.leave()

    def leave(self) -> None:
        session = self.session
        if session is not None and session.epoch == self.epoch:
            session.on_news = session.on_end = None
        for partition in self.watched:
            partition.waiting.pop(self, None)
        self.watched.clear()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def on_progress(self, partition: Partition, now: Now) -> None:
        self.on_news(now)

    def on_news(self, now: Now) -> None:
        self.call.now = now
        response = self.node.cold.serve(self.call, self.request, self.step)
        if response is not PARKED:
            self.call.answer(response)

    def on_end(self) -> None:
        """The session ends, or another call goes on with it: answer with what there is."""
        self.final = True
        self.on_news(self.call.now)

    def look_up(self) -> list[Wanted]:
        if self.session is not None:
            return [self.find(entry.key[0], entry.asked, entry) for entry in dirty_entries(self.session)]
        by_id = self.call.api_version >= IDS_SINCE
        return [
            self.find(topic.topic_id if by_id else topic.topic, asked)
            for topic in self.request.topics
            for asked in topic.partitions
        ]

    def find(self, named: str | bytes, asked: FetchPartition, entry: Entry | None = None) -> Wanted:
        node, partition = self.node, None
        if isinstance(named, str):
            topic, code = node.topics.get(named), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        else:
            topic, code = node.topics_by_id.get(named), ErrorCode.UNKNOWN_TOPIC_ID
        if topic is not None:
            code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            if 0 <= asked.partition < len(topic.partitions):
                partition = topic.partitions[asked.partition]
        if node.guard is not None and not self.may_read(named if topic is None else topic.name):
            code, partition = ErrorCode.TOPIC_AUTHORIZATION_FAILED, None
        if entry is not None and self.session is not None:
            self.session.watch(entry, partition)
        if partition is not None:
            mistake = partition.check_leader_epoch(max(asked.current_leader_epoch, NO_LEADER_EPOCH))
            if not mistake and self.is_replica:
                mistake = ErrorCode.NOT_LEADER_OR_FOLLOWER
            return Wanted(topic, partition, asked, mistake, named, entry)
        return Wanted(topic, None, asked, code, named, entry)

    def may_read(self, named: str | bytes) -> bool:
        """Whether the topic of this name may be read; of an id that belongs to none there is nothing to hide."""
        guard = self.node.guard
        return guard is None or isinstance(named, bytes) or guard.allows(self.call, READ, TOPIC, named)

    def try_answer(self, *, final: bool) -> FetchResponse | None:
        """The response if there is enough to say, else None. Raises WouldWait; what is enough without it leaves without it."""
        if self.session is not None and self.session.epoch != self.epoch:
            refusal = FetchResponse(error_code=ErrorCode.INVALID_FETCH_SESSION_EPOCH)
            return _counted(self.node, self.call, refusal)
        committed = self.request.isolation_level == READ_COMMITTED
        wanted = self.look_up()
        if not final and not any(fetch_reading.has_news(each, committed=committed) for each in wanted):
            return None
        budget = self.max_bytes
        size, told = 0, False
        answers = []
        lacking: list[ColdStep] = []
        for each in wanted:
            full = len(lacking) >= MOST_LACKING
            most = 0 if full else budget - size
            data = fetch_reading.read_partition(
                each, most, lacking, committed=committed, first=not (size or full)
            )
            records = data.records
            if records is not None and not isinstance(records, bytes):
                size += records.length  # type: ignore[union-attr]  # `read_partition` puts a Range or b"" there
            if data.error_code == ErrorCode.FENCED_LEADER_EPOCH and each.partition is not None:
                data.current_leader = LeaderIdAndEpoch(self.node.node_id, each.partition.leader_epoch)
            told = told or data.error_code != 0 or data.diverging_epoch is not None
            answers.append(data)
        enough = final or told or size >= min(self.request.min_bytes, self.max_bytes)
        if lacking and not (enough and size):
            fetch_reading.release(answers)
            raise WouldWait(*lacking)
        if not enough:
            fetch_reading.release(answers)
            return None
        if lacking:
            self.node.cold.bring(lacking)
        if self.node.quotas.on:
            return self.within_quota(wanted, answers, committed=committed)
        return self.settle(wanted, answers, committed=committed)

    def settle(self, wanted: list[Wanted], answers: list[PartitionData], *, committed: bool) -> FetchResponse:
        """The response with these answers, which count as told."""
        if self.session is not None:
            wanted, answers = self.in_session(self.session, wanted, answers, committed=committed)
        response = self.respond(wanted, answers)
        self.count(wanted, answers, response)
        return response

    def count(self, wanted: list[Wanted], answers: list[PartitionData], response: FetchResponse) -> None:
        """Count the bytes that leave, and what is refused."""
        refused = False
        for each, data in zip(wanted, answers, strict=True):
            if data.error_code:
                refused = True
            elif data.records and each.partition is not None:
                each.partition.sent_bytes += data.records.length  # type: ignore[union-attr]  # a Range, see above
        if refused:
            self.node.counters.answered(self.call.api_key, response)

    def within_quota(
        self, wanted: list[Wanted], answers: list[PartitionData], *, committed: bool
    ) -> FetchResponse:
        """The response, or an empty one if the client is above its quota; both say how long it is muted."""
        quotas, call, session = self.node.quotas, self.call, self.session
        begins = session is None or self.request.session_epoch == INITIAL_EPOCH
        size = self.size(wanted, answers, begins=begins) if quotas.counts_fetches(call.session) else 0
        throttle_ms, leaves = quotas.fetched(call.session, size, call.now.mono_ms)
        if leaves:
            response = self.settle(wanted, answers, committed=committed)
            response.throttle_time_ms = throttle_ms
            return response
        fetch_reading.release(answers)
        if begins and session is not None:
            self.leave()
            self.node.fetch_sessions.drop(session)
        return FetchResponse(
            throttle_time_ms=throttle_ms, session_id=0 if begins or session is None else session.id
        )

    def size(self, wanted: list[Wanted], answers: list[PartitionData], *, begins: bool) -> int:
        """The bytes of the response with these answers, as Kafka counts them; nothing counts as told."""
        told = [
            (each, data)
            for each, data in zip(wanted, answers, strict=True)
            if begins or data.records or data.error_code
        ]
        body = self.respond([each for each, _ in told], [data for _, data in told])
        return frames.counted_size(body, self.call.api_version)

    def in_session(
        self, session: FetchSession, wanted: list[Wanted], answers: list[PartitionData], *, committed: bool
    ) -> tuple[list[Wanted], list[PartitionData]]:
        """Of the answers, those with news (a first fetch is told everything); what is said is no longer dirty."""
        full = self.request.session_epoch == INITIAL_EPOCH
        shown_wanted, shown = [], []
        for each, data in zip(wanted, answers, strict=True):
            entry = each.entry
            assert entry is not None, "a session looks at its entries"
            more = data.error_code != 0 or data.diverging_epoch is not None
            if each.partition is not None and not more:
                more = each.asked.fetch_offset < fetch_reading.limit_of(each.partition, committed=committed)
            session.settle(entry, more=more, sent=bool(data.records))
            if entry.tells(data) or full:
                shown_wanted.append(each)
                shown.append(data)
        return shown_wanted, shown

    def respond(self, wanted: list[Wanted], answers: list[PartitionData]) -> FetchResponse:
        responses: list[FetchableTopicResponse] = []
        by_topic: dict[str | bytes, FetchableTopicResponse] = {}
        for each, data in zip(wanted, answers, strict=True):
            topic = by_topic.get(each.named)
            if topic is None:
                name, topic_id = (each.named, NO_ID) if isinstance(each.named, str) else ("", each.named)
                topic = by_topic[each.named] = FetchableTopicResponse(name, topic_id, [])
                responses.append(topic)
            topic.partitions.append(data)
        endpoints = [self.endpoint()] if any(data.current_leader is not None for data in answers) else []
        self.call.saw(self.node.catalogue.ticket)
        session_id = 0 if self.session is None else self.session.id
        return FetchResponse(session_id=session_id, responses=responses, node_endpoints=endpoints)

    def endpoint(self) -> NodeEndpoint:
        listener = self.node.listener_of(self.call.session)
        return NodeEndpoint(self.node.node_id, listener.advertised_host, listener.advertised_port)
