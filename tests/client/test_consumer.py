"""Consumer against a real broker: groups, rebalances, errors."""

from __future__ import annotations

import pytest

from neuraxis.client import Client, ClientError, Consumer


def read(consumer: Consumer, count: int) -> list[tuple[bytes | None, bytes | None]]:
    found: list[tuple[bytes | None, bytes | None]] = []
    for message in consumer:
        found.append((message.key(), message.value()))
        if len(found) == count:
            break
    return found


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


def test_reading_an_unknown_topic_is_an_error_not_a_silence(client: Client, name: str) -> None:
    with client.consumer([name], group=name, allow_auto_create_topics=False) as consumer:
        with pytest.raises(ClientError, match="Unknown topic") as failed:
            read(consumer, 1)
    assert f"neuraxis topic create {name}" in failed.value.next_step
