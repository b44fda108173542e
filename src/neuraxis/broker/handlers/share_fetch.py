"""ShareFetch (key 78), versions 1-2: give records of share partitions to a member, after settling what it had before.

A fetch that finds nothing is parked, and woken when there are new records or somebody gives some back: never polled. v2 strict
limits of records (share_acquire_mode 1) and renewed locks. The answer follows the sync of what it acknowledges.
Not done: min_bytes above what is there waits as Kafka does, but counts whole batches that others may have acquired by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.broker.authorisation.authoriser import TOPIC
from neuraxis.broker.call import PARKED, Call, Handled, handles
from neuraxis.broker.coordinators.share.commands import AcquireMode
from neuraxis.broker.coordinators.share.facts import ShareKey
from neuraxis.broker.coordinators.share.sessions import FINAL_EPOCH, INITIAL_EPOCH
from neuraxis.broker.handlers.share_acknowledge import RENEW_FROM, Verdict, check_names, settle
from neuraxis.broker.log.cold import WouldWait
from neuraxis.broker.operations import READ
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.share_fetch import (
    AcquiredRecords,
    PartitionData,
    ShareFetchableTopicResponse,
    ShareFetchRequest,
    ShareFetchResponse,
)

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.share.sessions import ShareSession
    from neuraxis.broker.node import Node
    from neuraxis.broker.parking import Timer
    from neuraxis.broker.partition import Partition
    from neuraxis.broker.work import Now

MAX_WAIT_MS = 30 * 60 * 1000
"""A longer wait is cut to half an hour: a parked call must have an end."""

Verdicts = dict[tuple[bytes, int], Verdict]


@handles(ShareFetchRequest, versions="1-2", needs="READ group; READ topic")
def share_fetch(node: Node, call: Call, request: ShareFetchRequest) -> Handled:
    """Settle, then answer at once when there is something to give or to say; else wait for it."""
    try:
        return _fetch(node, call, request)
    except Refused as refused:  # said once, not to every partition: so clients know that nothing was done
        return ShareFetchResponse(error_code=refused.code, error_message=refused.message)


def _fetch(node: Node, call: Call, request: ShareFetchRequest) -> Handled:
    shares = node.shares
    shares.check_enabled(call)
    group_id, member_id = check_names(request.group_id, request.member_id)
    renew = request.is_renew_ack and call.api_version >= RENEW_FROM
    if renew and any((request.max_wait_ms, request.min_bytes, request.max_bytes, request.max_records)):
        raise Refused(
            ErrorCode.INVALID_REQUEST, "A request that renews locks fetches nothing: its limits are 0."
        )
    if request.share_acquire_mode not in tuple(AcquireMode):
        raise Refused(
            ErrorCode.INVALID_REQUEST, f"There is no acquire mode {request.share_acquire_mode}: 0 or 1."
        )
    session = _session(node, call, request, group_id, member_id)
    verdicts: Verdicts = {}
    for topic in request.topics:
        for asked in topic.partitions:
            if asked.acknowledgement_batches:
                key = ShareKey(group_id, bytes(topic.topic_id), asked.partition_index)
                verdicts[key[1:]] = settle(
                    node, call, key, member_id, asked.acknowledgement_batches, renew=renew
                )
    final = request.share_session_epoch == FINAL_EPOCH
    if final:
        shares.end_session(session, call, call.now)
    waiter = _Waiter(node, call, request, session, verdicts)
    if final or renew or request.max_records <= 0 or request.max_bytes == 0 or not session.partitions:
        return waiter.respond({})
    return node.cold.serve(call, request, waiter.step)


def _session(
    node: Node, call: Call, request: ShareFetchRequest, group_id: str, member_id: str
) -> ShareSession:
    sessions = node.shares.sessions
    wanted = [
        (bytes(topic.topic_id), asked.partition_index)
        for topic in request.topics
        for asked in topic.partitions
    ]
    epoch = request.share_session_epoch
    if epoch == FINAL_EPOCH:
        return sessions.end(group_id, member_id)
    if epoch == INITIAL_EPOCH:
        if any(asked.acknowledgement_batches for topic in request.topics for asked in topic.partitions):
            raise Refused(
                ErrorCode.INVALID_REQUEST, "The first request of a session has nothing to acknowledge."
            )
        limit = node.settings.integer("group.share.max.share.sessions")
        session = sessions.begin(group_id, member_id, call.session.id, limit)
    else:
        session = sessions.next(group_id, member_id, epoch)
    session.add(wanted)
    session.remove(
        (bytes(topic.topic_id), index)
        for topic in request.forgotten_topics_data
        for index in topic.partitions
    )
    return session


@dataclass(slots=True)
class _Taking:
    """What an answer has found so far."""

    data: dict[tuple[bytes, int], PartitionData]
    size: int = 0
    records: int = 0
    told: bool = False


class _Waiter:
    """A share fetch, and what it waits for."""

    __slots__ = (
        "call", "deadline_ms", "node", "request", "session", "timer", "verdicts", "watched", "watched_keys",
    )  # fmt: skip

    def __init__(
        self, node: Node, call: Call, request: ShareFetchRequest, session: ShareSession, verdicts: Verdicts
    ) -> None:
        self.node = node
        self.call = call
        self.request = request
        self.session = session
        self.verdicts = verdicts
        self.timer: Timer | None = None
        self.deadline_ms = call.now.mono_ms + min(request.max_wait_ms, MAX_WAIT_MS)
        self.watched: list[Partition] = []
        self.watched_keys: list[ShareKey] = []

    def step(self) -> Handled:
        """The response if there is something to give or the time is over, else PARKED. Raises WouldWait."""
        now = self.call.now
        try:
            response = self.try_answer(now, final=now.mono_ms >= self.deadline_ms)
        except WouldWait:
            self.leave()
            raise
        if response is None:
            if self.timer is None:
                self.park()
            return PARKED
        self.leave()
        return response

    def park(self) -> None:
        waiting = self.node.shares.waiting
        for topic_id, index in self.session.partitions:
            partition = self.node.partitions.get((topic_id, index))
            if partition is not None:
                partition.waiting[self] = self.on_data
                self.watched.append(partition)
                key = ShareKey(self.session.group_id, topic_id, index)
                waiting.setdefault(key, {})[self] = self.on_progress
                self.watched_keys.append(key)
        self.timer = self.node.parking.at(self.deadline_ms, self.on_progress)
        self.call.abandon = self.leave

    def leave(self) -> None:
        for partition in self.watched:
            partition.waiting.pop(self, None)
        waiting = self.node.shares.waiting
        for key in self.watched_keys:
            others = waiting[key]
            del others[self]
            if not others:
                del waiting[key]
        self.watched.clear()
        self.watched_keys.clear()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def on_data(self, _partition: Partition, now: Now) -> None:
        self.on_progress(now)

    def on_progress(self, now: Now) -> None:
        if self.call.answered:
            return  # somebody before us in the same round was answered, and so were we
        self.call.now = now
        response = self.node.cold.serve(self.call, self.request, self.step)
        if response is not PARKED:
            self.call.answer(response)

    def try_answer(self, now: Now, *, final: bool) -> ShareFetchResponse | None:
        """The response if there is something to give or to say, else None. Raises WouldWait before it takes anything."""
        if not final and self.request.min_bytes > 1 and self._readable() < self.request.min_bytes:
            return None
        taking = _Taking({})
        for topic_id, index in self.session.rotated():
            try:
                self._take(taking, topic_id, index, now)
            except WouldWait as cold:
                if not taking.records and not taking.told:
                    raise
                self.node.cold.bring(cold.steps)  # what was taken leaves; this is for the next fetch
        if not final and not taking.records and not taking.told:
            return None
        return self.respond(taking.data)

    def _take(self, taking: _Taking, topic_id: bytes, index: int, now: Now) -> None:
        request, group_id = self.request, self.session.group_id
        wanted = request.max_records - taking.records
        left = request.max_bytes - taking.size
        if wanted <= 0 or (taking.size and left <= 0):
            return
        code, message = self._problem(topic_id, index)
        if code:
            taking.data[topic_id, index] = PartitionData(index, code, message, records=b"")
            taking.told = True
            return
        taken = self.node.shares.take(
            ShareKey(group_id, topic_id, index),
            self.node.partitions[topic_id, index],
            self.session.member_id,
            self.call,
            now,
            max_records=wanted,
            batch_size=max(request.batch_size, 1),
            mode=AcquireMode(request.share_acquire_mode),
            max_bytes=left,
            first=not taking.size,
        )
        if taken is None:
            if (topic_id, index) in self.session.fresh:
                taking.data[topic_id, index] = PartitionData(index, records=b"")
            return
        found, given = taken
        taking.size += found.length
        taking.records += sum(each.last - each.first + 1 for each in given)
        taking.data[topic_id, index] = PartitionData(
            index, records=found, acquired_records=[AcquiredRecords(*each) for each in given]
        )

    def _problem(self, topic_id: bytes, index: int) -> tuple[int, str | None]:
        topic = self.node.topics_by_id.get(topic_id)
        if topic is None:
            return ErrorCode.UNKNOWN_TOPIC_ID, "No topic has this id."
        guard = self.node.guard
        if guard is not None and not guard.allows(self.call, READ, TOPIC, topic.name):
            refused = ErrorCode.TOPIC_AUTHORIZATION_FAILED
            return refused, refused.message
        if not 0 <= index < len(topic.partitions):
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{topic.name} has no partition {index}."
        group_id = self.session.group_id
        group = self.node.shares.group(group_id, self.call)
        known = None if group is None else group.topics.get(topic_id)
        if known is None or index not in known.partitions:
            # Kafka's code: nobody asked the group coordinator for this partition first.
            return (
                ErrorCode.UNKNOWN_SERVER_ERROR,
                f"Group {group_id} does not read {topic.name}-{index}: join it.",
            )
        return 0, None

    def _readable(self) -> int:
        """Bytes that a fetch could find now."""
        size = 0
        for topic_id, index in self.session.partitions:
            partition = self.node.partitions.get((topic_id, index))
            known = self.node.shares.known(ShareKey(self.session.group_id, topic_id, index), self.call)
            if partition is None or known is None:
                return self.request.min_bytes  # it is to be told, or begun
            offset = max(known.end_offset, partition.log_start_offset)
            if any(not run.state for run in known.runs):
                return self.request.min_bytes  # what was given back is not made to wait
            if offset < partition.high_watermark:
                found = partition.log.read(offset, self.request.max_bytes, partition.high_watermark)
                if found is not None:
                    size += found.length
                    found.release()
        return size

    def respond(self, data: dict[tuple[bytes, int], PartitionData]) -> ShareFetchResponse:
        """The response with these partitions, and with what came of the acknowledgements."""
        for (topic_id, index), verdict in self.verdicts.items():
            found = data.get((topic_id, index))
            if found is None:
                found = data[topic_id, index] = PartitionData(index, records=b"")
            found.acknowledge_error_code, found.acknowledge_error_message = verdict
        by_topic: dict[bytes, list[PartitionData]] = {}
        for (topic_id, index), found in data.items():
            by_topic.setdefault(topic_id, []).append(found)
            self.session.fresh.discard((topic_id, index))
        self.call.saw(self.node.catalogue.ticket)
        limits = self.node.shares.limits(self.session.group_id)
        return ShareFetchResponse(
            acquisition_lock_timeout_ms=limits.record_lock_duration_ms,
            responses=[ShareFetchableTopicResponse(*each) for each in by_topic.items()],
        )
