"""ShareGroupHeartbeat: members of share groups join, stay and leave; the target assignment follows them (Kafka 4.4's rules).

Unlike Kafka, a first answer holds partitions already: there is no other broker where they would have to be initialised.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.share.assignor import assign
from neuraxis.broker.coordinators.share.group import LEFT, Current, KnownTopic, ShareGroup, ShareMember
from neuraxis.broker.coordinators.share.group_facts import ShareGroupFact, differences
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.share_group_heartbeat import (
    Assignment,
    ShareGroupHeartbeatResponse,
    TopicPartitions,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.work import Now

MAX_MEMBER_ID = 36
"""Characters of a member id, as in Kafka: those of a UUID written out."""
MAX_TOPIC_NAMES = 10_000
"""Topics that one member subscribes to: they are in its record, which every change of it writes anew."""


@dataclass(frozen=True, slots=True)
class ShareHeartbeat:
    """A member lives, joins (epoch 0) or leaves (-1). `topic_names` None: as before."""

    token: int
    group_id: str
    member_id: str
    member_epoch: int
    rack_id: str | None
    topic_names: tuple[str, ...] | None
    client_id: str
    client_host: str


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat leads to: the group as it is to be, the answer, and whether the member is still there."""

    group: ShareGroup
    body: ShareGroupHeartbeatResponse


def check(command: ShareHeartbeat) -> None:
    """Refuse (42) what no state could make right."""
    if not command.group_id or not command.member_id:
        raise _senseless("it needs a group id and a member id")
    if command.member_epoch < LEFT:
        raise _senseless(f"there is no member epoch {command.member_epoch}")
    if len(command.member_id) > MAX_MEMBER_ID:
        raise _senseless(f"a member id has at most {MAX_MEMBER_ID} characters")
    if command.rack_id == "":
        raise _senseless("the rack is null or has a name")
    if command.member_epoch == 0 and not command.topic_names:
        raise _senseless("who joins subscribes to topics")
    if command.topic_names is not None and len(command.topic_names) > MAX_TOPIC_NAMES:
        raise _senseless(f"a member can subscribe to {MAX_TOPIC_NAMES} topics")


def _senseless(problem: str) -> Refused:
    return Refused(ErrorCode.INVALID_REQUEST, f"The heartbeat makes no sense: {problem}.")


def heartbeat(group: ShareGroup | None, command: ShareHeartbeat, view: View, now: Now) -> Beat:
    """Decide a heartbeat that is not a farewell. `group` is not changed; None: there is none yet."""
    joins = command.member_epoch == 0
    if group is None:
        if not joins:
            raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no share group {command.group_id}.")
        group = ShareGroup()
    known = group.members.get(command.member_id)
    if known is None:
        if not joins:
            raise Refused(
                ErrorCode.UNKNOWN_MEMBER_ID,
                f"Member {command.member_id} is not a member of group {command.group_id}.",
            )
        limit = view.group_config(command.group_id, "share.max.size")
        if len(group.members) >= limit:
            raise Refused(
                ErrorCode.GROUP_MAX_SIZE_REACHED, f"The group has its {limit} members (group.share.max.size)."
            )
    current = group.current.get(command.member_id)
    if not joins and current is not None:
        _check_epoch(current, command.member_epoch)
    names = command.topic_names
    member = ShareMember(
        known.rack_id if known is not None and command.rack_id is None else command.rack_id,
        command.client_id,
        command.client_host,
        known.topic_names if known is not None and names is None else tuple(sorted(set(names or ()))),
    )
    after = _after(group, command, member, view, now)
    reached = after.current[command.member_id]
    body = ShareGroupHeartbeatResponse(
        member_id=command.member_id,
        member_epoch=reached.member_epoch,
        heartbeat_interval_ms=view.group_config(command.group_id, "share.heartbeat.interval.ms"),
    )
    if joins or names is not None or current is None or reached.assigned != current.assigned:
        body.assignment = Assignment(
            [TopicPartitions(topic_id, list(found)) for topic_id, found in reached.assigned.items()]
        )
    return Beat(after, body)


def _check_epoch(current: Current, epoch: int) -> None:
    # The answer with the newer epoch may have been lost: the one before is good too.
    if epoch in (current.member_epoch, current.previous_epoch):
        return
    raise Refused(
        ErrorCode.FENCED_MEMBER_EPOCH,
        f"The member epoch {epoch} is not {current.member_epoch}, the one known here: the member must join again.",
    )


