"""Members of classic, consumer and streams groups that speak the protocol themselves: they join, read, commit, leave and die.

What they read and commit goes into the history, what they own into the journal of tenures. The rule of the file: a member
lets go before it says so, and reads nothing of what it does not own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from neuraxis.testing.history import Log, Position, Record
from neuraxis.wire.codec import decode, encode
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import consumer_group_heartbeat as ch
from neuraxis.wire.messages import heartbeat as hb
from neuraxis.wire.messages import join_group as jg
from neuraxis.wire.messages import leave_group as lg
from neuraxis.wire.messages import offset_commit as oc
from neuraxis.wire.messages import offset_fetch as of
from neuraxis.wire.messages import streams_group_heartbeat as sh
from neuraxis.wire.messages import sync_group as sg
from neuraxis.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolAssignmentTopicPartition,
    ConsumerProtocolSubscription,
)
from tests.soak.link import RETRIABLE, Lost, next_offset_of, records_of
from tests.soak.scene import Scene, Worker, now_ns
from tests.soak.tenures import Tenure, Tenures

SESSION_MS = 6_000
"""The shortest that a classic group takes: a member that died is missed soon."""
REBALANCE_MS = 20_000
BEAT_NS = 700_000_000
PAUSE_S = 0.25
LEAVE = -1
LIFE_S = (15.0, 60.0)
"""How long a member stays until it leaves or dies: so that a soak sees every way of changing hands many times."""
OUT = frozenset(
    {
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.FENCED_MEMBER_EPOCH,
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.GROUP_ID_NOT_FOUND,
    }
)
REFUSED_COMMITS = OUT | {ErrorCode.STALE_MEMBER_EPOCH, ErrorCode.REBALANCE_IN_PROGRESS}


class Fenced(Exception):
    """The group knows this member no more."""


class GroupMember(Worker):
    """What the three kinds share. `owned` maps a log to the next offset to read, None until the group has told."""

    kind = "none"

    def __init__(self, scene: Scene, name: str, group: str, tenures: Tenures) -> None:
        super().__init__(scene, name)
        self.group_name = group
        self.group = scene.stage.group_id(group)
        self.tenures = tenures
        self.lives = 0
        self.owned: dict[Log, int | None] = {}
        self.held: dict[Log, Tenure] = {}
        self.dirty: dict[Log, int] = {}
        self.process = name
        self.begin()

    # ---- a life ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Be a new client, with nothing in hand."""
        self.lives += 1
        self.process = f"{self.role}.{self.lives}"
        self.member_id = ""
        self.epoch = 0
        self.last_ok_ns = 0
        self.beat_at_ns = 0
        self.ends_at_ns = now_ns() + int(self.random.uniform(*LIFE_S) * 1e9)

    def live(self) -> None:
        """One round: tell the group, read, commit."""
        try:
            if now_ns() >= self.ends_at_ns and not self.scene.draining.is_set():
                self.end()
            if now_ns() >= self.beat_at_ns:
                self.beat()
            self.read()
            self.commit()
        except Fenced:
            self.scene.count(f"{self.kind} members fenced")
            self.drop(self.last_ok_ns)
            self.begin()
        self.halt.wait(PAUSE_S)

    def end(self) -> None:
        """Leave as one should, or just go away."""
        if self.random.random() < 0.6:
            self.scene.count(f"{self.kind} members left")
            self.drop(self.last_ok_ns)
            if self.member_id and self.epoch:
                self.leave()
        else:
            self.scene.count(f"{self.kind} members died")
            self.drop(self.last_ok_ns)
            self.link.close()
        self.begin()

    def beat(self) -> None:
        """Tell the group that this member lives, and do what it says. Raises Fenced and Lost."""
        raise NotImplementedError

    def leave(self) -> None:
        """Say good-bye."""
        raise NotImplementedError

    def identity(self) -> tuple[str | None, int]:
        """Member id and epoch as OffsetFetch wants them."""
        return self.member_id, self.epoch

    # ---- owning ------------------------------------------------------------------------------------------------

    def own(self, logs: set[Log]) -> None:
        """Own these logs and no others; what goes was let go already, or goes now."""
        moment = now_ns()
        for log in sorted(self.owned.keys() - logs):
            self.held.pop(log).end_ns = moment
            del self.owned[log]
            self.dirty.pop(log, None)
        for log in sorted(logs - self.owned.keys()):
            self.held[log] = self.tenures.begin(self.group_name, log, self.process, self.epoch, moment)
            self.owned[log] = None
            self.scene.count(f"{self.kind} assignments")

    def drop(self, moment_ns: int) -> None:
        """Own nothing, since `moment_ns`."""
        for tenure in self.held.values():
            tenure.end_ns = max(moment_ns, tenure.begin_ns)
        self.held.clear()
        self.owned.clear()
        self.dirty.clear()

    def told_epoch(self, epoch: int) -> None:
        """The group told this member's epoch."""
        self.tenures.epoch(self.group_name, self.process, epoch)
        self.epoch = epoch

    def refused(self, what: str, code: int, message: str | None = None) -> None:
        """An answer with an error: raises Fenced, passes over what is to be tried again, and is surprised by the rest."""
        if code in OUT:
            raise Fenced
        if code not in RETRIABLE:
            self.scene.surprise(self.process, f"{what}: {ErrorCode(code).name} {message or ''}")
        self.halt.wait(PAUSE_S)

    # ---- reading and committing --------------------------------------------------------------------------------

    def read(self) -> None:
        """Read some of each log; one poll in the history."""
        if not all(offset is not None for offset in self.owned.values()):
            self._find_positions()
        recorder = self.scene.stage.recorder
        for log, position in list(self.owned.items()):
            if position is None:
                continue
            began_ns = now_ns()
            data = self.link.fetch(log.topic, log.partition, position)
            self.scene.count("answers")
            if data.error_code:
                self.refused(f"Fetch of {log} at {position}", data.error_code)
                continue
            following = next_offset_of(data, position)
            if following == position:
                continue
            found = [Record(log, int(each.value or b""), each.offset) for each in records_of(data, position)]
            self.owned[log] = self.dirty[log] = following
            if found:
                recorder.whole(
                    "ok", "poll", self.process, began_ns, polls=tuple(found), group=self.group_name
                )
                self.scene.count(f"{self.kind} records read", len(found))

    def _find_positions(self) -> None:
        """Ask the group where to begin; what it says is also a promise to be checked."""
        unknown = sorted(log for log, offset in self.owned.items() if offset is None)
        found = self._committed(unknown)
        if found is None:
            return
        for log in unknown:
            self.owned[log] = found[log] if found[log] is not None else 0
        positions = tuple(Position(log, offset) for log, offset in self.owned.items() if offset is not None)
        self.scene.stage.recorder.whole(
            "ok", "assign", self.process, now_ns(), positions=positions, group=self.group_name
        )

    def _committed(self, logs: list[Log]) -> dict[Log, int | None] | None:
        member_id, epoch = self.identity()
        began_ns = now_ns()
        found, code = fetch_offsets(self, self.group, logs, member_id, epoch)
        if found is None:
            if code == ErrorCode.STALE_MEMBER_EPOCH:
                self.beat_at_ns = 0
            else:
                self.refused("OffsetFetch", code)
            return None
        positions = tuple(Position(log, offset) for log, offset in found.items())
        self.scene.stage.recorder.whole(
            "ok", "committed", self.process, began_ns, positions=positions, group=self.group_name
        )
        return found

    def commit(self) -> None:
        """Commit what was read."""
        if not self.dirty or (self.random.random() < 0.5 and not self.scene.draining.is_set()):
            return
        wanted, self.dirty = self.dirty, {}
        positions = tuple(Position(log, offset) for log, offset in wanted.items())
        recorder, began_ns = self.scene.stage.recorder, now_ns()
        number = recorder.invoke("commit", self.process, positions=positions, group=self.group_name)

        def completed(stage: Any, error: str | None = None) -> None:
            recorder.complete(
                number, stage, "commit", self.process, positions=positions, group=self.group_name, error=error
            )

        topics = [
            oc.OffsetCommitRequestTopic(
                name=log.topic,
                partitions=[oc.OffsetCommitRequestPartition(log.partition, offset, -1, "")],
            )
            for log, offset in wanted.items()
        ]
        request = oc.OffsetCommitRequest(
            group_id=self.group,
            generation_id_or_member_epoch=self.epoch,
            member_id=self.member_id,
            topics=topics,
        )
        try:
            answer: Any = self.ask(request, 9)
        except Lost as lost:
            completed("unknown", str(lost))
            raise
        codes = {each.error_code for topic in answer.topics for each in topic.partitions}
        if codes == {0}:
            completed("ok")
            self.scene.count(f"{self.kind} commits")
            for log in wanted:
                self.tenures.claim(self.group_name, log, self.process, began_ns)
            return
        mixed = 0 in codes
        completed("unknown" if mixed else "fail", str(codes))
        code = next(each for each in codes if each)
        if code in (ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.STALE_MEMBER_EPOCH):
            self.beat_at_ns = 0
        else:
            self.refused("OffsetCommit", code)


