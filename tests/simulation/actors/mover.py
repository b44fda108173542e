"""Members of one group that change their protocol while it lives: classic for a while, then KIP-848's, and back.

With the first member of the newer protocol the group becomes a consumer group, with the last one it is a classic one again.
Whatever it is, no partition is handed to two of those who are members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer.protocol import version_of
from neuraxis.broker.coordinators.group.state import Phase, membership_of
from neuraxis.wire.codec import decode, encode
from neuraxis.wire.messages.consumer_protocol import (
    ConsumerProtocolAssignment,
    ConsumerProtocolAssignmentTopicPartition,
    ConsumerProtocolSubscription,
)
from neuraxis.wire.messages.leave_group import LeaveGroupRequest, MemberIdentity
from tests.simulation.actors.consumer import LEAVE, Consumer
from tests.simulation.actors.member import Member
from tests.simulation.actors.script import Ask, Pause, ScriptedActor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses

    from neuraxis.broker.coordinators.group.state import Group
    from tests.simulation.world import World

    Life = Generator[Pause | Ask, Any, Any]

GROUP = "moving-group"
Partition = tuple[str, int]


class Over(Exception):
    """The member stops to speak this protocol."""


class ClassicSide(Member):
    """A mover while it speaks the classic protocol, as Kafka's own consumers do with an eager assignor."""

    def __init__(self, mover: Mover) -> None:
        super().__init__(mover.world, mover.name, GROUP, None)
        self.mover, self.client, self.rng = mover, mover.client, mover.rng
        self.version = self.rng.randint(0, 3)
        self.known: set[Partition] = set()  # of what it was assigned: partitions of topics that were there

    def subscription(self) -> bytes:
        said = ConsumerProtocolSubscription(self.mover.names())
        return self.version.to_bytes(2, "big") + encode(said, self.version)

    def joined(self, *, leads: bool, started: int) -> None:
        """Generations of a group that moves are epochs, which its members reach one after the other."""

    def assigned(self, assignment: frozenset[Partition]) -> None:
        self.mover.check_given(set(assignment))
        served = self.mover.world.model.served
        self.known = {each for each in assignment if served(each[0]) is not None}

    def encode(self, owned: list[Partition]) -> bytes:
        by_topic: dict[str, list[int]] = {}
        for topic, index in owned:
            by_topic.setdefault(topic, []).append(index)
        topics = [ConsumerProtocolAssignmentTopicPartition(*each) for each in by_topic.items()]
        return self.version.to_bytes(2, "big") + encode(ConsumerProtocolAssignment(topics), self.version)

    def decode(self, assignment: bytes) -> frozenset[Partition]:
        if not assignment:
            return frozenset()
        said = decode(ConsumerProtocolAssignment, version_of(assignment), assignment, 2)[0]
        return frozenset(
            (each.topic, index) for each in said.assigned_partitions for index in each.partitions
        )

    def has(self) -> set[Partition]:
        """What it reads from."""
        return set(self.assignment or ())

    def claims(self) -> set[Partition]:
        """What is its own in a group that moved: it knows topics by id, so one that was not there yet is nobody's in it."""
        return self.known & self.has()

    def live(self) -> Life:
        while not self.world.finished:
            if (yield from self.join()):
                yield from self.work()
            yield Pause(self.rng.randint(10, 200))

    def misbehave(self) -> Life:
        if self.rng.random() < 0.6:
            self.world.injected["member or session left, died or slept"] += 1
            raise Over
        return (yield from super().misbehave())

    def farewell(self) -> Life:
        """Leave in good order."""
        yield Ask(LeaveGroupRequest(self.group, self.member_id, [MemberIdentity(self.member_id, None)]), 4)


