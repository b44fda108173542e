"""A member of a streams group (KIP-1071): heartbeats, tasks it takes and lets go; it leaves, dies, and sleeps.

A static one comes back under another member id. What it is handed goes to the group's register, which judges it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import streams_group_heartbeat as wire
from neuraxis.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from tests.simulation.actors.member import BUSY
from tests.simulation.actors.script import Ask, Pause, ScriptedActor
from tests.simulation.story import Violation
from tests.simulation.streaming import LAG, TaskRegister, Tasks

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses

    from tests.simulation.world import World

    Life = Generator[Pause | Ask, Any, Any]

GROUP_RESOURCE, SET = 32, 0
LEAVE, LEAVE_FOR_NOW = -1, -2
OUT = (
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.FENCED_MEMBER_EPOCH,
    ErrorCode.GROUP_ID_NOT_FOUND,
    ErrorCode.FENCED_INSTANCE_ID,
)
WAITS = (*BUSY, ErrorCode.UNRELEASED_INSTANCE_ID)


class Streamer(ScriptedActor):
    """One member. `active` and `standby` are the tasks it works on, `told` the ones it is to have."""

    def __init__(self, world: World, name: str, register: TaskRegister, instance: str | None) -> None:
        super().__init__(world, name)
        self.register = register
        self.instance = instance
        self.lives = 0
        register.members.append(self)
        self._begin()

    def _begin(self) -> None:
        """Be a new process: another member id, nothing in hand."""
        self.lives += 1
        self.member_id = f"{self.name}-{self.lives}"
        self._drop()

    def _drop(self) -> None:
        self.epoch = 0
        self.active: Tasks = frozenset()
        self.standby: Tasks = frozenset()
        self.told: tuple[Tasks, Tasks] | None = None

    # ---- the end -----------------------------------------------------------------------------------------------

    def content(self) -> bool:
        group = self.register.group()
        if group is None or self.told is not None:
            return False
        if self.register.outgrown(group):
            return not self.active
        if group.phase() != "Stable":
            return False
        current = group.current.get(self.member_id)
        mine = current is not None and (self.active, self.standby) == current.assigned[:2]
        return mine and self.register.whole(group)

    def complaint(self) -> str:
        group = self.register.group()
        status = None if group is None or group.configured is None else group.configured.status
        return f"epoch {self.epoch}, {self.active}, told {self.told}, {group and group.phase()}, {status}"

    # ---- the life ----------------------------------------------------------------------------------------------

    def live(self) -> Life:
        yield from self._configure()
        yield Pause(self.rng.randint(0, 1_000))
        while not self.world.finished:
            if not self.world.healed and self.rng.random() < 0.06:
                yield from self.misbehave()
            if self.told is not None and (self.rng.random() < 0.8 or self.world.healed):
                (self.active, self.standby), self.told = self.told, None
            yield from self.beat()
            yield Pause(self.rng.randint(20, 80) if self.world.healed else self.rng.randint(50, 300))

    def _configure(self) -> Life:
        """The group has one standby for each task with a store."""
        configs = [AlterableConfig("streams.num.standby.replicas", SET, "1")]
        resources = [AlterConfigsResource(GROUP_RESOURCE, self.register.group_id, configs)]
        while True:
            reply = yield Ask(IncrementalAlterConfigsRequest(resources, False), 1)
            if reply is not None and reply.responses[0].error_code == 0:
                return
            yield Pause(50)

    def beat(self) -> Life:
        """One heartbeat, which says all that it has."""
        epoch = self.epoch
        reply = yield Ask(self._heartbeat(epoch), 1)
        if reply is None or reply.error_code in WAITS:
            return
        if reply.error_code in OUT:
            self._drop()
            return
        if reply.error_code:
            raise Violation(
                f"{self.name}: a heartbeat was refused with {reply.error_code}: {reply.error_message}"
            )
        if reply.member_epoch < epoch:
            raise Violation(f"{self.name}: the epoch went back from {epoch} to {reply.member_epoch}")
        self.epoch = reply.member_epoch
        if reply.active_tasks is not None:
            given = _tasks(reply.active_tasks), _tasks(reply.standby_tasks)
            self.register.handed(self, given[0])
            self.told = given
            self.active = self.active | given[0]

    def _heartbeat(self, epoch: int) -> wire.StreamsGroupHeartbeatRequest:
        joins = epoch == 0
        return wire.StreamsGroupHeartbeatRequest(
            group_id=self.register.group_id,
            member_id=self.member_id,
            member_epoch=epoch,
            endpoint_information_epoch=-1,
            instance_id=self.instance,
            rebalance_timeout_ms=self.world.plan.rebalance_ms,
            topology=self.register.topology() if joins else None,
            active_tasks=[] if joins else _ids(self.active),
            standby_tasks=[] if joins else _ids(self.standby),
            warmup_tasks=[],
            process_id=f"process-{self.name}",
            task_offsets=[wire.TaskOffset(name, each, LAG) for name, each in sorted(self.standby)],
        )

    def misbehave(self) -> Life:
        """Leave, die, or sleep."""
        self.world.injected["member or session left, died or slept"] += 1
        kind = self.rng.randrange(3)
        if kind == 0 and self.epoch > 0:
            request = self._heartbeat(LEAVE if self.instance is None else LEAVE_FOR_NOW)
            request.active_tasks = request.standby_tasks = request.warmup_tasks = None
            yield Ask(request, 1)
            self._begin()
            yield Pause(self.rng.randint(0, 800))
        elif kind == 1:
            self.client.hang_up()
            self._begin()
            yield Pause(self.rng.randint(0, 4_000))
        else:
            yield Pause(self.rng.randint(0, 2 * self.world.plan.session_ms))


def _tasks(found: list[wire.TaskIds]) -> Tasks:
    return frozenset((each.subtopology_id, index) for each in found for index in each.partitions)


def _ids(tasks: Tasks) -> list[wire.TaskIds]:
    return [wire.TaskIds(name, [index]) for name, index in sorted(tasks)]
