"""Bytes that must never change: representative messages as hexadecimal, in tests/wire/data/golden.

Each file holds the bytes of the frame or fact built here under the same name. A difference means that the wire format
changed, which test_oracles.py and test_descriptors.py will then have something to say about.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from neuraxis.wire.codec import decode, encode
from neuraxis.wire.facts import encode_fact
from neuraxis.wire.facts.group_metadata import GroupMetadataKey, GroupMetadataValue, MemberMetadata
from neuraxis.wire.facts.offset_commit import OffsetCommitKey, OffsetCommitValue
from neuraxis.wire.facts.transaction_log import PartitionsSchema, TransactionLogValue
from neuraxis.wire.frames import encode_request, encode_response
from neuraxis.wire.messages import api_versions, consumer_group_heartbeat, fetch, metadata, produce
from neuraxis.wire.messages.consumer_protocol import ConsumerProtocolSubscription
from neuraxis.wire.schema import Message

GOLDEN = Path(__file__).parent / "data" / "golden"
TOPIC_ID = bytes(range(16))


def response(correlation_id: int, body: Message, version: int, key: int) -> bytes:
    return b"".join(encode_response(correlation_id, body, version, key))  # type: ignore[arg-type]  # no spans here


def produce_request(**topic: object) -> produce.ProduceRequest:
    partition = produce.PartitionProduceData(index=3, records=b"batch")
    data = produce.TopicProduceData(partition_data=[partition], **topic)  # type: ignore[arg-type]  # one field by name
    return produce.ProduceRequest(transactional_id="tx", acks=-1, timeout_ms=30_000, topic_data=[data])


def produce_response() -> produce.ProduceResponse:
    moved = produce.LeaderIdAndEpoch(leader_id=2, leader_epoch=7)
    partition = produce.PartitionProduceResponse(index=3, error_code=6, base_offset=-1, current_leader=moved)
    node = produce.NodeEndpoint(node_id=2, host="b2", port=9092)
    return produce.ProduceResponse(
        responses=[produce.TopicProduceResponse(name="events", partition_responses=[partition])],
        node_endpoints=[node],
    )


def fetch_response() -> fetch.FetchResponse:
    aborted = [fetch.AbortedTransaction(producer_id=4000, first_offset=17)]
    partition = fetch.PartitionData(
        partition_index=1, high_watermark=42, last_stable_offset=40, log_start_offset=0,
        aborted_transactions=aborted, records=b"0123456789",
    )  # fmt: skip
    topic = fetch.FetchableTopicResponse(topic="events", partitions=[partition])
    return fetch.FetchResponse(session_id=9, responses=[topic])


def fetch_request() -> fetch.FetchRequest:
    partition = fetch.FetchPartition(
        partition=1, current_leader_epoch=0, fetch_offset=40, partition_max_bytes=1 << 20
    )
    topic = fetch.FetchTopic(topic_id=TOPIC_ID, partitions=[partition])
    state = fetch.ReplicaState(replica_id=5, replica_epoch=2)
    return fetch.FetchRequest(
        cluster_id="c", replica_state=state, max_wait_ms=500, min_bytes=1, topics=[topic]
    )


def metadata_response() -> metadata.MetadataResponse:
    partition = metadata.MetadataResponsePartition(
        partition_index=0, leader_id=1, leader_epoch=0, replica_nodes=[1], isr_nodes=[1]
    )
    topic = metadata.MetadataResponseTopic(name="größe", topic_id=TOPIC_ID, partitions=[partition])
    broker = metadata.MetadataResponseBroker(node_id=1, host="localhost", port=9092)
    return metadata.MetadataResponse(brokers=[broker], cluster_id="cluster", controller_id=1, topics=[topic])


def api_versions_response() -> api_versions.ApiVersionsResponse:
    feature = api_versions.SupportedFeatureKey(name="group.version", min_version=0, max_version=1)
    return api_versions.ApiVersionsResponse(
        api_keys=[api_versions.ApiVersion(api_key=18, min_version=0, max_version=4)],
        supported_features=[feature],
        finalized_features_epoch=5,
    )


def heartbeat_response(assigned: bool) -> consumer_group_heartbeat.ConsumerGroupHeartbeatResponse:
    topics = [consumer_group_heartbeat.TopicPartitions(topic_id=TOPIC_ID, partitions=[0, 1])]
    assignment = consumer_group_heartbeat.Assignment(topic_partitions=topics) if assigned else None
    return consumer_group_heartbeat.ConsumerGroupHeartbeatResponse(
        member_id="m", member_epoch=1, heartbeat_interval_ms=5000, assignment=assignment
    )


def group_metadata() -> GroupMetadataValue:
    member = MemberMetadata(
        member_id="m-1", client_id="c", client_host="/127.0.0.1", rebalance_timeout=60_000, session_timeout=45_000,
        subscription=b"s", assignment=b"a",
    )  # fmt: skip
    return GroupMetadataValue("consumer", 3, "range", "m-1", 1_700_000_000_000, [member])


EXAMPLES = {
    "produce_request_v3": encode_request(7, produce_request(name="events"), 3, "client"),
    "produce_request_v9": encode_request(7, produce_request(name="events"), 9, "client"),
    "produce_request_v13": encode_request(7, produce_request(topic_id=TOPIC_ID), 13, None),
    "produce_response_v8": response(7, produce_response(), 8, 0),
    "produce_response_v12": response(7, produce_response(), 12, 0),
    "fetch_request_v17": encode_request(8, fetch_request(), 17, "client"),
    "fetch_response_v4": response(8, fetch_response(), 4, 1),
    "fetch_response_v12": response(8, fetch_response(), 12, 1),
    "metadata_response_v12": response(9, metadata_response(), 12, 3),
    "api_versions_response_v0": response(1, api_versions.ApiVersionsResponse(error_code=35), 0, 18),
    "api_versions_response_v3": response(1, api_versions_response(), 3, 18),
    "consumer_group_heartbeat_response_v0": response(2, heartbeat_response(True), 0, 68),
    "consumer_group_heartbeat_response_v0_null": response(2, heartbeat_response(False), 0, 68),
    "consumer_protocol_subscription_v1": encode_fact(ConsumerProtocolSubscription(topics=["events"]), 1),
    "offset_commit_key": encode_fact(OffsetCommitKey("group", "events", 1)),
    "offset_commit_value_v3": encode_fact(OffsetCommitValue(offset=42, leader_epoch=0, commit_timestamp=1000), 3),
    "offset_commit_value_v4": encode_fact(OffsetCommitValue(offset=42, topic_id=TOPIC_ID), 4),
    "group_metadata_key": encode_fact(GroupMetadataKey("group")),
    "group_metadata_value_v3": encode_fact(group_metadata(), 3),
    "transaction_log_value_v1": encode_fact(
        TransactionLogValue(
            producer_id=4000, producer_epoch=1, transaction_timeout_ms=60_000, transaction_status=1,
            transaction_partitions=[PartitionsSchema("events", [0, 1])], client_transaction_version=2,
        ),
        1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_bytes_of_a_message_never_change(name: str) -> None:
    text = (GOLDEN / f"{name}.hex").read_text()
    assert EXAMPLES[name].hex() == "".join(text.split())


def test_there_is_no_golden_file_without_its_message() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(EXAMPLES)


def test_a_golden_body_decodes_to_the_message_it_came_from() -> None:
    request = produce_request(name="events")
    assert decode(produce.ProduceRequest, 9, encode(request, 9))[0] == request
    assert bytes.fromhex("".join((GOLDEN / "produce_request_v9.hex").read_text().split())).endswith(
        encode(request, 9)
    )
