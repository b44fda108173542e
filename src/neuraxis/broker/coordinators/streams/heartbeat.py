"""StreamsGroupHeartbeat: join, stay in, leave a streams group (Kafka 4.4's rules). The group that is given is not changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams import answer, departure, epochs, topology
from neuraxis.broker.coordinators.streams.reconcile import reconcile
from neuraxis.broker.coordinators.streams.state import (
    LEFT,
    LEFT_FOR_NOW,
    NEW,
    NOTHING,
    Current,
    Duties,
    StreamsGroup,
    StreamsMember,
)
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.streams.commands import StreamsHeartbeat
    from neuraxis.broker.work import Now
    from neuraxis.wire.messages.streams_group_heartbeat import StreamsGroupHeartbeatResponse


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat leads to.

    replaced: the member id whose place was taken. delay_ms: the first assignment waits so long; None: as before.
    """

    group: StreamsGroup
    body: StreamsGroupHeartbeatResponse
    replaced: str | None = None
    delay_ms: int | None = None


def heartbeat(
    group: StreamsGroup | None, command: StreamsHeartbeat, view: View, now: Now, *, delayed: bool
) -> Beat:
    """Decide a heartbeat that is not a farewell. `delayed`: the first assignment of the group still waits for members."""
    group_id, member_id = command.group_id, command.member_id
    before = group or StreamsGroup(epoch=1, assignment_epoch=1)
    if group is None and not command.joins:
        raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no streams group {group_id}.")
    known_id = _known(before, command)
    known = before.members.get(known_id)
    if known is None:
        _check_room(before, group_id, view)
    current = before.current.get(known_id, NEW)
    if not command.joins:
        _check_epoch(current, command)
    member = _described(command, known)
    if group is not None and _is_settled(group, command, known, member, current, view):
        return Beat(group, answer.body(group, group, command, view, ()))
    after = before.copy()
    replaced = known_id if known is not None and known_id != member_id else None
    if replaced is not None:
        _take_place(after, replaced, member_id)
    after.members[member_id] = member
    if member.instance_id is not None:
        after.static_members[member.instance_id] = member_id
    _take_topology(after, command)
    epochs.refresh(after, group_id, view, bump=known is None or known.differs(member))
    _check_tasks(after, command.owned())
    delay_ms = None
    if known is None and not before.members:
        delay_ms = view.group_config(group_id, "streams.initial.rebalance.delay.ms")
        delayed = delay_ms > 0
    waits = epochs.assign_if_due(after, group_id, view, now, delayed=delayed)
    returns = replaced is not None or current.member_epoch == LEFT_FOR_NOW
    after.current[member_id] = reconcile(after, member_id, command.owned(), returns=returns)
    return Beat(after, answer.body(group, after, command, view, waits), replaced, delay_ms)


def _known(group: StreamsGroup, command: StreamsHeartbeat) -> str:
    """The id of the member that the heartbeat is of: its own, or that of the static member whose place it takes."""
    member_id, instance_id = command.member_id, command.instance_id
    if instance_id is None:
        if not command.joins and member_id not in group.members:
            raise _unknown(f"Member {member_id} is not a member of group {command.group_id}.")
        return member_id
    holder = group.static_members.get(instance_id)
    if command.joins:
        if holder is None:
            return member_id
        if group.current.get(holder, NEW).member_epoch != LEFT_FOR_NOW:
            raise Refused(
                ErrorCode.UNRELEASED_INSTANCE_ID,
                f"Instance id {instance_id} belongs to member {holder}, which has not left.",
            )
        return holder
    if holder is None:
        raise _unknown(f"Nobody in group {command.group_id} has the instance id {instance_id}.")
    if holder != member_id:
        raise Refused(
            ErrorCode.FENCED_INSTANCE_ID, f"Instance id {instance_id} belongs to member {holder} now."
        )
    return member_id


def _unknown(message: str) -> Refused:
    return Refused(ErrorCode.UNKNOWN_MEMBER_ID, message)


