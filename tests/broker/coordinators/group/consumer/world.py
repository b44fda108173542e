"""Consumer groups without a broker: topics that tests make and change, members that send heartbeats."""

from __future__ import annotations

import struct
from typing import Any

from neuraxis.broker.coordinators.group.consumer.heartbeat import ConsumerHeartbeat
from neuraxis.broker.coordinators.group.consumer.state import ConsumerGroup, Current
from neuraxis.broker.coordinators.group.consumer.view import SeenTopic
from neuraxis.wire import codec
from neuraxis.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatResponse
from neuraxis.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolSubscription,
    TopicPartition,
)
from tests.broker.coordinators.group.world import World

TIMEOUT_MS = 60_000
SETTLED_MS = 1_000
"""The interval between two assignments."""

Topics = dict[str, list[int]]


class Topics848:
    """A `View` that tests write to."""

    def __init__(self, **topics: int) -> None:
        self.topics: dict[str, SeenTopic] = {}
        self.configs: dict[str, int] = {
            "consumer.session.timeout.ms": 45_000,
            "consumer.heartbeat.interval.ms": 5_000,
            "consumer.assignment.interval.ms": 1_000,
        }
        self._version = 0
        for name, partitions in topics.items():
            self.put(name, partitions)

    def put(self, name: str, partitions: int) -> None:
        known = self.topics.get(name)
        self._version += 1
        topic_id = struct.pack(">QQ", 7, self._version) if known is None else known.topic_id
        self.topics[name] = SeenTopic(name, topic_id, partitions)

    def drop(self, name: str) -> None:
        self._version += 1
        del self.topics[name]

    def version(self) -> int:
        return self._version

    def topic(self, name: str, /) -> SeenTopic | None:
        return self.topics.get(name)

    def topic_by_id(self, topic_id: bytes, /) -> SeenTopic | None:
        return next((each for each in self.topics.values() if each.topic_id == topic_id), None)

    def names(self) -> list[str]:
        return list(self.topics)

    def group_config(self, _group_id: str, name: str, /) -> int:
        return self.configs[name]


class ConsumerWorld(World):
    """A coordinator with topics t4 and t2, of four and two partitions."""

    def __init__(self, **overrides: int) -> None:
        self.topics = Topics848(t4=4, t2=2)
        super().__init__(view=self.topics, **overrides)

    def consumer(self, group: str = "g") -> ConsumerGroup:
        found = self.state.groups[group].consumer
        assert found is not None
        return found

    def current(self, member: str, group: str = "g") -> Current:
        return self.consumer(group).current[member]

    def ids(self, topics: Topics) -> dict[bytes, tuple[int, ...]]:
        return {self.topics.topics[name].topic_id: tuple(found) for name, found in topics.items()}

    def beat(
        self,
        member: str,
        epoch: int,
        topics: list[str] | None = None,
        owned: Topics | None = None,
        **options: Any,
    ) -> ConsumerGroupHeartbeatResponse:
        """The answer to a heartbeat."""
        token = self.token()
        fields: dict[str, Any] = {
            "api_version": 1,
            "group_id": "g",
            "instance_id": None,
            "rack_id": None,
            "rebalance_timeout_ms": -1,
            "topic_regex": None,
            "server_assignor": None,
            "client_id": "client",
            "client_host": "/127.0.0.1",
            "unique": f"unique-{token}",
        }
        command = ConsumerHeartbeat(
            token=token,
            member_id=member,
            member_epoch=epoch,
            topic_names=None if topics is None else tuple(topics),
            owned=None if owned is None else self.ids(owned),
            **(fields | options),
        )
        answer: ConsumerGroupHeartbeatResponse = self.answers[self.run(command)]
        return answer

    def enter(
        self, member: str, topics: list[str] | None = None, **options: Any
    ) -> ConsumerGroupHeartbeatResponse:
        """The answer to a first heartbeat; of topic t4 unless others are named."""
        named = ["t4"] if topics is None and "topic_regex" not in options else topics
        options.setdefault("rebalance_timeout_ms", TIMEOUT_MS)
        return self.beat(member, 0, named, {}, **options)

    def settle(self, *members: str, group: str = "g") -> None:
        """Let members send heartbeats, each saying that it has just what it was given, until all have their shares."""
        self.advance(SETTLED_MS)
        for _ in range(5):
            for member in members:
                current = self.current(member, group)
                owned = self.has(member, group)
                owned.pop("?", None)  # of a topic that is gone
                answer = self.beat(member, current.member_epoch, None, owned, group_id=group)
                assert answer.error_code == 0, answer
        assert self.consumer(group).phase() == "Stable"

    def name(self, topic_id: bytes) -> str:
        found = self.topics.topic_by_id(topic_id)
        return "?" if found is None else found.name

    def has(self, member: str, group: str = "g") -> Topics:
        """What a member has, by topic name."""
        assigned = self.current(member, group).assigned
        return {self.name(topic_id): list(found) for topic_id, found in assigned.items()}

    def given(self, answer: ConsumerGroupHeartbeatResponse) -> Topics | None:
        """What an answer hands out, by topic name."""
        if answer.assignment is None:
            return None
        return {self.name(item.topic_id): item.partitions for item in answer.assignment.topic_partitions}


def subscribing(topics: list[str], owned: Topics | None = None, version: int = 1) -> bytes:
    """What a member of the classic protocol says of itself."""
    having = [TopicPartition(name, found) for name, found in (owned or {}).items()]
    said = ConsumerProtocolSubscription(topics, None, having, -1, None)
    return version.to_bytes(2, "big") + codec.encode(said, version)


def read_share(data: bytes) -> Topics:
    """What a SyncGroup answer hands out."""
    if not data:
        return {}
    said = codec.decode(ConsumerProtocolAssignment, int.from_bytes(data[:2], "big"), data, 2)[0]
    return {item.topic: item.partitions for item in said.assigned_partitions}
