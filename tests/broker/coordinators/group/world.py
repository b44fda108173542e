"""A group coordinator without a broker: commands in, answers and records out, and the log folded again at will.

Every step checks that `decide` and `expire` changed nothing, and that what is written reads back as what was meant.
"""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

from neuraxis.broker.coordinators.group import commands
from neuraxis.broker.coordinators.group.consumer.view import View
from neuraxis.broker.coordinators.group.facts import Fact
from neuraxis.broker.coordinators.group.machine import GroupMachine
from neuraxis.broker.coordinators.group.state import GroupState, hard_state
from neuraxis.broker.coordinators.machine import Outcome
from neuraxis.broker.work import Now

TOPIC_ID = bytes(range(16))
PARTITIONS = {"t1": 3, "t2": 1}
CONSUMER = "consumer"


class FixedSettings:
    """Broker settings from a dict over Kafka's defaults."""

    defaults: ClassVar[dict[str, int]] = {
        "group.min.session.timeout.ms": 6_000,
        "group.max.session.timeout.ms": 1_800_000,
        "group.max.size": 2**31 - 1,
        "group.initial.rebalance.delay.ms": 0,
        "offset.metadata.max.bytes": 4_096,
        "offsets.retention.minutes": 10_080,
        "offsets.retention.check.interval.ms": 600_000,
        "group.consumer.max.size": 2**31 - 1,
    }

    def __init__(self, **overrides: int) -> None:
        self.values = self.defaults | {name.replace("_", "."): value for name, value in overrides.items()}

    def integer(self, name: str) -> int:
        return self.values[name]

    def text(self, name: str) -> str | None:
        return {
            "group.consumer.assignors": "uniform,range",
            "group.consumer.migration.policy": "bidirectional",
        }[name]


def subscription(*topics: str) -> bytes:
    """A consumer's metadata: version 0, topics, no user data."""
    body = b"".join(len(topic).to_bytes(2, "big") + topic.encode() for topic in topics)
    return b"\0\0" + len(topics).to_bytes(4, "big") + body + b"\xff\xff\xff\xff"


