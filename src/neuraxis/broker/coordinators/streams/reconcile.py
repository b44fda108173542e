"""From what a member has to what it is to have: first it lets go, then it gets what nobody else has any more.

An active task has one owner in the group, and a process has a task in one role only. A member that has a task already goes on
with it in its new role: at once if it becomes a standby, when nobody else has it active if it becomes active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams.state import (
    LEFT_FOR_NOW,
    NEW,
    NOTHING,
    Current,
    Duties,
    MemberState,
    StreamsGroup,
    TaskId,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def reconcile(group: StreamsGroup, member_id: str, owned: Duties | None, *, returns: bool) -> Current:
    """Where the member stands now.

    Args:
        owned: what it says that it has; None: it does not say.
        returns: it is a static member that comes back: it has nothing to let go.
    """
    current = group.current.get(member_id, NEW)
    epoch = group.assignment_epoch
    if returns:
        target = group.targets.get(member_id, NOTHING)
        kept = current.assigned.common(target)
        fresh = Current(epoch, LEFT_FOR_NOW, MemberState.STABLE, kept, NOTHING, current.since)
        return _next(group, member_id, fresh, epoch)
    if current.state is MemberState.STABLE:
        return current if current.member_epoch == epoch else _next(group, member_id, current, None)
    waits = current.state is MemberState.UNREVOKED_TASKS
    if waits and (owned is None or owned.common(current.revoking) != NOTHING):
        return current
    return _next(group, member_id, current, epoch)


def _next(group: StreamsGroup, member_id: str, current: Current, waits_at: int | None) -> Current:
    """The next step. `waits_at`: the epoch that the member has while it must let go; None: the one it has."""
    target = group.targets.get(member_id, NOTHING)
    had = current.assigned
    kept = had.common(target)
    spare = had.minus(target)
    demoted = Duties(frozenset(), target.standby & had.active, target.warmup & had.active)
    promoted = target.active & (spare.standby | spare.warmup)
    revoking = Duties(spare.active, spare.standby - promoted, spare.warmup - promoted)
    if revoking != NOTHING:
        waiting = Duties(frozenset(), spare.standby & promoted, spare.warmup & promoted)
        assigned = kept.plus(demoted).plus(waiting)
        epoch = current.member_epoch if waits_at is None else waits_at
        return _reached(
            current, epoch, MemberState.UNREVOKED_TASKS, assigned, revoking, group.assignment_epoch
        )
    wanted = target.minus(kept)
    active, process = _busy(group, member_id, wanted)
    free = Duties(
        wanted.active - active - process,
        wanted.standby - process,
        wanted.warmup - process,
    )
    late = promoted - free.active
    waiting = Duties(frozenset(), spare.standby & late, spare.warmup & late)
    state = MemberState.STABLE if free == wanted else MemberState.UNRELEASED_TASKS
    assigned = kept.plus(free).plus(waiting)
    return _reached(current, group.assignment_epoch, state, assigned, NOTHING, group.assignment_epoch)


def _busy(group: StreamsGroup, member_id: str, wanted: Duties) -> tuple[frozenset[TaskId], frozenset[TaskId]]:
    """The wanted tasks that somebody has active, and those that the member's process has in any role.

    What the member itself has just let go counts once more, as in Kafka: it is given out with the next heartbeat.
    """
    tasks = wanted.tasks()
    if not tasks:
        return frozenset(), frozenset()
    process_id = group.members[member_id].process_id
    active: set[TaskId] = set()
    process: set[TaskId] = set()
    for other_id, current in group.current.items():
        held = current.revoking if other_id == member_id else current.held()
        active |= tasks & held.active
        other = group.members.get(other_id)
        if other is not None and other.process_id == process_id:
            process |= tasks & held.tasks()
    return frozenset(active), frozenset(process)


def _reached(
    before: Current,
    epoch: int,
    state: MemberState,
    assigned: Duties,
    revoking: Duties,
    assigned_at: int,
) -> Current:
    previous = before.previous_epoch if epoch == before.member_epoch else before.member_epoch
    since = _since(before.since, assigned.active | revoking.active, assigned_at)
    return Current(epoch, previous, state, assigned, revoking, since)


def _since(before: Mapping[TaskId, int], tasks: frozenset[TaskId], epoch: int) -> dict[TaskId, int]:
    return {task: before.get(task, epoch) for task in sorted(tasks)}
