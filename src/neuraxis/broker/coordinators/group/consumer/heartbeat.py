"""ConsumerGroupHeartbeat: join, stay in, leave a consumer group (Kafka 4.4's rules)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer import subscriptions
from neuraxis.broker.coordinators.group.consumer.departure import remove_members
from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft
from neuraxis.broker.coordinators.group.consumer.entry import group_to_enter
from neuraxis.broker.coordinators.group.consumer.reconcile import Owned, reconcile
from neuraxis.broker.coordinators.group.consumer.state import LEFT, LEFT_FOR_NOW, ConsumerMember, Current
from neuraxis.broker.coordinators.group.notes import SessionExtended
from neuraxis.broker.coordinators.machine import Outcome, Reply
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.messages.consumer_group_heartbeat import (
    Assignment,
    ConsumerGroupHeartbeatResponse,
    TopicPartitions,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.group.facts import Fact
    from neuraxis.broker.coordinators.group.notes import Note
    from neuraxis.broker.coordinators.group.settings import GroupSettings
    from neuraxis.broker.coordinators.group.state import GroupState
    from neuraxis.broker.work import Now

MEMBER_ID_REQUIRED_FROM = 1
"""From this version on clients make their own member ids."""


@dataclass(frozen=True, slots=True)
class ConsumerHeartbeat:
    """A member of a consumer group speaks. `unique` is a random text for a member without an id (version 0).

    None means "as before": of names, expression, owned partitions, rack, assignor; -1 of the rebalance timeout. An expression
    finds only topics that `may_describe` lets the member see; None: all.
    """

    token: int
    api_version: int
    group_id: str
    member_id: str
    member_epoch: int
    instance_id: str | None
    rack_id: str | None
    rebalance_timeout_ms: int
    topic_names: tuple[str, ...] | None
    topic_regex: str | None
    server_assignor: str | None
    owned: Owned
    client_id: str
    client_host: str
    unique: str
    may_describe: Callable[[str], bool] | None = None


def heartbeat(
    state: GroupState, settings: GroupSettings, view: View, command: ConsumerHeartbeat, now: Now
) -> Outcome[Fact | Note]:
    """Decide a ConsumerGroupHeartbeat."""
    try:
        _validate(settings, command)
        if command.member_epoch in (LEFT, LEFT_FOR_NOW):
            return _leave(state, settings, view, command, now)
        return _beat(state, settings, view, command, now)
    except Refused as refused:
        body = ConsumerGroupHeartbeatResponse(error_code=refused.code, error_message=refused.message)
        return Outcome(replies=(Reply(command.token, body),))


def _validate(settings: GroupSettings, command: ConsumerHeartbeat) -> None:
    def check(good: bool, message: str) -> None:
        if not good:
            raise Refused(ErrorCode.INVALID_REQUEST, message)

    epoch = command.member_epoch
    named = bool(command.member_id) or (command.api_version < MEMBER_ID_REQUIRED_FROM and epoch in (0, -2))
    check(named, "MemberId is empty: the member must name itself.")
    check(bool(command.group_id), "GroupId is empty.")
    check(command.instance_id != "", "InstanceId is empty: leave it null for a dynamic member.")
    check(command.rack_id != "", "RackId is empty: leave it null if there are no racks.")
    if epoch == 0:
        check(command.rebalance_timeout_ms != -1, "RebalanceTimeoutMs must be given when a member joins.")
        check(command.owned == {}, "TopicPartitions must be empty, not null, when a member joins.")
        subscribes = command.topic_names is not None or command.topic_regex is not None
        check(subscribes, "SubscribedTopicNames or SubscribedTopicRegex must be given when a member joins.")
    elif epoch == LEFT_FOR_NOW:
        check(command.instance_id is not None, "InstanceId is null: only a static member can leave for now.")
    else:
        check(epoch >= LEFT_FOR_NOW, f"MemberEpoch cannot be {epoch}.")
    if command.server_assignor is not None and command.server_assignor not in settings.consumer_assignors:
        raise Refused(
            ErrorCode.UNSUPPORTED_ASSIGNOR,
            f"ServerAssignor {command.server_assignor} is not supported; "
            f"there are {', '.join(settings.consumer_assignors)}.",
        )


def _beat(
    state: GroupState, settings: GroupSettings, view: View, command: ConsumerHeartbeat, now: Now
) -> Outcome[Fact | Note]:
    draft = group_to_enter(state, settings, view, command.group_id, joins=command.member_epoch == 0, now=now)
    member_id = command.member_id or command.unique
    full = len(draft.base.members) >= settings.consumer_max_size and member_id not in draft.base.members
    if full:
        raise Refused(
            ErrorCode.GROUP_MAX_SIZE_REACHED,
            f"The group has its {settings.consumer_max_size} members (group.consumer.max.size).",
        )
    known = _known_member(draft, command, member_id)
    described = _described(command, known)
    before = draft.current(member_id)
    changed = subscriptions.update(draft, described, command.may_describe)
    subscriptions.assign_if_due(draft)
    current = reconcile(draft, described, command.owned, changed=changed)
    body = ConsumerGroupHeartbeatResponse(
        member_id=member_id,
        member_epoch=current.member_epoch,
        heartbeat_interval_ms=view.group_config(command.group_id, "consumer.heartbeat.interval.ms"),
    )
    says_all = (
        command.rebalance_timeout_ms != -1
        and (command.topic_names is not None or command.topic_regex is not None)
        and command.owned is not None
    )
    if command.member_epoch == 0 or says_all or _partitions(current) != _partitions(before):
        body.assignment = _assignment(current)
    draft.replies.append(Reply(command.token, body))
    session_ms = draft.session_ms(described)
    if not draft.records and not draft.timers and draft.checked == draft.base.checked:
        extended = SessionExtended(command.group_id, member_id, now.mono_ms + session_ms)
        return Outcome(notes=(extended,), replies=tuple(draft.replies))
    draft.set_timer(member_id, session_ms)
    return draft.outcome()


def _known_member(draft: ConsumerDraft, command: ConsumerHeartbeat, member_id: str) -> ConsumerMember:
    """The member as it is known; a new one if it joins. Refuses who is not a member, or was left behind."""
    instance_id, joins = command.instance_id, command.member_epoch == 0
    if instance_id is not None:
        holder = draft.holder(instance_id)
        if holder is not None and joins:
            gone = draft.current(holder.member_id).member_epoch == LEFT_FOR_NOW
            if not gone and holder.classic is None:
                if holder.member_id == member_id:
                    return holder  # it asks again: the answer was lost, with the broker that gave it perhaps
                raise Refused(
                    ErrorCode.UNRELEASED_INSTANCE_ID,
                    f"Instance id {instance_id} belongs to member {holder.member_id}, which has not left.",
                )
            return replace_static(draft, holder, member_id)
        if holder is None and not joins:
            raise Refused(ErrorCode.UNKNOWN_MEMBER_ID, f"Instance id {instance_id} is unknown.")
        if holder is not None and holder.member_id != member_id:
            raise fenced_instance(instance_id, holder.member_id)
    known = draft.member(member_id)
    if known is None:
        if not joins:
            raise unknown_member(draft.group_id, member_id)
        return ConsumerMember(member_id)
    if not joins:
        _check_epoch(draft.current(member_id), command)
    return known


def unknown_member(group_id: str, member_id: str) -> Refused:
    """25."""
    return Refused(ErrorCode.UNKNOWN_MEMBER_ID, f"Member {member_id} is not a member of group {group_id}.")


def fenced_instance(instance_id: str, holder_id: str) -> Refused:
    """82."""
    return Refused(
        ErrorCode.FENCED_INSTANCE_ID, f"Instance id {instance_id} now belongs to member {holder_id}."
    )


def _check_epoch(current: Current, command: ConsumerHeartbeat) -> None:
    epoch = command.member_epoch
    if epoch == current.member_epoch:
        return
    # The answer with the newer epoch may have been lost: then the member has nothing that it was not given.
    owned = command.owned
    lost = epoch == current.previous_epoch and epoch < current.member_epoch and owned is not None
    if lost and owned is not None and _is_part(owned, current):
        return
    relation = "greater" if epoch > current.member_epoch else "smaller"
    raise Refused(
        ErrorCode.FENCED_MEMBER_EPOCH,
        f"The member epoch {epoch} is {relation} than {current.member_epoch}, the one known here: "
        "the member must let go of its partitions and join again.",
    )


def _is_part(owned: dict[bytes, tuple[int, ...]], current: Current) -> bool:
    return all(
        partition in current.assigned.get(topic_id, {})
        for topic_id, partitions in owned.items()
        for partition in partitions
    )


def replace_static(draft: ConsumerDraft, old: ConsumerMember, member_id: str) -> ConsumerMember:
    """A static member is back, perhaps under another id: it takes the place, what it had and what it was to have."""
    current, target = draft.current(old.member_id), draft.target(old.member_id)
    draft.remove(old.member_id)
    member = replace(old, member_id=member_id)
    draft.put_member(member)
    draft.put_target(member_id, target)
    draft.put_current(member, Current(0, 0, current.state, current.assigned))
    return member


def _described(command: ConsumerHeartbeat, known: ConsumerMember) -> ConsumerMember:
    names, regex = command.topic_names, command.topic_regex
    timeout_ms = command.rebalance_timeout_ms
    return ConsumerMember(
        known.member_id,
        known.instance_id if command.instance_id is None else command.instance_id,
        known.rack_id if command.rack_id is None else command.rack_id,
        command.client_id,
        command.client_host,
        known.topic_names if names is None else tuple(sorted(set(names))),
        known.topic_regex if regex is None else regex,
        known.rebalance_timeout_ms if timeout_ms == -1 else timeout_ms,
        known.server_assignor if command.server_assignor is None else command.server_assignor,
    )


def _partitions(current: Current) -> dict[bytes, list[int]]:
    return {topic_id: sorted(partitions) for topic_id, partitions in current.assigned.items()}


def _assignment(current: Current) -> Assignment:
    return Assignment([TopicPartitions(*item) for item in _partitions(current).items()])


def _leave(
    state: GroupState, settings: GroupSettings, view: View, command: ConsumerHeartbeat, now: Now
) -> Outcome[Fact | Note]:
    group = state.groups.get(command.group_id)
    if group is None or group.consumer is None:
        raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no consumer group {command.group_id}.")
    draft = ConsumerDraft(command.group_id, group.consumer, settings, view, now)
    if command.instance_id is not None:
        member = draft.holder(command.instance_id)
        if member is None:
            raise Refused(ErrorCode.UNKNOWN_MEMBER_ID, f"Instance id {command.instance_id} is unknown.")
        if member.member_id != command.member_id:
            raise fenced_instance(command.instance_id, member.member_id)
    else:
        member = draft.member(command.member_id)
        if member is None:
            raise unknown_member(command.group_id, command.member_id)
    body = ConsumerGroupHeartbeatResponse(member_id=command.member_id, member_epoch=command.member_epoch)
    if command.member_epoch == LEFT_FOR_NOW:
        # Its place is kept for a session timeout; what it was told to let go, it has let go by leaving.
        current = draft.current(member.member_id)
        away = replace(current, member_epoch=LEFT_FOR_NOW, revoking={})
        draft.put_current(member, away)
        draft.replies.append(Reply(command.token, body))
        return draft.outcome()
    outcome = remove_members(draft, [member.member_id])
    return replace(outcome, replies=(*outcome.replies, Reply(command.token, body)))
