from __future__ import annotations

import threading
from pathlib import Path

import pytest

import neuraxis
from neuraxis.broker.embedded import Broker, BrokerNotRunning
from neuraxis.broker.log.identity import FORMAT_VERSION, IDENTITY
from neuraxis.broker.log.store import DirectoryInUse, FormatTooNew, StorageFailed
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from tests.broker.harness import (
    FETCH_VERSION,
    PRODUCE_VERSION,
    batch_of,
    fetch_request,
    produce_request,
    values_of,
)
from tests.broker.sockets import RawPeer, eventually


def peer_of(broker: Broker) -> RawPeer:
    host, _, port = broker.bootstrap.partition(":")
    assert host == "127.0.0.1"
    return RawPeer(int(port))


def produce(broker: Broker, value: bytes) -> None:
    with peer_of(broker) as peer:
        peer.request(
            MetadataRequest(topics=[MetadataRequestTopic(name="drives")], allow_auto_topic_creation=True), 9
        )
        answer = peer.request(produce_request("drives", batch_of(value)), PRODUCE_VERSION)
        assert answer.responses[0].partition_responses[0].error_code == 0


def fetch(broker: Broker) -> list[bytes | None]:
    with peer_of(broker) as peer:
        answer = peer.request(fetch_request({"drives": {0: 0}}, max_wait_ms=0), FETCH_VERSION)
        return values_of(answer.responses[0].partitions[0].records)


def test_the_package_offers_it() -> None:
    assert neuraxis.Broker is Broker


def test_what_was_produced_is_there_after_a_restart_in_the_same_directory(tmp_path: Path) -> None:
    for generation in range(3):
        with Broker(tmp_path / "data") as broker:
            produce(broker, b"%d" % generation)
            assert fetch(broker) == [b"%d" % each for each in range(generation + 1)]


def test_without_a_directory_nothing_is_kept() -> None:
    with Broker() as broker:
        produce(broker, b"a")
    with Broker() as broker, peer_of(broker) as peer:
        assert peer.request(MetadataRequest(topics=None), 9).topics == []


def test_two_brokers_at_once_know_nothing_of_each_other(tmp_path: Path) -> None:
    with Broker() as first, Broker(tmp_path) as second:
        assert first.bootstrap != second.bootstrap
        produce(first, b"one")
        produce(second, b"two")
        assert (fetch(first), fetch(second)) == ([b"one"], [b"two"])


def test_a_broker_can_be_started_and_stopped_by_hand_and_stopped_twice() -> None:
    broker = Broker()
    assert broker.start() is broker
    produce(broker, b"a")
    broker.stop()
    broker.stop()


def test_stopping_what_was_never_started_does_nothing() -> None:
    Broker().stop()


def test_a_broker_that_was_not_started_says_how_to() -> None:
    with pytest.raises(BrokerNotRunning, match="with Broker"):
        _ = Broker().bootstrap


def test_a_broker_that_has_stopped_has_no_address() -> None:
    with Broker() as broker:
        pass
    with pytest.raises(BrokerNotRunning, match="not running"):
        _ = broker.bootstrap


def test_a_broker_is_started_once() -> None:
    with Broker() as broker, pytest.raises(BrokerNotRunning, match="make a new one"):
        broker.start()


def test_the_port_can_be_chosen_and_one_in_use_is_an_error() -> None:
    with Broker() as broker:
        port = int(broker.bootstrap.partition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Broker(port=port).start()
    with Broker(port=port) as again:
        assert again.bootstrap == f"127.0.0.1:{port}"


def test_a_directory_in_use_names_its_holder_and_the_next_step(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        produce(broker, b"a")
        with pytest.raises(DirectoryInUse, match=r"in use by process \d+\. Stop that broker first"):
            Broker(tmp_path).start()
        assert fetch(broker) == [b"a"]
    with Broker(tmp_path) as broker:
        assert fetch(broker) == [b"a"]


def test_a_start_that_failed_leaves_nothing_open_and_can_be_repeated(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        produce(broker, b"a")
    identity = tmp_path / IDENTITY
    good = identity.read_text()
    identity.write_text(good.replace(f"format.version={FORMAT_VERSION}", "format.version=99"))
    for _ in range(2):  # the second time it must not say that the directory is in use
        with pytest.raises(FormatTooNew, match=r"99.*was not touched.*newer version"):
            Broker(tmp_path).start()
    identity.write_text(good)
    with Broker(tmp_path) as broker:
        assert fetch(broker) == [b"a"]


def test_settings_take_any_value_and_reach_the_broker() -> None:
    settings = {"num.partitions": 3, "auto.create.topics.enable": True, "message.max.bytes": 1000}
    with Broker(settings=settings) as broker:
        produce(broker, b"a")
        with peer_of(broker) as peer:
            (topic,) = peer.request(MetadataRequest(topics=[MetadataRequestTopic(name="drives")]), 9).topics
            assert len(topic.partitions) == 3
            answer = peer.request(produce_request("drives", batch_of(bytes(2_000))), PRODUCE_VERSION)
            assert answer.responses[0].partition_responses[0].error_code == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"durability": "fast"}, "choose one of sync, interval, os"),
        ({"settings": {"no.such.config": 1}}, r"no\.such\.config"),
        ({"settings": {"num.partitions": "many"}}, r"num\.partitions"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_starts(
    options: dict[str, object], message: str
) -> None:
    before = threading.active_count()
    with pytest.raises(ValueError, match=message):
        Broker(**options)  # type: ignore[arg-type]  # the wrong values are the point
    assert threading.active_count() == before


def test_the_default_policy_is_sync_with_a_directory_and_memory_without(tmp_path: Path) -> None:
    assert Broker(tmp_path)._config.durability == "sync"
    assert Broker()._config.durability == "os"
    assert Broker(tmp_path, durability="interval")._config.durability == "interval"


def test_what_made_the_broker_fail_is_raised_where_it_is_stopped(tmp_path: Path) -> None:
    broker = Broker(tmp_path).start()
    server = broker._server
    assert server is not None

    def fail(*_: object) -> None:
        raise StorageFailed("testing")

    server.core.take_work = fail  # type: ignore[method-assign, assignment]  # the disk has just died
    server._wake.ring()
    eventually(
        lambda: server.failure is not None, "the loop has met it: a stop before that would find nothing wrong"
    )
    with pytest.raises(StorageFailed, match="testing"):
        broker.stop()
    assert "neuraxis-broker" not in [each.name for each in threading.enumerate()]


def test_a_failed_test_is_not_hidden_by_the_stop() -> None:
    with pytest.raises(KeyError, match="the test's own"), Broker():
        raise KeyError("the test's own")
