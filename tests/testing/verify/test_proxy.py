"""The proxy: answers lead back to it, and connections can be reset."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from neuraxis.testing import Broker
from neuraxis.testing.verify import Proxy
from neuraxis.wire.codec import decode
from neuraxis.wire.frames import encode_response
from neuraxis.wire.messages.describe_cluster import DescribeClusterBroker, DescribeClusterResponse
from neuraxis.wire.messages.find_coordinator import Coordinator, FindCoordinatorResponse
from neuraxis.wire.messages.metadata import MetadataResponse, MetadataResponseBroker
from neuraxis.wire.primitives import Malformed


def whole(answer: object, version: int, key: int) -> bytes:
    parts = encode_response(5, answer, version, key)
    return b"".join(part for part in parts if isinstance(part, bytes))


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.mark.parametrize("version", [0, 8, 13])
def test_metadata_names_the_proxy_and_one_port_for_each_broker(proxy: Proxy, version: int) -> None:
    brokers = [MetadataResponseBroker(node_id=n, host="kafka.example", port=9000 + n) for n in range(2)]
    frame = whole(MetadataResponse(brokers=brokers), version, 3)
    answer = proxy.rewrite(3, version, frame[4:])
    assert int.from_bytes(answer[:4], "big") == len(answer) - 4
    assert answer[4:8] == (5).to_bytes(4, "big")
    found, _ = decode(MetadataResponse, version, answer, 8 + (version >= 9))
    assert [(each.host, each.port) for each in found.brokers] == [
        ("127.0.0.1", proxy.port("kafka.example", 9000 + n)) for n in range(2)
    ]
    assert found.brokers[0].port != found.brokers[1].port


@pytest.mark.parametrize("version", [0, 2, 4, 6])
def test_a_coordinator_is_found_through_the_proxy(proxy: Proxy, version: int) -> None:
    answer = FindCoordinatorResponse(node_id=1, host="h", port=7)
    if version >= 4:
        answer = FindCoordinatorResponse(coordinators=[Coordinator(key="g", node_id=1, host="h", port=7)])
    frame = whole(answer, version, 10)
    found, _ = decode(
        FindCoordinatorResponse, version, proxy.rewrite(10, version, frame[4:]), 8 + (version >= 3)
    )
    place = found.coordinators[0] if version >= 4 else found
    assert (place.host, place.port) == ("127.0.0.1", proxy.port("h", 7))


def test_an_unknown_coordinator_stays_unknown(proxy: Proxy) -> None:
    frame = whole(FindCoordinatorResponse(error_code=15, port=-1), 2, 10)
    assert proxy.rewrite(10, 2, frame[4:]) == frame


def test_the_cluster_is_described_by_the_proxy(proxy: Proxy) -> None:
    answer = DescribeClusterResponse(brokers=[DescribeClusterBroker(broker_id=1, host="h", port=7)])
    frame = whole(answer, 1, 60)
    found, _ = decode(DescribeClusterResponse, 1, proxy.rewrite(60, 1, frame[4:]), 9)
    assert found.brokers[0].port == proxy.port("h", 7)


def test_an_answer_that_is_cut_short_is_refused(proxy: Proxy) -> None:
    with pytest.raises((Malformed, IndexError)):
        proxy.rewrite(3, 9, b"\0\0\0\5\0\0")


def test_several_bootstrap_addresses_have_a_port_each(proxy: Proxy) -> None:
    first, second = proxy.bootstrap("one.example:1, [::1]:2").split(",")
    assert first == f"127.0.0.1:{proxy.port('one.example', 1)}"
    assert second == f"127.0.0.1:{proxy.port('::1', 2)}"


def test_a_client_works_through_it_over_resets(proxy: Proxy) -> None:
    told: list[object] = []
    with Broker() as broker:
        address = proxy.bootstrap(broker.bootstrap)
        brokers = AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).brokers
        assert {f"{each.host}:{each.port}" for each in brokers.values()} == {address}
        producer = Producer({"bootstrap.servers": address, "reconnect.backoff.ms": 1, "log_level": 0})
        for _ in range(5):
            producer.produce("t", b"x", on_delivery=lambda error, _: told.append(error))
            producer.flush(10)
            proxy.reset(random.Random(1), share=1.0)
        assert proxy.resets >= 5
    assert told == [None] * 5


def test_a_reset_is_a_reset_and_what_is_no_kafka_is_closed(proxy: Proxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        local = proxy.port("127.0.0.1", upstream.getsockname()[1])
        for act in (
            lambda _: proxy.reset(random.Random(1), share=1.0),
            lambda end: end.sendall(b"GET / HTTP"),
        ):
            with socket.create_connection(("127.0.0.1", local), timeout=10) as client:
                with upstream.accept()[0]:
                    while not proxy._connections:
                        threading.Event().wait(0.001)
                    act(client)
                    with pytest.raises(ConnectionResetError):
                        client.sendall(b"") or client.recv(1) or client.recv(1) or _closed()


def _closed() -> None:
    raise AssertionError("the connection was closed politely, not reset")


def test_a_broker_that_is_away_looks_away(proxy: Proxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with socket.create_connection(("127.0.0.1", proxy.port("127.0.0.1", port)), timeout=10) as client:
        assert client.recv(1) == b""
