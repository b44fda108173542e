"""Client: one object for all, against a real broker."""

from __future__ import annotations

import pytest

from neuraxis.client import Client


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


def test_settings_and_arguments_together_are_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="not both"):
        Client(client.settings, bootstrap="x")
