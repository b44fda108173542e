"""The guard before the handlers: there only when it is asked for, and up to date."""

from __future__ import annotations

from neuraxis.broker.authorisation.guard import STANDARD_AUTHORIZER
from neuraxis.broker.authorisation.table import TABLE
from neuraxis.broker.registry import api_table
from neuraxis.wire.messages.create_acls import AclCreation, CreateAclsRequest
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from neuraxis.wire.messages.delete_acls import DeleteAclsFilter, DeleteAclsRequest
from tests.broker.harness import CoreHarness, Peer, batch_of, produce_request
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
    broker: CoreHarness, operation: int, *, kind: int = 2, name: str = "drives", pattern: int = 3
) -> None:
    rule = AclCreation(kind, name, pattern, "User:ann", "*", operation, 3)
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
