"""A producer with idempotence, as Kafka's: up to five requests in flight, retries in order, an epoch of its own.

The rules that matter: a batch that was sent before goes out again only when it is the oldest of its partition that is not
answered; a sequence that does not fit is retried unless it is the one right after the newest acknowledged; then records
were lost under a weak policy, or none of the epoch was acknowledged and the first was refused where a later one was taken
(as with Kafka, a producer that a partition does not know may begin anywhere); the partition begins a new epoch at sequence
0. So it does when a batch is given up, because the broker's clock fell back by more than it lets timestamps be ahead.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from neuraxis.wire.records import Record, build_batch
from tests.simulation.actors.script import Actor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from typing import Any  # Any: responses of two APIs

    from tests.simulation.model import Batch, TopicTruth
    from tests.simulation.world import World

MAX_IN_FLIGHT = 5
BACKLOG = 8
GONE = (ErrorCode.UNKNOWN_TOPIC_ID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)


def records_of(actor: Actor, first: int, timestamp_ms: int) -> list[Record]:
    """A few records; their values name the batch, so that no two are alike."""
    plan = actor.world.plan
    count = actor.rng.randint(1, plan.most_records)
    filler = b"." * actor.rng.randint(0, plan.value_bytes)
    name = actor.name.encode()
    return [
        Record(
            delta, timestamp_ms + delta, b"%s-%d" % (name, delta), b"%s/%d/%d" % (name, first, delta) + filler
        )
        for delta in range(count)
    ]


class Sending:
    """A batch on its way."""

    __slots__ = ("attempts", "batch", "data", "records", "sequence")

    def __init__(self, batch: Batch, records: list[Record]) -> None:
        self.batch = batch
        self.records = records
        self.sequence = -1
        self.attempts = 0
        self.data = b""


class Lane:
    """The producer's side of one partition."""

    def __init__(self, truth: TopicTruth, index: int, epoch: int) -> None:
        self.truth = truth
        self.index = index
        self.epoch = epoch
        self.next_sequence = 0
        self.last_acknowledged = -1
        self.waiting: deque[Sending] = deque()
        self.in_flight: list[Sending] = []
        self.bump = False
        self.in_order = True  # what was sent and not answered is there only if all before it is
        self.not_before_ms = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is to be sent or answered."""
        return not self.waiting and not self.in_flight

    def next(self) -> Sending | None:
        """The batch that may be sent now."""
        if not self.waiting or self.bump:
            return None
        first = self.waiting[0]
        if first.attempts and any(other.sequence < first.sequence for other in self.in_flight):
            return None
        if not first.attempts and any(other.attempts for other in self.in_flight):
            return None
        return first


class IdempotentProducer(Actor):
    """Writes to every topic there is."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.producer_id = -1
        self.epoch = 0
        self.lanes: dict[tuple[bytes, int], Lane] = {}
        self.requests = 0
        self.asking = False
        self.acknowledged = 0

    def start(self) -> None:
        self._turn()

    def content(self) -> bool:
        return all(lane.idle or lane.truth.doomed for lane in self.lanes.values())

    def complaint(self) -> str:
        busy = [lane for lane in self.lanes.values() if not lane.idle]
        return (
            f"acknowledgements of {[(lane.truth.plan.name, lane.index, len(lane.waiting)) for lane in busy]}"
        )

    def _turn(self) -> None:
        if self.world.finished:
            return
        if self.requests == 0 and self.content() and self.rng.random() < 0.02:
            self.producer_id = -1  # the application starts anew: another producer, as far as the broker knows
            self.lanes.clear()
        if self.producer_id < 0:
            self._ask_for_id()
        else:
            if not self.world.healed:
                self._make()
            self._send()
        self.world.after(self.rng.randint(1, 2 * self.world.plan.pace_ms), self._turn)

    def _ask_for_id(self) -> None:
        if not self.asking:
            self.asking = True
            request = InitProducerIdRequest(None, 1_000)
            self.client.call(request, self.rng.randint(0, 5), self._take_id, 2_000)

    def _take_id(self, reply: Any) -> None:
        self.asking = False
        if reply is None or reply.error_code == ErrorCode.KAFKA_STORAGE_ERROR:
            return
        if reply.error_code:
            raise Violation(f"InitProducerId was refused with {reply.error_code}")
        if reply.producer_id in self.world.model.producer_ids:
            raise Violation(f"producer id {reply.producer_id} was handed out twice")
        self.world.model.producer_ids.add(reply.producer_id)
        self.producer_id, self.epoch = reply.producer_id, reply.producer_epoch

    def _make(self) -> None:
        """A new batch for some partition."""
        plan = self.rng.choice(self.world.plan.topics)
        truth = self.world.model.served(plan.name)
        if truth is None:
            return
        index = self.rng.randrange(plan.partitions)
        lane = self.lanes.get((truth.topic_id, index))
        if lane is None:
            lane = self.lanes[truth.topic_id, index] = Lane(truth, index, self.epoch)
        if len(lane.waiting) < BACKLOG:
            timestamp_ms = self.world.wall_ms
            records = records_of(self, self.world.events, timestamp_ms)
            batch = self.world.model.new_batch(
                self.name, len(records), idempotent=True, timestamp_ms=timestamp_ms
            )
            lane.waiting.append(Sending(batch, records))

    def _send(self) -> None:
        for lane in self.lanes.values():
            if lane.truth.doomed:
                lane.waiting.clear()
            if lane.bump and not lane.in_flight:
                self._begin_epoch(lane)
        ready = [lane for lane in self.lanes.values() if lane.not_before_ms <= self.world.time_ms]
        self.rng.shuffle(ready)
        while self.requests < MAX_IN_FLIGHT:
            chosen = [lane for lane in ready if lane.next() is not None][: self.rng.randint(1, 3)]
            if not chosen:
                return
            self._send_request(chosen)

    def _begin_epoch(self, lane: Lane) -> None:
        self.epoch += 1
        lane.epoch, lane.next_sequence, lane.last_acknowledged, lane.bump = self.epoch, 0, -1, False
        for sending in lane.waiting:
            if sending.attempts and not lane.in_order:
                sending.batch.idempotent = False  # it may be there from the epoch before
            sending.sequence = -1
            sending.attempts = 0
        lane.in_order = True

    def _send_request(self, lanes: list[Lane]) -> None:
        by_id = self.rng.random() < 0.5 or any(lane.truth.plan.volatile for lane in lanes)
        topics: dict[bytes, TopicProduceData] = {}
        sent = []
        for lane in lanes:
            sending = lane.waiting.popleft()
            self._encode(lane, sending)
            lane.in_flight.append(sending)
            sent.append((lane, sending))
            truth = lane.truth
            data = topics.setdefault(truth.topic_id, TopicProduceData(truth.plan.name, truth.topic_id, []))
            data.partition_data.append(PartitionProduceData(lane.index, sending.data))
        request = ProduceRequest(None, self.rng.choice((-1, -1, 1)), 3_000, list(topics.values()))
        version = 13 if by_id else self.rng.randint(3, 12)
        self.requests += 1
        self.client.call(
            request, version, lambda reply: self._take(sent, reply), self.rng.choice((1_500, 4_000))
        )

    def _encode(self, lane: Lane, sending: Sending) -> None:
        if sending.sequence < 0:
            sending.sequence = lane.next_sequence
            lane.next_sequence += len(sending.records)
            sending.data = bytes(
                build_batch(
                    sending.records,
                    producer_id=self.producer_id,
                    producer_epoch=lane.epoch,
                    base_sequence=sending.sequence,
                )
            )
            self.world.model.sending(sending.batch, sending.data)

    def _take(self, sent: list[tuple[Lane, Sending]], reply: Any) -> None:
        self.requests -= 1
        answers = {}
        if reply is not None:
            for topic in reply.responses:
                for answer in topic.partition_responses:
                    answers[topic.name or topic.topic_id, answer.index] = answer
        for lane, sending in sent:
            lane.in_flight.remove(sending)
            truth = lane.truth
            answer = answers.get((truth.plan.name, lane.index)) or answers.get((truth.topic_id, lane.index))
            if reply is None:
                self._retry(lane, sending)
            elif answer is None:
                raise Violation(f"{self.name}: no answer for {truth.plan.name}-{lane.index}")
            else:
                self._take_answer(lane, sending, answer)

    def _take_answer(self, lane: Lane, sending: Sending, answer: Any) -> None:
        code, where = answer.error_code, f"{lane.truth.plan.name}-{lane.index}"
        if code == 0:
            self.acknowledged += 1
            lane.last_acknowledged = sending.sequence + len(sending.records) - 1
            if not (lane.truth.doomed and lane.truth.gone):
                self.world.model.acknowledged(
                    lane.truth.topic_id, lane.index, answer.base_offset, sending.batch, self.client.life
                )
        elif code in GONE:
            if not lane.truth.doomed:
                raise Violation(f"{self.name}: {where} is unknown ({code}) though nobody deleted it")
        elif code == ErrorCode.KAFKA_STORAGE_ERROR:
            self._retry(lane, sending)
        elif code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
            self._retry(lane, sending)
            if sending.sequence == lane.last_acknowledged + 1:
                if lane.last_acknowledged < 0:
                    lane.in_order = False
                elif lane.truth.sync and not lane.truth.synced_since:
                    raise Violation(
                        f"{self.name}: {where} knows no sequence before {sending.sequence}, acknowledged"
                    )
                lane.bump = True
        elif code == ErrorCode.INVALID_TIMESTAMP and self.world.model.may_be_ahead(sending.batch):
            lane.bump, lane.in_order = True, False
        else:
            raise Violation(f"{self.name}: {where} refused sequence {sending.sequence} with {code}")

    def _retry(self, lane: Lane, sending: Sending) -> None:
        sending.attempts += 1
        lane.not_before_ms = self.world.time_ms + self.rng.randint(10, 100)
        position = 0
        while position < len(lane.waiting) and 0 <= lane.waiting[position].sequence < sending.sequence:
            position += 1
        lane.waiting.insert(position, sending)
