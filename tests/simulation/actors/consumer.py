"""A member of a consumer group of the newer protocol (KIP-848): one heartbeat for everything, what it holds by topic id.

It lets go before it says so, and it drops everything when it is fenced. Sometimes it dies, sleeps too long, or leaves for
now. The check is its own: whatever it is handed, nobody who is still a member holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    TopicPartitions,
)
from tests.simulation.actors.member import BUSY
from tests.simulation.actors.script import Ask, Pause, ScriptedActor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses

    from neuraxis.broker.coordinators.group.consumer.state import ConsumerGroup
    from tests.simulation.world import World

Partition = tuple[bytes, int]
FENCED = (
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.FENCED_MEMBER_EPOCH,
    ErrorCode.FENCED_INSTANCE_ID,
    ErrorCode.GROUP_ID_NOT_FOUND,
)
LEAVE, LEAVE_FOR_NOW = -1, -2


class Consumer(ScriptedActor):
    """One member; `holds` is what it reads from, `told` what it is to hold as soon as it has let go of the rest."""

    def __init__(self, world: World, name: str, group: str, instance: str | None) -> None:
        super().__init__(world, name)
        self.group = group
        self.instance = instance
        self.lives = 0
        self.others: list[Consumer] = []
        self._begin()

    def _begin(self) -> None:
        """Be a new process: another member id, nothing in hand."""
        self.lives += 1
        self.member_id = f"{self.name}-{self.lives}"
        self._drop()

    def _drop(self) -> None:
        self.epoch = 0
        self.holds: set[Partition] = set()
        self.told: set[Partition] | None = None
        self.whole = True

    # ---- the end -----------------------------------------------------------------------------------------------

    def content(self) -> bool:
        group = self._seen()
        if group is None or group.phase() != "Stable" or self.told is not None:
            return False
        current = group.current.get(self.member_id)
        return current is not None and self.holds == {
            (topic_id, each) for topic_id, found in current.assigned.items() for each in found
        } and self._whole(group)  # fmt: skip

    def _whole(self, group: ConsumerGroup) -> bool:
        """Whether every partition of what all read is in somebody's hands."""
        owned = sum(map(len, group.owners.values()))
        topics = self.world.host.core.node.topics
        return owned == sum(
            len(topics[plan.name].partitions) for plan in self.world.plan.topics if plan.name in topics
        )

    def complaint(self) -> str:
        group = self._seen()
        return f"epoch {self.epoch}, holds {self.holds}, told {self.told}, group {group and group.phase()}"

    def _seen(self) -> ConsumerGroup | None:
        if not self.world.host.up:
            return None
        for shard in self.world.host.core.node.group_shards:
            group = shard.state.groups.get(self.group)
            if group is not None and group.consumer is not None:
                found: ConsumerGroup = group.consumer
                return found
        return None

    # ---- the life ----------------------------------------------------------------------------------------------

    def live(self) -> Generator[Pause | Ask, Any, None]:
        yield Pause(self.rng.randint(0, 1_500))
        while not self.world.finished:
            if not self.world.healed and self.rng.random() < 0.06:
                yield from self.misbehave()
            if self.rng.random() < 0.8 or self.world.healed:
                self.let_go()
            yield from self.beat()
            yield Pause(self.rng.randint(20, 80) if self.world.healed else self.rng.randint(50, 400))

    def let_go(self) -> None:
        """Carry out what the last answer said."""
        if self.told is not None:
            self.holds, self.told = self.told, None

    def beat(self) -> Generator[Pause | Ask, Any, None]:
        """One heartbeat."""
        reply = yield Ask(self._heartbeat(self.epoch), 1)
        if reply is None:
            self.whole = True  # its outcome is unknown: say everything, hear everything
            return
        code = reply.error_code
        if code in FENCED:
            self._drop()
        elif code == ErrorCode.UNRELEASED_INSTANCE_ID or code in BUSY:
            self.whole = True
        elif code:
            raise Violation(f"{self.name}: a heartbeat was refused with {code}: {reply.error_message}")
        else:
            self.epoch = reply.member_epoch
            self.whole = False
            if reply.assignment is not None:
                self._take(reply.assignment.topic_partitions)

    def _heartbeat(self, epoch: int) -> ConsumerGroupHeartbeatRequest:
        owned: dict[bytes, list[int]] = {}
        for topic_id, partition in sorted(self.holds):
            owned.setdefault(topic_id, []).append(partition)
        said = [TopicPartitions(topic_id, found) for topic_id, found in owned.items()]
        whole = self.whole or epoch == 0
        return ConsumerGroupHeartbeatRequest(
            group_id=self.group,
            member_id=self.member_id,
            member_epoch=epoch,
            instance_id=self.instance,
            rebalance_timeout_ms=self.world.plan.rebalance_ms if whole else -1,
            subscribed_topic_names=self.names() if whole else None,
            topic_partitions=said,
        )

    def names(self) -> list[str]:
        """What it reads."""
        return [plan.name for plan in self.world.plan.topics]

    def _take(self, topics: list[TopicPartitions]) -> None:
        given = {(item.topic_id, each) for item in topics for each in item.partitions}
        self.given(given)
        self.told = given
        self.holds = self.holds | given

    def given(self, given: set[Partition]) -> None:
        """It was handed these: nobody who is still a member holds one of them."""
        group = self._seen()
        if self.world.model.internal_sync and group is not None:
            for other in self.others:
                both = given & other.holds
                if other is not self and both and other.member_id in group.members and other.epoch > 0:
                    raise Violation(f"{self.name} was handed {sorted(both)}, which {other.name} holds")

    def misbehave(self) -> Generator[Pause | Ask, Any, None]:
        """Leave, die, or sleep."""
        self.world.injected["member or session left, died or slept"] += 1
        kind = self.rng.randrange(3)
        if kind == 0 and self.epoch > 0:
            farewell = self._heartbeat(LEAVE if self.instance is None else LEAVE_FOR_NOW)
            self.holds, self.told = set(), None  # it lets go before it says so
            yield Ask(farewell, 1)
            self._begin()
            yield Pause(self.rng.randint(0, 800))
        elif kind == 1:
            self.client.hang_up()
            self._begin()
            yield Pause(self.rng.randint(0, 4_000))
        else:
            yield Pause(self.rng.randint(0, 2 * self.world.plan.session_ms))
