"""StreamsGroupTopologyDescriptionUpdate: nobody keeps descriptions here."""

from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import streams_group_topology_description_update as wire
from tests.broker.harness import CoreHarness


def test_a_description_is_refused_as_by_a_kafka_without_a_plugin() -> None:
    request = wire.StreamsGroupTopologyDescriptionUpdateRequest("g", "m", 0, wire.TopologyDescription([], []))
    answer = CoreHarness("os").connect().request(request, 0)
    assert answer.error_code == ErrorCode.UNSUPPORTED_VERSION
    assert "plug-in" in answer.error_message