def _check_room(group: StreamsGroup, group_id: str, view: View) -> None:
    limit = view.group_config(group_id, "streams.max.size")
    if len(group.members) >= limit:
        raise Refused(
            ErrorCode.GROUP_MAX_SIZE_REACHED, f"The group has its {limit} members (group.streams.max.size)."
        )


def _check_epoch(current: Current, command: StreamsHeartbeat) -> None:
    if command.member_epoch == current.member_epoch:
        return
    owned = command.owned()
    # The answer with the newer epoch may have been lost: the one before is good for who has no more than it was given.
    late = command.member_epoch == current.previous_epoch
    if late and owned is not None and owned.minus(current.assigned) == NOTHING:
        return
    raise Refused(
        ErrorCode.FENCED_MEMBER_EPOCH,
        f"The member epoch {command.member_epoch} is not {current.member_epoch}, the one known here: "
        "the member must give up its tasks and join again.",
    )


def _described(command: StreamsHeartbeat, known: StreamsMember | None) -> StreamsMember:
    """The member as it is now; what it does not say stays. Who joins without an endpoint has none."""
    old = known or StreamsMember()
    said = command.client_tags
    return StreamsMember(
        instance_id=old.instance_id if command.instance_id is None else command.instance_id,
        rack_id=old.rack_id if command.rack_id is None else command.rack_id,
        client_id=command.client_id,
        client_host=command.client_host,
        rebalance_timeout_ms=(
            old.rebalance_timeout_ms if command.rebalance_timeout_ms < 0 else command.rebalance_timeout_ms
        ),
        topology_epoch=old.topology_epoch if command.topology is None else command.topology.epoch,
        process_id=old.process_id if command.process_id is None else command.process_id,
        endpoint=command.endpoint if command.joins or command.endpoint is not None else old.endpoint,
        client_tags=old.client_tags if said is None else tuple(sorted(said)),
    )


def _is_settled(
    group: StreamsGroup,
    command: StreamsHeartbeat,
    known: StreamsMember | None,
    member: StreamsMember,
    current: Current,
    view: View,
) -> bool:
    """Whether the heartbeat of a member changes nothing, as nearly all of them do."""
    return (
        not command.joins
        and known == member
        and group.checked == view.version()
        and group.epoch == group.assignment_epoch
        and current.is_at(group.assignment_epoch)
        and command.active is None
    )


def _take_place(group: StreamsGroup, old_id: str, new_id: str) -> None:
    """A static member is back under another id: what it was to do, and had, is the new one's."""
    del group.members[old_id]
    group.progress.pop(old_id, None)
    target, current = group.targets.pop(old_id, None), group.current.pop(old_id, None)
    if target is not None:
        group.targets[new_id] = target
    if current is not None:
        group.current[new_id] = current


def _take_topology(group: StreamsGroup, command: StreamsHeartbeat) -> None:
    if command.topology is None or command.topology == group.topology:
        return
    if group.topology is not None:
        raise Refused(
            ErrorCode.INVALID_REQUEST,
            "The group has another topology, and topologies cannot be updated yet: stop all members and delete the "
            "group, or use another application id.",
        )
    topology.check(command.topology)
    group.topology = command.topology
    group.configured = group.checked = None


def _check_tasks(group: StreamsGroup, owned: Duties | None) -> None:
    if owned is None or group.configured is None or group.configured.status is not None:
        return
    counts = group.configured.tasks
    for name, partition in sorted(owned.tasks()):
        if not 0 <= partition < counts.get(name, 0):
            raise Refused(
                ErrorCode.INVALID_REQUEST, f"There is no task {name}_{partition} in the group's topology."
            )


def leave(group: StreamsGroup | None, command: StreamsHeartbeat) -> Beat:
    """Decide a farewell: for good, or for a while."""
    if group is None:
        raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no streams group {command.group_id}.")
    member_id = _known(group, command)
    body = answer.farewell(command)
    if command.member_epoch == LEFT:
        return Beat(departure.without(group, [member_id]), body)
    after = group.copy()
    current = after.current.get(member_id, NEW)
    after.current[member_id] = Current(
        LEFT_FOR_NOW,
        current.previous_epoch,
        current.state,
        current.assigned,
        current.revoking,
        current.since,
    )
    return Beat(after, body)
