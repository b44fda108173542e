"""A producer without idempotence: it may send twice, or not wait for any answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from neuraxis.wire.records import build_batch
from tests.simulation.actors.producer import records_of
from tests.simulation.actors.script import Actor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from typing import Any  # Any: a response

    from tests.simulation.model import Batch, TopicTruth


class PlainProducer(Actor):
    """Sends a batch now and then; sometimes the same one again."""

    def start(self) -> None:
        if self.world.healed:
            return
        plan = self.rng.choice(self.world.plan.topics)
        truth = self.world.model.served(plan.name)
        if truth is not None:
            timestamp_ms = self.world.wall_ms
            records = records_of(self, self.world.events, timestamp_ms)
            batch = self.world.model.new_batch(
                self.name, len(records), idempotent=False, timestamp_ms=timestamp_ms
            )
            data = bytes(build_batch(records))
            self.world.model.sending(batch, data)
            for _ in range(self.rng.choice((1, 1, 1, 2))):
                self._send(truth, self.rng.randrange(plan.partitions), batch, data)
        self.world.after(self.rng.randint(1, 3 * self.world.plan.pace_ms), self.start)

    def _send(self, truth: TopicTruth, index: int, batch: Batch, data: bytes) -> None:
        acks = self.rng.choice((-1, 1, 0))
        topic = TopicProduceData(truth.plan.name, truth.topic_id, [PartitionProduceData(index, data)])
        version = 13 if truth.plan.volatile else self.rng.randint(3, 13)

        def take(reply: Any) -> None:
            if reply is None:
                return
            answer = reply.responses[0].partition_responses[0]
            if answer.error_code == 0:
                if not truth.gone:
                    self.world.model.acknowledged(
                        truth.topic_id, index, answer.base_offset, batch, self.client.life
                    )
            elif answer.error_code == ErrorCode.INVALID_TIMESTAMP and self.world.model.may_be_ahead(batch):
                return
            elif not truth.doomed and answer.error_code != ErrorCode.KAFKA_STORAGE_ERROR:
                raise Violation(f"{self.name}: refused with {answer.error_code}")

        self.client.call(ProduceRequest(None, acks, 3_000, [topic]), version, take, reply=acks != 0)
