from __future__ import annotations

import pytest

from neuraxis.broker.config import DURABILITY_CONFIGS, BrokerConfig
from neuraxis.broker.config_table import BrokerSettings
from neuraxis.broker.log.settings import Durability


@pytest.mark.parametrize(
    ("policy", "durability"),
    [("sync", Durability.SYNC), ("interval", Durability.INTERVAL), ("os", Durability.OS)],
)
def test_a_policy_is_the_kafka_configs_that_give_a_topic_its_durability(
    policy: str, durability: Durability
) -> None:
    config = BrokerConfig(durability=policy)
    config.check()
    topic = BrokerSettings(config.kafka_overrides(), {}).topic_config({})
    assert topic.log.durability is durability


def test_every_policy_has_its_configs() -> None:
    assert set(DURABILITY_CONFIGS) == {"sync", "interval", "os"}


def test_an_unknown_policy_names_the_choices() -> None:
    with pytest.raises(ValueError, match=r"'fast'.*sync, interval, os"):
        BrokerConfig(durability="fast").check()


def test_an_unknown_kafka_config_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match=r"no\.such\.config"):
        BrokerConfig(kafka={"no.such.config": "1"}).check()


def test_a_kafka_config_with_a_value_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"num\.partitions"):
        BrokerConfig(kafka={"num.partitions": "many"}).check()


def test_what_was_set_wins_over_the_policy_and_over_our_defaults() -> None:
    config = BrokerConfig(
        durability="sync",
        kafka={"log.flush.interval.messages": "500", "offsets.topic.num.partitions": "7"},
    )
    overrides = config.kafka_overrides()
    assert overrides["log.flush.interval.messages"] == "500"
    assert overrides["offsets.topic.num.partitions"] == "7"


def test_the_nodes_own_values_are_shown_by_kafkas_names() -> None:
    overrides = BrokerConfig(node_id=7, request_max_bytes=1_000_000).kafka_overrides()
    assert overrides["node.id"] == overrides["broker.id"] == "7"
    assert overrides["socket.request.max.bytes"] == "1000000"
    assert overrides["offsets.topic.replication.factor"] == "1"


def test_a_node_id_set_by_kafkas_name_is_the_nodes_id() -> None:
    assert BrokerConfig(kafka={"node.id": "0"}).node_id == 0
    assert BrokerConfig(kafka={"broker.id": "7"}).node_id == 7
    assert BrokerConfig(node_id=3).kafka_overrides()["node.id"] == "3"
