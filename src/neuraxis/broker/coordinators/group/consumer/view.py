"""What the group coordinator may ask of the rest of the broker: topics, and the configs of groups. Reading only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class SeenTopic(NamedTuple):
    """A topic as it is now."""

    name: str
    topic_id: bytes
    partitions: int


class View(Protocol):
    """The broker as the group coordinator sees it."""

    def version(self) -> int:
        """Rises with every change of topics; equal numbers mean equal topics."""
        ...

    def topic(self, name: str, /) -> SeenTopic | None:
        """The topic of this name."""
        ...

    def topic_by_id(self, topic_id: bytes, /) -> SeenTopic | None:
        """The topic with this id."""
        ...

    def names(self) -> Iterable[str]:
        """The names of all topics: a regular expression may match any of them, internal ones too."""
        ...

    def group_config(self, group_id: str, name: str, /) -> int:
        """A number among the configs of a group, by Kafka's name: its own, else the broker's default."""
        ...


class NoView:
    """A broker without topics: for machines that only fold a log."""

    def version(self) -> int:
        """Always the same."""
        return 0

    def topic(self, _name: str, /) -> SeenTopic | None:
        """There is none."""
        return None

    def topic_by_id(self, _topic_id: bytes, /) -> SeenTopic | None:
        """There is none."""
        return None

    def names(self) -> Iterable[str]:
        """None."""
        return ()

    def group_config(self, _group_id: str, name: str, /) -> int:
        """Kafka's defaults."""
        return {
            "consumer.session.timeout.ms": 45_000,
            "consumer.heartbeat.interval.ms": 5_000,
            "consumer.assignment.interval.ms": 1_000,
            "streams.session.timeout.ms": 45_000,
        }[name]
