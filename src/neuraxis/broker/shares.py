"""The share partitions of this node at work: their coordinator's log, sessions, waiting fetches, the locks' timer.

Rule of the file: whoever changed a share partition goes through `execute`, so that nobody waits for what is there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from neuraxis.broker import features
from neuraxis.broker.config_table.topic_rows import GROUP_CONFIGS
from neuraxis.broker.coordinators.runtime import Shard
from neuraxis.broker.coordinators.share import reading
from neuraxis.broker.coordinators.share import runs as r
from neuraxis.broker.coordinators.share.commands import (
    Acquire,
    Acquired,
    AcquireMode,
    Advance,
    Begin,
    Checkpoint,
    Cut,
    Forget,
    Release,
)
from neuraxis.broker.coordinators.share.facts import ShareKey
from neuraxis.broker.coordinators.share.group_queries import share_groups
from neuraxis.broker.coordinators.share.machine import ShareMachine
from neuraxis.broker.coordinators.share.sessions import ShareSession, ShareSessions
from neuraxis.broker.coordinators.share.settings import CHECKPOINT_BATCHES, ShareLimits
from neuraxis.broker.coordinators.topics.machine import CreateTopic
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.call import Call
    from neuraxis.broker.coordinators.share.group import ShareGroup
    from neuraxis.broker.coordinators.share.state import SharePartition, ShareState
    from neuraxis.broker.log.reading import Range
    from neuraxis.broker.node import Node
    from neuraxis.broker.parking import Timer
    from neuraxis.broker.partition import Partition
    from neuraxis.broker.work import Now

SHARE_TOPIC = "__share_group_state"
GROUP_RESOURCE = 32

MAX_ROUNDS = 8
"""Reads for one answer while all they find was aborted: then the answer is empty, and the reader comes again."""

CHECKPOINT_SLICE = 1_000
"""Share partitions in one batch of a checkpoint: some 100 kB, at most 160 MB if all had every record apart."""

_DURATION = re.compile(r"by_duration:P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)


class Shares:
    """Everything this node does for share groups but their membership."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.sessions = ShareSessions()
        self.waiting: dict[ShareKey, dict[object, Callable[[Now], None]]] = {}
        self._machine = ShareMachine(self)
        self._shard: Shard[ShareState, Any] | None = None  # Any: the machine's facts
        self._timer: Timer | None = None
        self._waking = False
        self._checkpointed = 0
        self._to_give_back: tuple[int, int] | None = None  # the ticket that must be durable first, the offset

    # ---- start, time, configs ----------------------------------------------------------------------------------

    def start(self, now: Now) -> None:
        """Load what the log holds."""
        topic = self.node.topics.get(SHARE_TOPIC)
        if topic is None:
            return
        shard = Shard(self._machine, topic.partitions[0], self.node.store)
        shard.load(now)
        shard.state.freed.clear()
        self._checkpointed = shard.partition.log_start_offset
        self._shard = shard
        self._cut_what_is_gone(now)
        # A crash may have come between the deletion of a topic or a group and that of its share partitions.
        self.forget_topics(None, now)
        self.forget(lambda key: not self._is_group(key.group_id, now), None, now)

    def _cut_what_is_gone(self, now: Now) -> None:
        """Forget what is known of offsets that a power cut took from a log: other records will be there.

        The leader epoch says where: an epoch that ended, ended where the log was cut. So it is found out again if this start
        is lost too, when there may be other records already.
        """
        shard = self.shard(now)
        ends = []
        for key, known in shard.state.partitions.items():
            partition = self.node.partitions.get((key.topic_id, key.partition))
            if partition is not None and known.leader_epoch < partition.leader_epoch:
                _, end = partition.log.end_offset_for_epoch(known.leader_epoch)
                ends.append((key, end, partition.leader_epoch))
        for position in range(0, len(ends), CHECKPOINT_SLICE):
            shard.execute(Cut(tuple(ends[position : position + CHECKPOINT_SLICE])), None, now)
        shard.state.freed.clear()

    def _is_group(self, group_id: str, now: Now) -> bool:
        return group_id in share_groups(self.node.group_shard(group_id, now).state)

    def group(self, group_id: str, call: Call) -> ShareGroup | None:
        """The share group of this id, to be read for a call."""
        return share_groups(self.node.group_shard(group_id, call.now).read(call)).get(group_id)

    def shard(self, now: Now) -> Shard[ShareState, Any]:  # Any: the machine's facts
        """The coordinator; creates its topic at the first use."""
        if self._shard is None:
            size = self.node.settings.integer("share.coordinator.state.topic.segment.bytes")
            configs = {"cleanup.policy": "delete", "retention.ms": "-1", "segment.bytes": str(size)}
            command = CreateTopic(SHARE_TOPIC, self.node.new_uuid(), 1, configs, 1)
            self.node.change_catalogue(command, None, now, [SHARE_TOPIC])
            self.start(now)
        assert self._shard is not None
        return self._shard

    def check_enabled(self, call: Call) -> None:
        """Refuse (35) what needs share groups while `share.version` is 0."""
        levels = features.finalised(self.node.catalogue.read(call).cluster.features)
        if levels.get(features.SHARE_VERSION, 0) < 1:
            raise Refused(
                ErrorCode.UNSUPPORTED_VERSION,
                f"Share groups are off: raise the feature {features.SHARE_VERSION} to 1 or more.",
            )

    def group_config(self, group_id: str, name: str) -> str:
        """The text of a group's config: its own, else the broker's for all groups, else Kafka's."""
        own = self.node.catalogue.state.configs.get((GROUP_RESOURCE, group_id), {}).get(name)
        if own is not None:
            return own
        try:
            return self.node.settings.text(f"group.{name}") or ""
        except KeyError:
            return GROUP_CONFIGS[name].default or ""

    def limits(self, group_id: str, /) -> ShareLimits:
        """The configs of a group that its share partitions obey."""
        return ShareLimits(
            record_lock_duration_ms=int(self.group_config(group_id, "share.record.lock.duration.ms")),
            delivery_count_limit=int(self.group_config(group_id, "share.delivery.count.limit")),
            partition_max_record_locks=int(self.group_config(group_id, "share.partition.max.record.locks")),
            auto_offset_reset=self.group_config(group_id, "share.auto.offset.reset"),
            read_committed=self.group_config(group_id, "share.isolation.level") == "read_committed",
            renew_enabled=self.group_config(group_id, "share.renew.acknowledge.enable") == "true",
        )

    def updates_per_snapshot(self) -> int:
        """After so many updates of a share partition a whole snapshot is written."""
        return self.node.settings.integer("share.coordinator.snapshot.update.records.per.snapshot")

    # ---- changes -----------------------------------------------------------------------------------------------

    def execute(
        self, command: Any, call: Call | None, now: Now
    ) -> Any:  # Any: a command, the body of its answer
        """Carry out a command; wake who waits for what it frees. A refusal passes through."""
        shard = self.shard(now)
        body = shard.execute(command, call if command.token else None, now)
        if call is not None:
            call.saw(shard.ticket)
        self._follow_up(shard, now)
        return body

    def _on_time(self, now: Now) -> None:
        self._timer = None
        shard = self.shard(now)
        shard.tick(now)
        self._follow_up(shard, now)

    def _follow_up(self, shard: Shard[ShareState, Any], now: Now) -> None:  # Any: the machine's facts
        deadline = shard.deadline()
        if deadline is not None and (self._timer is None or deadline < self._timer.at_ms):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.node.parking.at(deadline, self._on_time)
        if self._waking:
            return
        self._waking = True
        try:
            while shard.state.freed:
                freed, shard.state.freed = shard.state.freed, {}
                for key in freed:
                    for action in list(self.waiting.get(key, {}).values()):
                        action(now)
        finally:
            self._waking = False
        self._keep_short(shard, now)

    def _keep_short(self, shard: Shard[ShareState, Any], now: Now) -> None:  # Any: the machine's facts
        """Now and then write everything anew, and give back the log before it once that is durable."""
        log = shard.partition.log
        if self._to_give_back is not None:
            ticket, offset = self._to_give_back
            if self.node.store.durable_ticket >= ticket:
                self._to_give_back = None
                log.advance_start(max(offset, log.log_start_offset), now)
        elif log.log_end_offset - self._checkpointed >= CHECKPOINT_BATCHES:
            offset = log.log_end_offset
            keys = list(shard.state.partitions)
            for position in range(0, len(keys), CHECKPOINT_SLICE):
                shard.execute(Checkpoint(tuple(keys[position : position + CHECKPOINT_SLICE])), None, now)
            shard.state.freed.clear()  # nothing is freed by writing down what is
            self._checkpointed = log.log_end_offset
            self._to_give_back = (shard.ticket, offset)

    def end_session(self, session: ShareSession, call: Call | None, now: Now) -> None:
        """A session is over: what its member had acquired is available again."""
        if self._shard is None:
            return
        keys = tuple(ShareKey(session.group_id, *each) for each in session.partitions)
        self.execute(Release(keys, session.member_id), call, now)

    def disconnected(self, connection: int, now: Now) -> None:
        """A connection is gone."""
        for session in self.sessions.end_connection(connection):
            self.end_session(session, None, now)

    def forget(self, wanted: Callable[[ShareKey], bool], call: Call | None, now: Now) -> None:
        """Share partitions are no more: their group, or their topic, is deleted."""
        if self._shard is None:
            return
        keys = tuple(key for key in self._shard.state.partitions if wanted(key))
        if keys:
            self.execute(Forget(keys), call, now)
        elif call is not None:
            call.saw(self._shard.ticket)

    def forget_topics(self, call: Call | None, now: Now) -> None:
        """Topics are no more, and their share partitions with them."""
        topics = self.node.topics_by_id
        self.forget(lambda key: key.topic_id not in topics, call, now)

    def forget_group(self, group_id: str, call: Call) -> None:
        """A group is deleted, and its share partitions with it, if it had any."""
        self.forget(lambda key: key.group_id == group_id, call, call.now)

    # ---- deliveries --------------------------------------------------------------------------------------------

    def known(self, key: ShareKey, call: Call) -> SharePartition | None:
        """The state of a share partition, to be read for a call."""
        return None if self._shard is None else self._shard.read(call).partitions.get(key)

    def take(
        self,
        key: ShareKey,
        partition: Partition,
        member_id: str,
        call: Call,
        now: Now,
        *,
        max_records: int,
        batch_size: int,
        mode: AcquireMode,
        max_bytes: int,
        first: bool,
    ) -> tuple[Range, list[Acquired]] | None:
        """Acquire records for a member; the range that holds them. None: there is nothing for it now.

        Raises WouldWait before it acquires any.
        """
        limits = self.limits(key.group_id)
        state = self._begun(key, partition, limits, call, now)
        log = partition.log
        if partition.log_start_offset > state.start_offset:
            self.execute(Advance(key, partition.log_start_offset), call, now)
        limit_offset = partition.last_stable_offset if limits.read_committed else partition.high_watermark
        for _ in range(MAX_ROUNDS):
            offset = r.first_available(state.runs, state.start_offset)
            full = offset >= max(state.end_offset, state.start_offset + limits.partition_max_record_locks)
            if offset >= limit_offset or full:
                return None
            records = min(max_records, limits.partition_max_record_locks) + state.end_offset - offset
            found = reading.find(log, offset, max_bytes, limit_offset, first=first, records=records)
            if found is None:
                return None
            try:
                gone = reading.aborted(log, offset, limit_offset, found) if limits.read_committed else ()
            except BaseException:
                found.range.release()
                raise
            command = Acquire(
                key, member_id, found.offsets(), max_records, batch_size, mode, gone, call.token
            )
            given: list[Acquired] = self.execute(command, call, now)
            if given:
                return found.cut(given), given
            found.range.release()
            if not gone:
                return None
        return None

    def _begun(
        self, key: ShareKey, partition: Partition, limits: ShareLimits, call: Call, now: Now
    ) -> SharePartition:
        shard = self.shard(now)
        state = shard.state.partitions.get(key)
        if state is None or state.start_offset < 0:
            start = start_offset(partition, limits.auto_offset_reset, now)
            self.execute(Begin(key, start, partition.leader_epoch), call, now)
        found: SharePartition = shard.state.partitions[key]
        return found


def start_offset(partition: Partition, policy: str, now: Now) -> int:
    """Where a group without a position begins: the value of `share.auto.offset.reset`."""
    if policy == "earliest":
        return partition.log_start_offset
    match = _DURATION.fullmatch(policy)
    if match is not None:
        days, hours, minutes = (int(part or 0) for part in match.groups()[:3])
        seconds = float(match.group(4) or 0)
        before_ms = ((days * 24 + hours) * 60 + minutes) * 60_000 + int(seconds * 1000)
        found = partition.log.offset_for_timestamp(now.wall_ms - before_ms)
        if found is not None:
            return min(found[1], partition.high_watermark)
    return partition.high_watermark
