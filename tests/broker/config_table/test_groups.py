from __future__ import annotations

import pytest

from neuraxis.broker.config_table import BrokerSettings, check_client_metrics_configs, check_group_configs
from neuraxis.wire.errors import ErrorCode, Refused

KAFKAS = BrokerSettings({}, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consumer.session.timeout.ms", "44999"),
        ("consumer.session.timeout.ms", "60001"),
        ("consumer.heartbeat.interval.ms", "60000"),
        ("share.record.lock.duration.ms", "1000000"),
        ("share.delivery.count.limit", "11"),
        ("share.partition.max.record.locks", "99999"),
        ("streams.assignment.interval.ms", "15001"),
    ],
)
def test_a_group_config_stays_within_the_brokers_bounds(name: str, value: str) -> None:
    with pytest.raises(Refused, match=rf"{name} cannot be {value}: this broker takes") as refused:
        check_group_configs({name: value}, KAFKAS)
    assert refused.value.code is ErrorCode.INVALID_CONFIG


def test_the_bounds_are_the_brokers_own() -> None:
    check_group_configs(
        {"consumer.session.timeout.ms": "100"},
        BrokerSettings({"group.consumer.min.session.timeout.ms": "1"}, {}),
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("what.ever", "1", "There is no group config"),
        ("streams.num.standby.replicas", "3", "cannot be above 2"),
        ("streams.assignor.name", "mine", "must be one of sticky"),
        ("errors.deadletterqueue.topic.name", "__dead", "internal"),
        ("share.isolation.level", "x", "read_committed"),
    ],
)
def test_other_group_configs_say_what_they_take(name: str, value: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        check_group_configs({name: value}, KAFKAS)
    assert refused.value.code is ErrorCode.INVALID_CONFIG


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("interval.ms", "99", ErrorCode.INVALID_REQUEST),
        ("interval.ms", "3600001", ErrorCode.INVALID_REQUEST),
        ("interval.ms", "x", ErrorCode.INVALID_CONFIG),
        ("what", "x", ErrorCode.INVALID_REQUEST),
        ("match", "client_id", ErrorCode.INVALID_CONFIG),
        ("match", "what=1", ErrorCode.INVALID_CONFIG),
        ("match", "client_id=[", ErrorCode.INVALID_CONFIG),
        ("match", "client_id=(?=a)", ErrorCode.INVALID_CONFIG),
        ("metrics", "a,,b", ErrorCode.INVALID_CONFIG),
    ],
)
def test_client_metrics_configs_are_refused_with_kafkas_codes(name: str, value: str, code: ErrorCode) -> None:
    with pytest.raises(Refused) as refused:
        check_client_metrics_configs({name: value})
    assert refused.value.code is code


def test_a_good_subscription_is_taken() -> None:
    check_client_metrics_configs(
        {"interval.ms": "100", "metrics": "*", "match": "client_id=app.*,client_source_port=1[0-9]+"}
    )
