from __future__ import annotations

import pytest

from neuraxis.broker.config_table import BrokerSettings

DAY_MS = 86_400_000


def test_what_was_set_at_run_time_wins_over_the_start_and_that_over_the_default() -> None:
    assert BrokerSettings({}, {}).integer("num.partitions") == 1
    assert BrokerSettings({"num.partitions": "3"}, {}).integer("num.partitions") == 3
    assert BrokerSettings({"num.partitions": "3"}, {"num.partitions": "5"}).integer("num.partitions") == 5


def test_values_come_in_their_types() -> None:
    settings = BrokerSettings({"log.cleaner.min.cleanable.ratio": "1"}, {})
    assert settings.boolean("auto.create.topics.enable") is True
    assert settings.double("log.cleaner.min.cleanable.ratio") == 1.0
    assert settings.string("compression.type") == "producer"
    assert settings.string("broker.rack") == ""
    assert settings.words("group.consumer.assignors") == ("uniform", "range")
    assert settings.words("log.dirs") == ()


def test_a_name_that_is_not_in_the_table_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        BrokerSettings({}, {}).integer("no.such.config")


def test_a_topic_without_configs_has_kafkas_defaults() -> None:
    topic = BrokerSettings({}, {}).topic_config({})
    assert topic.log.retention_ms == 7 * DAY_MS
    assert topic.log.segment_bytes == 1 << 30
    assert topic.max_message_bytes == 1_048_588
    assert topic.cleanup_policy == {"delete"}
    assert topic.log.delete
    assert not topic.compacted
    assert not topic.log_append_time


def test_the_first_broker_synonym_that_is_set_gives_the_default() -> None:
    assert BrokerSettings({"log.retention.hours": "2"}, {}).topic_config({}).log.retention_ms == 2 * 3_600_000
    minutes = {"log.retention.hours": "2", "log.retention.minutes": "3"}
    assert BrokerSettings(minutes, {}).topic_config({}).log.retention_ms == 180_000
    assert BrokerSettings(minutes, {"log.retention.ms": "7"}).topic_config({}).log.retention_ms == 7


def test_no_limit_in_hours_is_negative_in_milliseconds_and_stays_valid() -> None:
    assert BrokerSettings({"log.retention.hours": "-1"}, {}).topic_config({}).log.retention_ms == -1


def test_a_topics_own_config_wins() -> None:
    settings = BrokerSettings({"log.retention.ms": "7"}, {})
    topic = settings.topic_config(
        {"retention.ms": "9", "cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}
    )
    assert topic.log.retention_ms == 9
    assert topic.compacted
    assert topic.log_append_time
    assert not topic.log.delete


def test_syncing_by_default_is_a_flush_after_every_message() -> None:
    assert BrokerSettings({"log.flush.interval.messages": "1"}, {}).syncs_by_default
    assert not BrokerSettings({}, {}).syncs_by_default
