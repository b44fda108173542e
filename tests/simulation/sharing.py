"""What is known of share groups: by the decisions of the broker, exactly; and by what clients sent and were told.

Rule of the file: nothing here looks into the state of a share partition until the end. It is judged by what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.coordinators.share.commands import (
    Acknowledge,
    Acquire,
    Advance,
    Forget,
    Release,
)
from neuraxis.broker.coordinators.share.commands import AckType as Type
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.records import iter_records
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any  # Any: commands and outcomes of the share machine

    from neuraxis.broker.coordinators.share.facts import ShareKey
    from neuraxis.broker.coordinators.share.machine import ShareMachine
    from neuraxis.broker.work import Now
    from tests.simulation.world import World


class Hold(NamedTuple):
    """A record that a member has, and until when."""

    member_id: str
    due_ms: int


@dataclass(slots=True)
class Kept:
    """What a process has said of one share partition."""

    holds: dict[int, Hold] = field(default_factory=dict)
    deliveries: dict[int, int] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    start: int = 0

    def give_back(self, wanted: Callable[[Hold], bool], limit: int) -> None:
        """Members lose records that nobody settled; after the last delivery they are given up."""
        for offset in [each for each, hold in self.holds.items() if wanted(hold)]:
            del self.holds[offset]
            if self.deliveries[offset] >= limit:
                self.settled.add(offset)


class Ledger:
    """The decisions of one process: who has which record. Also, for all of them, which records were given up."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.kept: dict[ShareKey, Kept] = {}
        self.last_deliveries: set[tuple[ShareKey, int]] = set()

    def listen(self, machine: ShareMachine) -> None:
        """A process begins: nobody has anything."""
        self.kept = {}
        decide, expire = machine.decide, machine.expire

        def decided(state: Any, command: Any, now: Now) -> Any:
            try:
                outcome = decide(state, command, now)
            except Refused as refused:
                self._refused(command, refused, now)
                raise
            self._decided(machine, command, outcome, now)
            return outcome

        def expired(state: Any, now: Now) -> Any:
            for kept in self.kept.values():
                kept.give_back(lambda hold: hold.due_ms <= now.mono_ms, self.world.plan.delivery_limit)
            return expire(state, now)

        machine.decide = decided  # type: ignore[method-assign]  # one instance of it
        machine.expire = expired  # type: ignore[method-assign]  # as above

    def _decided(self, machine: ShareMachine, command: Any, outcome: Any, now: Now) -> None:
        if isinstance(command, Acquire):
            lock_ms = machine.limits.limits(command.key.group_id).record_lock_duration_ms
            for given in outcome.replies[0].body:
                for offset in range(given.first, given.last + 1):
                    self._acquired(command, offset, given.deliveries, now)
                    hold = Hold(command.member_id, now.mono_ms + lock_ms)
                    self.kept[command.key].holds[offset] = hold
        elif isinstance(command, Acknowledge):
            lock_ms = machine.limits.limits(command.key.group_id).record_lock_duration_ms
            kept = self.kept.setdefault(command.key, Kept())
            for offset, kind in offsets_of(command):
                if offset >= kept.start:
                    self._acknowledged(kept, command, offset, kind, now.mono_ms + lock_ms)
        elif isinstance(command, Release):
            for key in command.keys:
                kept = self.kept.setdefault(key, Kept())
                limit = self.world.plan.delivery_limit
                kept.give_back(lambda hold: hold.member_id == command.member_id, limit)
        elif isinstance(command, Advance):
            kept = self.kept.setdefault(command.key, Kept())
            kept.start = command.start_offset
            kept.holds = {each: hold for each, hold in kept.holds.items() if each >= kept.start}
        elif isinstance(command, Forget):
            for key in command.keys:
                self.kept.pop(key, None)

    def _acquired(self, command: Acquire, offset: int, deliveries: int, now: Now) -> None:
        key, kept = command.key, self.kept.setdefault(command.key, Kept())
        where = f"{key.group_id} {key.topic_id.hex()[:8]}-{key.partition} offset {offset}"
        hold = kept.holds.get(offset)
        if hold is not None and hold.due_ms > now.mono_ms:
            raise Violation(f"{where} was given to {command.member_id}; {hold.member_id} has it")
        if offset in kept.settled:
            raise Violation(f"{where} was given to {command.member_id}; it was settled before")
        before = kept.deliveries.get(offset, deliveries - 1)
        if deliveries != before + 1:
            raise Violation(f"{where} was delivered {before} times, and now for the time {deliveries}")
        kept.deliveries[offset] = deliveries
        limit = self.world.plan.delivery_limit
        if deliveries > limit:
            raise Violation(f"{where} is delivered for the time {deliveries}; {limit} are allowed")
        if deliveries == limit:
            self.last_deliveries.add((key, offset))

    def _acknowledged(self, kept: Kept, command: Acknowledge, offset: int, kind: int, due_ms: int) -> None:
        hold = kept.holds.pop(offset, None)
        if hold is None and offset in kept.settled:
            return  # done, and all before it: what latecomers say of it is no matter
        if hold is None or hold.member_id != command.member_id:
            raise Violation(f"{command.member_id} settled {command.key} offset {offset}, which {hold} has")
        if kind == Type.RENEW:
            kept.holds[offset] = Hold(command.member_id, due_ms)
        elif kind != Type.RELEASE or kept.deliveries[offset] >= self.world.plan.delivery_limit:
            kept.settled.add(offset)

    def _refused(self, command: Any, refused: Refused, now: Now) -> None:
        """Whoever has all the records of an acknowledgement is not told that its locks have ended."""
        if not isinstance(command, Acknowledge) or refused.code != ErrorCode.INVALID_RECORD_STATE:
            return
        kept = self.kept.get(command.key, Kept())
        holds = [kept.holds.get(offset) for offset, _ in offsets_of(command) if offset >= kept.start]
        mine = [
            hold is not None and hold.member_id == command.member_id and hold.due_ms > now.mono_ms
            for hold in holds
        ]
        if all(mine):
            raise Violation(f"{command.member_id} has all of {command.acks} of {command.key}: {refused}")


