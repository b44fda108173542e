"""A share group: epochs, members, who reads which partitions. Rule: members and assignments are values, groups are copied.

Hard: all but `checked`, exactly the fold of the facts. Nobody owns a partition, so an assignment is in force at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

Target = dict[bytes, tuple[int, ...]]
"""What a member reads: partitions, ascending, by topic id."""

LEFT = -1
"""The epoch by which a member says that it leaves."""

STABLE = 1
"""The number of the one state that a member's assignment has in the log."""


@dataclass(frozen=True, slots=True)
class ShareMember:
    """A member as it described itself; topic names are sorted."""

    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    topic_names: tuple[str, ...] = ()


class Current(NamedTuple):
    """The epoch that a member has reached, the one before, and what it reads."""

    member_epoch: int
    previous_epoch: int
    assigned: Target


class KnownTopic(NamedTuple):
    """A topic of which the group has share partitions."""

    name: str
    partitions: tuple[int, ...]


@dataclass(slots=True)
class ShareGroup:
    """A share group.

    Attributes:
        epoch: rises with every change of members, subscriptions or subscribed topics.
        metadata_hash: of the subscribed topics, their ids and partition counts, when the epoch last rose.
        assignment_epoch: the group epoch that `targets` was made for.
        topics: by topic id, the share partitions that the group has, whether anybody subscribes to them or not.
        checked: the version of the catalogue that `metadata_hash` is known to be right for; None: look again.
    """

    epoch: int = 0
    metadata_hash: int = 0
    assignment_epoch: int = 0
    assigned_at_ms: int = 0
    members: dict[str, ShareMember] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    current: dict[str, Current] = field(default_factory=dict)
    topics: dict[bytes, KnownTopic] = field(default_factory=dict)
    checked: int | None = None

    def copy(self) -> ShareGroup:
        """A copy that may be changed; what its dicts hold is shared."""
        return replace(
            self,
            members=dict(self.members),
            targets=dict(self.targets),
            current=dict(self.current),
            topics=dict(self.topics),
        )

    def phase(self) -> str:
        """Kafka's name of the group's state."""
        return "Stable" if self.members else "Empty"

    def subscribed_topics(self) -> list[str]:
        """All topics that some member is subscribed to, sorted."""
        return sorted({name for member in self.members.values() for name in member.topic_names})

    def hard(self) -> tuple[object, ...]:
        """What the log holds of the group, for comparisons."""
        return (
            (self.epoch, self.metadata_hash, self.assignment_epoch, self.assigned_at_ms),
            self.members,
            self.targets,
            self.current,
            self.topics,
        )
