from __future__ import annotations

import pytest

from neuraxis.broker.config_changes import (
    APPEND,
    BROKER,
    BROKER_LOGGER,
    DELETE,
    GROUP,
    SET,
    SUBTRACT,
    TOPIC,
    Operation,
    broker_resource,
    plan_change,
    twice,
)
from neuraxis.broker.coordinators.topics.machine import SetConfigs, SetTopicConfigs
from neuraxis.broker.node import Node
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.harness import CoreHarness


@pytest.fixture
def node() -> Node:
    harness = CoreHarness()
    harness.create_topic("a", cleanup_policy="compact", retention_ms="5")
    found: Node = harness.node
    return found


Given = tuple[int, str, str | None]


def planned(node: Node, kind: int, name: str, *operations: Given, replace: bool = False) -> dict[str, str]:
    command = plan_change(node, (kind, name), [Operation(*each) for each in operations], replace=replace)
    assert isinstance(command, SetTopicConfigs | SetConfigs)
    assert command.name == name
    return dict(command.configs)


def refusal(node: Node, kind: int, name: str, *operations: Given) -> ErrorCode:
    with pytest.raises(Refused) as refused:
        planned(node, kind, name, *operations)
    return refused.value.code


def test_a_list_grows_by_what_is_not_in_it_and_shrinks_by_what_is(node: Node) -> None:
    assert (
        planned(node, TOPIC, "a", (APPEND, "cleanup.policy", "delete, compact"))["cleanup.policy"]
        == "compact,delete"
    )
    assert planned(node, TOPIC, "a", (SUBTRACT, "cleanup.policy", "compact"))["cleanup.policy"] == ""
    assert planned(node, TOPIC, "a", (SUBTRACT, "cleanup.policy", "delete"))["cleanup.policy"] == "compact"


def test_appending_nothing_is_refused(node: Node) -> None:
    assert refusal(node, TOPIC, "a", (APPEND, "cleanup.policy", "")) is ErrorCode.INVALID_CONFIG


def test_of_a_topic_that_is_not_there_a_bad_config_is_named_first(node: Node) -> None:
    assert refusal(node, TOPIC, "nope", (SET, "no.such.config", "5")) is ErrorCode.INVALID_CONFIG


def test_a_list_that_is_not_set_grows_from_its_default(node: Node) -> None:
    assert planned(node, BROKER, "", (APPEND, "log.cleanup.policy", "compact")) == {
        "log.cleanup.policy": "delete,compact"
    }


def test_deleting_needs_no_known_name_so_that_old_mistakes_can_go(node: Node) -> None:
    assert planned(node, TOPIC, "a", (DELETE, "no.such", None)) == {
        "cleanup.policy": "compact",
        "retention.ms": "5",
    }


def test_replacing_begins_with_nothing(node: Node) -> None:
    assert planned(node, TOPIC, "a", (SET, "segment.ms", "9"), replace=True) == {"segment.ms": "9"}


def test_what_is_checked_is_what_the_resource_would_have(node: Node) -> None:
    node.change_catalogue(SetTopicConfigs("a", {"max.compaction.lag.ms": "4"}), None, CoreHarness().now)
    assert refusal(node, TOPIC, "a", (SET, "min.compaction.lag.ms", "5")) is ErrorCode.INVALID_CONFIG


def test_a_read_only_broker_config_says_how_it_changes(node: Node) -> None:
    for name in ("num.partitions", "ssl.keystore.type"):
        with pytest.raises(Refused, match=rf"restart it with --set {name}=VALUE") as refused:
            planned(node, BROKER, "1", (SET, name, "5"))
        assert refused.value.code is ErrorCode.INVALID_REQUEST


def test_an_unknown_broker_config_suggests_the_nearest(node: Node) -> None:
    with pytest.raises(Refused, match=r"did you mean log\.retention\.ms"):
        planned(node, BROKER, "1", (SET, "log.retention.mss", "5"))


def test_a_broker_config_that_would_be_a_bad_topic_default_is_refused(node: Node) -> None:
    assert refusal(node, BROKER, "", (SET, "log.flush.interval.ms", "-5")) is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        (TOPIC, "", ErrorCode.INVALID_REQUEST),
        (TOPIC, "no name", ErrorCode.INVALID_TOPIC_EXCEPTION),
        (TOPIC, "nope", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (BROKER, "2", ErrorCode.INVALID_REQUEST),
        (BROKER_LOGGER, "1", ErrorCode.INVALID_CONFIG),
        (BROKER_LOGGER, "2", ErrorCode.INVALID_REQUEST),
        (BROKER_LOGGER, "", ErrorCode.INVALID_REQUEST),
        (GROUP, "", ErrorCode.INVALID_REQUEST),
        (0, "x", ErrorCode.INVALID_REQUEST),
    ],
)
def test_resources_that_are_not_there_are_refused_with_kafkas_codes(
    node: Node, kind: int, name: str, code: ErrorCode
) -> None:
    assert refusal(node, kind, name, (SET, "retention.ms", "5")) is code


def test_a_broker_is_named_by_its_number_however_it_is_written(node: Node) -> None:
    assert broker_resource(node, "01") == "1"
    assert broker_resource(node, "") == ""


def test_a_list_cannot_outgrow_what_an_answer_can_carry(node: Node) -> None:
    name = "leader.replication.throttled.replicas"
    pairs = ",".join(f"{index}:1" for index in range(5_000))
    node.change_catalogue(
        SetTopicConfigs("a", {name: pairs[:32_000].rpartition(",")[0]}), None, CoreHarness().now
    )
    assert refusal(node, TOPIC, "a", (APPEND, name, pairs)) is ErrorCode.INVALID_CONFIG


def test_resources_named_more_than_once_are_found() -> None:
    assert twice([(2, "a"), (4, "a"), (2, "a"), (2, "b"), (2, "a")]) == {(2, "a")}
