"""A change of configs as a catalogue command: set, delete, append and subtract on topics, brokers, groups, client metrics.

The rule of the file: everything is checked against what the resource would then have; nothing is written here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.config_table import (
    ALL_BROKER_CONFIGS,
    CLIENT_METRICS_CONFIGS,
    GROUP_CONFIGS,
    TOPIC_CONFIGS,
    check_broker_config,
    check_client_metrics_configs,
    check_group_configs,
    check_topic_configs,
    unknown_config,
)
from neuraxis.broker.config_table.values import split_list
from neuraxis.broker.coordinators.topics.machine import SetConfigs, SetTopicConfigs
from neuraxis.broker.new_topics import check_name
from neuraxis.broker.node import INTERNAL_TOPICS
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.primitives import MAX_STRING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from neuraxis.broker.call import Call
    from neuraxis.broker.config_table import ConfigKey
    from neuraxis.broker.node import Node

TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
"""The protocol's resource types."""

SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3
"""The protocol's operations."""


class Operation(NamedTuple):
    """One step of a change."""

    kind: int
    name: str
    value: str | None


def change_configs(
    node: Node,
    call: Call,
    changes: Sequence[tuple[tuple[int, str], Sequence[Operation]]],
    *,
    replace: bool,
    validate_only: bool,
) -> list[Refused | None]:
    """Check changes, each of a resource (type, name), and carry out the good ones unless they are only to be validated.

    `replace` begins with no configs at all. Returns the refusal of each change, None for a good one.
    """
    repeated = twice(resource for resource, _ in changes)
    plans: list[SetTopicConfigs | SetConfigs | Refused] = []
    for resource, operations in changes:
        try:
            if resource in repeated:
                raise Refused(
                    ErrorCode.INVALID_REQUEST,
                    "The request names this resource twice; one entry must hold its changes.",
                )
            plans.append(plan_change(node, resource, operations, replace=replace))
        except Refused as refused:
            plans.append(refused)
    # Only after everything was checked is the first thing written.
    for plan in plans:
        if not isinstance(plan, Refused) and not validate_only:
            _carry_out(node, call, plan)
    return [plan if isinstance(plan, Refused) else None for plan in plans]


def twice(resources: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
    """The resources that are named more than once."""
    return {resource for resource, count in Counter(resources).items() if count > 1}


def _carry_out(node: Node, call: Call, command: SetTopicConfigs | SetConfigs) -> None:
    if isinstance(command, SetTopicConfigs):
        node.change_catalogue(command, call, call.now, [command.name])
        return
    node.change_catalogue(command, call, call.now)
    if command.resource_type == BROKER:
        node.refresh_settings()


def plan_change(
    node: Node, resource: tuple[int, str], operations: Sequence[Operation], *, replace: bool
) -> SetTopicConfigs | SetConfigs:
    """The command that makes the change. Raises `Refused` with Kafka's codes."""
    kind, name = resource
    if len({operation.name for operation in operations}) < len(operations):
        raise Refused(ErrorCode.INVALID_REQUEST, "The request names one config of this resource twice.")
    if kind == TOPIC:
        return _plan_topic(node, name, operations, replace=replace)
    if kind == BROKER:
        return _plan_broker(node, name, operations, replace=replace)
    if kind not in (GROUP, CLIENT_METRICS):
        if kind == BROKER_LOGGER:
            broker_resource(node, name or "no number")
            raise Refused(
                ErrorCode.INVALID_CONFIG, "The broker's loggers cannot be changed through this API."
            )
        raise Refused(ErrorCode.INVALID_REQUEST, f"There is no resource type {kind}.")
    if not name:
        raise Refused(
            ErrorCode.INVALID_REQUEST, "The resource name is empty: groups and subscriptions have a name."
        )
    current = {} if replace else node.catalogue.state.configs.get((kind, name), {})
    if kind == GROUP:
        configs = _apply(GROUP_CONFIGS, current, operations, lambda key: GROUP_CONFIGS[key].default)
        check_group_configs(configs, node.settings)
    else:
        configs = _apply(
            CLIENT_METRICS_CONFIGS, current, operations, lambda key: CLIENT_METRICS_CONFIGS[key].default
        )
        check_client_metrics_configs(configs)
    return SetConfigs(kind, name, configs)


def _plan_topic(node: Node, name: str, operations: Sequence[Operation], *, replace: bool) -> SetTopicConfigs:
    if not name:
        raise Refused(
            ErrorCode.INVALID_REQUEST,
            "The topic name is empty: defaults of topics are the broker's log.* configs.",
        )
    check_name(name)
    fact = node.catalogue.state.topics.get(name)
    current = {} if replace or fact is None else fact.configs
    configs = _apply(TOPIC_CONFIGS, current, operations, node.settings.topic_default)
    check_topic_configs(configs)
    if fact is None:  # after its configs: Kafka names the bad config of a topic that is not there
        raise Refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"There is no topic {name}.")
    if name in INTERNAL_TOPICS:
        before = node.settings.topic_config(fact.configs).cleanup_policy
        if node.settings.topic_config(configs).cleanup_policy != before:
            raise Refused(
                ErrorCode.INVALID_CONFIG,
                f"cleanup.policy of {name} must stay {','.join(sorted(before))}: the broker's own state depends on it.",
            )
    return SetTopicConfigs(name, configs)