class World:
    """One coordinator and its clock."""

    def __init__(self, *, view: View | None = None, **overrides: int) -> None:
        self.machine = GroupMachine(FixedSettings(**overrides), self.exists, view)
        self.state: GroupState = self.machine.new_state()
        self.log: list[tuple[bytes, bytes | None]] = []
        self.batches = 0
        self.ticks = 0
        self.now = Now(1_000, 1_700_000_000_000)
        self.answers: dict[int, Any] = {}
        self._token = 0
        self._carry_out(self.machine.resume(self.state, self.now))

    @staticmethod
    def exists(topic: str, partition: int) -> bool:
        return 0 <= partition < PARTITIONS.get(topic, 0)

    # ---- running -----------------------------------------------------------------------------------------------

    def run(self, command: Any) -> int:
        """Decide and carry out; the token under which the answer is (or will be) in `answers`."""
        before = pickle.dumps(self.state)
        outcome = self.machine.decide(self.state, command, self.now)
        assert pickle.dumps(self.state) == before, "decide changed the state"
        self._carry_out(outcome)
        return int(command.token)

    def advance(self, ms: int, wall_ms: int | None = None) -> None:
        """Let time pass, ticking at every deadline on the way."""
        end = Now(self.now.mono_ms + ms, self.now.wall_ms + (ms if wall_ms is None else wall_ms))
        for _ in range(10_000):
            deadline = self.machine.deadline(self.state)
            if deadline is None or deadline > end.mono_ms:
                break
            at = max(deadline, self.now.mono_ms)
            self.now = Now(at, end.wall_ms - (end.mono_ms - at))
            self.tick()
        else:
            raise AssertionError("expire does not move the deadline forward")
        self.now = end

    def tick(self) -> None:
        self.ticks += 1
        before = pickle.dumps(self.state)
        outcome = self.machine.expire(self.state, self.now)
        assert pickle.dumps(self.state) == before, "expire changed the state"
        self._carry_out(outcome)

    def _carry_out(self, outcome: Outcome[Any]) -> None:
        for fact in outcome.records:
            assert isinstance(fact, Fact), "a note among the records"
            key, value = self.machine.encode(fact)
            assert self.machine.decode(key, value) == fact
            self.log.append((key, value))
        self.batches += bool(outcome.records)
        for fact in (*outcome.records, *outcome.notes):
            self.machine.apply(self.state, fact, self.now)
        for token, body in outcome.replies:
            assert token not in self.answers, "answered twice"
            self.answers[token] = body

    def token(self) -> int:
        self._token += 1
        return self._token

    # ---- restarts ----------------------------------------------------------------------------------------------

    def fold(self, log: list[tuple[bytes, bytes | None]] | None = None) -> GroupState:
        """The state that the log alone gives."""
        state = self.machine.new_state()
        for key, value in self.log if log is None else log:
            fact = self.machine.decode(key, value)
            assert fact is not None
            self.machine.apply(state, fact, self.now)
        return state

    def compacted(self) -> list[tuple[bytes, bytes | None]]:
        """The log with only the newest record of each key, at its place."""
        newest = {key: position for position, (key, _) in enumerate(self.log)}
        return [record for position, record in enumerate(self.log) if newest[record[0]] == position]

    def restart(self) -> None:
        """Lose everything soft, parked calls included."""
        before = hard_state(self.state)
        self.state = self.fold()
        assert hard_state(self.state) == before
        self._carry_out(self.machine.resume(self.state, self.now))

    # ---- clients -----------------------------------------------------------------------------------------------

    def join(self, group: str = "g", member: str = "", **options: Any) -> int:
        token = self.token()
        version = options.pop("version", 9)
        return self.run(
            commands.JoinGroup(
                token=token,
                api_version=version,
                group_id=group,
                member_id=member,
                group_instance_id=options.pop("instance", None),
                client_id=options.pop("client_id", "client"),
                client_host="/127.0.0.1",
                session_timeout_ms=options.pop("session_timeout_ms", 10_000),
                rebalance_timeout_ms=options.pop("rebalance_timeout_ms", 60_000),
                protocol_type=options.pop("protocol_type", CONSUMER),
                protocols=options.pop("protocols", (("range", subscription("t1")),)),
                unique=f"uuid{token}",
                **options,
            )
        )

    def member_id(self, group: str = "g", **options: Any) -> str:
        """An id handed out to a new dynamic member (79)."""
        answer = self.answers[self.join(group, **options)]
        assert answer.error_code == 79
        return str(answer.member_id)

    def sync(self, group: str, generation: int, member: str, **options: Any) -> int:
        assignments = tuple(options.pop("assignments", {}).items())
        token = self.token()
        fields = {
            "api_version": 5,
            "group_instance_id": None,
            "protocol_type": CONSUMER,
            "protocol_name": "range",
            **options,
        }
        return self.run(
            commands.SyncGroup(
                token=token,
                group_id=group,
                generation_id=generation,
                member_id=member,
                assignments=assignments,
                **fields,
            )
        )

    def heartbeat(self, group: str, generation: int, member: str, instance: str | None = None) -> int:
        """The error code of a heartbeat."""
        token = self.run(commands.Heartbeat(self.token(), group, generation, member, instance))
        return int(self.answers[token].error_code)

    def leave(self, group: str, *members: tuple[str, str | None], version: int = 5) -> Any:
        return self.answers[self.run(commands.LeaveGroup(self.token(), version, group, members))]

    def commit(self, group: str = "g", **options: Any) -> list[int]:
        """The codes of a commit, in order of its partitions; `offsets` is {(topic, partition): offset}."""
        offsets = options.pop("offsets", {("t1", 0): 5})
        metadata = options.pop("metadata", "")
        topics = [
            commands.TopicCommit(topic, TOPIC_ID, (commands.PartitionCommit(partition, offset, 0, metadata),))
            for (topic, partition), offset in offsets.items()
        ]
        fields = {"generation_id": -1, "member_id": "", "group_instance_id": None, "retention_time_ms": -1}
        command = commands.CommitOffsets(
            token=self.token(),
            api_version=options.pop("version", 9),
            group_id=group,
            topics=tuple(topics),
            **(fields | options),
        )
        body = self.answers[self.run(command)]
        return [partition.error_code for topic in body.topics for partition in topic.partitions]

    def code(self, token: int) -> int:
        return int(self.answers[token].error_code)

    def stable(self, group: str = "g", count: int = 1, **options: Any) -> list[str]:
        """A stable group of so many dynamic members; the first is the leader. Generation 1."""
        members = [self.member_id(group, **options) for _ in range(count)]
        tokens = [self.join(group, member, **options) for member in members]
        if count > 1:
            # The first join completed the initial rebalance alone: the others began another, which it must join.
            tokens[0] = self.join(group, members[0], **options)
        generation = self.answers[tokens[0]].generation_id
        followers = [self.sync(group, generation, member) for member in members[1:]]
        leader = self.sync(
            group, generation, members[0], assignments={member: member.encode() for member in members}
        )
        for token, member in zip([leader, *followers], members, strict=True):
            assert self.answers[token].assignment == member.encode()
        return members

    def generation(self, group: str = "g") -> int:
        membership = self.state.groups[group].membership
        assert membership is not None
        return membership.generation_id

    def phase(self, group: str = "g") -> str:
        from neuraxis.broker.coordinators.group.state import membership_of

        return membership_of(self.state.groups.get(group)).phase.value
