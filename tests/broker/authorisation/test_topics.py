"""What requests about topics are asked; `test_walk.py` compares whole answers with Kafka's."""

from __future__ import annotations

from neuraxis.broker.operations import DESCRIBE
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from neuraxis.wire.messages.describe_topic_partitions import Cursor, DescribeTopicPartitionsRequest
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from tests.broker.authorisation.test_guard import DENIED, grant, peer_of, with_a_topic


def test_the_oldest_request_for_a_hidden_topic_is_not_taken_for_one_for_all() -> None:
    broker = with_a_topic()
    answer = peer_of(broker, "ann").request(MetadataRequest(topics=[MetadataRequestTopic(name="drives")]), 0)
    assert [(each.name, each.error_code, each.partitions) for each in answer.topics] == [
        ("drives", DENIED, [])
    ]


def test_all_topics_are_those_that_may_be_described() -> None:
    broker = with_a_topic()
    ann = peer_of(broker, "ann")
    assert ann.request(MetadataRequest(topics=None), 12).topics == []
    grant(broker, 3)
    assert [each.name for each in ann.request(MetadataRequest(topics=None), 12).topics] == ["drives"]


def test_who_may_describe_a_missing_topic_and_not_create_it_does_not_make_it_by_asking() -> None:
    broker = with_a_topic()
    grant(broker, 8, name="new")
    request = MetadataRequest(topics=[MetadataRequestTopic(name="new")], allow_auto_topic_creation=True)
    assert [each.error_code for each in peer_of(broker, "ann").request(request, 12).topics] == [DENIED]
    assert "new" not in broker.node.topics


def test_configs_of_a_new_topic_are_shown_to_who_may_describe_them() -> None:
    broker = with_a_topic()
    grant(broker, 5, name="new")
    topic = CreatableTopic(name="new", num_partitions=2, replication_factor=1)
    (made,) = peer_of(broker, "ann").request(CreateTopicsRequest(topics=[topic], timeout_ms=1_000), 7).topics
    assert (made.error_code, made.topic_config_error_code) == (0, DENIED)
    assert (made.num_partitions, made.configs) == (-1, [])


def test_pages_of_all_topics_hold_those_that_may_be_described_and_go_on_behind_one_that_may_not() -> None:
    broker = with_a_topic()
    grant(broker, 8)
    ann = peer_of(broker, "ann")
    for cursor in (None, Cursor("drives", 0), Cursor("a-hidden-one", 3)):
        page = ann.request(DescribeTopicPartitionsRequest([], 10, cursor), 0)
        assert [(each.name, len(each.partitions)) for each in page.topics] == [("drives", 1)]
    assert ann.request(DescribeTopicPartitionsRequest([], 10, Cursor("e", 0)), 0).topics == []


def test_an_id_in_a_version_without_ids_is_refused_alike_with_and_without_the_right_to_see_it() -> None:
    broker = with_a_topic()
    peer = peer_of(broker, "ann")
    topics = [MetadataRequestTopic(topic_id=broker.node.topics["drives"].topic_id, name=None)]
    before = peer.request(MetadataRequest(topics=topics), 10).topics
    grant(broker, DESCRIBE)
    assert peer.request(MetadataRequest(topics=topics), 10).topics == before
    assert [topic.error_code for topic in before] == [42]
