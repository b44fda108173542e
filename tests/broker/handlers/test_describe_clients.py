from __future__ import annotations

from typing import Any

from neuraxis.wire.messages.api_versions import ApiVersionsRequest
from neuraxis.wire.messages.describe_clients import DescribeClientsRequest
from neuraxis.wire.messages.metadata import MetadataRequest
from tests.broker.harness import CoreHarness


def clients(broker: CoreHarness) -> dict[str, Any]:
    answer = broker.connect().request(DescribeClientsRequest(), 0)
    return {f"{each.software_name}/{each.client_id}": each for each in answer.clients}


def test_a_connected_client_is_shown_with_the_versions_it_uses() -> None:
    broker = CoreHarness()
    peer = broker.connect()
    peer.request(ApiVersionsRequest(client_software_name="lib", client_software_version="2.1"), 4)
    peer.request(MetadataRequest(topics=[]), 12)
    shown = clients(broker)["lib/tester"]
    assert (shown.principal, shown.software_version, shown.host) == ("User:ANONYMOUS", "2.1", "10.0.0.7")
    assert {used.api_key: used.api_version for used in shown.apis} == {18: 4, 3: 12}
    assert (shown.connections, shown.refused, shown.last_seen_ms) == (1, 0, broker.now.wall_ms)


def test_a_client_that_is_gone_is_still_shown() -> None:
    broker = CoreHarness()
    peer = broker.connect()
    peer.request(ApiVersionsRequest(client_software_name="lib", client_software_version="2.1"), 4)
    peer.disconnect()
    assert clients(broker)["lib/tester"].connections == 0


def test_a_fetch_of_an_old_consumer_is_refused_and_named_with_the_reason() -> None:
    """Fetch v1, the version of the consumers of Kafka 0.9, which made a newer cluster convert for them."""
    broker = CoreHarness()
    peer = broker.connect()
    client_id = b"dashboard-2016"
    fetch = (
        b"\0\1\0\1"
        + b"\0\0\0\7"
        + len(client_id).to_bytes(2, "big")
        + client_id
        + b"\xff\xff\xff\xff"
        + bytes(12)
    )
    peer.send_frame(fetch)
    assert peer.answers() == []
    assert peer.session.closing is not None
    peer.disconnect()
    shown = clients(broker)["/dashboard-2016"]
    assert shown.refused == 1
    assert shown.refusals[0].reason == (
        "asked for Fetch version 1; served are 4 to 18: the client is too old"
    )


def test_our_own_api_is_not_advertised() -> None:
    answer = CoreHarness().connect().request(ApiVersionsRequest(), 0)
    assert 20_000 not in {each.api_key for each in answer.api_keys}
