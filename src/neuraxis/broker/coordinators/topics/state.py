"""The catalogue's state: a plain fold of its facts. The rule: a fact touches only what its own key names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.topics.cluster_facts import ClusterFact, ClusterState
from neuraxis.broker.coordinators.topics.facts import (
    ConfigsFact,
    Fact,
    LogStartFact,
    ProducerIdsFact,
    TopicFact,
    TopicGone,
)
from neuraxis.broker.topic_names import collision_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BROKER_RESOURCE = 4
"""The protocol's resource type of brokers."""

PRODUCER_ID_BASE = 1 << 40
"""The first producer id ever handed out.

A Kafka cluster counts its producer ids from 0, so batches that later move there with their ids meet none of the
cluster's own before it has used a million million. Below 2^53, so that tools which count in doubles show it exactly.
"""


class CatalogueState:
    """Everything the catalogue knows.

    Attributes:
        topics: topic facts by name.
        names: name by topic id.
        collisions: name by its collision key.
        log_starts: offsets below which records were deleted on request, by (topic id, partition).
        configs: configs of other resources by (resource type, name).
        next_producer_id: the first producer id that is free.
        cluster: quotas, credentials, access rules, tokens and features.
    """

    __slots__ = ("cluster", "collisions", "configs", "log_starts", "names", "next_producer_id", "topics")

    def __init__(self) -> None:
        self.topics: dict[str, TopicFact] = {}
        self.names: dict[bytes, str] = {}
        self.collisions: dict[str, str] = {}
        self.log_starts: dict[tuple[bytes, int], int] = {}
        self.configs: dict[tuple[int, str], Mapping[str, str]] = {}
        self.next_producer_id = PRODUCER_ID_BASE
        self.cluster = ClusterState()

    def broker_configs(self, node_id: int) -> dict[str, str]:
        """The broker configs set at run time that hold for this node: the cluster-wide ones, then its own."""
        shared = self.configs.get((BROKER_RESOURCE, ""), {})
        return {**shared, **self.configs.get((BROKER_RESOURCE, str(node_id)), {})}

    def apply(self, fact: Fact) -> None:
        """Write the fact."""
        if isinstance(fact, ClusterFact):
            self.cluster.apply(fact)
        elif isinstance(fact, TopicFact | TopicGone):
            self._apply_topic(fact)
        elif isinstance(fact, ConfigsFact):
            if fact.configs:
                self.configs[fact.resource_type, fact.name] = dict(fact.configs)
            else:
                self.configs.pop((fact.resource_type, fact.name), None)
        elif isinstance(fact, LogStartFact):
            if fact.offset is None:
                self.log_starts.pop((fact.topic_id, fact.partition), None)
            else:
                self.log_starts[fact.topic_id, fact.partition] = fact.offset
        else:
            assert isinstance(fact, ProducerIdsFact)
            self.next_producer_id = fact.next_producer_id

    def _apply_topic(self, fact: TopicFact | TopicGone) -> None:
        before = self.topics.get(fact.name)
        if before is not None:
            del self.names[before.topic_id]
        if isinstance(fact, TopicFact):
            self.topics[fact.name] = fact
            self.names[fact.topic_id] = fact.name
            self.collisions[collision_key(fact.name)] = fact.name
        elif before is not None:
            del self.topics[fact.name]
            self.collisions.pop(collision_key(fact.name), None)

    def facts(self) -> Iterator[Fact]:
        """The facts whose fold is this state."""
        yield from self.topics.values()
        for (topic_id, partition), offset in self.log_starts.items():
            yield LogStartFact(topic_id, partition, offset)
        for (resource_type, name), configs in self.configs.items():
            yield ConfigsFact(resource_type, name, configs)
        if self.next_producer_id != PRODUCER_ID_BASE:
            yield ProducerIdsFact(self.next_producer_id)
        yield from self.cluster.facts()
