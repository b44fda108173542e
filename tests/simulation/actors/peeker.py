"""A reader of the coordinators' logs, which are compacted all the time: whatever it is given is whole batches, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.batch import is_valid_batch
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from tests.simulation.actors.script import Ask, Pause, ScriptedActor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses

TOPIC = "__consumer_offsets"
FORGIVEN = (
    0,
    ErrorCode.OFFSET_OUT_OF_RANGE,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.KAFKA_STORAGE_ERROR,
)


class Peeker(ScriptedActor):
    """Asks for any offset of any partition that has one; it waits for nothing."""

    def live(self) -> Generator[Pause | Ask, Any, None]:
        while not self.world.finished:
            yield from self._peek()
            yield Pause(self.rng.randint(1, 2 * self.world.plan.calm_ms if self.world.healed else 15))

    def content(self) -> bool:
        return True

    def _peek(self) -> Generator[Pause | Ask, Any, None]:
        host, rng = self.world.host, self.rng
        topic = host.core.node.topics.get(TOPIC) if host.up else None
        ends = [] if topic is None else [(each.index, each.log_end_offset) for each in topic.partitions]
        asked = [
            FetchPartition(
                partition=index,
                fetch_offset=rng.randint(0, end),
                partition_max_bytes=rng.choice((100, 1 << 20)),
            )
            for index, end in ends
            if end
        ]
        if not asked:
            return
        request = FetchRequest(
            max_wait_ms=0, min_bytes=1, max_bytes=1 << 20, topics=[FetchTopic(TOPIC, bytes(16), asked)]
        )
        reply = yield Ask(request, 12, 6_000)
        for wanted, data in zip(asked, () if reply is None else reply.responses[0].partitions, strict=False):
            self._check(wanted, data)

    def _check(self, asked: FetchPartition, data: Any) -> None:
        where = f"{TOPIC}-{asked.partition} from {asked.fetch_offset} on"
        if data.error_code not in FORGIVEN:
            raise Violation(f"{self.name}: {where}: error {data.error_code}")
        view, position, behind = memoryview(data.records or b""), 0, -1
        while position < len(view):
            header = is_valid_batch(view, position, len(view))
            if header is None:
                raise Violation(f"{self.name}: {where}: no batch begins at byte {position} of {len(view)}")
            if header.base_offset <= behind or (not position and header.last_offset < asked.fetch_offset):
                raise Violation(f"{self.name}: {where}: a batch at {header.base_offset}")
            behind = header.last_offset
            position += header.size
