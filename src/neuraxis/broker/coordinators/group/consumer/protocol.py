"""What consumers say inside the classic protocol: subscriptions and assignments, to and from the coordinator's own terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.wire import codec
from neuraxis.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolAssignmentTopicPartition,
    ConsumerProtocolSubscription,
)

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.consumer.state import Held
    from neuraxis.broker.coordinators.group.consumer.view import View

PROTOCOL_TYPE = "consumer"
NEWEST = 3
"""The newest version of both messages; a newer one begins as this one does."""


class Subscription(NamedTuple):
    """What a member of the classic protocol reads, and what it says that it has, by topic id."""

    topic_names: tuple[str, ...]
    rack_id: str | None
    owned: dict[bytes, tuple[int, ...]]


def version_of(data: bytes) -> int:
    """The version that a message begins with, as far as it is known here. Raises Malformed."""
    version = int.from_bytes(data[:2], "big", signed=True)
    if len(data) < 2 or version < 0:
        raise codec.Malformed("no version")
    return min(version, NEWEST)


def read_subscription(data: bytes, view: View) -> Subscription:
    """The subscription in a member's protocol metadata. Raises Malformed."""
    said = codec.decode(ConsumerProtocolSubscription, version_of(data), data, 2)[0]
    owned: dict[bytes, tuple[int, ...]] = {}
    for item in said.owned_partitions:
        topic = view.topic(item.topic)
        if topic is not None:
            owned[topic.topic_id] = tuple(item.partitions)
    return Subscription(tuple(sorted(set(said.topics))), said.rack_id, owned)


def read_assignment(data: bytes, view: View) -> dict[bytes, tuple[int, ...]]:
    """The partitions of an assignment by topic id, those that exist. Raises Malformed; no bytes are no partitions."""
    if not data:
        return {}
    said = codec.decode(ConsumerProtocolAssignment, version_of(data), data, 2)[0]
    found: dict[bytes, tuple[int, ...]] = {}
    for item in said.assigned_partitions:
        topic = view.topic(item.topic)
        if topic is not None:
            found[topic.topic_id] = tuple(each for each in item.partitions if 0 <= each < topic.partitions)
    return found


def write_assignment(assigned: Held, version: int, view: View) -> bytes:
    """An assignment as SyncGroup carries it."""
    topics = []
    for topic_id, partitions in assigned.items():
        topic = view.topic_by_id(topic_id)
        if topic is not None:
            topics.append(ConsumerProtocolAssignmentTopicPartition(topic.name, sorted(partitions)))
    return version.to_bytes(2, "big") + codec.encode(ConsumerProtocolAssignment(topics, None), version)
