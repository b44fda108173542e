"""A real broker, scraped over HTTP while real clients use it: the page says what they did."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaProducer

from neuraxis import Broker
from tests.broker.metrics.reading import Page, parse
from tests.broker.sockets import eventually

PATIENCE_S = 20
RECORDS = 200


def scrape(broker: Broker) -> Page:
    url = broker.metrics_url
    assert url is not None
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return parse(answer.read().decode())


def waited(page: Page) -> float:
    return page.total("neuraxis_request_parked_seconds_count", api="Fetch")


def test_the_page_says_what_clients_did(tmp_path: Path) -> None:
    settings = {"neuraxis.metrics.listener": "127.0.0.1:0"}
    with Broker(tmp_path / "data", settings=settings) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_topics([NewTopic("drives", 3, 1)])["drives"].result(PATIENCE_S)
        before = scrape(broker)
        assert before.value("neuraxis_topic_received_bytes_total", topic="drives") == 0
        producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0, "client.id": "car"})
        for number in range(RECORDS):
            producer.produce("drives", f"record {number}".encode(), partition=number % 3)
        assert producer.flush(PATIENCE_S) == 0
        other = KafkaProducer(bootstrap_servers=broker.bootstrap)
        other.send("drives", b"from another library", partition=0).get(PATIENCE_S)
        other.close()
        consumer = Consumer(
            {"bootstrap.servers": broker.bootstrap, "group.id": "readers", "auto.offset.reset": "earliest"}
        )
        consumer.subscribe(["drives"])
        read = 0
        while read <= RECORDS:
            message = consumer.poll(PATIENCE_S)
            assert message is not None, f"{read} records came"
            assert message.error() is None
            read += 1
        eventually(lambda: waited(scrape(broker)) >= 1, "a fetch found nothing more and waited")
        page = scrape(broker)
        consumer.close()
        lost = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "x"})
        with pytest.raises(KafkaException):
            lost.get_watermark_offsets(TopicPartition("nowhere", 0), timeout=PATIENCE_S)
        lost.close()
        after = scrape(broker)

    ends = page.series["neuraxis_partition_log_end_offset"]
    drives = {labels: end for labels, end in ends.items() if ("topic", "drives") in labels}
    assert (len(drives), sum(drives.values())) == (3, RECORDS + 1)
    produced = page.total("neuraxis_requests_total", api="Produce")
    assert 1 < produced <= RECORDS + 1
    assert page.value("neuraxis_request_total_seconds_count", api="Produce") == produced
    assert page.value("neuraxis_request_durable_seconds_count", api="Produce") >= 1
    assert page.total("neuraxis_client_requests_total", software="confluent-kafka-python") >= produced - 2
    assert page.total("neuraxis_client_connections", software="confluent-kafka-python") >= 2
    received = page.value("neuraxis_topic_received_bytes_total", topic="drives")
    assert received == page.total("neuraxis_partition_log_bytes", topic="drives")
    assert page.value("neuraxis_topic_sent_bytes_total", topic="drives") >= received
    assert page.value("neuraxis_received_bytes_total") > received
    assert page.value("neuraxis_sent_bytes_total") > received
    assert page.value("neuraxis_groups", kind="classic", state="Stable") == 1
    syncs = page.value("neuraxis_work_seconds_count", kind="sync")
    assert syncs >= 1
    assert page.value("neuraxis_sync_bytes_count") <= syncs + 1
    assert page.value("neuraxis_sync_answers_sum") >= page.value("neuraxis_sync_answers_count") >= 1
    assert page.value("neuraxis_disk_free_bytes") > 0
    assert page.value("neuraxis_loop_idle_seconds_total") > 0
    assert after.total("neuraxis_request_errors_total", error="UNKNOWN_TOPIC_OR_PARTITION") >= 1
    for name, kind in after.kinds.items():
        if kind == "counter":
            for labels, value in before.series[name].items() if name in before.series else ():
                assert after.series[name][labels] >= value, f"{name}{dict(labels)} fell"


def test_a_broker_without_the_setting_has_no_page() -> None:
    with Broker() as broker:
        assert broker.metrics_url is None
