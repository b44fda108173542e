"""The guard before the handlers: there only when it is asked for, and up to date."""

from __future__ import annotations

from neuraxis.broker.authorisation.guard import STANDARD_AUTHORIZER
from neuraxis.broker.authorisation.table import TABLE
from neuraxis.broker.registry import api_table
from neuraxis.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from neuraxis.wire.messages.create_acls import AclCreation, CreateAclsRequest
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from neuraxis.wire.messages.delete_acls import DeleteAclsFilter, DeleteAclsRequest
from neuraxis.wire.messages.describe_clients import DescribeClientsRequest
from neuraxis.wire.messages.fetch import FetchRequest
from neuraxis.wire.messages.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    Subtopology,
    TopicInfo,
    Topology,
)
from tests.broker.harness import FETCH_VERSION, CoreHarness, Peer, batch_of, fetch_request, produce_request
from tests.broker.restart import restarted

DENIED = 29


SWITCHED_ON = {"authorizer.class.name": STANDARD_AUTHORIZER, "super.users": "User:admin"}


def guarded(**settings: str) -> CoreHarness:
    return CoreHarness("os", **SWITCHED_ON, **settings)


def peer_of(broker: CoreHarness, name: str) -> Peer:
    peer = broker.connect()
    peer.session.principal = f"User:{name}"
    return peer


def grant(
    broker: CoreHarness, operation: int, *, kind: int = 2, name: str = "drives", principal: str = "User:ann"
) -> None:
    rule = AclCreation(kind, name, 3, principal, "*", operation, 3)
    answer = peer_of(broker, "admin").request(CreateAclsRequest(creations=[rule]), 3)
    assert [each.error_code for each in answer.results] == [0]


def with_a_topic() -> CoreHarness:
    broker = guarded()
    topic = CreatableTopic(name="drives", num_partitions=1, replication_factor=1)
    answer = peer_of(broker, "admin").request(CreateTopicsRequest(topics=[topic], timeout_ms=1_000), 5)
    assert answer.topics[0].error_code == 0
    return broker


def test_every_api_has_a_row() -> None:
    assert api_table().keys() <= TABLE.keys()


def test_without_an_authoriser_the_handlers_are_called_as_they_are() -> None:
    apis = CoreHarness("os").core.apis
    assert {key: api.handler for key, api in apis.items()} == {
        key: api.handler for key, api in api_table().items()
    }
    assert CoreHarness("os").node.guard is None


def test_a_rule_counts_from_its_answer_on_and_no_longer_when_it_is_deleted() -> None:
    broker = with_a_topic()
    ann = peer_of(broker, "ann")
    assert ann.produce("drives", batch_of(b"1")).error_code == DENIED
    grant(broker, 4)
    assert ann.produce("drives", batch_of(b"1")).error_code == 0
    everything = DeleteAclsFilter(1, None, 1, None, None, 1, 1)
    peer_of(broker, "admin").request(DeleteAclsRequest(filters=[everything]), 3)
    assert ann.produce("drives", batch_of(b"1")).error_code == DENIED


def test_rules_count_after_a_restart() -> None:
    broker = with_a_topic()
    grant(broker, 4)
    again = restarted(broker, **SWITCHED_ON)
    assert peer_of(again, "ann").produce("drives", batch_of(b"1")).error_code == 0
    assert peer_of(again, "bob").produce("drives", batch_of(b"1")).error_code == DENIED


def test_a_producer_that_wants_no_answers_is_disconnected() -> None:
    broker = with_a_topic()
    ann = peer_of(broker, "ann")
    ann.send(produce_request("drives", batch_of(b"1"), acks=0), 12)
    assert ann.answers() == []
    assert ann.session.closing


def test_clients_are_shown_to_who_may_describe_the_cluster() -> None:
    broker = guarded()
    ann = peer_of(broker, "ann")
    refused = ann.request(DescribeClientsRequest(), 0)
    assert (refused.error_code, refused.clients) == (31, [])
    grant(broker, 8, kind=4, name="kafka-cluster")
    assert ann.request(DescribeClientsRequest(), 0).clients


def test_a_right_that_is_taken_away_counts_within_a_fetch_session_and_for_a_fetch_that_waits() -> None:
    broker = with_a_topic()
    grant(broker, 3)
    grant(broker, 4, principal="User:bob")
    ann, bob = peer_of(broker, "ann"), peer_of(broker, "bob")
    begin = fetch_request({"drives": {0: 0}}, max_wait_ms=0)
    begin.session_epoch = 0
    first = ann.request(begin, FETCH_VERSION)
    assert first.session_id
    waiting = peer_of(broker, "ann")
    waiting.send(fetch_request({"drives": {0: 0}}), FETCH_VERSION)
    everything = DeleteAclsFilter(1, None, 1, "User:ann", None, 1, 1)
    peer_of(broker, "admin").request(DeleteAclsRequest(filters=[everything]), 3)
    assert bob.produce("drives", batch_of(b"secret")).error_code == 0
    ((_, woken),) = waiting.answers()
    assert [each.error_code for each in woken.responses[0].partitions] == [DENIED]
    again = FetchRequest(max_wait_ms=0, min_bytes=1, session_id=first.session_id, session_epoch=1)
    (told,) = ann.request(again, FETCH_VERSION).responses[0].partitions
    assert (told.error_code, told.records) == (DENIED, b"")


def test_an_expression_finds_only_topics_that_the_member_may_describe() -> None:
    broker = with_a_topic()
    grant(broker, 3, kind=3, name="*")
    beat = ConsumerGroupHeartbeatRequest(
        group_id="g",
        member_id="m" * 22,
        member_epoch=0,
        rebalance_timeout_ms=60_000,
        subscribed_topic_regex=".*",
        topic_partitions=[],
    )
    ann = peer_of(broker, "ann")
    answer = ann.request(beat, 1)
    assert (answer.error_code, answer.assignment.topic_partitions) == (0, [])
    grant(broker, 8)
    beat.group_id = "another"  # the topics a group found stay until those of the broker change, as in Kafka
    assert ann.request(beat, 1).assignment.topic_partitions


def test_a_streams_group_makes_the_topics_that_its_member_may_create() -> None:
    broker = with_a_topic()
    grant(broker, 3, kind=3, name="*")
    for name in ("drives", "app-store-changelog"):
        grant(broker, 8, name=name)
    changelog = TopicInfo(name="app-store-changelog", replication_factor=1)
    part = Subtopology(subtopology_id="0", source_topics=["drives"], state_changelog_topics=[changelog])
    beat = StreamsGroupHeartbeatRequest(
        group_id="app",
        member_id="m" * 22,
        member_epoch=0,
        endpoint_information_epoch=0,
        rebalance_timeout_ms=60_000,
        process_id="p",
        topology=Topology(epoch=0, subtopologies=[part]),
        active_tasks=[],
        standby_tasks=[],
        warmup_tasks=[],
    )
    answer = peer_of(broker, "ann").request(beat, 0)
    assert "may not create" in " ".join(each.status_detail for each in answer.status)
    assert "app-store-changelog" not in broker.node.topics
    grant(broker, 5, name="app-store-changelog")
    beat.group_id = "app2"
    peer_of(broker, "ann").request(beat, 0)
    assert "app-store-changelog" in broker.node.topics