def offsets_of(command: Acknowledge) -> list[tuple[int, int]]:
    """Each offset, and what is said of it."""
    return [
        (offset, ack.types[0] if len(ack.types) == 1 else ack.types[offset - ack.first])
        for ack in command.acks
        for offset in range(ack.first, ack.last + 1)
    ]


class Delivered(NamedTuple):
    """A record as a member was given it: the same offset may hold another one after a power cut."""

    topic_id: bytes
    partition: int
    offset: int
    value: bytes


class Accepted(NamedTuple):
    """Somebody was told, by the process `life` at this event, that its acceptance of a record is kept."""

    by: str
    event: int
    life: int


class Register:
    """What the members of one group said of records, and were told."""

    def __init__(self, world: World, group_id: str) -> None:
        self.world = world
        self.group_id = group_id
        self.accepted: dict[Delivered, Accepted] = {}
        self.settled: set[Delivered] = set()  # somebody accepted or rejected it, whether that arrived or not

    def settling(self, record: Delivered) -> None:
        """A member is about to accept or to reject it."""
        self.settled.add(record)

    def was_accepted(self, record: Delivered, by: str, life: int) -> None:
        """A member was told that its acceptance is kept."""
        self.accepted[record] = Accepted(by, self.world.events, life)

    def delivered(self, record: Delivered, to: str, asked_at: int, life: int) -> None:
        """A member was given it in answer to a request that it sent at that event."""
        accepted = self.accepted.get(record)
        if accepted is None or not self._is_firm(record, accepted.life):
            return
        if life > accepted.life or asked_at > accepted.event:
            where = f"{record.topic_id.hex()[:8]}-{record.partition} offset {record.offset}"
            raise Violation(
                f"{self.group_id}: {where} was given to {to} although {accepted.by} had accepted it"
            )

    def _is_firm(self, record: Delivered, life: int) -> bool:
        model = self.world.model
        truth = model.topics.get(record.topic_id)
        synced = truth is not None and truth.sync and life >= truth.synced_since
        return life > model.forgetful_life or (synced and model.internal_sync)

    # ---- the end -----------------------------------------------------------------------------------------------

    def left(self) -> list[tuple[str, int, int, int]]:
        """Partitions whose records are not all done: topic, partition, where the group is, where the log ends."""
        node = self.world.host.core.node
        shard = node.shares._shard
        found = []
        for (topic_id, index), partition in node.partitions.items():
            truth = self.world.model.topics.get(topic_id)
            if truth is None or truth.doomed or partition.log_start_offset == partition.high_watermark:
                continue
            key = (self.group_id, topic_id, index)
            known = None if shard is None else shard.state.partitions.get(key)
            start = -1 if known is None else known.start_offset
            if start < partition.high_watermark:
                found.append((partition.topic, index, start, partition.high_watermark))
        return found

    def check_nothing_is_lost(self, ledger: Ledger) -> None:
        """Every record is accepted, rejected, or was delivered as often as may be."""
        given_up = {(*key, offset) for key, offset in ledger.last_deliveries}
        for (topic_id, index), partition in self.world.host.core.node.partitions.items():
            truth = self.world.model.topics.get(topic_id)
            if truth is None or truth.doomed or truth.plan.deletes:
                continue
            for view in partition.log.batches_from(partition.log.log_start_offset):
                for each in iter_records(view):
                    if each.offset < truth.partition(index).deletable:
                        continue
                    record = Delivered(topic_id, index, each.offset, bytes(each.value or b""))
                    if (
                        record not in self.settled
                        and (self.group_id, topic_id, index, each.offset) not in given_up
                    ):
                        raise Violation(
                            f"{self.group_id}: {partition.topic}-{index} offset {each.offset} counts as done; "
                            "nobody settled it, and it was not given up"
                        )
