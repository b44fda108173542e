"""Bulk through an encrypted listener, with librdkafka as the peer."""

from __future__ import annotations

import hashlib

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.integration.security.secured import HOST, SecuredServer

RECORDS = 200
RECORD_BYTES = 100_000
"""Twenty megabytes: many records of TLS, ranges that would go by sendfile, and sockets that fill."""


def round_trip(server: SecuredServer) -> None:
    """Write and read back, and compare what came with what was sent."""
    base = {
        "bootstrap.servers": f"{HOST}:{server.port_of('SSL')}",
        "security.protocol": "SSL",
        "ssl.ca.location": str(server.files.authority),
    }
    producer = Producer({**base, "linger.ms": 5, "queue.buffering.max.kbytes": 65536})
    sent = [hashlib.sha256(str(number).encode()).digest() * (RECORD_BYTES // 32) for number in range(RECORDS)]
    for value in sent:
        producer.produce("bulk", value)
    assert producer.flush(30) == 0
    consumer = Consumer(
        {**base, "group.id": "bulk", "fetch.max.bytes": 52_428_800, "auto.offset.reset": "earliest"}
    )
    try:
        consumer.assign([TopicPartition("bulk", 0, 0)])
        for value in sent:
            found = consumer.poll(10)
            assert found is not None
            assert found.error() is None
            assert found.value() == value
    finally:
        consumer.close()
