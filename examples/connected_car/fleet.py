"""One member of the consumer group: a process that folds its partitions' readings into trips and publishes each trip.

State is the fold of the log. A partition that is assigned is read from its start, so a member that takes over rebuilds what
the one before it knew; the committed offset says how far results are published. Nothing is de-duplicated.
"""

from __future__ import annotations

import contextlib
import json
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, Producer, TopicPartition

from examples.connected_car.analyse import Car, Trip

BATCH = 2_000  # records per call: some 10 ms of folding, so that heartbeats and reports stay timely
REPORT_S = 0.1
COMMIT_S = 0.5  # results are published, and then committed, twice a second
PASSING = {"_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_WAIT_COORD", "COORDINATOR_LOAD_IN_PROGRESS"}
PASSING |= {
    "NOT_COORDINATOR",
    "COORDINATOR_NOT_AVAILABLE",
    "REBALANCE_IN_PROGRESS",
    "_NO_OFFSET",
    "ILLEGAL_GENERATION",
}
PASSING |= {"UNKNOWN_MEMBER_ID", "_STATE", "_IN_PROGRESS", "_DESTROY", "REQUEST_TIMED_OUT"}


class Member:
    """Consumes until told to stop; reports (kind, number, content) tuples to the process that started it."""

    def __init__(
        self, number: int, bootstrap: str, topics: tuple[str, str], group: str, reports: Queue[Any]
    ) -> None:
        self.number = number
        self.reports = reports
        self.readings_topic, self.trips_topic = topics
        self.cars: dict[int, dict[str, Car]] = {}  # partition -> vehicle -> car
        self.positions: dict[int, int] = {}
        self.committed: dict[int, int] = {}  # as found when the partition came
        self.read = 0
        self.read_again = 0
        self.leaving = False
        common = {
            "bootstrap.servers": bootstrap,
            "reconnect.backoff.max.ms": 500,
            "client.id": f"member-{number}",
        }
        common |= {"log_level": 2}  # the outage is expected; what cannot be ridden out arrives as an error
        self.producer = Producer({**common, "acks": "all", "enable.idempotence": True})
        self.consumer = Consumer(
            {
                **common,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "heartbeat.interval.ms": 500,  # how soon a member hears of a rebalance; the default is 3 s
                "partition.assignment.strategy": "cooperative-sticky",
            }
        )
        self.consumer.subscribe(
            [self.readings_topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def run(self, stop: Event) -> None:
        """Fold, publish, commit and report until `stop`, then hand over the final state and leave."""
        reported = committed = time.monotonic()
        while not stop.is_set():
            for message in self.consumer.consume(BATCH, timeout=0.05):
                self._take(message)
            self.producer.poll(0)
            now = time.monotonic()
            if now - committed >= COMMIT_S:
                self._commit()
                committed = now
            if now - reported >= REPORT_S:
                self._report("progress")
                reported = now
        for cars in self.cars.values():
            for car in cars.values():
                for trip in car.trips[-1:]:  # the end of the recording ends the open trips
                    self._publish(trip)
        self.producer.flush(30)
        self._commit(final=True)
        self._report("progress")
        for partition, cars in self.cars.items():
            for car in cars.values():
                self._tell("car", {"partition": partition, **_plain(car)})
        self._tell("done", None)
        self.leaving = True
        self.consumer.close()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.fatal() or error.name() not in PASSING:
                raise KafkaException(error)
            return
        partition, offset = message.partition() or 0, message.offset() or 0
        key, value = message.key(), message.value()
        if partition not in self.cars or not isinstance(key, bytes) or not isinstance(value, bytes):
            return  # of a partition that has just gone
        self.read += 1
        self.read_again += offset < self.committed[partition]
        vehicle = key.decode()
        cars = self.cars[partition]
        car = cars.get(vehicle) or cars.setdefault(vehicle, Car(vehicle))
        ended = car.take(message.timestamp()[1], value)
        self.positions[partition] = offset + 1
        if ended is not None:
            self._publish(ended)

    def _publish(self, trip: Trip) -> None:
        """Publish one trip; a trip published again after a rebalance has the same key and replaces itself."""
        key = f"{trip.vehicle}/{trip.start_ms}"
        self.producer.produce(
            self.trips_topic, key=key, value=json.dumps(trip.summary()).encode(), timestamp=trip.end_ms
        )

    def _commit(self, final: bool = False) -> None:
        """Commit what is published. A commit the broker's restart swallowed is made up for by the next one."""
        offsets = [
            TopicPartition(self.readings_topic, partition, position)
            for partition, position in self.positions.items()
            if position > self.committed.get(partition, -1)
        ]
        if not offsets:
            return
        try:
            if final:
                self.consumer.commit(offsets=offsets, asynchronous=False)
            else:
                self.consumer.commit(offsets=offsets)
        except KafkaException as error:
            if error.args[0].name() not in PASSING:
                raise

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self.leaving:
            return  # the other member left first; its partitions are nobody's now
        found = partitions
        with contextlib.suppress(
            KafkaException
        ):  # without an answer, everything counts as read for the first time
            found = consumer.committed(partitions, timeout=10)
        for one in found:
            self.committed[one.partition] = max(one.offset, 0)
            self.cars[one.partition] = {}
            self.positions.pop(one.partition, None)
        starts = [TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in partitions]
        consumer.incremental_assign(starts)
        self._tell("assigned", sorted(one.partition for one in partitions))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit(final=True)
        self._forget(partitions)
        self._tell("revoked", sorted(one.partition for one in partitions))

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget(partitions)
        self._tell("lost", sorted(one.partition for one in partitions))

    def _forget(self, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            self.cars.pop(one.partition, None)
            self.positions.pop(one.partition, None)

    def _report(self, kind: str) -> None:
        self._tell(kind, {"read": self.read, "again": self.read_again, "positions": dict(self.positions)})

    def _tell(self, kind: str, content: object) -> None:
        self.reports.put((kind, self.number, content))


def _plain(car: Car) -> dict[str, object]:
    return {
        "vehicle": car.vehicle,
        "count": car.ledger.count,
        "checksum": car.ledger.checksum,
        "repeated": car.repeated,
        "missing": car.missing,
        "trips": [trip.state() for trip in car.trips],
        "summaries": [trip.summary() for trip in car.trips],
    }


def run_member(
    number: int, bootstrap: str, topics: tuple[str, str], group: str, reports: Queue[Any], stop: Event
) -> None:
    """Run one member; the entry point of its process. A failure is reported before it ends the process."""
    try:
        Member(number, bootstrap, topics, group, reports).run(stop)
    except KeyboardInterrupt:
        pass
    except BaseException as error:
        reports.put(("failed", number, f"{type(error).__name__}: {error}"))
        raise
