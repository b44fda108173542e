"""A reader without a group: follows every partition from its beginning, and must see everything without a hole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from neuraxis.wire.messages.list_offsets import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic
from tests.simulation.actors.script import Ask, Pause, ScriptedActor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses

    from tests.simulation.model import TopicTruth
    from tests.simulation.world import World

EARLIEST, LATEST = -2, -1
FORGIVEN = (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.UNKNOWN_LEADER_EPOCH)


class Reader(ScriptedActor):
    """Positions are kept by topic id and partition; a topic made anew is a new topic."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.positions: dict[tuple[bytes, int], int] = {}
        self.epochs: dict[tuple[bytes, int], int] = {}

    def live(self) -> Generator[Pause | Ask, Any, None]:
        while not self.world.finished:
            truths = [self.world.model.served(plan.name) for plan in self.world.plan.topics]
            served = [truth for truth in truths if truth is not None]
            if served:
                if self.rng.random() < 0.1:
                    yield from self.ask_offsets(self.rng.choice(served), LATEST)
                yield from self.fetch(served)
            yield Pause(self.rng.randint(1, self.world.plan.calm_ms if self.world.healed else 60))

    def content(self) -> bool:
        return not self._behind()

    def _behind(self) -> list[tuple[str, int, int, int]]:
        if not self.world.host.up:
            return [("the broker", 0, 0, 0)]
        return [
            (partition.topic, partition.index, position, partition.high_watermark)
            for (topic_id, index), partition in self.world.host.core.node.partitions.items()
            if topic_id in self.world.model.topics and not self.world.model.topics[topic_id].doomed
            if (position := self.positions.get((topic_id, index), 0)) < partition.high_watermark
            and partition.log_start_offset < partition.high_watermark
        ]

    def complaint(self) -> str:
        return f"records: {self._behind()}"

    def fetch(self, served: list[TopicTruth]) -> Generator[Pause | Ask, Any, None]:
        """One fetch over some of the topics."""
        rng = self.rng
        truths = [truth for truth in served if rng.random() < 0.8] or served[:1]
        by_id = any(truth.plan.volatile for truth in truths) or rng.random() < 0.5
        version = rng.randint(13, 18) if by_id else rng.randint(4, 12)
        topics = []
        for truth in truths:
            asked = [self._asked(truth, index, version) for index in range(truth.plan.partitions)]
            rng.shuffle(asked)
            topics.append(FetchTopic(truth.plan.name, truth.topic_id, asked))
        calm = self.world.healed
        request = FetchRequest(
            max_wait_ms=100 if calm else rng.choice((0, 100, 1_500)),
            min_bytes=1 if calm else rng.choice((1, 1, 1, 700)),
            max_bytes=1 << 20 if calm else rng.choice((1, 500, 1 << 20)),
            isolation_level=rng.randint(0, 1),
            topics=topics,
        )
        reply = yield Ask(request, version, 6_000)
        if reply is None:
            return
        if reply.error_code:
            raise Violation(f"{self.name}: a fetch was refused with {reply.error_code}")
        for truth, answered in zip(truths, reply.responses, strict=True):
            for data, asked_one in zip(
                answered.partitions, topics[truths.index(truth)].partitions, strict=True
            ):
                yield from self._take(truth, data, asked_one)

    def _asked(self, truth: TopicTruth, index: int, version: int) -> FetchPartition:
        key = truth.topic_id, index
        last_epoch = self.epochs.get(key, -1) if version >= 12 and self.rng.random() < 0.5 else -1
        return FetchPartition(
            partition=index,
            fetch_offset=self.positions.get(key, 0),
            last_fetched_epoch=last_epoch,
            partition_max_bytes=self.rng.choice((100, 1_000, 1 << 20)),
        )

    def _take(self, truth: TopicTruth, data: Any, asked: FetchPartition) -> Generator[Pause | Ask, Any, None]:
        key, code = (truth.topic_id, data.partition_index), data.error_code
        if truth.doomed:
            return
        if code == ErrorCode.OFFSET_OUT_OF_RANGE:
            partition = truth.partition(data.partition_index)
            if (
                truth.sync
                and not truth.synced_since
                and not truth.plan.deletes
                and partition.deletable <= asked.fetch_offset
            ):
                raise Violation(
                    f"{self.name}: {truth.plan.name}-{key[1]} does not reach {asked.fetch_offset}"
                )
            yield from self.ask_offsets(truth, EARLIEST, data.partition_index)
        elif code == ErrorCode.KAFKA_STORAGE_ERROR:
            self.positions[key] = self.world.rot.refused(key, asked.fetch_offset)
        elif code:
            if code not in FORGIVEN:
                raise Violation(
                    f"{self.name}: {truth.plan.name}-{key[1]} at {asked.fetch_offset}: error {code}"
                )
        elif data.diverging_epoch is not None:
            if truth.sync and not truth.synced_since:
                raise Violation(f"{self.name}: {truth.plan.name}-{key[1]} diverges: {data.diverging_epoch}")
            self.positions[key] = min(asked.fetch_offset, max(0, data.diverging_epoch.end_offset))
            self.epochs.pop(key, None)
        elif data.records:
            self.positions[key] = self.world.model.fetched(
                truth.topic_id,
                key[1],
                asked.fetch_offset,
                data.records,
                data.high_watermark,
                self.client.life,
            )
            self.epochs[key] = int.from_bytes(data.records[12:16], "big")

    def ask_offsets(
        self, truth: TopicTruth, timestamp: int, partition: int | None = None
    ) -> Generator[Pause | Ask, Any, None]:
        """ListOffsets; the earliest one becomes the position."""
        if truth.plan.volatile and timestamp == LATEST:
            return
        index = self.rng.randrange(truth.plan.partitions) if partition is None else partition
        asked = ListOffsetsTopic(truth.plan.name, [ListOffsetsPartition(index, timestamp=timestamp)])
        reply = yield Ask(ListOffsetsRequest(-1, 0, [asked], 1_000), self.rng.randint(1, 11))
        if reply is None or truth.doomed:
            return
        answer = reply.topics[0].partitions[0]
        if answer.error_code:
            if answer.error_code not in FORGIVEN:
                raise Violation(f"{self.name}: ListOffsets of {truth.plan.name}-{index}: {answer.error_code}")
        elif timestamp == EARLIEST:
            self.positions[truth.topic_id, index] = answer.offset
            self.epochs.pop((truth.topic_id, index), None)
        elif truth.sync:
            known = truth.partition(index)
            known.shown_end = max(known.shown_end, answer.offset)
