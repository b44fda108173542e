"""A client that negotiates fetch sessions for real (kafka-python) reads everything through one, to our own broker."""

from __future__ import annotations

import time

import confluent_kafka
from kafka import KafkaConsumer, TopicPartition

import neuraxis
from neuraxis.client import Client

PARTITIONS = 20
RECORDS = 400
PATIENCE_S = 30.0


def test_a_consumer_of_many_partitions_reads_everything_through_one_session() -> None:
    with neuraxis.Broker() as broker:
        Client(bootstrap=broker.bootstrap).admin().create_topic("drives", partitions=PARTITIONS)
        producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
        consumer = KafkaConsumer(
            bootstrap_servers=broker.bootstrap, enable_auto_commit=False, max_poll_records=7
        )
        consumer.assign([TopicPartition("drives", index) for index in range(PARTITIONS)])
        consumer.seek_to_beginning()
        read: list[bytes] = []
        deadline = time.monotonic() + PATIENCE_S
        sent = 0
        while len(read) < RECORDS and time.monotonic() < deadline:
            if sent < RECORDS:
                for _ in range(10):
                    producer.produce("drives", str(sent), partition=sent % PARTITIONS)
                    sent += 1
                producer.flush(10)
            for records in consumer.poll(timeout_ms=100).values():
                read += [record.value for record in records]
        assert broker._server is not None
        sessions = list(broker._server.core.node.fetch_sessions.sessions.values())
        consumer.close()
    assert sorted(read, key=int) == [str(number).encode() for number in range(RECORDS)]
    assert len(sessions) == 1
    assert 0 < len(sessions[0].entries) <= PARTITIONS, (
        "kafka-python leaves out what it has still to hand over"
    )
    assert sessions[0].epoch > 2, "it was gone on with"
