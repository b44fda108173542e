"""What is known of a streams group from outside, and the judge of it: an active task has one owner, epochs never go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams.topology import StatusCode
from neuraxis.wire.messages import streams_group_heartbeat as wire
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.streams.state import StreamsGroup
    from tests.simulation.actors.streamer import Streamer
    from tests.simulation.world import World

Tasks = frozenset[tuple[str, int]]
LAG = 7
"""The offset that members say their standbys have: any number."""


class TaskRegister:
    """One group. It reads stable topics, repartitions them, and counts in a store."""

    def __init__(self, world: World, group_id: str) -> None:
        self.world = world
        self.group_id = group_id
        self.members: list[Streamer] = []
        self.epoch = 0

    def topology(self) -> wire.Topology:
        """What the application does."""
        sources = [plan.name for plan in self.world.plan.topics if not plan.volatile]
        repartition = wire.TopicInfo("__streams-repartition", 0, 0, [])
        changelog = wire.TopicInfo("__streams-changelog", 0, 0, [])
        return wire.Topology(
            0,
            [
                wire.Subtopology("0", sources, [], [], [repartition.name], [], []),
                wire.Subtopology("1", [], [], [changelog], [], [repartition], []),
            ],
        )

    def group(self) -> StreamsGroup | None:
        """The group as the broker has it."""
        if not self.world.host.up:
            return None
        for shard in self.world.host.core.node.group_shards:
            group = shard.state.groups.get(self.group_id)
            if group is not None and group.streams is not None:
                found: StreamsGroup = group.streams
                return found
        return None

    def handed(self, member: Streamer, given: Tasks) -> None:
        """A member was handed tasks: nobody who is still a member works on one of them."""
        group = self.group()
        if group is None or not self.world.model.internal_sync:
            return
        if group.epoch < self.epoch:
            raise Violation(f"{self.group_id}: the epoch went back from {self.epoch} to {group.epoch}")
        self.epoch = group.epoch
        for other in self.members:
            both = given & other.active
            if other is not member and both and other.member_id in group.members and other.epoch > 0:
                raise Violation(f"{member.name} was handed {sorted(both)}, which {other.name} works on")
        for name, index in sorted(given):
            owners = [each for each, held in group.current.items() if (name, index) in held.held().active]
            if len(owners) > 1:
                raise Violation(f"{self.group_id}: task {name}_{index} has the owners {owners}")

    @staticmethod
    def outgrown(group: StreamsGroup) -> bool:
        """Whether a source has more partitions than the topics that were made for it: nobody can go on, as in Kafka."""
        status = None if group.configured is None else group.configured.status
        return status is not None and status[0] is StatusCode.INCORRECTLY_PARTITIONED_TOPICS

    def whole(self, group: StreamsGroup) -> bool:
        """Whether every task is in somebody's hands."""
        if group.configured is None or group.configured.status is not None:
            return False
        held = [len(each.assigned.active) for each in group.current.values()]
        return sum(held) == sum(group.configured.tasks.values())