def _plan_broker(node: Node, name: str, operations: Sequence[Operation], *, replace: bool) -> SetConfigs:
    name = broker_resource(node, name)
    current = {} if replace else node.catalogue.state.configs.get((BROKER, name), {})
    configs = _apply(ALL_BROKER_CONFIGS, current, operations, node.settings.text)
    for operation in operations:
        if operation.kind == DELETE:
            continue
        key = ALL_BROKER_CONFIGS.get(operation.name)
        if key is None:
            raise unknown_config("broker", operation.name, ALL_BROKER_CONFIGS)
        if key.mode != "c":
            raise Refused(
                ErrorCode.INVALID_REQUEST,
                f"{key.name} cannot change while the broker runs: restart it with --set {key.name}=VALUE.",
            )
        try:
            check_broker_config(key.name, configs[key.name])
        except Refused as refused:
            raise Refused(ErrorCode.INVALID_REQUEST, refused.message) from refused
    return SetConfigs(BROKER, name, configs)


def broker_resource(node: Node, name: str) -> str:
    """The canonical name of a broker resource, "" for all brokers; refuses (42) every other broker."""
    if not name:
        return ""
    try:
        number = int(name)
    except ValueError:
        raise Refused(ErrorCode.INVALID_REQUEST, f"A broker id is a number, not {name!r}.") from None
    if number != node.node_id:
        raise Refused(
            ErrorCode.INVALID_REQUEST, f"There is no broker {number}: this is broker {node.node_id}."
        )
    return str(number)


def _apply(
    table: Mapping[str, ConfigKey],
    current: Mapping[str, str],
    operations: Sequence[Operation],
    default: Callable[[str], str | None],
) -> dict[str, str]:
    """What the resource has after the operations; values are not checked yet."""
    configs = dict(current)
    for kind, name, value in operations:
        if kind not in (SET, DELETE, APPEND, SUBTRACT):
            raise Refused(ErrorCode.INVALID_REQUEST, f"There is no config operation {kind}.")
        if kind == DELETE:
            configs.pop(name, None)
        elif value is None:
            raise Refused(
                ErrorCode.INVALID_REQUEST, f"{name} cannot be set to null; delete it to get the default."
            )
        elif kind == SET:
            configs[name] = value
        else:
            key = table.get(name)
            if key is None or key.type != "list":
                verb = "appended to" if kind == APPEND else "subtracted from"
                raise Refused(
                    ErrorCode.INVALID_CONFIG, f"{name} cannot be {verb}: it is not a list. Set it instead."
                )
            words = split_list(configs[name] if name in configs else default(name) or "")
            given = split_list(value)
            if kind == APPEND and not given:
                raise Refused(ErrorCode.INVALID_CONFIG, f"Nothing is given to append to {name}.")
            if kind == APPEND:
                words += [word for word in given if word not in words]
            else:
                words = [word for word in words if word not in given]
            configs[name] = ",".join(words)
            if len(configs[name].encode()) > MAX_STRING:
                raise Refused(
                    ErrorCode.INVALID_CONFIG,
                    f"{name} would be longer than the {MAX_STRING} bytes that an answer can carry.",
                )
    return configs
