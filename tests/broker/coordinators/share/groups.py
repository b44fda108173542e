"""The group coordinator with share groups, without a broker: heartbeats in, answers and records out."""

from __future__ import annotations

import copy
from typing import Any

from neuraxis.broker.coordinators.group.consumer.view import SeenTopic
from neuraxis.broker.coordinators.share.group import ShareGroup
from neuraxis.broker.coordinators.share.group_machine import AllGroupsMachine, AllGroupsState
from neuraxis.broker.coordinators.share.heartbeat import ShareHeartbeat
from neuraxis.broker.work import Now
from tests.broker.coordinators.group.world import FixedSettings

IDS = {name: name.encode() * 8 for name in ("t1", "t4")}
SESSION_MS, INTERVAL_MS = 45_000, 1_000


class Topics:
    """The broker's topics and group configs."""

    def __init__(self) -> None:
        self.counts = {"t1": 1, "t4": 4}
        self.configs = {
            "share.session.timeout.ms": SESSION_MS,
            "share.heartbeat.interval.ms": 5_000,
            "share.assignment.interval.ms": INTERVAL_MS,
            "share.max.size": 200,
        }
        self.changes = 0

    def version(self) -> int:
        return self.changes

    def topic(self, name: str, /) -> SeenTopic | None:
        return SeenTopic(name, IDS[name], self.counts[name]) if name in self.counts else None

    def topic_by_id(self, topic_id: bytes, /) -> SeenTopic | None:
        return next((self.topic(name) for name in self.counts if IDS[name] == topic_id), None)

    def names(self) -> list[str]:
        return list(self.counts)

    def group_config(self, _group_id: str, name: str, /) -> int:
        return self.configs[name]


class Groups:
    """One coordinator, its clock and its log."""

    def __init__(self) -> None:
        self.topics = Topics()
        self.machine = AllGroupsMachine(FixedSettings(), lambda topic, index: index < 9, self.topics)
        self.state = self.machine.new_state()
        self.log: list[tuple[bytes, bytes | None]] = []
        self.now = Now(1_000, 1_000_000)
        self._carry_out(self.machine.resume(self.state, self.now))

    def do(self, command: Any) -> Any:
        before = copy.deepcopy(self.state)
        try:
            outcome = self.machine.decide(self.state, command, self.now)
        finally:
            assert self.state == before, "decide changed the state"
        self._carry_out(outcome)
        (body,) = [reply.body for reply in outcome.replies] or [None]
        return body

    def beat(self, member: str, epoch: int, *names: str, group: str = "g") -> Any:
        command = ShareHeartbeat(1, group, member, epoch, None, names or None, "client", "/host")
        return self.do(command)

    def advance(self, milliseconds: int) -> None:
        self.now = Now(self.now.mono_ms + milliseconds, self.now.wall_ms + milliseconds)
        while (deadline := self.machine.deadline(self.state)) is not None and deadline <= self.now.mono_ms:
            before = copy.deepcopy(self.state)
            outcome = self.machine.expire(self.state, self.now)
            assert self.state == before, "expire changed the state"
            self._carry_out(outcome)

    def _carry_out(self, outcome: Any) -> None:
        for fact in outcome.records:
            key, value = self.machine.encode(fact)
            self.log.append((key, value))
            assert self.machine.decode(key, value) == fact
            self.machine.apply(self.state, fact, self.now)
        for note in outcome.notes:
            self.machine.apply(self.state, note, self.now)
        assert hard(self.fold()) == hard(self.state)

    def fold(self) -> AllGroupsState:
        state = self.machine.new_state()
        for key, value in self.log:
            self.machine.apply(state, self.machine.decode(key, value), self.now)
        return state

    def restart(self) -> None:
        self.state = self.fold()
        self._carry_out(self.machine.resume(self.state, self.now))

    @property
    def group(self) -> ShareGroup:
        return self.state.shares["g"]


def hard(state: AllGroupsState) -> dict[str, Any]:
    return {group_id: group.hard() for group_id, group in state.shares.items()}


def assigned(body: Any) -> dict[bytes, list[int]] | None:
    """What an answer hands out."""
    return (
        None
        if body.assignment is None
        else {topic.topic_id: topic.partitions for topic in body.assignment.topic_partitions}
    )
