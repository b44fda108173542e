"""What a topic to be created must be: name, counts, assignments and configs, checked before anything is written.

Replication factors above 1 are taken as a wish: there is one replica. `strict_replication` refuses them as Kafka would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.config_table import check_topic_configs
from neuraxis.broker.coordinators.topics.machine import CreateTopic
from neuraxis.broker.node import CATALOGUE_TOPIC, INTERNAL_TOPICS
from neuraxis.broker.topic_names import MAX_NAME_LENGTH, is_valid_name
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neuraxis.broker.node import Node

CLUSTER_METADATA_TOPIC = "__cluster_metadata"
"""Kafka's name for its own catalogue; a topic of this name could not move to a cluster."""

MAX_NEW_PARTITIONS = 10_000
"""Partitions that one request may add, Kafka's own limit: each costs a directory and its files."""


def check_name(name: str) -> None:
    """Refuse (17) a name that no topic can have."""
    if is_valid_name(name):
        return
    shown = name if len(name) <= MAX_NAME_LENGTH else f"{name[:20]}... ({len(name)} characters)"
    raise Refused(
        ErrorCode.INVALID_TOPIC_EXCEPTION,
        f"No topic can be called {shown!r}: names have 1 to {MAX_NAME_LENGTH} of the characters a-z A-Z 0-9 . _ - "
        "and are not '.' or '..'.",
    )


def plan_topic(
    node: Node,
    name: str,
    partitions: int = -1,
    replication_factor: int = -1,
    assignments: Mapping[int, Sequence[int]] | None = None,
    configs: Mapping[str, str | None] | None = None,
) -> CreateTopic:
    """The command that creates the topic; -1 stands for the broker's default. Raises `Refused` with Kafka's codes."""
    check_name(name)
    if name == CLUSTER_METADATA_TOPIC:
        raise Refused(
            ErrorCode.INVALID_REQUEST, f"No topic can be called {name}: Kafka keeps its metadata there."
        )
    if name in INTERNAL_TOPICS or name == CATALOGUE_TOPIC:
        raise Refused(
            ErrorCode.INVALID_TOPIC_EXCEPTION,
            f"{name} is internal: the broker creates it when it is first needed.",
        )
    if node.store.full:
        raise Refused(
            ErrorCode.KAFKA_STORAGE_ERROR,
            "The disk is nearly full: no topic can be created. Delete topics or free space, then try again.",
        )
    if assignments:
        if replication_factor != -1 or partitions != -1:
            raise Refused(
                ErrorCode.INVALID_REQUEST,
                "A topic with an assignment of its own must leave partitions and replication factor at -1.",
            )
        if sorted(assignments) != list(range(len(assignments))):
            raise Refused(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT,
                "The assigned partitions must count from 0 without a hole.",
            )
        for brokers in assignments.values():
            check_assignment(node, brokers)
        partitions, replication_factor = len(assignments), 1
    if partitions == -1:
        partitions = node.settings.integer("num.partitions")
    if replication_factor == -1:
        replication_factor = node.settings.integer("default.replication.factor")
    if partitions < 1:
        raise Refused(
            ErrorCode.INVALID_PARTITIONS, f"A topic cannot have {partitions} partitions; -1 is the default."
        )
    _check_replication(node, replication_factor)
    checked = dict(configs or {})
    check_topic_configs(checked)
    texts = {key: text for key, text in checked.items() if text is not None}
    return CreateTopic(name, node.new_uuid(), partitions, texts, replication_factor)


def check_assignment(node: Node, brokers: Sequence[int]) -> None:
    """Refuse (39) an assignment of a partition to anything but this one broker."""
    wrong = [broker for broker in brokers if broker != node.node_id]
    if not brokers:
        problem = "names no broker"
    elif wrong:
        problem = f"names broker {wrong[0]}, which is not registered"
    elif len(brokers) > 1:
        problem = f"names broker {brokers[0]} more than once"
    else:
        return
    raise Refused(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"An assignment {problem}: the one broker is {node.node_id}."
    )


def check_new_partitions(node: Node, count: int, made: int = 0) -> None:
    """Refuse (44) more new partitions in one request than `MAX_NEW_PARTITIONS`, or more in all than the broker may have.

    `count` are those to come, `made` those that the same request has brought already.
    """
    if made + count > MAX_NEW_PARTITIONS:
        raise Refused(
            ErrorCode.POLICY_VIOLATION,
            f"One request can add {MAX_NEW_PARTITIONS} partitions, not {made + count}: spread them over several requests.",
        )
    limit = node.settings.integer("neuraxis.max.partitions")
    if len(node.partitions) + count > limit:
        raise Refused(
            ErrorCode.POLICY_VIOLATION,
            f"The broker has {len(node.partitions)} partitions and may have {limit}: {count} more are too many. Delete "
            "topics, or start it with a larger neuraxis.max.partitions where memory and disk allow.",
        )


def _check_replication(node: Node, replication_factor: int) -> None:
    if replication_factor < 1:
        raise Refused(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"A topic cannot have {replication_factor} replicas; -1 is the default.",
        )
    if replication_factor > 1 and node.config.strict_replication:
        raise Refused(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"{replication_factor} replicas need as many brokers; this is the only one. Ask for 1.",
        )
