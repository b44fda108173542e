"""Producer against a real broker: what is delivered, and what is said when something is not."""

from __future__ import annotations

import pytest

from neuraxis.client import Client, ClientError, Producer


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


def test_a_producer_without_settings_reads_the_environment(
    bootstrap: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURAXIS_BOOTSTRAP", bootstrap)
    with Producer() as producer:
        producer.send(topic, None, "tombstone")
    assert producer.delivered == 1
