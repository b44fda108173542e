from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from neuraxis.broker.config_table import BROKER_CONFIGS, GROUP_CONFIGS, TOPIC_CONFIGS
from neuraxis.broker.config_table.rows import ConfigKey
from neuraxis.broker.config_table.values import (
    check_broker_config,
    check_topic_configs,
    describe_allowed,
    parse,
    show,
)
from neuraxis.wire.errors import ErrorCode, Refused


def refusal_of(configs: dict[str, str | None]) -> str:
    with pytest.raises(Refused) as refused:
        check_topic_configs(configs)
    assert refused.value.code is ErrorCode.INVALID_CONFIG
    return refused.value.message


def test_a_refusal_names_the_config_the_value_and_what_is_allowed() -> None:
    assert (
        refusal_of({"retention.ms": "soon"})
        == "retention.ms cannot be 'soon': it takes a whole number, at least -1."
    )
    assert refusal_of({"min.cleanable.dirty.ratio": "2"}).endswith("it takes a number, from 0 to 1.")
    assert refusal_of({"preallocate": "yes"}).endswith("it takes true or false.")
    assert refusal_of({"cleanup.policy": "shred"}).endswith(
        "it takes a list, between commas, of compact, delete."
    )
    assert refusal_of({"message.timestamp.type": "x"}).endswith("it takes one of CreateTime, LogAppendTime.")
    assert refusal_of({"compression.gzip.level": "0"}).endswith("it takes a whole number, from 1 to 9 or -1.")


def test_an_unknown_name_suggests_the_nearest_one() -> None:
    assert (
        refusal_of({"retention.mss": "1"})
        == "There is no topic config 'retention.mss': did you mean retention.ms?"
    )
    with pytest.raises(Refused, match=r"did you mean num\.partitions\?"):
        check_broker_config("num.partition", "3")


def test_an_unknown_name_that_is_near_nothing_says_where_names_come_from() -> None:
    assert "Apache Kafka's topic configs" in refusal_of({"zzzzzzz": "1"})


def test_a_topic_config_cannot_be_null() -> None:
    assert "retention.ms cannot be null" in refusal_of({"retention.ms": None})
    assert "cannot be null" in refusal_of({"internal.segment.bytes": None})


def test_the_least_compaction_lag_cannot_be_above_the_most() -> None:
    assert "min.compaction.lag.ms (5)" in refusal_of(
        {"min.compaction.lag.ms": "5", "max.compaction.lag.ms": "4"}
    )
    check_topic_configs({"min.compaction.lag.ms": "4", "max.compaction.lag.ms": "4"})


def test_tiered_storage_is_refused_with_its_reason() -> None:
    assert "no tiered storage" in refusal_of({"remote.storage.enable": "true"})
    check_topic_configs({"remote.storage.enable": "false"})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("retention.ms", " +5 ", 5),
        ("preallocate", "TRUE", True),
        ("cleanup.policy", " compact , delete ,compact", ("compact", "delete")),
        ("cleanup.policy", "", ()),
        ("min.cleanable.dirty.ratio", "25e-2", 0.25),
        ("leader.replication.throttled.replicas", "0:1, 1:2", ("0:1", "1:2")),
        ("leader.replication.throttled.replicas", "*", ("*",)),
        ("compression.gzip.level", "-1", -1),
    ],
)
def test_values_are_read_as_kafka_reads_them(name: str, text: str, value: Any) -> None:
    assert parse(TOPIC_CONFIGS[name], text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("retention.ms", ""),
        ("retention.ms", "1_000"),
        ("retention.ms", "1.0"),
        ("retention.ms", "9223372036854775808"),
        ("retention.ms", "9" * 5000),
        ("segment.bytes", "2147483648"),
        ("segment.bytes", "1048575"),
        ("cleanup.policy", "delete,"),
        ("min.cleanable.dirty.ratio", "NaN"),
        ("leader.replication.throttled.replicas", "abc"),
        ("compression.type", "ZSTD"),
    ],
)
def test_values_that_kafka_would_not_take_are_refused(name: str, text: str) -> None:
    with pytest.raises(Refused):
        parse(TOPIC_CONFIGS[name], text)


@pytest.mark.parametrize("text", ["earliest", "latest", "by_duration:PT1H", "by_duration:P1DT2H3M4.5S"])
def test_a_share_group_can_start_by_name_or_by_duration(text: str) -> None:
    assert parse(GROUP_CONFIGS["share.auto.offset.reset"], text) == text


@pytest.mark.parametrize(
    "text", ["Earliest", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:1h"]
)
def test_a_share_group_cannot_start_anywhere_else(text: str) -> None:
    with pytest.raises(Refused, match="ISO 8601"):
        parse(GROUP_CONFIGS["share.auto.offset.reset"], text)


def test_words_in_any_case_are_taken_where_kafka_takes_them() -> None:
    check_broker_config("group.consumer.migration.policy", "upgrade")
    with pytest.raises(Refused, match="one of DISABLED"):
        check_broker_config("group.consumer.migration.policy", "sideways")


def test_a_broker_config_that_no_topic_could_have_as_its_default_is_refused() -> None:
    with pytest.raises(
        Refused, match=r"log\.flush\.interval\.ms cannot be '-5', for it is the default of a topic"
    ):
        check_broker_config("log.flush.interval.ms", "-5")
    check_broker_config("log.retention.hours", "-1")
    check_broker_config("log.retention.ms", "-5")


def test_a_secret_is_not_repeated_in_its_refusal() -> None:
    key = ConfigKey("secret", "password", None, allowed="+")
    with pytest.raises(Refused) as refused:
        parse(key, "")
    assert "a hidden value" in refused.value.message


def test_every_default_is_a_value_its_config_can_have() -> None:
    for table in (BROKER_CONFIGS, TOPIC_CONFIGS, GROUP_CONFIGS):
        for key in table.values():
            if key.default is not None:
                assert show(key, key.default) is not None
                assert describe_allowed(key)


@given(some.sampled_from(sorted(TOPIC_CONFIGS)), some.text(max_size=40))
def test_any_text_is_a_value_or_a_refusal(name: str, text: str) -> None:
    key = TOPIC_CONFIGS[name]
    try:
        shown = show(key, text)
    except Refused as refused:
        told = refused.message
    else:
        told = name
        assert show(key, shown) == shown, "what is shown is a value itself"
    assert name in told
