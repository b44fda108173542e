"""The table against what a running Apache Kafka 4.4.0 says of all its configs (recorded by `admin_script.py`)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from neuraxis.broker.config_table import BrokerSettings
from neuraxis.broker.config_table.describe import (
    Entry,
    Layers,
    describe_all_brokers,
    describe_broker,
    describe_client_metrics,
    describe_group,
    describe_topic,
)
from tests.broker.admin_script import CONFIG_TABLE

STATIC, DEFAULT = 4, 5
RECORDED: dict[str, Any] = json.loads(CONFIG_TABLE.read_text())
STATIC_THERE = {
    name.removeprefix("broker "): row[5][0][1]
    for name, row in RECORDED.items()
    if name.startswith("broker ") and row[4] == STATIC
}
# Kafka sets it for all brokers while eligible leader replicas are on.
LAYERS = Layers({}, {"min.insync.replicas": "1"}, STATIC_THERE)
SETTINGS = BrokerSettings(LAYERS.static, LAYERS.shared)
ADDRESSES = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}


def rows(kind: str, entries: list[Entry]) -> dict[str, Any]:
    return {
        f"{kind} {each.key.name}": [
            each.value,
            each.key.type_code,
            each.read_only,
            each.key.sensitive,
            each.source,
            [list(synonym) for synonym in each.synonyms],
        ]
        for each in entries
        if each.key.name not in ADDRESSES
    }


OURS = {
    **rows("broker", describe_broker(LAYERS)),
    **rows("topic", describe_topic({}, SETTINGS, LAYERS)),
    **rows("group", describe_group({}, SETTINGS, LAYERS)),
    **rows("client-metrics", describe_client_metrics({})),
}


def test_every_config_of_kafka_is_there_and_no_other() -> None:
    assert OURS.keys() == RECORDED.keys()


def test_value_type_mode_sensitivity_source_and_synonyms_are_kafkas() -> None:
    assert {name: row for name, row in OURS.items() if row != RECORDED[name]} == {}


def entry(entries: list[Entry], name: str) -> Entry:
    return next(each for each in entries if each.key.name == name)


def test_every_layer_is_a_source_the_nearest_first() -> None:
    layers = Layers({"log.retention.ms": "1"}, {"log.retention.ms": "2"}, {"log.retention.ms": "3"})
    settings = BrokerSettings(layers.static, {**layers.shared, **layers.node})
    topic = entry(describe_topic({"retention.ms": "0"}, settings, layers), "retention.ms")
    assert topic.value == "0"
    assert [tuple(each) for each in topic.synonyms] == [
        ("retention.ms", "0", 1),
        ("log.retention.ms", "1", 2),
        ("log.retention.ms", "2", 3),
        ("log.retention.ms", "3", 4),
        ("log.retention.hours", "168", 5),
    ]
    assert entry(describe_broker(layers), "log.retention.ms").source == 2


def test_a_broker_config_that_only_its_synonym_gives_a_value_has_no_source_of_its_own() -> None:
    layers = Layers({}, {}, {"log.roll.hours": "1"})
    settings = BrokerSettings(layers.static, {})
    topic = entry(describe_topic({}, settings, layers), "segment.ms")
    assert (topic.value, topic.source, topic.synonyms) == ("3600000", DEFAULT, ())


def test_a_secret_is_never_shown() -> None:
    layers = Layers({}, {}, {"ssl.key.password": "hush"})
    shown = entry(describe_broker(layers), "ssl.key.password")
    assert shown.value is None
    assert shown.source == STATIC
    assert [synonym.value for synonym in shown.synonyms] == [None]


def test_all_brokers_show_what_was_set_for_all_and_nothing_else() -> None:
    layers = Layers({"log.retention.ms": "1"}, {"log.retention.ms": "2"}, {"log.retention.ms": "3"})
    (shown,) = describe_all_brokers(layers)
    assert (shown.key.name, shown.value, shown.source) == ("log.retention.ms", "2", 3)
    assert [synonym.source for synonym in shown.synonyms] == [3]


def test_an_internal_topic_config_shows_once_it_is_set() -> None:
    names = {each.key.name for each in describe_topic({"internal.segment.bytes": "1000"}, SETTINGS, LAYERS)}
    assert "internal.segment.bytes" in names


def test_a_group_config_shows_its_own_value_before_the_brokers() -> None:
    groups = describe_group(
        {"consumer.session.timeout.ms": "50000", "share.auto.offset.reset": "earliest"}, SETTINGS, LAYERS
    )
    session = entry(groups, "consumer.session.timeout.ms")
    assert [tuple(each) for each in session.synonyms] == [
        ("consumer.session.timeout.ms", "50000", 8),
        ("group.consumer.session.timeout.ms", "45000", 5),
    ]
    assert entry(groups, "share.auto.offset.reset").value == "earliest"


def test_a_client_metrics_config_that_is_set_is_its_own_source() -> None:
    (interval, _, _) = describe_client_metrics({"interval.ms": "1000"})
    assert (interval.value, interval.source) == ("1000", 7)


@pytest.mark.parametrize("name", ["retention.ms", "flush.messages"])
def test_documentation_is_a_few_words(name: str) -> None:
    assert entry(describe_topic({}, SETTINGS, LAYERS), name).documentation
