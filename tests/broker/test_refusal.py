from __future__ import annotations

import random
from typing import Any

import pytest

from neuraxis.broker.refusal import refusal
from neuraxis.broker.registry import api_table
from neuraxis.wire import codec, messages
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import alter_configs as ac
from neuraxis.wire.messages import create_topics as ct
from neuraxis.wire.messages import delete_groups as dg
from neuraxis.wire.messages import delete_records as dr
from neuraxis.wire.messages import delete_topics as dt
from neuraxis.wire.messages import fetch as fe
from neuraxis.wire.messages import find_coordinator as fc
from neuraxis.wire.messages import heartbeat as hb
from neuraxis.wire.messages import join_group as jg
from neuraxis.wire.messages import list_offsets as lo
from neuraxis.wire.messages import metadata as md
from neuraxis.wire.messages import offset_commit as oc
from neuraxis.wire.messages import produce as pr
from neuraxis.wire.schema import Message, fields_of, schema_of
from tests.wire.instances import random_instance

CODE = ErrorCode.UNKNOWN_SERVER_ERROR


def refused(request: Any, version: int | None = None) -> Any:
    """The refusal in a version of the API, by default the newest."""
    schema = schema_of(type(request))
    assert schema.key is not None
    newest = schema.versions[-1]
    return refusal(request, messages.response_class(schema.key), CODE, newest if version is None else version)


def test_produce_says_the_error_for_each_partition_of_each_topic() -> None:
    request = pr.ProduceRequest(
        topic_data=[
            pr.TopicProduceData("a", bytes(16), [pr.PartitionProduceData(0), pr.PartitionProduceData(3)]),
            pr.TopicProduceData("b", bytes(16), [pr.PartitionProduceData(1)]),
        ]
    )
    response = refused(request, 12)
    told = [
        (topic.name, partition.index, partition.error_code)
        for topic in response.responses
        for partition in topic.partition_responses
    ]
    assert told == [("a", 0, CODE), ("a", 3, CODE), ("b", 1, CODE)]


def test_fetch_says_the_error_at_the_top_and_for_each_partition() -> None:
    topic_id = bytes(range(16))
    asked = [fe.FetchPartition(partition=2), fe.FetchPartition(partition=5)]
    request = fe.FetchRequest(topics=[fe.FetchTopic("", topic_id, asked)])
    response = refused(request)
    assert response.error_code == CODE
    (topic,) = response.responses
    assert topic.topic_id == topic_id
    assert [(each.partition_index, each.error_code) for each in topic.partitions] == [(2, CODE), (5, CODE)]


def test_list_offsets_says_the_error_for_each_partition() -> None:
    request = lo.ListOffsetsRequest(
        topics=[lo.ListOffsetsTopic(name="a", partitions=[lo.ListOffsetsPartition(4)])]
    )
    (topic,) = refused(request).topics
    assert topic.name == "a"
    assert [(each.partition_index, each.error_code) for each in topic.partitions] == [(4, CODE)]


def test_create_topics_says_the_error_for_each_name() -> None:
    request = ct.CreateTopicsRequest(topics=[ct.CreatableTopic(name="a"), ct.CreatableTopic(name="b")])
    assert [(each.name, each.error_code) for each in refused(request).topics] == [("a", CODE), ("b", CODE)]


@pytest.mark.parametrize(
    ("request_object", "version"),
    [
        (dt.DeleteTopicsRequest(topic_names=["a", "b"]), 5),
        (dt.DeleteTopicsRequest(topics=[dt.DeleteTopicState(name="a"), dt.DeleteTopicState(name="b")]), 6),
    ],
    ids=["by names", "by states"],
)
def test_delete_topics_says_the_error_for_each_name_however_it_was_given(
    request_object: Any, version: int
) -> None:
    answers = refused(request_object, version).responses
    assert [(each.name, each.error_code) for each in answers] == [("a", CODE), ("b", CODE)]


def test_delete_records_says_the_error_for_each_partition() -> None:
    request = dr.DeleteRecordsRequest(
        topics=[dr.DeleteRecordsTopic(name="a", partitions=[dr.DeleteRecordsPartition(partition_index=1)])]
    )
    (topic,) = refused(request).topics
    assert [(topic.name, each.partition_index, each.error_code) for each in topic.partitions] == [
        ("a", 1, CODE)
    ]


def test_alter_configs_says_the_error_for_each_resource() -> None:
    request = ac.AlterConfigsRequest(resources=[ac.AlterConfigsResource(resource_type=2, resource_name="a")])
    (answer,) = refused(request).responses
    assert (answer.resource_type, answer.resource_name, answer.error_code) == (2, "a", CODE)


def test_offset_commit_says_the_error_for_each_partition() -> None:
    request = oc.OffsetCommitRequest(
        group_id="g",
        topics=[
            oc.OffsetCommitRequestTopic(
                name="a", partitions=[oc.OffsetCommitRequestPartition(partition_index=9)]
            )
        ],
    )
    (topic,) = refused(request, 9).topics
    assert [(topic.name, each.partition_index, each.error_code) for each in topic.partitions] == [
        ("a", 9, CODE)
    ]


def test_delete_groups_says_the_error_for_each_group() -> None:
    response = refused(dg.DeleteGroupsRequest(groups_names=["g", "h"]))
    assert [(each.group_id, each.error_code) for each in response.results] == [("g", CODE), ("h", CODE)]


@pytest.mark.parametrize(
    "request_object", [hb.HeartbeatRequest(), jg.JoinGroupRequest()], ids=["Heartbeat", "JoinGroup"]
)
def test_an_answer_with_one_error_field_says_it_there(request_object: Any) -> None:
    assert refused(request_object).error_code == CODE


def test_find_coordinator_says_the_error_for_each_key_or_at_the_top_where_there_is_one_key() -> None:
    answers = refused(fc.FindCoordinatorRequest(coordinator_keys=["g", "h"])).coordinators
    assert [(each.key, each.error_code) for each in answers] == [("g", CODE), ("h", CODE)]
    assert refused(fc.FindCoordinatorRequest(key="g"), 3).error_code == CODE


def test_metadata_says_the_error_for_each_topic() -> None:
    response = refused(md.MetadataRequest(topics=[md.MetadataRequestTopic(name="a")]))
    assert [(each.name, each.error_code) for each in response.topics] == [("a", CODE)]


def test_an_answer_whose_version_has_no_place_for_the_error_is_no_answer() -> None:
    """Metadata has an error of its own since version 13; before, "no topics" would be a lie."""
    assert refused(md.MetadataRequest(topics=None), 13).error_code == CODE
    assert refused(md.MetadataRequest(topics=None), 12) is None


@pytest.mark.parametrize("key", sorted(api_table()))
def test_the_error_of_a_random_request_reaches_the_client_in_every_version_served(key: int) -> None:
    api, rng = api_table()[key], random.Random(key)
    for version in range(api.minimum, api.maximum + 1):
        for _ in range(5):
            request = random_instance(api.request, version, rng)
            response = refusal(request, api.response, CODE, version)
            if response is not None:
                decoded, _ = codec.decode(api.response, version, codec.encode(response, version))
                assert CODE in errors_in(decoded), (version, request)


def errors_in(value: Any) -> list[int]:
    """Every error code anywhere in a response."""
    if isinstance(value, list):
        return [code for item in value for code in errors_in(item)]
    if not isinstance(value, Message):
        return []
    found = []
    for name, _ in fields_of(type(value)):
        item = getattr(value, name)
        found += [item] if name == "error_code" else errors_in(item)
    return found
