"""What was promised and what may exist: the world's own memory of what clients sent, were told and saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.wire import batch as batches
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.log.log import Log
    from tests.simulation.plan import TopicPlan
    from tests.simulation.world import World

AFTER_CHECKSUM = (
    21  # the bytes of a batch from here on are what the client sent; the broker changes none of them
)
FOREVER = 1 << 62
MOST_AHEAD_MS = 3_600_000
"""`message.timestamp.after.max.ms`: what is further ahead of the broker's clock is refused."""


@dataclass(slots=True, eq=False)
class Batch:
    """A batch as its producer knows it; resent under another sequence it is the same one."""

    number: int
    producer: str
    count: int
    idempotent: bool
    timestamp_ms: int


@dataclass(slots=True)
class PartitionTruth:
    """What is known of one partition.

    Attributes:
        promised: batches that were acknowledged or shown, by base offset.
        places: where batches of idempotent producers were last seen, by number.
        floor: records below are deleted: that was acknowledged.
        deletable: records below may be deleted: that was asked for.
        asking: records below are to be deleted by a request that has no answer yet; it may be on its way while a process
            starts that has lost them, and reach it when others are there.
        epoch: the highest leader epoch shown.
    """

    promised: dict[int, Batch] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    floor: int = 0
    deletable: int = 0
    asking: int = 0
    epoch: int = 0
    shown_end: int = 0


@dataclass(slots=True)
class TopicTruth:
    """One incarnation of a topic."""

    plan: TopicPlan
    topic_id: bytes
    partitions: dict[int, PartitionTruth]
    sync: bool
    synced_since: int = 0  # the life from which on it was synced: older replies promised less
    doomed: bool = False
    gone: bool = False

    def partition(self, index: int) -> PartitionTruth:
        """The truth about one partition."""
        return self.partitions.setdefault(index, PartitionTruth())


@dataclass(slots=True)
class Commit:
    """A commit in a register: the events between which it took place, if it did."""

    value: int
    started: int
    ended: int = FOREVER
    acknowledged: bool = False


@dataclass(slots=True)
class Generation:
    """What clients were told about one generation of a group."""

    leaders: set[str] = field(default_factory=set)
    assigned: dict[str, frozenset[tuple[str, int]]] = field(default_factory=dict)


