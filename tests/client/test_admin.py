"""Admin against a real broker."""

from __future__ import annotations

import pytest

from neuraxis.client import Client, ClientError


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
