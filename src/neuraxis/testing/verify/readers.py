"""Clients that read: one that assigns itself everything, members of a group that commit, and what both share.

The rule of the file: one poll returns one record, so that a rebalance inside of a batch is seen where it happens.
"""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from neuraxis.testing.history import Log, Position, Record
from neuraxis.testing.verify.actor import Actor
from neuraxis.testing.verify.plan import Stage

BATCH = 200
"""Records in one poll operation at most: enough to keep up, few enough to be told what was late."""
SESSION_TIMEOUT_MS = 10_000
"""Longer than the pauses the faults make, so that a pause alone does not cost a member its place."""


def record_of(message: Message) -> Record:
    """The record in a message of a run; a value that is not ours raises ValueError."""
    topic, partition, value, offset = message.topic(), message.partition(), message.value(), message.offset()
    if topic is None or partition is None or value is None or offset is None:
        raise ValueError("a message without topic, partition, value or offset")
    return Record(Log(topic, partition), int(value), offset)


class Reader(Actor):
    """A read_committed consumer; what it gathered is recorded before anything else happens to it."""

    def __init__(self, stage: Stage, name: str, group: str) -> None:
        super().__init__(stage, name)
        self.group = group
        self.gathered: list[Record] = []
        self.began_ns = 0

    def consumer(self) -> Consumer:
        """A new consumer of this reader's group."""
        return Consumer(
            self.stage.configuration(
                {
                    "client.id": self.process,
                    "group.id": self.stage.group_id(self.group),
                    "isolation.level": "read_committed",
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "session.timeout.ms": SESSION_TIMEOUT_MS,
                    "heartbeat.interval.ms": 1_000,
                    "fetch.wait.max.ms": 100,
                    "fetch.error.backoff.ms": 50,
                }
            )
        )

    def assigned(self, positions: Sequence[Position]) -> None:
        """Note a new assignment; what was polled before it belongs to the old one."""
        self.settle()
        began_ns = self.stage.recorder.clock_ns()
        self.stage.recorder.whole(
            "ok", "assign", self.process, began_ns, positions=tuple(positions), group=self.group
        )

    def settle(self) -> None:
        """Record what was gathered as one poll."""
        if self.gathered:
            self.stage.recorder.whole(
                "ok", "poll", self.process, self.began_ns, polls=tuple(self.gathered), group=self.group
            )
        self.gathered = []
        self.began_ns = self.stage.recorder.clock_ns()

    def gather(self, consumer: Consumer, most: int, timeout_s: float) -> None:
        """Poll up to `most` records; those since the last change of assignment are in `gathered`."""
        count = 0
        self.began_ns = self.stage.recorder.clock_ns()
        message = consumer.poll(timeout_s)
        while message is not None:
            error = message.error()
            if error is None:
                self.gathered.append(record_of(message))
                count += 1
            elif error.fatal():
                raise KafkaException(error)
            message = consumer.poll(0) if count < most else None

    def subscribe(self, consumer: Consumer) -> None:
        """Join the group; rebalances are noted as assignments that begin where the group had committed."""

        def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
            self.assigned([Position(Log(each.topic, each.partition), None) for each in partitions])

        def revoked(_: Consumer, __: list[TopicPartition]) -> None:
            self.assigned(())

        consumer.subscribe(list(self.stage.topics), on_assign=assigned, on_revoke=revoked, on_lost=revoked)


class AssignedReader(Reader):
    """Reads every log from its beginning and never lets go."""

    def live(self) -> None:
        """Poll until told to stop."""
        consumer = self.consumer()
        try:
            self.assigned([Position(log, 0) for log in self.stage.logs])
            consumer.assign([TopicPartition(*log, OFFSET_BEGINNING) for log in self.stage.logs])
            while not self.halt.is_set():
                self.gather(consumer, BATCH, 0.2)
                self.settle()
        finally:
            self.settle()
            consumer.close()


class Member(Reader):
    """One member of a group: polls, then commits what it polled and notes whether the commit was acknowledged."""

    def live(self) -> None:
        """Poll and commit until told to stop."""
        consumer = self.consumer()
        try:
            self.subscribe(consumer)
            while not self.halt.is_set():
                self.gather(consumer, BATCH, 0.2)
                latest = {record.log: (record.offset or 0) + 1 for record in self.gathered}
                self.settle()
                if latest:
                    self._commit(consumer, latest)
        finally:
            self.settle()
            consumer.close()

    def _commit(self, consumer: Consumer, latest: dict[Log, int]) -> None:
        recorder = self.stage.recorder
        positions = tuple(Position(log, offset) for log, offset in latest.items())
        number = recorder.invoke("commit", self.process, positions=positions, group=self.group)
        try:
            done = consumer.commit(
                offsets=[TopicPartition(*log, offset) for log, offset in latest.items()], asynchronous=False
            )
        except KafkaException as exception:
            recorder.complete(
                number, "unknown", "commit", self.process, positions=positions, group=self.group,
                error=str(exception),
            )  # fmt: skip
            return
        refused = any(each.error is not None for each in done or ())
        # One refused log makes the whole commit doubtful: then nothing is claimed of any.
        recorder.complete(
            number,
            "unknown" if refused else "ok",
            "commit",
            self.process,
            positions=positions,
            group=self.group,
        )