def fetch_offsets(
    worker: Worker, group: str, logs: list[Log], member_id: str | None = None, epoch: int = -1
) -> tuple[dict[Log, int | None] | None, int]:
    """(what the group has committed, 0), or (None, the error code)."""
    topics = [of.OffsetFetchRequestTopics(name=log.topic, partition_indexes=[log.partition]) for log in logs]
    asked = of.OffsetFetchRequestGroup(group, member_id, epoch, topics)
    answer: Any = worker.ask(of.OffsetFetchRequest(groups=[asked], require_stable=True), 9)
    told = answer.groups[0]
    if told.error_code:
        return None, told.error_code
    found: dict[Log, int | None] = {}
    for topic in told.topics:
        for each in topic.partitions:
            if each.error_code:
                return None, each.error_code
            offset = each.committed_offset
            found[Log(topic.name, each.partition_index)] = offset if offset >= 0 else None
    return found, 0


# ---------------------------------------------------------------------------------------------------------------------
# Classic groups: join, let the leader share out, beat.


class ClassicMember(GroupMember):
    """JoinGroup, SyncGroup, Heartbeat: the eager protocol, where everybody lets go of everything for each generation."""

    kind = "classic"

    def begin(self) -> None:
        super().begin()
        self.joined = False

    def identity(self) -> tuple[str | None, int]:
        return None, -1

    def beat(self) -> None:
        if not self.joined:
            self._join()
        if not self.joined:
            return
        sent_ns = now_ns()
        answer: Any = self.ask(hb.HeartbeatRequest(self.group, self.epoch, self.member_id), 4)
        code = answer.error_code
        if code == ErrorCode.REBALANCE_IN_PROGRESS:
            self.last_ok_ns = sent_ns
            self.joined = False
        elif code:
            self.refused("Heartbeat", code)
        else:
            self.last_ok_ns = sent_ns
            self.beat_at_ns = sent_ns + BEAT_NS

    def _join(self) -> None:
        # A heartbeat said that this member still belongs to the group, or it owns nothing.
        self.drop(self.last_ok_ns)
        subscription = ConsumerProtocolSubscription(topics=list(self.scene.stage.topics))
        protocol = jg.JoinGroupRequestProtocol("range", b"\0\3" + encode(subscription, 3))
        request = jg.JoinGroupRequest(
            self.group, SESSION_MS, REBALANCE_MS, self.member_id, None, "consumer", [protocol]
        )
        sent_ns = now_ns()
        answer: Any = self.link.ask(request, 9, REBALANCE_MS / 1000 + 10)
        if answer.error_code == ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = request.member_id = answer.member_id
            answer = self.link.ask(request, 9, REBALANCE_MS / 1000 + 10)
        if answer.error_code:
            self.refused("JoinGroup", answer.error_code)
            return
        self.member_id = answer.member_id
        self.told_epoch(answer.generation_id)
        shares = self._share_out(answer.members) if answer.leader == answer.member_id else []
        sync = sg.SyncGroupRequest(
            self.group, answer.generation_id, self.member_id, None, "consumer", "range", shares
        )
        synced: Any = self.ask(sync, 5)
        if synced.error_code:
            if synced.error_code != ErrorCode.REBALANCE_IN_PROGRESS:
                self.refused("SyncGroup", synced.error_code)
            return
        self.last_ok_ns = sent_ns
        assignment, _ = decode(ConsumerProtocolAssignment, 3, bytes(synced.assignment), 2)
        self.joined = True
        self.own({Log(each.topic, at) for each in assignment.assigned_partitions for at in each.partitions})

    def _share_out(self, members: list[jg.JoinGroupResponseMember]) -> list[sg.SyncGroupRequestAssignment]:
        names = sorted(member.member_id for member in members)
        logs = self.scene.stage.logs
        shares = []
        for number, name in enumerate(names):
            mine = [
                ConsumerProtocolAssignmentTopicPartition(log.topic, [log.partition])
                for log in logs[number :: len(names)]
            ]
            body = b"\0\3" + encode(ConsumerProtocolAssignment(assigned_partitions=mine), 3)
            shares.append(sg.SyncGroupRequestAssignment(name, body))
        return shares

    def leave(self) -> None:
        who = lg.MemberIdentity(self.member_id)
        self.ask(lg.LeaveGroupRequest(group_id=self.group, members=[who]), 5)


