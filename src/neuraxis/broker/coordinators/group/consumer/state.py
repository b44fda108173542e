"""The state of one consumer group: epochs, members, target and current assignment. Rule: members and assignments are values.

Hard: `epoch` to `regexes`, exactly the fold of the facts. Derived from them: `static_members` and `owners`. Soft: `checked`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

Target = dict[bytes, tuple[int, ...]]
"""What a member is to have: partitions, ascending, by topic id."""

Held = dict[bytes, dict[int, int]]
"""What a member has: by topic id and partition, the epoch at which it was handed out."""

LEFT_FOR_NOW = -2
"""The member epoch of a static member that went away and may come back under another member id."""

LEFT = -1
"""The epoch by which a member says that it leaves."""


class MemberState(IntEnum):
    """Where a member stands between what it has and what it is to have; the numbers are those of the records."""

    STABLE = 1
    UNREVOKED_PARTITIONS = 2
    UNRELEASED_PARTITIONS = 3


class ClassicMetadata(NamedTuple):
    """What a member that speaks the classic protocol said in JoinGroup."""

    session_timeout_ms: int
    protocols: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class ConsumerMember:
    """A member as it described itself. Topic names are sorted; `classic` is None for the newer protocol."""

    member_id: str
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    topic_names: tuple[str, ...] = ()
    topic_regex: str = ""
    rebalance_timeout_ms: int = -1
    server_assignor: str | None = None
    classic: ClassicMetadata | None = None


@dataclass(frozen=True, slots=True)
class Current:
    """What a member has now, what it must let go first (`revoking`), and the epoch it has reached."""

    member_epoch: int = 0
    previous_epoch: int = 0
    state: MemberState = MemberState.STABLE
    assigned: Held = field(default_factory=dict)
    revoking: Held = field(default_factory=dict)

    def is_at(self, epoch: int) -> bool:
        """Whether the member has all of the target assignment of this epoch."""
        return self.state is MemberState.STABLE and self.member_epoch == epoch


NEW = Current()
"""Before the first heartbeat."""


class ResolvedRegex(NamedTuple):
    """The topics that a regular expression matched, as of a version of the catalogue and a wall clock time."""

    topics: tuple[str, ...]
    version: int
    timestamp_ms: int


@dataclass(slots=True)
class ConsumerGroup:
    """A consumer group.

    Attributes:
        epoch: rises with every change of members, subscriptions or subscribed topics.
        metadata_hash: of the subscribed topics, their ids and partition counts, when the epoch last rose.
        assignment_epoch: the group epoch that `targets` was made for.
        owners: who has a partition, assigned or not yet revoked; it is handed out again only when nobody has it.
        checked: the version of the catalogue that `metadata_hash` is known to be right for; None: look again.
    """

    epoch: int = 0
    metadata_hash: int = 0
    assignment_epoch: int = 0
    assigned_at_ms: int = 0
    members: dict[str, ConsumerMember] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    current: dict[str, Current] = field(default_factory=dict)
    regexes: dict[str, ResolvedRegex] = field(default_factory=dict)
    static_members: dict[str, str] = field(default_factory=dict)
    owners: dict[bytes, dict[int, str]] = field(default_factory=dict)
    checked: int | None = None

    def topics_of(self, member: ConsumerMember) -> frozenset[str]:
        """All topics a member is subscribed to: those it named, and those its expression matched."""
        resolved = self.regexes.get(member.topic_regex) if member.topic_regex else None
        return frozenset(member.topic_names).union(resolved.topics if resolved is not None else ())

    def subscribed_topics(self) -> frozenset[str]:
        """All topics that some member is subscribed to."""
        found: set[str] = set()
        for member in self.members.values():
            found.update(self.topics_of(member))
        return frozenset(found)

    def phase(self) -> str:
        """Kafka's name of the group's state."""
        if not self.members:
            return "Empty"
        if self.epoch > self.assignment_epoch:
            return "Assigning"
        if all(self.current.get(each, NEW).is_at(self.assignment_epoch) for each in self.members):
            return "Stable"
        return "Reconciling"

    def hard(self) -> tuple[object, ...]:
        """What the log holds of the group, for comparisons."""
        return (
            (self.epoch, self.metadata_hash, self.assignment_epoch, self.assigned_at_ms),
            self.members,
            self.targets,
            self.current,
            self.regexes,
        )
