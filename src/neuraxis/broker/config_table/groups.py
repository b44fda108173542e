"""Checks the configs of groups and of client metrics subscriptions, which have rules beyond each value's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.config_table.topic_rows import CLIENT_METRICS_CONFIGS, GROUP_CONFIGS
from neuraxis.broker.config_table.values import parse, split_list, unknown_config
from neuraxis.broker.regex import Regex
from neuraxis.broker.regex_syntax import InvalidRegex
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuraxis.broker.config_table.settings import BrokerSettings

_CONSUMER, _SHARE, _STREAMS = "consumer", "share", "streams"
GROUP_RANGES = {
    f"{kind}.{name}": (f"group.{kind}.min.{name}", f"group.{kind}.max.{name}")
    for kind, names in {
        _CONSUMER: ("session.timeout.ms", "heartbeat.interval.ms", "assignment.interval.ms"),
        _SHARE: (
            "session.timeout.ms",
            "heartbeat.interval.ms",
            "assignment.interval.ms",
            "record.lock.duration.ms",
            "delivery.count.limit",
            "partition.max.record.locks",
        ),
        _STREAMS: ("session.timeout.ms", "heartbeat.interval.ms", "assignment.interval.ms"),
    }.items()
    for name in names
}
"""The broker configs between which a group config must lie."""

CLIENT_MATCHES = (
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
)
"""What a client metrics subscription can match clients by."""

METRICS_INTERVAL_MS = (100, 3_600_000)
"""Kafka's bounds of a push interval."""


def check_group_configs(configs: Mapping[str, str | None], settings: BrokerSettings) -> None:
    """Refuse (40) group configs that Kafka does not know or would not take from this broker's settings."""
    for name, text in configs.items():
        key = GROUP_CONFIGS.get(name)
        if key is None:
            raise unknown_config("group", name, GROUP_CONFIGS)
        value = parse(key, text)
        if name in GROUP_RANGES:
            low, high = (settings.integer(bound) for bound in GROUP_RANGES[name])
            assert isinstance(value, int)
            if not low <= value <= high:
                raise _refuse(
                    f"{name} cannot be {value}: this broker takes {low} to {high} ({GROUP_RANGES[name][1]})."
                )
    most = settings.integer("group.streams.max.standby.replicas")
    if int(configs.get("streams.num.standby.replicas") or 0) > most:
        raise _refuse(
            f"streams.num.standby.replicas cannot be above {most} (group.streams.max.standby.replicas)."
        )
    assignors = settings.words("group.streams.assignors")
    if configs.get("streams.assignor.name", assignors[0]) not in assignors:
        raise _refuse(
            f"streams.assignor.name must be one of {', '.join(assignors)} (group.streams.assignors)."
        )
    if (configs.get("errors.deadletterqueue.topic.name") or "").startswith("__"):
        raise _refuse("errors.deadletterqueue.topic.name cannot begin with '__': such topics are internal.")


def check_client_metrics_configs(configs: Mapping[str, str | None]) -> None:
    """Refuse client metrics configs as Kafka does: 42 for an unknown name or interval, 40 for a value of another type."""
    for name, text in configs.items():
        key = CLIENT_METRICS_CONFIGS.get(name)
        if key is None:
            raise Refused(
                ErrorCode.INVALID_REQUEST,
                unknown_config("client metrics", name, CLIENT_METRICS_CONFIGS).message,
            )
        value = parse(key, text)
        low, high = METRICS_INTERVAL_MS
        if name == "interval.ms" and isinstance(value, int) and not low <= value <= high:
            raise Refused(
                ErrorCode.INVALID_REQUEST, f"interval.ms cannot be {value}: it takes {low} to {high}."
            )
        if name == "match":
            _check_matches(text or "")


def _check_matches(text: str) -> None:
    for word in split_list(text):
        name, equals, pattern = word.partition("=")
        if name not in CLIENT_MATCHES or not equals:
            raise _refuse(
                f"match cannot hold {word!r}: it takes name=pattern with one of {', '.join(CLIENT_MATCHES)}."
            )
        try:
            Regex(pattern)
        except InvalidRegex as error:
            raise _refuse(f"match cannot hold {word!r}: {error}.") from error


def _refuse(message: str) -> Refused:
    return Refused(ErrorCode.INVALID_CONFIG, message)