class Model:
    """The memory."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sent: dict[bytes, Batch] = {}
        self.topics: dict[bytes, TopicTruth] = {}
        self.latest: dict[str, bytes] = {}
        self.producer_ids: set[int] = set()
        self.commits: dict[tuple[str, str, int], list[Commit]] = {}
        self.generations: dict[tuple[str, int], Generation] = {}
        self.newest_generation: dict[str, tuple[int, int]] = {}
        self.synced_generation: dict[str, int] = {}
        self.dead_life = 0  # the newest process that has ended
        self.forgetful_life = 0  # what this process and older ones said without a sync may be forgotten
        self.highest_wall_ms = world.wall_ms
        self.lowest_offset_ms = world.wall_offset_ms
        self.all_sync = world.plan.durability == "sync"
        self.internal_sync = world.plan.durability == "sync"
        self._batches = 0

    # ---- topics ------------------------------------------------------------------------------------------------

    def created(self, plan: TopicPlan, topic_id: bytes) -> None:
        """A topic's creation was acknowledged, or the topic was seen."""
        known = self.topics.get(topic_id)
        if known is not None:
            if known.gone:
                raise Violation(f"topic {plan.name} {topic_id.hex()} is back after its deletion")
            return
        sync = self.world.plan.durability == "sync" or plan.configs.get("flush.messages") == "1"
        partitions = {index: PartitionTruth() for index in range(plan.partitions)}
        before = self.latest.get(plan.name)
        if before is not None and not self.topics[before].doomed:
            raise Violation(f"topic {plan.name} has a new id although nobody deleted it")
        self.topics[topic_id] = TopicTruth(plan, topic_id, partitions, sync)
        self.latest[plan.name] = topic_id

    def dooming(self, name: str) -> bytes | None:
        """A deletion is about to be asked for."""
        topic_id = self.latest.get(name)
        if topic_id is not None:
            self.topics[topic_id].doomed = True
        return topic_id

    def deleted(self, topic_id: bytes | None) -> None:
        """A deletion was acknowledged."""
        if topic_id is not None:
            self.topics[topic_id].gone = True

    def served(self, name: str) -> TopicTruth | None:
        """The newest incarnation, if it is not being deleted."""
        topic_id = self.latest.get(name)
        truth = self.topics.get(topic_id) if topic_id is not None else None
        return truth if truth is not None and not truth.doomed else None

    # ---- records -----------------------------------------------------------------------------------------------

    def new_batch(self, producer: str, count: int, *, idempotent: bool, timestamp_ms: int) -> Batch:
        """A batch that is going to be sent."""
        self._batches += 1
        return Batch(self._batches, producer, count, idempotent, timestamp_ms)

    def sending(self, batch: Batch, data: bytes | bytearray) -> None:
        """These are its bytes (one of its forms)."""
        self.sent[bytes(data[AFTER_CHECKSUM:])] = batch

    def acknowledged(
        self, topic_id: bytes, partition: int, base_offset: int, batch: Batch, life: int
    ) -> None:
        """A producer was told by the process `life` that the batch is there."""
        truth = self.topics[topic_id]
        if not self._is_firm(truth, life):
            return
        if truth.gone:
            raise Violation(f"a batch was acknowledged in {truth.plan.name} after its deletion was")
        self._promise(truth, partition, base_offset, batch, "acknowledged")

    def is_synced(self, truth: TopicTruth, life: int) -> None:
        """A change to `sync` was acknowledged by a process that still runs: it covers all before it."""
        if life > self.dead_life:
            truth.sync, truth.synced_since = True, life

    def _is_firm(self, truth: TopicTruth, life: int) -> bool:
        """Whether what this process said still holds, whatever happened since."""
        return life > self.forgetful_life or (truth.sync and life >= truth.synced_since)

    def _promise(self, truth: TopicTruth, index: int, base_offset: int, batch: Batch, how: str) -> None:
        where = f"{truth.plan.name}-{index} offset {base_offset}"
        partition = truth.partition(index)
        known = partition.promised.get(base_offset)
        if known is not None and known is not batch:
            raise Violation(
                f"{where}: batch {batch.number} of {batch.producer} was {how}, but batch {known.number} of "
                f"{known.producer} was promised there"
            )
        if batch.idempotent:
            place = partition.places.setdefault(batch.number, base_offset)
            if place != base_offset:
                raise Violation(
                    f"{where}: batch {batch.number} of {batch.producer} was {how}; it is at {place} too"
                )
        partition.promised[base_offset] = batch

    def fetched(
        self,
        topic_id: bytes,
        index: int,
        offset: int,
        data: bytes | memoryview,
        high_watermark: int,
        life: int,
    ) -> int:
        """A client was shown these batches when it asked for `offset`; the offset after them."""
        truth = self.topics[topic_id]
        where = f"{truth.plan.name}-{index}"
        view = memoryview(data)
        position, expected = 0, -1
        rot = self.world.rot
        while len(view) - position >= batches.HEADER_SIZE:
            wanted = expected if position else offset
            spot = rot.shown((topic_id, index), view[position:], wanted) if rot.spots else None
            if spot is not None:
                rot.noticed(spot)
                return expected if position else max(offset, spot.end_offset)
            header = batches.read_header(view, position)
            end = position + header.size
            if end > len(view):
                break  # the last batch may be cut
            self._check_shown(where, view[position:end], header, offset, expected)
            batch = self.sent[bytes(view[position + AFTER_CHECKSUM : end])]
            if self._is_firm(truth, life):
                self._promise(truth, index, header.base_offset, batch, "shown")
            expected = header.next_offset
            if expected > high_watermark:
                raise Violation(f"{where}: records up to {expected} were shown beyond {high_watermark}")
            position = end
        if position == 0 and view:
            raise Violation(f"{where}: a fetch at {offset} got {len(view)} bytes and no whole batch")
        partition = truth.partition(index)
        if self._is_firm(truth, life):
            partition.shown_end = max(partition.shown_end, high_watermark)
        return expected if position else offset

    def _check_shown(
        self, where: str, view: memoryview, header: batches.BatchHeader, offset: int, expected: int
    ) -> None:
        if batches.is_valid_batch(view, 0, len(view)) is None:
            raise Violation(f"{where}: the batch shown at {header.base_offset} is damaged")
        if bytes(view[AFTER_CHECKSUM:]) not in self.sent:
            raise Violation(f"{where}: nobody sent what is shown at {header.base_offset}")
        if expected < 0 and not header.base_offset <= offset <= header.last_offset:
            raise Violation(
                f"{where}: a fetch at {offset} was answered with [{header.base_offset}, {header.last_offset}]"
            )
        if expected >= 0 and header.base_offset != expected:
            raise Violation(f"{where}: {header.base_offset} follows in a fetch where {expected} must")

    def clock_moved(self) -> None:
        """Remember the latest wall time there ever was: deletion by age is judged by it."""
        self.highest_wall_ms = max(self.highest_wall_ms, self.world.wall_ms)
        self.lowest_offset_ms = min(self.lowest_offset_ms, self.world.wall_offset_ms)

    def may_be_ahead(self, batch: Batch) -> bool:
        """Whether the broker's clock was so far behind once that it may refuse the batch's timestamps."""
        return batch.timestamp_ms + batch.count - 1 - self.lowest_offset_ms > MOST_AHEAD_MS

    # ---- after a restart ---------------------------------------------------------------------------------------

    def verify_log(self, log: Log, *, power: bool) -> None:
        """Everything promised is there, nothing else but what was sent, without a hole."""
        truth = self.topics.get(log.topic_id)
        if truth is None:
            return  # its creation was never acknowledged
        where = f"{log.topic}-{log.partition}"
        partition = truth.partition(log.partition)
        there = dict(self._walk(log, where))
        numbers: set[int] = set()
        for base_offset, batch in there.items():
            if batch.idempotent:
                if batch.number in numbers:
                    raise Violation(f"{where}: batch {batch.number} of {batch.producer} is there twice")
                numbers.add(batch.number)
                place = partition.places.get(batch.number, base_offset)
                if place != base_offset:
                    raise Violation(f"{where}: batch {batch.number} was at {place} and is at {base_offset}")
        self._verify_promises(truth, log, there, power=power)
        partition.places |= {batch.number: offset for offset, batch in there.items() if batch.idempotent}
        partition.epoch = max(partition.epoch, log.leader_epoch)

    def _walk(self, log: Log, where: str) -> Iterator[tuple[int, Batch]]:
        expected = -1
        for view in log.batches_from(log.log_start_offset):
            header = batches.is_valid_batch(view, 0, len(view))
            if header is None:
                raise Violation(f"{where}: a damaged batch after offset {expected}")
            if expected < 0 and not header.base_offset <= log.log_start_offset <= header.last_offset:
                raise Violation(
                    f"{where}: starts at {log.log_start_offset}, first batch at {header.base_offset}"
                )
            if expected >= 0 and header.base_offset != expected:
                raise Violation(f"{where}: a hole: {header.base_offset} after {expected}")
            batch = self.sent.get(bytes(view[AFTER_CHECKSUM:]))
            if batch is None:
                raise Violation(f"{where}: nobody sent what is at {header.base_offset}")
            expected = header.next_offset
            yield header.base_offset, batch
        if expected not in (-1, log.log_end_offset) or (
            expected == -1 and log.log_start_offset != log.log_end_offset
        ):
            raise Violation(f"{where}: batches end at {expected}, the log at {log.log_end_offset}")

    def _verify_promises(self, truth: TopicTruth, log: Log, there: dict[int, Batch], *, power: bool) -> None:
        where = f"{log.topic}-{log.partition}"
        partition = truth.partition(log.partition)
        may_lose = power and not truth.sync
        start, end = log.log_start_offset, log.log_end_offset
        lost = end < partition.shown_end
        if lost and not may_lose:
            raise Violation(
                f"{where}: ends at {end}, but {partition.shown_end} was shown as the high watermark"
            )
        for base_offset, batch in sorted(partition.promised.items()):
            if base_offset >= end:
                if not may_lose:
                    raise Violation(
                        f"{where}: batch {batch.number} of {batch.producer} at {base_offset} was promised and is "
                        f"lost; the log ends at {end}"
                    )
                lost = True
                partition.places.pop(batch.number, None)
                del partition.promised[base_offset]
            elif base_offset + batch.count <= start:
                if base_offset + batch.count > partition.deletable and not truth.plan.deletes:
                    raise Violation(
                        f"{where}: batch {batch.number} at {base_offset} is deleted; nobody asked for it"
                    )
                del partition.promised[base_offset]
            elif there.get(base_offset) is not batch:
                raise Violation(
                    f"{where}: offset {base_offset} is not what was promised: batch {batch.number}"
                )
        if may_lose:  # also what nobody was told of: a start that followed a mere kill found it and made nothing durable
            partition.places = {number: at for number, at in partition.places.items() if at < end}
        if lost and log.leader_epoch <= partition.epoch:
            raise Violation(f"{where}: lost what was shown, and its leader epoch stayed {log.leader_epoch}")
        if lost:
            partition.shown_end = min(partition.shown_end, end)
            partition.floor = min(partition.floor, end)
            partition.deletable = max(min(partition.deletable, end), partition.asking)
        if start < partition.floor:
            raise Violation(f"{where}: starts at {start}, but records below {partition.floor} were deleted")

    # ---- groups ------------------------------------------------------------------------------------------------

    def committing(self, group: str, topic: str, partition: int, offset: int) -> Commit:
        """A commit is being sent."""
        commit = Commit(offset, self.world.events)
        self.commits.setdefault((group, topic, partition), []).append(commit)
        return commit

    def committed(self, commit: Commit, error_code: int, life: int) -> None:
        """It was answered."""
        if not self.internal_sync and life <= self.forgetful_life:
            return
        commit.ended = self.world.events
        if error_code == 0:
            commit.acknowledged = True
        else:
            commit.value = -2  # it never was

    def read_commit(self, group: str, topic: str, partition: int, offset: int, started: int) -> None:
        """A group's position was read: it must be the newest acknowledged one, or one sent beside or after that."""
        ended = self.world.events
        history = self.commits.get((group, topic, partition), [])
        candidates = [Commit(-1, -1, -1, acknowledged=True), *history]
        settled = [each for each in candidates if each.acknowledged and each.ended < started]
        for candidate in candidates:
            overwritten = any(other.started > candidate.ended for other in settled)
            if candidate.value == offset and candidate.started <= ended and not overwritten:
                return
        raise Violation(
            f"group {group} {topic}-{partition} reads position {offset}; "
            f"committed were {[(each.value, each.acknowledged) for each in history][-6:]}"
        )

    def joined(
        self, group: str, generation: int, identity: str, *, leads: bool, started: int, life: int
    ) -> None:
        """A member was told its generation."""
        if life <= self.dead_life:
            return
        newest, since = self.newest_generation.get(group, (-1, 0))
        if since < started and generation < newest:
            raise Violation(f"group {group} went back from generation {newest} to {generation}")
        if generation > newest:
            self.newest_generation[group] = (generation, self.world.events)
        told = self.generations.setdefault((group, generation), Generation())
        if leads:
            told.leaders.add(identity)
            if len(told.leaders) > 1:
                raise Violation(
                    f"group {group} generation {generation} has the leaders {sorted(told.leaders)}"
                )

    def assigned(
        self, group: str, generation: int, identity: str, partitions: frozenset[tuple[str, int]], life: int
    ) -> None:
        """A member was told what it owns."""
        if not self.internal_sync and life <= self.forgetful_life:
            return
        self.synced_generation[group] = max(generation, self.synced_generation.get(group, -1))
        told = self.generations.setdefault((group, generation), Generation())
        for other, owned in sorted(told.assigned.items()):
            if other != identity and owned & partitions:
                raise Violation(
                    f"group {group} generation {generation}: {sorted(owned & partitions)} belongs to "
                    f"{other} and {identity}"
                )
        told.assigned[identity] = partitions

    def is_stale(self, group: str, generation: int, started: int) -> bool:
        """Whether a newer generation was known to somebody before a request of this one was sent."""
        newest, since = self.newest_generation.get(group, (-1, 0))
        return generation < newest and since < started

    def process_ended(self) -> None:
        """A generation that nobody has synced is forgotten with the process, as with Kafka; its number comes again."""
        self.dead_life = self.world.host.life
        for group, (newest, since) in self.newest_generation.items():
            synced = self.synced_generation.get(group, -1)
            for generation in range(synced + 1, newest + 1):
                self.generations.pop((group, generation), None)
            self.newest_generation[group] = (min(newest, synced), since)

    def power_was_lost(self) -> None:
        """What groups were told may be gone, where internal topics are not synced."""
        self.forgetful_life = self.world.host.life
        if not self.internal_sync:
            self.generations.clear()
            self.newest_generation.clear()
            self.synced_generation.clear()
            for history in self.commits.values():
                for commit in history:
                    commit.ended, commit.acknowledged = FOREVER, False
                history.append(Commit(-1, 0))
