"""When the epoch of a streams group rises, and when that leads to another target assignment.

Rule of the file: these functions write into the group that they are given, a copy of the caller's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams import topology
from neuraxis.broker.coordinators.streams.assignor import assign
from neuraxis.broker.coordinators.streams.state import NOTHING

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.streams.state import StreamsGroup
    from neuraxis.broker.work import Now

INITIAL_DELAY = "The assignment waits for more members (streams.initial.rebalance.delay.ms)."
INTERVAL = "The assignment waits until some time has passed since the last (streams.assignment.interval.ms)."


def refresh(group: StreamsGroup, group_id: str, view: View, *, bump: bool) -> None:
    """Look at topics and configs anew where they may have changed; raise the epoch for that, or if told so."""
    assert group.topology is not None, "members bring their topology"
    found = group.metadata_hash
    if group.configured is None or group.checked != view.version():
        found = topology.metadata_hash(group.topology, view)
        if group.configured is None or found != group.metadata_hash:
            group.configured = topology.configure(group.topology, view)
        group.checked = view.version()
    validated = group.topology.epoch if group.configured.status is None else -1
    replicas = view.group_config(group_id, "streams.num.standby.replicas")
    changed = group.standby_replicas is not None and group.standby_replicas != replicas
    if bump or changed or (found, validated) != (group.metadata_hash, group.validated_epoch):
        group.epoch += 1
        group.metadata_hash, group.validated_epoch = found, validated
        group.standby_replicas = replicas


def assign_if_due(
    group: StreamsGroup, group_id: str, view: View, now: Now, *, delayed: bool
) -> tuple[str, ...]:
    """Make the target assignment of the group's epoch, or say why it has to wait."""
    if group.epoch == group.assignment_epoch:
        return ()
    if delayed:
        return (INITIAL_DELAY,)
    interval_ms = view.group_config(group_id, "streams.assignment.interval.ms")
    if 0 <= now.wall_ms - group.assigned_at_ms < interval_ms:
        return (INTERVAL,)
    _assign(group, now)
    return ()


def _assign(group: StreamsGroup, now: Now) -> None:
    assert group.topology is not None
    assert group.configured is not None
    if group.configured.status is None:
        group.targets = assign(
            {member_id: member.process_id for member_id, member in group.members.items()},
            {member_id: current.assigned for member_id, current in group.current.items()},
            group.configured.tasks,
            topology.stateful(group.topology),
            group.standby_replicas or 0,
        )
    else:
        group.targets = dict.fromkeys(group.members, NOTHING)
    group.assignment_epoch = group.epoch
    group.assigned_at_ms = now.wall_ms