def _after(
    group: ShareGroup, command: ShareHeartbeat, member: ShareMember, view: View, now: Now
) -> ShareGroup:
    """The group as the heartbeat leaves it; the same object if it changes nothing."""
    member_id = command.member_id
    before = group.members.get(member_id)
    current = group.current.get(member_id)
    subscribed = before is None or before.topic_names != member.topic_names
    behind = current is None or current.member_epoch != group.assignment_epoch
    due = group.epoch > group.assignment_epoch and _assignment_is_due(group, command.group_id, view, now)
    if before == member and group.checked == view.version() and not due and not behind:
        return group
    after = group.copy()
    after.members[member_id] = member
    refresh(after, view, bump=subscribed)
    if after.epoch > after.assignment_epoch and _assignment_is_due(after, command.group_id, view, now):
        _assign(after, view, now)
    target = after.targets.get(member_id, {})
    if current is None or (current.member_epoch, current.assigned) != (after.assignment_epoch, target):
        previous = 0 if current is None or command.member_epoch == 0 else current.member_epoch
        after.current[member_id] = Current(after.assignment_epoch, previous, target)
    return after


def refresh(group: ShareGroup, view: View, *, bump: bool) -> None:
    """Raise the group's epoch if told so, or if the topics it subscribes to are not what they were."""
    metadata_hash = group.metadata_hash
    if bump or group.checked != view.version():
        metadata_hash = _hash(group.subscribed_topics(), view)
        group.checked = view.version()
    if bump or metadata_hash != group.metadata_hash:
        group.epoch = max(group.epoch, 1) + 1  # a new group's first subscription raises it to 2
        group.metadata_hash = metadata_hash


def _hash(names: Iterable[str], view: View) -> int:
    digest = hashlib.blake2b(digest_size=8)
    found = False
    for name in names:
        topic = view.topic(name)
        if topic is not None:
            found = True
            digest.update(f"{name}/{topic.topic_id.hex()}/{topic.partitions};".encode())
    return int.from_bytes(digest.digest(), "big", signed=True) if found else 0


def _assignment_is_due(group: ShareGroup, group_id: str, view: View, now: Now) -> bool:
    interval_ms = view.group_config(group_id, "share.assignment.interval.ms")
    since_ms = now.wall_ms - group.assigned_at_ms
    return not group.assignment_epoch or not 0 <= since_ms < interval_ms


def _assign(group: ShareGroup, view: View, now: Now) -> None:
    counts: dict[bytes, int] = {}
    ids: dict[str, bytes] = {}
    for name in group.subscribed_topics():
        topic = view.topic(name)
        if topic is not None:
            ids[name] = topic.topic_id
            counts[topic.topic_id] = topic.partitions
            group.topics[topic.topic_id] = KnownTopic(name, tuple(range(topic.partitions)))
    subscriptions = {
        member_id: frozenset(ids[name] for name in member.topic_names if name in ids)
        for member_id, member in group.members.items()
    }
    group.targets = assign(subscriptions, counts, group.targets)
    group.assignment_epoch = group.epoch
    group.assigned_at_ms = now.wall_ms


def leave(group: ShareGroup | None, command: ShareHeartbeat, view: View) -> Beat:
    """Decide a farewell."""
    if group is None:
        raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no share group {command.group_id}.")
    if command.member_id not in group.members:
        raise Refused(
            ErrorCode.UNKNOWN_MEMBER_ID,
            f"Member {command.member_id} is not a member of group {command.group_id}.",
        )
    body = ShareGroupHeartbeatResponse(member_id=command.member_id, member_epoch=LEFT)
    return Beat(without(group, [command.member_id], view), body)


def without(group: ShareGroup, member_ids: Iterable[str], view: View) -> ShareGroup:
    """The group when these members are gone; the others learn of it with their next heartbeats."""
    after = group.copy()
    for member_id in member_ids:
        after.members.pop(member_id, None)
        after.targets.pop(member_id, None)
        after.current.pop(member_id, None)
    refresh(after, view, bump=True)
    if not after.members:
        after.assignment_epoch = after.epoch
        after.assigned_at_ms = 0  # whoever comes next need not wait
    return after


def facts_of(group_id: str, before: ShareGroup | None, after: ShareGroup) -> list[ShareGroupFact]:
    """What is to be written so that the group is as it is to be."""
    return [] if before is after else differences(group_id, before or ShareGroup(), after)
