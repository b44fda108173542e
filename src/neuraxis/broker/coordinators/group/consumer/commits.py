"""Commits and fetches of offsets by members of consumer groups: whose epoch is good for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer.state import NEW
from neuraxis.wire.errors import ErrorCode

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.consumer.state import ConsumerGroup

MEMBER_EPOCH_FROM = 9
"""OffsetCommit carries member epochs from this version on; members of the newer protocol must use it."""


def check_commit(
    group: ConsumerGroup, member_id: str, epoch: int, api_version: int | None
) -> ErrorCode | None:
    """Whether a member may commit at all; None: it may. `api_version` None is a transactional commit."""
    if epoch < 0 and not group.members:
        return None  # a client that manages its partitions itself, or an administrator
    member = group.members.get(member_id)
    if member is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    at = group.current.get(member_id, NEW).member_epoch
    if member.classic is not None:
        return None if epoch == at else ErrorCode.ILLEGAL_GENERATION
    if api_version is not None and api_version < MEMBER_EPOCH_FROM:
        return ErrorCode.UNSUPPORTED_VERSION
    return ErrorCode.STALE_MEMBER_EPOCH if epoch > at else None


def is_stale(group: ConsumerGroup, member_id: str, epoch: int, topic_id: bytes, partition: int) -> bool:
    """Whether a commit that `check_commit` let pass is too old for this partition.

    A member may learn of its newer epoch after it has sent the commit: it is good for what it has had since that epoch.
    """
    current = group.current.get(member_id)
    if current is None or epoch == current.member_epoch or group.members[member_id].classic is not None:
        return False
    since = current.assigned.get(topic_id, {}).get(partition)
    if since is None:
        since = current.revoking.get(topic_id, {}).get(partition)
    return since is None or epoch < since


def check_fetch(group: ConsumerGroup, member_id: str | None, epoch: int) -> ErrorCode:
    """Whether a member may fetch offsets: without id and epoch, everybody may."""
    if member_id is None and epoch < 0:
        return ErrorCode.NONE
    member = group.members.get(member_id or "")
    if member is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if epoch == group.current.get(member.member_id, NEW).member_epoch:
        return ErrorCode.NONE
    return ErrorCode.STALE_MEMBER_EPOCH if member.classic is None else ErrorCode.ILLEGAL_GENERATION