# ---------------------------------------------------------------------------------------------------------------------
# Consumer groups (KIP-848) and streams groups (KIP-1071): one heartbeat for everything.


class NewMember(GroupMember):
    """A member whose partitions the broker assigns; it confirms with its next heartbeat what it let go and took."""

    def begin(self) -> None:
        super().begin()
        self.member_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def beat(self) -> None:
        sent_ns = now_ns()
        answer: Any = self.ask(self.heartbeat(self.epoch), 1)
        if answer.error_code:
            self.refused(type(answer).__name__, answer.error_code, answer.error_message)
            return
        self.last_ok_ns = sent_ns
        if answer.member_epoch != self.epoch:
            self.told_epoch(answer.member_epoch)
        given = self.given(answer)
        if given is not None and given != set(self.owned):
            self.own(given)
            self.beat_at_ns = 0  # say so at once
        else:
            self.beat_at_ns = sent_ns + BEAT_NS

    def leave(self) -> None:
        self.ask(self.heartbeat(LEAVE), 1)

    def heartbeat(self, epoch: int) -> object:
        """The request; an epoch of 0 joins."""
        raise NotImplementedError

    def given(self, answer: Any) -> set[Log] | None:
        """What the answer says this member is to own; None if nothing has changed."""
        raise NotImplementedError


