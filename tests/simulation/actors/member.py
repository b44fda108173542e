"""A member of a classic consumer group, as Kafka's consumers behave: join, sync, heartbeat, fetch, commit, leave.

Sometimes it dies without a word, and sometimes it sleeps too long and goes on as if nothing had happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from neuraxis.wire.messages.find_coordinator import FindCoordinatorRequest
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from neuraxis.wire.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from neuraxis.wire.messages.leave_group import LeaveGroupRequest, MemberIdentity
from neuraxis.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from neuraxis.wire.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
)
from neuraxis.wire.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment
from tests.simulation.actors.script import Ask, Pause, ScriptedActor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses of many APIs

    from tests.simulation.world import World

SUBSCRIPTION = b"\0\0\0\0\0\0\0\0\0\0"  # version 0, no topics, no user data: the broker looks no further
HEARTBEAT_MS = 300
ReJoin = (
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.ILLEGAL_GENERATION,
    ErrorCode.REBALANCE_IN_PROGRESS,
    ErrorCode.FENCED_INSTANCE_ID,
    ErrorCode.GROUP_ID_NOT_FOUND,
)
BUSY = (
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.KAFKA_STORAGE_ERROR,
)


class Member(ScriptedActor):
    """One member; `assignment` is None while it is in no generation."""

    def __init__(self, world: World, name: str, group: str, instance: str | None) -> None:
        super().__init__(world, name)
        self.group = group
        self.instance = instance
        self.member_id = ""
        self.generation = -1
        self.assignment: frozenset[tuple[str, int]] | None = None
        self.positions: dict[tuple[str, int], int] = {}
        self.committed: dict[tuple[str, int], int] = {}

    # ---- the end -----------------------------------------------------------------------------------------------

    def content(self) -> bool:
        newest = self.world.model.newest_generation.get(self.group, (-1, 0))[0]
        return self.assignment is not None and self.generation >= newest and not self._behind()

    def _behind(self) -> list[tuple[str, int, int, int]]:
        if not self.world.host.up:
            return [("the broker", 0, 0, 0)]
        node = self.world.host.core.node
        found = []
        for topic, index in sorted(self.assignment or ()):
            partition = node.partition(topic, index)
            done = self.committed.get((topic, index), 0)
            if partition is not None and done < partition.high_watermark > partition.log_start_offset:
                found.append((topic, index, done, partition.high_watermark))
        return found

    def complaint(self) -> str:
        return f"generation {self.generation}, assignment {self.assignment}, behind {self._behind()}"

    # ---- the life ----------------------------------------------------------------------------------------------

    def live(self) -> Generator[Pause | Ask, Any, None]:
        yield Pause(self.rng.randint(0, 1_500))
        while not self.world.finished:
            if self.rng.random() < 0.3:
                yield from self.find()
            if (yield from self.join()):
                yield from self.work()
            yield Pause(self.rng.randint(10, 200))

    def find(self) -> Generator[Pause | Ask, Any, None]:
        version = self.rng.randint(0, 6)
        reply = yield Ask(FindCoordinatorRequest(self.group, 0, [self.group]), version)
        if reply is not None:
            code = reply.coordinators[0].error_code if version >= 4 else reply.error_code
            if code not in (0, *BUSY):
                raise Violation(f"{self.name}: FindCoordinator was answered with {code}")

    def join(self) -> Generator[Pause | Ask, Any, bool]:
        """Join and sync; whether it is in a generation then."""
        self.assignment = None
        version = self.rng.randint(5, 9) if self.instance else self.rng.randint(0, 9)
        request = JoinGroupRequest(
            self.group,
            self.world.plan.session_ms,
            self.world.plan.rebalance_ms,
            self.member_id,
            self.instance,
            "consumer",
            [JoinGroupRequestProtocol("range", self.subscription())],
        )
        reply = yield Ask(request, version, 9_000)
        started = self.asked_at
        if reply is None:
            return False
        code = reply.error_code
        if code == ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = reply.member_id
            return (yield from self.join()) if self.rng.random() < 0.9 else False
        if code in (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID):
            self.member_id = ""
        if code:
            if code not in (*ReJoin, *BUSY):
                raise Violation(f"{self.name}: JoinGroup was refused with {code}")
            return False
        self.member_id, self.generation = reply.member_id, reply.generation_id
        leads = reply.leader == reply.member_id
        self.joined(leads=leads, started=started)
        if self.rng.random() < 0.05 and not self.world.healed:
            yield Pause(self.rng.randint(500, 4_000))
        return (yield from self.sync(self._assign(reply) if leads and not reply.skip_assignment else []))

    @property
    def identity(self) -> str:
        """Who it is to the others."""
        return self.instance or self.member_id

    def subscription(self) -> bytes:
        """What it says when it joins; nobody but the leader reads it."""
        return SUBSCRIPTION

    def joined(self, *, leads: bool, started: int) -> None:
        """It was told its generation."""
        self.world.model.joined(
            self.group, self.generation, self.identity, leads=leads, started=started, life=self.client.life
        )

    def assigned(self, assignment: frozenset[tuple[str, int]]) -> None:
        """It was told what it owns."""
        self.world.model.assigned(self.group, self.generation, self.identity, assignment, self.client.life)

    def encode(self, owned: list[tuple[str, int]]) -> bytes:
        """An assignment, as the leader gives it and `decode` reads it."""
        return ",".join(f"{topic}:{index}" for topic, index in owned).encode()

    def decode(self, assignment: bytes) -> frozenset[tuple[str, int]]:
        """The partitions of an assignment."""
        words = [word for word in assignment.decode().split(",") if word]
        pairs = [word.rpartition(":") for word in words]
        return frozenset((topic, int(index)) for topic, _, index in pairs)

    def _assign(self, reply: Any) -> list[SyncGroupRequestAssignment]:
        """The leader's work: partitions dealt out in turn."""
        ids = sorted(member.member_id for member in reply.members)
        dealt: dict[str, list[tuple[str, int]]] = {member_id: [] for member_id in ids}
        partitions = [
            (plan.name, index)
            for plan in self.world.plan.topics
            if not plan.volatile
            for index in range(plan.partitions)
        ]
        for number, (topic, index) in enumerate(partitions):
            dealt[ids[number % len(ids)]].append((topic, index))
        return [SyncGroupRequestAssignment(each, self.encode(owned)) for each, owned in dealt.items()]

    def sync(self, assignments: list[SyncGroupRequestAssignment]) -> Generator[Pause | Ask, Any, bool]:
        version = self.rng.randint(3, 5) if self.instance else self.rng.randint(0, 5)
        request = SyncGroupRequest(
            self.group, self.generation, self.member_id, self.instance, "consumer", "range", assignments
        )
        reply = yield Ask(request, version, 9_000)
        if reply is None or reply.error_code:
            self._check_refusal("SyncGroup", reply)
            return False
        assignment = self.decode(reply.assignment)
        self.assigned(assignment)
        self.assignment = assignment
        return (yield from self.fetch_positions())

    def _check_refusal(self, what: str, reply: Any) -> None:
        """Kafka's answers to those who are late are in order; others are not."""
        if reply is None:
            return
        code = reply.error_code
        if code in (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID):
            self.member_id = ""
        forgotten = code == ErrorCode.GROUP_ID_NOT_FOUND and not self.world.model.internal_sync
        if code not in (*ReJoin[:-1], *BUSY) and not forgotten:
            raise Violation(f"{self.name}: {what} was refused with {code}")

    # ---- positions ---------------------------------------------------------------------------------------------

    def fetch_positions(self) -> Generator[Pause | Ask, Any, bool]:
        by_topic: dict[str, list[int]] = {}
        for topic, index in sorted(self.assignment or ()):
            by_topic.setdefault(topic, []).append(index)
        version = self.rng.randint(1, 10)
        ids = {
            plan.name: self.world.model.latest.get(plan.name, bytes(16)) for plan in self.world.plan.topics
        }
        names = {topic_id: name for name, topic_id in ids.items()}
        flat = [OffsetFetchRequestTopic(topic, found) for topic, found in by_topic.items()]
        grouped = [OffsetFetchRequestTopics(topic, ids[topic], found) for topic, found in by_topic.items()]
        request = OffsetFetchRequest(
            self.group, flat, [OffsetFetchRequestGroup(self.group, None, -1, grouped)]
        )
        reply = yield Ask(request, version)
        started = self.asked_at
        if reply is None:
            return False
        answer = reply if version < 8 else reply.groups[0]
        if (version >= 2 or version >= 8) and answer.error_code:
            self._check_refusal("OffsetFetch", answer)
            return False
        self.positions, self.committed = {}, {}
        for topic in answer.topics:
            for data in topic.partitions:
                key = topic.name if version < 10 else names[topic.topic_id], data.partition_index
                if data.error_code:
                    return False
                self.world.model.read_commit(self.group, *key, data.committed_offset, started)
                self.positions[key] = max(0, data.committed_offset)
                self.committed[key] = max(0, data.committed_offset)
        return True

    def commit(self) -> Generator[Pause | Ask, Any, bool]:
        """Store the positions; False when the member is out."""
        moved = {key: at for key, at in self.positions.items() if at != self.committed.get(key)}
        if not moved:
            return True
        noted = {key: self.world.model.committing(self.group, *key, offset) for key, offset in moved.items()}
        by_topic: dict[str, list[OffsetCommitRequestPartition]] = {}
        for (topic, index), offset in moved.items():
            by_topic.setdefault(topic, []).append(OffsetCommitRequestPartition(index, offset, -1, "m"))
        ids = {topic: self.world.model.latest.get(topic, bytes(16)) for topic in by_topic}
        names = {topic_id: topic for topic, topic_id in ids.items()}
        topics = [OffsetCommitRequestTopic(topic, ids[topic], found) for topic, found in by_topic.items()]
        version = self.rng.randint(7, 10) if self.instance else self.rng.randint(2, 10)
        request = OffsetCommitRequest(self.group, self.generation, self.member_id, self.instance, -1, topics)
        generation = self.generation
        reply = yield Ask(request, version)
        if reply is None:
            return True
        out = False
        for topic in reply.topics:
            for answer in topic.partitions:
                key = topic.name if version < 10 else names[topic.topic_id], answer.partition_index
                self.world.model.committed(noted[key], answer.error_code, self.client.life)
                if answer.error_code == 0:
                    self._must_not_be_stale("OffsetCommit", generation)
                    self.committed[key] = moved[key]
                else:
                    self._check_refusal("OffsetCommit", answer)
                    out = out or answer.error_code in ReJoin
        return not out

    def _must_not_be_stale(self, what: str, generation: int) -> None:
        if self.world.model.is_stale(self.group, generation, self.asked_at):
            raise Violation(
                f"{self.name}: {what} of generation {generation} was taken, a newer one was known"
            )

    # ---- work --------------------------------------------------------------------------------------------------

    def work(self) -> Generator[Pause | Ask, Any, None]:
        """Fetch, heartbeat and commit until the generation ends, or something comes over it."""
        beat_at = self.world.time_ms
        while not self.world.finished:
            strays = not self.world.healed and self.rng.random() < 0.02
            if strays and (yield from self.misbehave()):
                return
            yield from self.fetch()
            commits = self.rng.random() < 0.3 or self.world.healed
            if commits and not (yield from self.commit()):
                return
            if self.world.time_ms >= beat_at:
                beat_at = self.world.time_ms + HEARTBEAT_MS
                if not (yield from self.heartbeat()):
                    return
            yield Pause(
                self.rng.randint(1, 2 + self.world.plan.calm_ms)
                if self.world.healed
                else self.rng.randint(20, 150)
            )

    def heartbeat(self) -> Generator[Pause | Ask, Any, bool]:
        version = self.rng.randint(3, 4) if self.instance else self.rng.randint(0, 4)
        generation = self.generation
        reply = yield Ask(HeartbeatRequest(self.group, generation, self.member_id, self.instance), version)
        if reply is None:
            return True
        if reply.error_code == 0:
            self._must_not_be_stale("Heartbeat", generation)
            return True
        self._check_refusal("Heartbeat", reply)
        return reply.error_code in BUSY

    def misbehave(self) -> Generator[Pause | Ask, Any, bool]:
        """Leave, die, or sleep; True when the membership is over."""
        self.world.injected["member or session left, died or slept"] += 1
        kind = self.rng.randrange(3)
        if kind == 0:
            identity = MemberIdentity(self.member_id, self.instance)
            version = self.rng.randint(3, 5) if self.instance else self.rng.randint(0, 5)
            yield Ask(LeaveGroupRequest(self.group, self.member_id, [identity]), version)
            self.member_id, self.assignment = "", None
            yield Pause(self.rng.randint(0, 800))
            return True
        if kind == 1:
            self.client.hang_up()
            self.member_id, self.assignment = "", None
            yield Pause(self.rng.randint(0, 4_000))
            return True
        yield Pause(self.rng.randint(0, 2 * self.world.plan.session_ms))
        return False

    def fetch(self) -> Generator[Pause | Ask, Any, None]:
        owned = sorted(self.assignment or ())
        if not owned:
            return
        model = self.world.model
        topics: dict[str, FetchTopic] = {}
        for topic, index in owned:
            truth = model.served(topic)
            if truth is not None:
                asked = FetchPartition(
                    partition=index,
                    fetch_offset=self.positions.get((topic, index), 0),
                    partition_max_bytes=4_096,
                )
                topics.setdefault(topic, FetchTopic(topic, truth.topic_id, [])).partitions.append(asked)
        if not topics:
            return
        wait_ms = self.rng.choice((0, 50, 250))
        request = FetchRequest(
            max_wait_ms=wait_ms, min_bytes=1, max_bytes=1 << 16, topics=list(topics.values())
        )
        reply = yield Ask(request, self.rng.randint(4, 18))
        if reply is None:
            return
        for topic, answered in zip(topics.values(), reply.responses, strict=True):
            for data, asked in zip(answered.partitions, topic.partitions, strict=True):
                key = topic.topic, data.partition_index
                if data.error_code == ErrorCode.OFFSET_OUT_OF_RANGE:
                    self.positions[key] = max(0, self._start_of(key))
                elif data.error_code == ErrorCode.KAFKA_STORAGE_ERROR:
                    spot = topic.topic_id, key[1]
                    self.positions[key] = self.world.rot.refused(spot, asked.fetch_offset)
                elif data.error_code == 0 and data.records:
                    self.positions[key] = model.fetched(
                        topic.topic_id,
                        key[1],
                        asked.fetch_offset,
                        data.records,
                        data.high_watermark,
                        self.client.life,
                    )

    def _start_of(self, key: tuple[str, int]) -> int:
        """Where auto.offset.reset=earliest leads to; what ListOffsets says is the reader's matter."""
        partition = self.world.host.core.node.partition(*key) if self.world.host.up else None
        return partition.log_start_offset if partition is not None else 0
