"""Consume, transform, produce in transactions, while broker and program are killed; `TARGET=kafka` plays it on Apache Kafka."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from compat.brokers import SUITE_SETTINGS, BrokerProcess, start_target
from neuraxis.testing.verify import transactor

READINGS, DERIVED = "readings", "derived"
PARTITIONS = 2
RECORDS = 600  # of each partition
BATCH = 50
TARGET = os.environ.get("TARGET", "neuraxis")
CALL_S = 10.0  # one attempt of a call: the client says itself whether it may be made again
# As long as a broker may be away. Apache Kafka comes back when its old registration has expired and its logs are recovered.
PATIENCE_S = {"neuraxis": 60.0, "kafka": 180.0}[TARGET]
LIMIT_S = {"neuraxis": 240, "kafka": 900}[TARGET]  # of the test, which has three such times

Moment = Callable[[], object]
patiently = functools.partial(transactor.patiently, for_s=PATIENCE_S)


@pytest.fixture
def broker() -> Iterator[BrokerProcess]:
    """A broker of this test alone: it is killed."""
    settings = {
        **SUITE_SETTINGS,
        "transaction.state.log.num.partitions": "1",
        "offsets.topic.num.partitions": "1",
    }
    with start_target(TARGET, settings, durability="sync") as broker:
        yield broker


class Program:
    """Reads numbers, writes their squares, and commits both the squares and how far it has read in one transaction.

    A new one with the same identity takes over where the old one was killed: the transactional id aborts what was left open,
    the static member takes the old one's place in the group.
    """

    def __init__(self, bootstrap: str) -> None:
        common = {
            "bootstrap.servers": bootstrap,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200,
            "log_level": 0,
        }
        self.producer = Producer(
            {**common, "transactional.id": "squares", "linger.ms": 1, "connections.max.idle.ms": 2_000}
        )
        patiently(lambda: self.producer.init_transactions(CALL_S))
        self.consumer = Consumer(
            {
                **common,
                "group.id": "squares",
                "group.instance.id": "one",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )
        self.consumer.subscribe([READINGS])

    def turn(self, within: Moment = lambda: None, before_commit: Moment = lambda: None) -> int:
        """One transaction; returns how many records it carried, 0 if it had to be given up. The moments are the test's."""
        batch = self._batch()
        try:
            self.producer.begin_transaction()
            for message in batch:
                value, partition = message.value(), message.partition()
                assert value is not None
                assert partition is not None
                self.producer.produce(DERIVED, str(int(value) ** 2).encode(), partition=partition)
            within()
            self.producer.flush(PATIENCE_S)
            ends = self.consumer.position(self.consumer.assignment())
            member = self.consumer.consumer_group_metadata()
            patiently(lambda: self.producer.send_offsets_to_transaction(ends, member, CALL_S))
            before_commit()
            patiently(lambda: self.producer.commit_transaction(CALL_S))
        except KafkaException as exception:
            error = exception.args[0]
            assert isinstance(error, KafkaError)
            assert error.txn_requires_abort(), error
            patiently(lambda: self.producer.abort_transaction(CALL_S))
            for position in self.consumer.committed(self.consumer.assignment(), timeout=CALL_S):
                self.consumer.seek(TopicPartition(READINGS, position.partition, max(position.offset, 0)))
            return 0
        return len(batch)

    def _batch(self) -> Sequence[Message]:
        """The next records: there are some until all are done."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = self.consumer.consume(BATCH, timeout=0.2)
            batch = [message for message in found if message.error() is None]
            if batch:
                return batch
        raise AssertionError("no record came")

    def close(self) -> None:
        """Leave as a program does that ends; a killed one is simply not used any more."""
        self.consumer.close()


def squares(bootstrap: str, expected: int) -> dict[int, list[int]]:
    """The committed values of each partition, in their order, once there are as many as expected and no more come."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "audit",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(DERIVED, partition, 0) for partition in range(PARTITIONS)])
    found: dict[int, list[int]] = {partition: [] for partition in range(PARTITIONS)}
    ended: set[int] = set()
    while len(ended) < PARTITIONS or sum(map(len, found.values())) < expected:
        message = consumer.poll(PATIENCE_S)
        assert message is not None, f"{sum(map(len, found.values()))} of {expected} are there"
        partition, value, error = message.partition(), message.value(), message.error()
        assert partition is not None
        if error is None:
            assert value is not None
            found[partition].append(int(value))
            ended.discard(partition)
        else:
            assert error.code() == KafkaError._PARTITION_EOF, error
            ended.add(partition)
    consumer.close()
    return found


def fill(bootstrap: str) -> None:
    """Create both topics and write the numbers."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics(
        [NewTopic(READINGS, PARTITIONS), NewTopic(DERIVED, PARTITIONS)]
    ).values():
        future.result(PATIENCE_S)
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for number in range(RECORDS):
        for partition in range(PARTITIONS):
            producer.produce(READINGS, str(number).encode(), partition=partition)
    assert producer.flush(PATIENCE_S) == 0


@pytest.mark.timeout(LIMIT_S)
def test_each_record_is_transformed_exactly_once_though_broker_and_program_are_killed(
    broker: BrokerProcess,
) -> None:
    fill(broker.bootstrap)
    back = threading.Thread(target=broker.restart, kwargs={"hard": True})

    def kill_and_restart_meanwhile() -> None:
        broker.kill()
        back.start()

    def die() -> None:
        raise InterruptedError

    program = Program(broker.bootstrap)
    done = program.turn()
    # The broker dies with a transaction open whose records are partly on their way.
    done += program.turn(within=lambda: broker.restart(hard=True))
    done += program.turn()
    # The program dies between its offsets and its commit; the next one does the work again.
    killed = program
    with pytest.raises(InterruptedError):
        killed.turn(before_commit=die)
    program = Program(broker.bootstrap)
    done += program.turn()
    # The broker is away when the commit is asked for, and comes back while the client tries.
    done += program.turn(before_commit=kill_and_restart_meanwhile)
    while done < RECORDS * PARTITIONS:
        done += program.turn()
    if back.ident is not None:
        back.join()
    program.close()
    killed.close()
    wanted = [number**2 for number in range(RECORDS)]
    assert squares(broker.bootstrap, done) == dict.fromkeys(range(PARTITIONS), wanted)
    assert done == RECORDS * PARTITIONS
