from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.new_topics import MAX_NEW_PARTITIONS, check_name, check_new_partitions, plan_topic
from neuraxis.broker.node import CATALOGUE_TOPIC, Node
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.harness import CoreHarness


@pytest.fixture
def node() -> Node:
    found: Node = CoreHarness(num_partitions="3", default_replication_factor="2").node
    return found


def refusal(node: Node, *arguments: Any, **named: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        plan_topic(node, *arguments, **named)
    return refused.value


def test_what_is_left_out_is_the_brokers_default(node: Node) -> None:
    plan = plan_topic(node, "a")
    assert (plan.partitions, plan.replication_factor, plan.configs) == (3, 2, {})


def test_two_topics_never_have_the_same_id(node: Node) -> None:
    assert plan_topic(node, "a").topic_id != plan_topic(node, "a").topic_id


def test_a_refused_name_is_told_the_rules_and_not_repeated_at_length() -> None:
    with pytest.raises(Refused, match="a-z A-Z 0-9") as refused:
        check_name("x" * 30_000)
    assert len(refused.value.message) < 200


@pytest.mark.parametrize("name", ["__consumer_offsets", "__transaction_state", CATALOGUE_TOPIC])
def test_the_brokers_own_topics_are_left_to_it(node: Node, name: str) -> None:
    assert refusal(node, name).code is ErrorCode.INVALID_TOPIC_EXCEPTION


def test_kafkas_own_catalogue_is_refused_by_its_name(node: Node) -> None:
    assert refusal(node, "__cluster_metadata").code is ErrorCode.INVALID_REQUEST


def test_an_assignment_must_name_this_broker_alone(node: Node) -> None:
    assert plan_topic(node, "a", assignments={0: [1], 1: [1]}).partitions == 2
    for wrong in ({0: [2]}, {0: []}, {0: [1, 1]}, {1: [1]}, {-1: [1], 0: [1]}):
        assert refusal(node, "a", assignments=wrong).code is ErrorCode.INVALID_REPLICA_ASSIGNMENT


def test_a_request_adds_so_many_partitions_and_no_more(node: Node) -> None:
    check_new_partitions(node, MAX_NEW_PARTITIONS)
    check_new_partitions(node, MAX_NEW_PARTITIONS - 3, 3)
    for count, made in ((MAX_NEW_PARTITIONS + 1, 0), (1, MAX_NEW_PARTITIONS)):
        with pytest.raises(Refused, match="several requests"):
            check_new_partitions(node, count, made)


def test_a_broker_takes_so_many_partitions_in_all_and_says_which_config_that_is() -> None:
    harness = CoreHarness(neuraxis_max_partitions="5")
    room = 5 - len(harness.node.partitions)
    harness.create_topic("a", partitions=room)
    with pytest.raises(Refused, match=r"larger neuraxis\.max\.partitions") as refused:
        check_new_partitions(harness.node, 1)
    assert refused.value.code is ErrorCode.POLICY_VIOLATION
