"""A group coordinator with topics that a test makes, and streams members in a line each."""

from __future__ import annotations

from typing import Any

from neuraxis.broker.coordinators.group.consumer.view import SeenTopic
from neuraxis.broker.coordinators.streams.commands import StreamsHeartbeat
from neuraxis.broker.coordinators.streams.state import Duties, StreamsGroup
from neuraxis.broker.coordinators.streams.topology import Subtopology, TopicInfo, Topology
from tests.broker.coordinators.group.world import World

NOTHING = Duties()
NUMBERS = {
    "streams.session.timeout.ms": 45_000,
    "streams.heartbeat.interval.ms": 5_000,
    "streams.task.offset.interval.ms": 60_000,
    "streams.acceptable.recovery.lag": 10_000,
    "streams.assignment.interval.ms": 0,
    "streams.initial.rebalance.delay.ms": 0,
    "streams.num.standby.replicas": 0,
    "streams.max.size": 100,
}


class Topics:
    """A view of topics and group configs that tests change."""

    def __init__(self, **partitions: int) -> None:
        self.topics: dict[str, SeenTopic] = {}
        self.configs = dict(NUMBERS)
        self.changes = 0
        for name, count in partitions.items():
            self.make(name, count)

    def make(self, name: str, count: int) -> None:
        self.changes += 1
        self.topics[name] = SeenTopic(name, self.changes.to_bytes(16, "big"), count)

    def drop(self, name: str) -> None:
        self.changes += 1
        del self.topics[name]

    def version(self) -> int:
        return self.changes

    def topic(self, name: str, /) -> SeenTopic | None:
        return self.topics.get(name)

    def topic_by_id(self, topic_id: bytes, /) -> SeenTopic | None:
        return next((each for each in self.topics.values() if each.topic_id == topic_id), None)

    def names(self) -> list[str]:
        return list(self.topics)

    def group_config(self, group_id: str, name: str, /) -> int:
        return self.configs[name]


def part(name: str, *sources: str, **more: Any) -> Subtopology:
    """A subtopology; what is not said is empty."""
    fields: dict[str, Any] = {"regexes": (), "changelogs": (), "sinks": (), "repartitions": ()}
    return Subtopology(name, sources, **{**fields, "copartitions": (), **more})


def info(name: str, partitions: int = 0) -> TopicInfo:
    return TopicInfo(name, partitions, 0)


PLAIN = Topology(0, (part("0", "in"),))
STORED = Topology(0, (part("0", "in", changelogs=(info("log"),)),))
COUNTING = Topology(
    0,
    (part("0", "in", sinks=("rep",)), part("1", repartitions=(info("rep"),), changelogs=(info("log"),))),
)


def tasks(*names: str) -> frozenset[tuple[str, int]]:
    """Tasks by their names: "0_1" is partition 1 of subtopology 0."""
    return frozenset((name.partition("_")[0], int(name.partition("_")[2])) for name in names)


def duties(active: str = "", standby: str = "") -> Duties:
    return Duties(tasks(*active.split()), tasks(*standby.split()))


def command(member: str, epoch: int, **more: Any) -> StreamsHeartbeat:
    """A heartbeat of group g; one that joins says all that it must."""
    fields: dict[str, Any] = {}
    if epoch == 0:
        empty: frozenset[tuple[str, int]] = frozenset()
        fields = {"topology": PLAIN, "active": empty, "standby": empty, "warmup": empty}
        fields |= {"process_id": f"p{member}", "rebalance_timeout_ms": 60_000}
    fields |= more
    owned = fields.pop("owned", None)
    if owned is not None:
        fields |= {"active": owned.active, "standby": owned.standby, "warmup": owned.warmup}
    return StreamsHeartbeat(
        **{"token": 7, "group_id": "g", "member_id": member, "member_epoch": epoch, **fields}
    )


class Streams:
    """The world of the group coordinator's tests, with topics."""

    def __init__(self, **partitions: int) -> None:
        self.topics = Topics(**(partitions or {"in": 2}))
        self.world = World(view=self.topics)

    @property
    def group(self) -> StreamsGroup:
        found = self.world.state.groups["g"].streams
        assert found is not None
        return found

    def beat(self, member: str, epoch: int, **more: Any) -> Any:
        """The answer to a heartbeat."""
        token = self.world.token()
        self.world.run(command(member, epoch, token=token, **more))
        return self.world.answers[token]
