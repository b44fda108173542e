"""The broker's topics and group configs as the group coordinator sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer.view import SeenTopic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.node import Node, Topic

GROUP_RESOURCE = 32


class GroupView:
    """A `View` of the node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def version(self) -> int:
        """The end of the catalogue's log: every change of topics moves it."""
        return self._node.catalogue.partition.log.log_end_offset

    def topic(self, name: str, /) -> SeenTopic | None:
        """The topic of this name."""
        return _seen(self._node.topics.get(name))

    def topic_by_id(self, topic_id: bytes, /) -> SeenTopic | None:
        """The topic with this id."""
        return _seen(self._node.topics_by_id.get(topic_id))

    def names(self) -> Iterable[str]:
        """All topics, internal ones too, as in Kafka."""
        return self._node.topics

    def group_config(self, group_id: str, name: str, /) -> int:
        """A number: the group's own, else the broker's default for groups."""
        own = self._node.catalogue.state.configs.get((GROUP_RESOURCE, group_id), {}).get(name)
        return self._node.settings.integer(f"group.{name}") if own is None else int(own)


def _seen(topic: Topic | None) -> SeenTopic | None:
    return None if topic is None else SeenTopic(topic.name, topic.topic_id, len(topic.partitions))
