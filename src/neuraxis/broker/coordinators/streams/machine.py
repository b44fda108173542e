"""Streams groups inside the group coordinator: a heartbeat, a timer, a start, each as an outcome for one group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuraxis.broker.coordinators.group.facts import MetadataFact
from neuraxis.broker.coordinators.group.settings import MAX_GROUPS
from neuraxis.broker.coordinators.group.state import JOIN_TIMER, REBALANCE_TIMER, Phase, membership_of
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.broker.coordinators.streams import answer, departure, epochs
from neuraxis.broker.coordinators.streams.commands import StreamsHeartbeat, check
from neuraxis.broker.coordinators.streams.facts import differences
from neuraxis.broker.coordinators.streams.heartbeat import Beat, heartbeat, leave
from neuraxis.broker.coordinators.streams.state import NEW, MemberState, StreamsGroup
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.group.state import Group, GroupState, TimerKey
    from neuraxis.broker.coordinators.streams.state import Progress
    from neuraxis.broker.coordinators.streams.topology import Configured
    from neuraxis.broker.work import Now

Timers = dict["TimerKey", "int | None"]
Result = Outcome[Any]  # Any: facts and notes of the group coordinator, whose union imports this module


@dataclass(frozen=True, slots=True)
class StreamsSeen:
    """Soft state of a streams group: timers are set (deadline) or cancelled (None); the rest as in `StreamsGroup`."""

    group_id: str
    timers: tuple[tuple[TimerKey, int | None], ...]
    configured: Configured | None
    checked: int | None
    endpoint_epoch: int
    shutdown_by: str | None
    progress: tuple[tuple[str, Progress], ...] = ()


def decide(state: GroupState, command: StreamsHeartbeat, view: View, now: Now) -> Result:
    """What a heartbeat leads to."""
    check(command)
    group = state.groups.get(command.group_id)
    streams = None if group is None else group.streams
    begins: tuple[MetadataFact, ...] = ()
    if streams is None:
        begins = _begins(state, group, command)
    running = () if group is None else group.timers
    if command.member_epoch < 0:
        beat = leave(streams, command)
    else:
        beat = heartbeat(streams, command, view, now, delayed=JOIN_TIMER in running)
    records = (
        () if beat.group is streams else differences(command.group_id, streams or StreamsGroup(), beat.group)
    )
    seen = _seen(streams, beat, command, view, now)
    return Outcome((*begins, *records), (seen,), (Reply(command.token, beat.body),))


def _begins(state: GroupState, group: Group | None, command: StreamsHeartbeat) -> tuple[MetadataFact, ...]:
    """What ends the group of another kind that has this id: only an empty classic one makes room, by its first member."""
    group_id = command.group_id
    if group is None:
        if len(state.groups) >= MAX_GROUPS:
            raise Refused(ErrorCode.POLICY_VIOLATION, f"There are {MAX_GROUPS} groups; delete some.")
        return ()
    if group.consumer is not None or not command.joins or membership_of(group).phase is not Phase.EMPTY:
        raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a streams group.")
    if group.stored is None and group.membership is None:
        return ()
    return (MetadataFact(group_id, None),)


def _seen(
    before: StreamsGroup | None, beat: Beat, command: StreamsHeartbeat, view: View, now: Now
) -> StreamsSeen:
    """The soft part of a heartbeat; completes the answer with it."""
    group, group_id, member_id = beat.group, command.group_id, command.member_id
    timers: Timers = {}
    endpoint_epoch, shutdown_by = group.endpoint_epoch, group.shutdown_by
    gone = member_id if member_id not in group.members else beat.replaced
    if gone is not None:
        timers[gone] = timers[REBALANCE_TIMER, gone] = None
    progress: tuple[tuple[str, Progress], ...] = ()
    if member_id in group.members:
        timers[member_id] = now.mono_ms + view.group_config(group_id, "streams.session.timeout.ms")
        _time_revocation(timers, before, group, member_id, now)
        if command.progress is not None:
            progress = ((member_id, command.progress),)
        if command.shutdown and shutdown_by is None:
            shutdown_by = member_id
        if command.member_epoch >= 0:
            moved = answer.endpoints_moved(before, group, member_id)
            endpoint_epoch += moved and before is not None
            beat.body.endpoint_information_epoch = endpoint_epoch
            if moved or command.endpoint_epoch != endpoint_epoch:
                beat.body.partitions_by_user_endpoint = answer.partitions_by_endpoint(group)
    if beat.delay_ms:
        timers[JOIN_TIMER] = now.mono_ms + beat.delay_ms
    return StreamsSeen(
        group_id,
        tuple(timers.items()),
        group.configured,
        group.checked,
        endpoint_epoch,
        shutdown_by,
        progress,
    )


def _time_revocation(
    timers: Timers, before: StreamsGroup | None, after: StreamsGroup, member_id: str, now: Now
) -> None:
    """A member has its rebalance timeout to let go, from when it is told."""
    was = NEW if before is None else before.current.get(member_id, NEW)
    current = after.current.get(member_id, NEW)
    if current.state is MemberState.UNREVOKED_TASKS:
        if was.revoking != current.revoking:
            timeout_ms = after.members[member_id].rebalance_timeout_ms
            timers[REBALANCE_TIMER, member_id] = now.mono_ms + timeout_ms
    elif was.state is MemberState.UNREVOKED_TASKS:
        timers[REBALANCE_TIMER, member_id] = None


def timers_fired(
    group_id: str, group: StreamsGroup, keys: Iterable[TimerKey], view: View, now: Now
) -> Result:
    """Take out the members whose timers are due; make the first assignment when it waited long enough."""
    gone: dict[str, None] = {}
    starts = False
    for key in keys:
        if isinstance(key, int):
            starts = True
            continue
        kind, member_id = (None, key) if isinstance(key, str) else key
        current = group.current.get(member_id, NEW)
        if member_id in group.members and (kind is None or current.state is MemberState.UNREVOKED_TASKS):
            gone[member_id] = None
    after = departure.without(group, gone) if gone else group
    if starts and after.members:
        after = after.copy()
        epochs.refresh(after, group_id, view, bump=False)
        epochs.assign_if_due(after, group_id, view, now, delayed=False)
    timers: Timers = {}
    for member_id in gone:
        timers[member_id] = timers[REBALANCE_TIMER, member_id] = None
    seen = StreamsSeen(
        group_id,
        tuple(timers.items()),
        after.configured,
        after.checked,
        after.endpoint_epoch,
        after.shutdown_by,
    )
    return Outcome(() if after is group else tuple(differences(group_id, group, after)), (seen,))


def resumed(group_id: str, group: StreamsGroup, view: View, now: Now) -> StreamsSeen:
    """After a start every member has a full session, and its full time to let go."""
    timers: Timers = {}
    session_ms = view.group_config(group_id, "streams.session.timeout.ms")
    for member_id, member in group.members.items():
        timers[member_id] = now.mono_ms + session_ms
        if group.current.get(member_id, NEW).state is MemberState.UNREVOKED_TASKS:
            timers[REBALANCE_TIMER, member_id] = now.mono_ms + member.rebalance_timeout_ms
    return StreamsSeen(group_id, tuple(timers.items()), None, None, 0, None)
