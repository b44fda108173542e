"""Commits and fetches of offsets by members of streams groups: whose epoch is good for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams.state import NEW
from neuraxis.broker.coordinators.streams.topology import subtopologies_of
from neuraxis.wire.errors import ErrorCode

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.streams.state import StreamsGroup

MEMBER_EPOCH_FROM = 9
"""OffsetCommit carries member epochs from this version on; members of streams groups must use it."""


def check_commit(
    group: StreamsGroup, member_id: str, epoch: int, api_version: int | None
) -> ErrorCode | None:
    """Whether a member may commit at all; None: it may. `api_version` None is a transactional commit."""
    if epoch < 0 and not group.members:
        return None  # an administrator
    if member_id not in group.members:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if api_version is not None and api_version < MEMBER_EPOCH_FROM:
        return ErrorCode.UNSUPPORTED_VERSION
    at = group.current.get(member_id, NEW).member_epoch
    return ErrorCode.STALE_MEMBER_EPOCH if epoch > at else None


def is_stale(group: StreamsGroup, member_id: str, epoch: int, topic: str | None, partition: int) -> bool:
    """Whether a commit that `check_commit` let pass is too old for this partition.

    A member may learn of its newer epoch after it has sent the commit: it is good for tasks it has had since that epoch.
    """
    current = group.current.get(member_id)
    if current is None or epoch == current.member_epoch:
        return False
    if group.topology is None or topic is None:
        return True
    since = [
        current.since[name, partition]
        for name in subtopologies_of(group.topology, topic)
        if (name, partition) in current.since
    ]
    return not since or epoch < min(since)


def check_fetch(group: StreamsGroup, member_id: str | None, epoch: int) -> ErrorCode:
    """Whether a member may fetch offsets: without id and epoch, everybody may."""
    if member_id is None and epoch < 0:
        return ErrorCode.NONE
    if member_id is None or member_id not in group.members:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if epoch == group.current.get(member_id, NEW).member_epoch:
        return ErrorCode.NONE
    return ErrorCode.STALE_MEMBER_EPOCH