class NewSide(Consumer):
    """A mover while it speaks the newer protocol."""

    def __init__(self, mover: Mover) -> None:
        super().__init__(mover.world, mover.name, GROUP, None)
        self.mover, self.client, self.rng = mover, mover.client, mover.rng
        self.member_id = f"{mover.name}-new-{mover.lives}"

    def names(self) -> list[str]:
        return self.mover.names()

    def given(self, given: set[tuple[bytes, int]]) -> None:
        self.mover.check_given(self._named(given))

    def _named(self, partitions: set[tuple[bytes, int]]) -> set[Partition]:
        topics = self.world.model.topics
        return {(topics[topic_id].plan.name, index) for topic_id, index in partitions if topic_id in topics}

    def has(self) -> set[Partition]:
        """What it reads from."""
        return self._named(self.holds)

    def claims(self) -> set[Partition]:
        """The same: it was handed nothing by name."""
        return self.has()

    def live(self) -> Life:
        while not self.world.finished:
            if not self.world.healed and self.rng.random() < 0.06:
                yield from self.misbehave()
            if self.rng.random() < 0.8 or self.world.healed:
                self.let_go()
            yield from self.beat()
            yield Pause(self.rng.randint(20, 80) if self.world.healed else self.rng.randint(50, 300))

    def misbehave(self) -> Life:
        if self.rng.random() < 0.6:
            self.world.injected["member or session left, died or slept"] += 1
            raise Over
        self.mover.lives += 1
        yield from super().misbehave()

    def farewell(self) -> Life:
        """Leave in good order."""
        yield Ask(self._heartbeat(LEAVE), 1)


class Mover(ScriptedActor):
    """One member, on one side or the other."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.lives = 0
        self.others: list[Mover] = []
        self.side: ClassicSide | NewSide = ClassicSide(self) if self.rng.random() < 0.5 else NewSide(self)

    def names(self) -> list[str]:
        """What all of them read."""
        return [plan.name for plan in self.world.plan.topics if not plan.volatile]

    def live(self) -> Life:
        yield Pause(self.rng.randint(0, 1_000))
        while not self.world.finished:
            try:
                yield from self.side.live()
            except Over:
                yield from self._move()

    def _move(self) -> Life:
        """Leave, or just go; then come back on the other side."""
        self.lives += 1
        before = self.side
        if self.rng.random() < 0.6:
            yield from before.farewell()
        else:
            self.client.hang_up()
        self.side = NewSide(self) if isinstance(before, ClassicSide) else ClassicSide(self)
        yield Pause(self.rng.randint(0, 800))

    def check_given(self, given: set[Partition]) -> None:
        """It was handed these: nobody who is still a member has one of them."""
        group = self._group()
        if group is None or not self.world.model.internal_sync:
            return
        members = _members(group)
        for other in self.others:
            both = given & other.side.claims()
            if other is not self and both and other.side.member_id in members:
                raise Violation(f"{self.name} was handed {sorted(both)}, which {other.name} has")

    def _group(self) -> Group | None:
        if not self.world.host.up:
            return None
        for shard in self.world.host.core.node.group_shards:
            group = shard.state.groups.get(GROUP)
            if group is not None:
                found: Group = group
                return found
        return None

    def content(self) -> bool:
        group = self._group()
        if group is None:
            return False
        calm = (
            group.consumer.phase() == "Stable"
            if group.consumer is not None
            else membership_of(group).phase is Phase.STABLE
        )
        topics = self.world.host.core.node.topics
        wanted = {
            (plan.name, index)
            for plan in self.world.plan.topics
            if not plan.volatile
            # A leader deals out what the plan says; the coordinator what there is by now.
            for index in range(
                plan.partitions if group.consumer is None else len(topics[plan.name].partitions)
            )
        }
        held = [each for mover in self.others for each in mover.side.has()]
        mine = {mover.side.member_id for mover in self.others}
        return calm and _members(group) == mine and wanted == set(held) and len(held) == len(wanted)

    def complaint(self) -> str:
        group = self._group()
        held = {mover.name: (mover.side.member_id, sorted(mover.side.has())) for mover in self.others}
        return f"held {held}; members {None if group is None else sorted(_members(group))}"


def _members(group: Group) -> set[str]:
    """Who is in it, in whichever protocol."""
    return set(group.consumer.members if group.consumer is not None else membership_of(group).members)
