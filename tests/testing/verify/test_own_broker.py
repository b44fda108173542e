"""A broker as a child process."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it has no __all__

from neuraxis.testing.verify import OwnBroker, OwnBrokerFailed


def answers(broker: OwnBroker) -> bool:
    return bool(AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=10).brokers)


def test_it_starts_dies_starts_again_pauses_and_stops(tmp_path: Path) -> None:
    with OwnBroker(tmp_path) as broker:
        assert answers(broker)
        broker.kill()
        broker.start()
        assert answers(broker)
        broker.pause()
        broker.resume()
        assert answers(broker)
        broker.pause()  # and it is stopped all the same
    assert len(broker.restarts_s) == 2
    assert broker.stop() == 0


def test_a_broker_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    broker = OwnBroker(tmp_path, durability="whatever")
    with pytest.raises(OwnBrokerFailed, match="whatever"):
        broker.start()
    assert OwnBroker(tmp_path / "new").stop() == 0


def test_an_error_inside_kills_it(tmp_path: Path) -> None:
    broker = OwnBroker(tmp_path)
    with pytest.raises(ZeroDivisionError), broker:
        _ = 1 / 0
    with pytest.raises(OwnBrokerFailed, match="clean stop ended with -9"), OwnBroker(tmp_path) as broker:
        broker.kill()


def test_its_options_are_those_of_the_command_line_and_its_process_is_known(tmp_path: Path) -> None:
    broker = OwnBroker(tmp_path, options=["--strict-replication"])
    assert (broker.pid, broker.exit_code) == (None, None)
    with broker:
        assert broker.pid is not None
        assert broker.exit_code is None
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        futures = admin.create_topics([NewTopic("t", 1, 3)])
        with pytest.raises(KafkaException, match="INVALID_REPLICATION_FACTOR"):
            futures["t"].result(10)
    assert broker.exit_code == 0
