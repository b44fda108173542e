"""From what a member has to what it is to have: let go first, take what nobody else has, then the next epoch (KIP-848).

A partition is handed out only when no member has it, also none that was told to let go and has not said that it did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer.state import Current, Held, MemberState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft
    from neuraxis.broker.coordinators.group.consumer.state import ConsumerMember, Target

Owned = dict[bytes, tuple[int, ...]] | None
"""What a member says that it has; None: it does not say, so it may still have everything."""


def reconcile(
    draft: ConsumerDraft, member: ConsumerMember, owned: Owned, *, changed: bool = False
) -> Current:
    """Take the member as far towards the target assignment as may be; what it has then.

    `changed` says that its subscription is a new one: what it does not read any more must be let go at once.
    """
    current = draft.current(member.member_id)
    following = _next(draft, member, current, owned, changed=changed)
    draft.put_current(member, following)
    return following


def _next(
    draft: ConsumerDraft, member: ConsumerMember, current: Current, owned: Owned, *, changed: bool
) -> Current:
    epoch = current.member_epoch
    if current.state is MemberState.UNREVOKED_PARTITIONS:
        if _still_has(owned, current.revoking):
            return _without_unsubscribed(draft, member, current) if changed else current
        epoch += 1
    elif current.is_at(draft.assignment_epoch) and not changed:
        return current
    following = _towards(draft, member, current, epoch, owned)
    if current.is_at(draft.assignment_epoch) and following.assigned == current.assigned:
        return current
    return following


def _towards(
    draft: ConsumerDraft, member: ConsumerMember, current: Current, epoch: int, owned: Owned
) -> Current:
    target = _still_read(draft, member, draft.target(member.member_id))
    kept, revoking = _split(current.assigned, target)
    if revoking and _still_has(owned, revoking):
        return Current(epoch, current.member_epoch, MemberState.UNREVOKED_PARTITIONS, kept, revoking)
    waits = False
    assigned: Held = {topic_id: dict(partitions) for topic_id, partitions in kept.items()}
    for topic_id, partitions in target.items():
        for partition in partitions:
            if partition in kept.get(topic_id, {}):
                continue
            if draft.is_owned(topic_id, partition, member.member_id):
                waits = True
            else:
                assigned.setdefault(topic_id, {})[partition] = draft.assignment_epoch
    assigned = {topic_id: dict(sorted(assigned[topic_id].items())) for topic_id in sorted(assigned)}
    state = MemberState.UNRELEASED_PARTITIONS if waits else MemberState.STABLE
    return Current(draft.assignment_epoch, current.member_epoch, state, assigned)


def _still_read(draft: ConsumerDraft, member: ConsumerMember, target: Target) -> Target:
    """The part of a target that the member reads: an assignment may be older than its subscription."""
    names = draft.topics_of(member)
    found: Target = {}
    for topic_id, partitions in target.items():
        topic = draft.view.topic_by_id(topic_id)
        if topic is not None and topic.name in names:
            found[topic_id] = partitions
    return found


def _split(assigned: Held, target: Target) -> tuple[Held, Held]:
    """What stays of the assigned partitions, and what must be let go."""
    kept: Held = {}
    revoking: Held = {}
    for topic_id, partitions in assigned.items():
        wanted = set(target.get(topic_id, ()))
        for partition, epoch in partitions.items():
            held = kept if partition in wanted else revoking
            held.setdefault(topic_id, {})[partition] = epoch
    return kept, revoking


def _still_has(owned: Owned, revoking: Mapping[bytes, Mapping[int, int]]) -> bool:
    if owned is None:
        return True
    return any(
        partition in revoking.get(topic_id, {})
        for topic_id, partitions in owned.items()
        for partition in partitions
    )


def _without_unsubscribed(draft: ConsumerDraft, member: ConsumerMember, current: Current) -> Current:
    """A member that lets go does not keep what it has unsubscribed from meanwhile."""
    names = draft.topics_of(member)
    kept: Held = {}
    revoking: Held = {topic_id: dict(partitions) for topic_id, partitions in current.revoking.items()}
    for topic_id, partitions in current.assigned.items():
        topic = draft.view.topic_by_id(topic_id)
        if topic is not None and topic.name in names:
            kept[topic_id] = partitions
        else:
            revoking.setdefault(topic_id, {}).update(partitions)
    if len(kept) == len(current.assigned):
        return current
    return Current(current.member_epoch, current.previous_epoch, current.state, kept, revoking)
