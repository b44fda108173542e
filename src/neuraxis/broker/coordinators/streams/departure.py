"""Members leave a streams group, by their own word or by silence. The others learn of it with their next heartbeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.coordinators.streams.state import StreamsGroup


def without(group: StreamsGroup, member_ids: Iterable[str]) -> StreamsGroup:
    """The group when these members are gone."""
    after = group.copy()
    for member_id in member_ids:
        member = after.members.pop(member_id, None)
        if member is not None and member.instance_id is not None:
            after.static_members.pop(member.instance_id, None)
        after.targets.pop(member_id, None)
        after.current.pop(member_id, None)
        after.progress.pop(member_id, None)
    after.epoch += 1
    if not after.members:
        after.assignment_epoch = after.epoch
        after.assigned_at_ms = 0  # whoever comes next need not wait
        after.shutdown_by = None
    return after
