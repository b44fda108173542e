"""The state of one streams group: epochs, topology, members, tasks. Rule: all but the group itself are values, never changed.

Hard: `epoch` to `topology`, exactly the fold of the facts. Derived: `static_members`. Soft: the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.streams.topology import Configured, Topology

TaskId = tuple[str, int]
"""Subtopology and partition."""

LEFT = -1
"""The epoch by which a member says that it leaves."""

LEFT_FOR_NOW = -2
"""The member epoch of a static member that went away and may come back under another member id."""


class Duties(NamedTuple):
    """Tasks by role."""

    active: frozenset[TaskId] = frozenset()
    standby: frozenset[TaskId] = frozenset()
    warmup: frozenset[TaskId] = frozenset()

    def tasks(self) -> frozenset[TaskId]:
        """All of them, whatever the role."""
        return self.active | self.standby | self.warmup

    def minus(self, other: Duties) -> Duties:
        """Those that `other` has not in the same role."""
        return Duties(self.active - other.active, self.standby - other.standby, self.warmup - other.warmup)

    def common(self, other: Duties) -> Duties:
        """Those that `other` has in the same role."""
        return Duties(self.active & other.active, self.standby & other.standby, self.warmup & other.warmup)

    def plus(self, other: Duties) -> Duties:
        """Those of both."""
        return Duties(self.active | other.active, self.standby | other.standby, self.warmup | other.warmup)


NOTHING = Duties()


class MemberState(IntEnum):
    """Where a member stands between what it has and what it is to have; the numbers are those of the records."""

    STABLE = 1
    UNREVOKED_TASKS = 2
    UNRELEASED_TASKS = 3


class Endpoint(NamedTuple):
    """Where a member answers interactive queries."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class StreamsMember:
    """A member as it described itself; tags are sorted."""

    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int = -1
    topology_epoch: int = 0
    process_id: str = ""
    endpoint: Endpoint | None = None
    client_tags: tuple[tuple[str, str], ...] = ()

    def differs(self, other: StreamsMember) -> bool:
        """Whether a new assignment is due where one stands for the other. The instance id alone makes no difference."""
        return replace(self, instance_id=None) != replace(other, instance_id=None)


@dataclass(frozen=True, slots=True)
class Current:
    """What a member has, what it must let go first (`revoking`), and the epoch it has reached.

    `since`: of each active task in either, the epoch at which it was handed out.
    """

    member_epoch: int = 0
    previous_epoch: int = 0
    state: MemberState = MemberState.STABLE
    assigned: Duties = NOTHING
    revoking: Duties = NOTHING
    since: dict[TaskId, int] = field(default_factory=dict)

    def held(self) -> Duties:
        """All that nobody else may have yet."""
        return self.assigned.plus(self.revoking)

    def is_at(self, epoch: int) -> bool:
        """Whether the member has all of the target assignment of this epoch."""
        return self.state is MemberState.STABLE and self.member_epoch == epoch


NEW = Current()
"""Before the first heartbeat."""


class Progress(NamedTuple):
    """How far a member says its stores are, and how far they could be: (subtopology, partition, offset)."""

    offsets: tuple[tuple[str, int, int], ...] = ()
    end_offsets: tuple[tuple[str, int, int], ...] = ()


@dataclass(slots=True)
class StreamsGroup:
    """A streams group.

    Attributes:
        epoch: rises with every change of members, topics or configs that asks for another assignment.
        metadata_hash: of the topics of the topology, their ids and partition counts, when the epoch last rose.
        validated_epoch: the topology epoch whose topics are all there; -1: none.
        standby_replicas: the number that the last assignment was asked for; None: not known.
        assignment_epoch: the group epoch that `targets` was made for.
        configured: the topology with the topics there are, as of catalogue version `checked`; None: look again.
        endpoint_epoch: rises with what `partitions by endpoint` would show.
        shutdown_by: the member that asked all others to stop.
    """

    epoch: int = 0
    metadata_hash: int = 0
    validated_epoch: int = -1
    standby_replicas: int | None = None
    assignment_epoch: int = 0
    assigned_at_ms: int = 0
    members: dict[str, StreamsMember] = field(default_factory=dict)
    targets: dict[str, Duties] = field(default_factory=dict)
    current: dict[str, Current] = field(default_factory=dict)
    topology: Topology | None = None
    static_members: dict[str, str] = field(default_factory=dict)
    configured: Configured | None = None
    checked: int | None = None
    endpoint_epoch: int = 0
    shutdown_by: str | None = None
    progress: dict[str, Progress] = field(default_factory=dict)

    def copy(self) -> StreamsGroup:
        """A copy that may be changed; what its dicts hold is shared."""
        return replace(
            self,
            members=dict(self.members),
            targets=dict(self.targets),
            current=dict(self.current),
            static_members=dict(self.static_members),
            progress=dict(self.progress),
        )

    def phase(self) -> str:
        """Kafka's name of the group's state."""
        if not self.members:
            return "Empty"
        if self.topology is None or self.validated_epoch != self.topology.epoch:
            return "NotReady"
        if self.epoch > self.assignment_epoch:
            return "Assigning"
        if all(self.current.get(each, NEW).is_at(self.assignment_epoch) for each in self.members):
            return "Stable"
        return "Reconciling"

    def hard(self) -> tuple[object, ...]:
        """What the log holds of the group, for comparisons."""
        return (
            (self.epoch, self.metadata_hash, self.validated_epoch, self.standby_replicas),
            (self.assignment_epoch, self.assigned_at_ms),
            self.members,
            self.targets,
            self.current,
            self.topology,
        )
