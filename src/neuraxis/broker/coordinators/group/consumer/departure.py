"""Members leave a consumer group: by their own word, by silence, or because they would not let go in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer import migration, subscriptions
from neuraxis.broker.coordinators.group.consumer.state import MemberState
from neuraxis.broker.coordinators.group.state import REBALANCE_TIMER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft
    from neuraxis.broker.coordinators.group.facts import Fact
    from neuraxis.broker.coordinators.group.notes import Note
    from neuraxis.broker.coordinators.group.state import TimerKey
    from neuraxis.broker.coordinators.machine import Outcome


def remove_members(draft: ConsumerDraft, member_ids: Iterable[str]) -> Outcome[Fact | Note]:
    """Take members out. The group's epoch rises; the others get their partitions with their next heartbeats.

    If only members of the classic protocol are left, the group becomes a classic one (when the policy allows that).
    """
    patterns: dict[str, None] = {}
    for member_id in member_ids:
        member = draft.member(member_id)
        assert member is not None, "only a member can be removed"
        patterns[member.topic_regex] = None
        draft.remove(member_id)
    if migration.may_downgrade(draft):
        return migration.downgrade(draft)
    for pattern in patterns:
        subscriptions.forget_unused(draft, pattern)
    subscriptions.refresh(draft, bump=True)
    if not draft.members():
        draft.put_assignment_epoch(draft.epoch, 0)
    return draft.outcome()


def timers_fired(draft: ConsumerDraft, keys: Iterable[TimerKey]) -> Outcome[Fact | Note]:
    """Take out the members whose timers are due."""
    gone: dict[str, None] = {}
    for key in keys:
        if isinstance(key, int):
            continue
        kind, member_id = (None, key) if isinstance(key, str) else key
        if draft.member(member_id) is None:
            continue
        unrevoked = draft.current(member_id).state is MemberState.UNREVOKED_PARTITIONS
        if kind != REBALANCE_TIMER or unrevoked:
            gone[member_id] = None
    return remove_members(draft, gone) if gone else draft.outcome()
