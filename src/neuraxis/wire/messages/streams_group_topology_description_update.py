"""StreamsGroupTopologyDescriptionUpdate (key 93): describe the topology of a streams group (KIP-1331)."""

from __future__ import annotations

from neuraxis.wire.schema import array_of, int8, int16, int32, message, string, struct, struct_of


@struct
class TopologyDescriptionNode:
    name: str = string()
    node_type: int = int8()
    source_topics: list[str] = array_of(string)
    sink_topic: str | None = string(nullable="0+", default=None)
    stores: list[str] = array_of(string)
    successors: list[str] = array_of(string)


@struct
class TopologyDescriptionSubtopology:
    subtopology_id: str = string()
    nodes: list[TopologyDescriptionNode] = array_of(TopologyDescriptionNode)


@struct
class TopologyDescriptionGlobalStore:
    source: TopologyDescriptionNode = struct_of(TopologyDescriptionNode)
    processor: TopologyDescriptionNode = struct_of(TopologyDescriptionNode)


@struct
class TopologyDescription:
    subtopologies: list[TopologyDescriptionSubtopology] = array_of(TopologyDescriptionSubtopology)
    global_stores: list[TopologyDescriptionGlobalStore] = array_of(TopologyDescriptionGlobalStore)


@message(key=93, valid="0", flexible="0+")
class StreamsGroupTopologyDescriptionUpdateRequest:
    group_id: str = string()
    member_id: str = string()
    topology_epoch: int = int32()
    topology_description: TopologyDescription = struct_of(TopologyDescription)


@message(key=93, valid="0", flexible="0+")
class StreamsGroupTopologyDescriptionUpdateResponse:
    throttle_time_ms: int = int32()
    error_code: int = int16()
    error_message: str | None = string(nullable="0+", default=None)