class ConsumerMember(NewMember):
    """A member of a consumer group (KIP-848)."""

    kind = "consumer"

    def __init__(
        self, scene: Scene, name: str, group: str, tenures: Tenures, topic_ids: Mapping[str, bytes]
    ) -> None:
        self.topic_ids = topic_ids
        self.names = {topic_id: topic for topic, topic_id in topic_ids.items()}
        super().__init__(scene, name, group, tenures)

    def heartbeat(self, epoch: int) -> object:
        owned: dict[bytes, list[int]] = {}
        for log in sorted(self.owned):
            owned.setdefault(self.topic_ids[log.topic], []).append(log.partition)
        return ch.ConsumerGroupHeartbeatRequest(
            group_id=self.group,
            member_id=self.member_id,
            member_epoch=epoch,
            rebalance_timeout_ms=REBALANCE_MS,
            subscribed_topic_names=list(self.scene.stage.topics),
            topic_partitions=[ch.TopicPartitions(*each) for each in owned.items()],
        )

    def given(self, answer: Any) -> set[Log] | None:
        if answer.assignment is None:
            return None
        return {
            Log(self.names[bytes(each.topic_id)], at)
            for each in answer.assignment.topic_partitions
            for at in each.partitions
        }


class StreamsMember(NewMember):
    """A member of a streams group (KIP-1071): a task reads the same partition of every source topic."""

    kind = "streams"

    def heartbeat(self, epoch: int) -> object:
        stage = self.scene.stage
        source = sh.Subtopology("0", list(stage.topics), [], [], [], [], [])
        tasks = sorted({log.partition for log in self.owned})
        leaves = epoch == LEAVE
        return sh.StreamsGroupHeartbeatRequest(
            group_id=self.group,
            member_id=self.member_id,
            member_epoch=epoch,
            endpoint_information_epoch=-1,
            rebalance_timeout_ms=REBALANCE_MS,
            topology=None if epoch else sh.Topology(0, [source]),
            active_tasks=None if leaves else [sh.TaskIds("0", tasks)] if tasks else [],
            standby_tasks=None if leaves else [],
            warmup_tasks=None if leaves else [],
            process_id=self.member_id,
        )

    def given(self, answer: Any) -> set[Log] | None:
        if answer.active_tasks is None:
            return None
        return {
            Log(topic, at)
            for each in answer.active_tasks
            for at in each.partitions
            for topic in self.scene.stage.topics
        }
