"""What the catalogue remembers, as facts, and the bytes in which its log keeps them. The rule: one fact, one key.

The log is ours alone (Apache Kafka has no single-node format for this), so the encoding is too. A key is a kind byte
and what identifies the thing; a value is a version byte and the fields, big-endian; a tombstone says that it is gone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.topics import cluster_facts
from neuraxis.broker.coordinators.topics.cluster_facts import ClusterFact

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""The version of every value written by this release. A field more means a version more; old versions stay readable."""

_TOPIC, _CONFIGS, _LOG_START, _PRODUCER_IDS = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class TopicFact:
    """A topic exists. `replication_factor` is the wish: what is served is always one replica, this node's."""

    name: str
    topic_id: bytes
    partitions: int
    configs: Mapping[str, str] = field(default_factory=dict)
    replication_factor: int = 1


@dataclass(frozen=True, slots=True)
class TopicGone:
    """The topic of this name is deleted."""

    name: str


@dataclass(frozen=True, slots=True)
class ConfigsFact:
    """All configs set on a resource that is not a topic; none at all is kept as a tombstone.

    Resource types are the protocol's: 4 broker (name "" is the cluster-wide default), 16 client metrics, 32 group.
    """

    resource_type: int
    name: str
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LogStartFact:
    """Records below `offset` were deleted on request; None: the partition is gone."""

    topic_id: bytes
    partition: int
    offset: int | None


@dataclass(frozen=True, slots=True)
class ProducerIdsFact:
    """Producer ids below `next_producer_id` are taken."""

    next_producer_id: int


Fact = TopicFact | TopicGone | ConfigsFact | LogStartFact | ProducerIdsFact | ClusterFact


class UnknownVersion(ValueError):
    """The value was written by a newer release."""


def encode(fact: Fact) -> tuple[bytes, bytes | None]:
    """Key and value of the record that keeps the fact; a value of None is a tombstone."""
    if isinstance(fact, ClusterFact):
        return cluster_facts.encode(fact)
    if isinstance(fact, TopicGone):
        return bytes([_TOPIC]) + fact.name.encode(), None
    if isinstance(fact, TopicFact):
        head = struct.pack(">B16sih", VERSION, fact.topic_id, fact.partitions, fact.replication_factor)
        return bytes([_TOPIC]) + fact.name.encode(), head + _pack_configs(fact.configs)
    if isinstance(fact, ConfigsFact):
        key = struct.pack(">BB", _CONFIGS, fact.resource_type) + fact.name.encode()
        return key, bytes([VERSION]) + _pack_configs(fact.configs) if fact.configs else None
    if isinstance(fact, LogStartFact):
        key = struct.pack(">B16si", _LOG_START, fact.topic_id, fact.partition)
        return key, None if fact.offset is None else struct.pack(">Bq", VERSION, fact.offset)
    return bytes([_PRODUCER_IDS]), struct.pack(">Bq", VERSION, fact.next_producer_id)


def decode(key: bytes, value: bytes | None) -> Fact | None:
    """The fact of a record, None for a kind that this release does not know (a later one wrote it for itself).

    Raises `UnknownVersion` for a newer version of a known kind, ValueError or struct.error for damaged bytes.
    """
    kind = key[0] if key else 0
    if kind not in (_TOPIC, _CONFIGS, _LOG_START, _PRODUCER_IDS) and kind not in cluster_facts.KINDS:
        return None
    if value is not None and value[:1] != bytes([VERSION]):
        raise UnknownVersion(
            f"catalogue record of kind {kind} has version {value[0] if value else 'none'}, this release reads "
            f"{VERSION}: start the release that wrote it"
        )
    if kind in cluster_facts.KINDS:
        return cluster_facts.decode(key, value)
    if kind == _TOPIC:
        name = key[1:].decode()
        if value is None:
            return TopicGone(name)
        _, topic_id, partitions, replication_factor = struct.unpack_from(">B16sih", value)
        return TopicFact(name, topic_id, partitions, _unpack_configs(value, 23), replication_factor)
    if kind == _CONFIGS:
        return ConfigsFact(key[1], key[2:].decode(), {} if value is None else _unpack_configs(value, 1))
    if kind == _LOG_START:
        _, topic_id, partition = struct.unpack(">B16si", key)
        return LogStartFact(topic_id, partition, None if value is None else struct.unpack(">Bq", value)[1])
    return None if value is None else ProducerIdsFact(struct.unpack(">Bq", value)[1])


def _pack_configs(configs: Mapping[str, str]) -> bytes:
    parts = [struct.pack(">H", len(configs))]
    for name, value in sorted(configs.items()):
        for text in (name.encode(), value.encode("utf-8", "surrogatepass")):
            parts.append(struct.pack(">I", len(text)) + text)
    return b"".join(parts)


def _unpack_configs(data: bytes, position: int) -> dict[str, str]:
    (count,) = struct.unpack_from(">H", data, position)
    position += 2
    texts: list[str] = []
    for _ in range(2 * count):
        (length,) = struct.unpack_from(">I", data, position)
        position += 4
        if position + length > len(data):
            raise ValueError(
                f"a text of {length} bytes at {position} ends after the value's {len(data)} bytes"
            )
        texts.append(data[position : position + length].decode("utf-8", "surrogatepass"))
        position += length
    return dict(zip(texts[::2], texts[1::2], strict=True))
