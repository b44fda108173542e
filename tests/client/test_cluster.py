"""Client, Producer, Consumer and Admin against a real broker."""

from __future__ import annotations

import pytest

from neuraxis.client import Client, ClientError, Consumer, Producer


@pytest.fixture
def client(bootstrap: str) -> Client:
    return Client(bootstrap=bootstrap)


@pytest.fixture
def topic(client: Client, name: str) -> str:
    client.admin().create_topic(name, partitions=3)
    return name


def read(consumer: Consumer, count: int) -> list[tuple[bytes | None, bytes | None]]:
    found: list[tuple[bytes | None, bytes | None]] = []
    for message in consumer:
        found.append((message.key(), message.value()))
        if len(found) == count:
            break
    return found


def test_what_is_sent_comes_back_with_key_headers_and_event_time(client: Client, topic: str) -> None:
    with client.producer() as producer:
        producer.send(topic, "50", "car-1", headers={"unit": "km/h"}, timestamp_ms=1_558_644_851_000)
    with client.consumer([topic], group=topic) as consumer:
        messages = []
        while not messages:
            messages = consumer.records()
    [message] = messages
    assert (message.key(), message.value()) == (b"car-1", b"50")
    assert message.headers() == [("unit", b"km/h")]
    assert message.timestamp()[1] == 1_558_644_851_000
    assert producer.delivered == 1


def test_leaving_the_block_means_everything_is_acknowledged(client: Client, topic: str) -> None:
    with client.producer(linger_ms=1000) as producer:
        for number in range(1000):
            producer.send(topic, str(number), str(number % 7))
    assert (producer.delivered, len(producer)) == (1000, 0)


def test_a_full_local_queue_waits_instead_of_failing(client: Client, topic: str) -> None:
    with client.producer(queue_buffering_max_messages=10) as producer:
        for number in range(500):
            producer.send(topic, str(number))
    assert producer.delivered == 500


def test_a_record_that_cannot_be_delivered_is_an_error_with_the_next_command(
    client: Client, topic: str
) -> None:
    client.admin().alter_configs("topic", topic, assign={"max.message.bytes": "1000"})
    with pytest.raises(ClientError, match="deliver a record") as failed:
        with client.producer() as producer:
            producer.send(topic, b"x" * 5000)
    assert failed.value.code == "MSG_SIZE_TOO_LARGE"
    assert f"neuraxis config set topic {topic} max.message.bytes" in failed.value.next_step
    assert producer.failed == 1


def test_a_group_goes_on_where_it_committed(client: Client, topic: str) -> None:
    with client.producer() as producer:
        for number in range(10):
            producer.send(topic, str(number), partition=0)
    with client.consumer([topic], group=topic) as consumer:
        batch = []
        while len(batch) < 4:
            batch += consumer.records(4 - len(batch))
        consumer.commit(batch)
    with client.consumer([topic], group=topic) as consumer:
        assert [value for _, value in read(consumer, 6)] == [b"4", b"5", b"6", b"7", b"8", b"9"]
    assert client.admin().committed(topic) == {(topic, 0): 4}


def test_rebalances_are_told(client: Client, topic: str) -> None:
    told: list[str] = []
    consumer = Consumer(
        [topic],
        group=topic,
        settings=client.settings,
        on_assign=lambda partitions: told.append(f"got {len(partitions)}"),
        on_revoke=lambda partitions: told.append(f"gave {len(partitions)}"),
    )
    while not told:
        consumer.records(1, 0.2)
    consumer.close()
    consumer.close()  # twice is allowed
    assert told == ["got 3", "gave 3"]


def test_admin_describes_what_it_created(client: Client, name: str) -> None:
    admin = client.admin()
    admin.create_topic(name, partitions=2, config={"retention.ms": "1000"})
    admin.create_partitions(name, 3)
    [topic] = admin.topics([name])
    assert [one.id for one in topic.partitions] == [0, 1, 2]
    assert len({one.leader for one in topic.partitions}) == 1
    configs = {one.name: one for one in admin.configs("topic", name)}
    assert (configs["retention.ms"].value, configs["retention.ms"].source) == ("1000", "dynamic_topic")
    admin.alter_configs("topic", name, remove=["retention.ms"])
    assert {one.name: one.default for one in admin.configs("topic", name)}["retention.ms"]
    admin.delete_topic(name)
    assert name not in admin.topic_names()


def test_offsets_by_place_and_by_time(client: Client, topic: str) -> None:
    with client.producer() as producer:
        for number in range(5):
            producer.send(topic, "x", partition=1, timestamp_ms=1000 + number)
    admin, keys = client.admin(), [(topic, 0), (topic, 1)]
    assert admin.earliest_offsets(keys) == {(topic, 0): 0, (topic, 1): 0}
    assert admin.latest_offsets(keys) == {(topic, 0): 0, (topic, 1): 5}
    assert admin.offsets_at(keys, 1003) == {(topic, 0): -1, (topic, 1): 3}


def test_an_absent_broker_is_named_with_its_reason_in_seconds() -> None:
    with pytest.raises(
        ClientError, match=r"no broker answers at 127\.0\.0\.1:1: .*Connection refused"
    ) as failed:
        Client(bootstrap="127.0.0.1:1").admin().topic_names()
    assert "neuraxis up" in failed.value.next_step


def test_reading_an_unknown_topic_is_an_error_not_a_silence(client: Client, name: str) -> None:
    with client.consumer([name], group=name, allow_auto_create_topics=False) as consumer:
        with pytest.raises(ClientError, match="Unknown topic") as failed:
            read(consumer, 1)
    assert f"neuraxis topic create {name}" in failed.value.next_step


def test_settings_and_arguments_together_are_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="not both"):
        Client(client.settings, bootstrap="x")


def test_a_producer_without_settings_reads_the_environment(
    bootstrap: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURAXIS_BOOTSTRAP", bootstrap)
    with Producer() as producer:
        producer.send(topic, None, "tombstone")
    assert producer.delivered == 1
