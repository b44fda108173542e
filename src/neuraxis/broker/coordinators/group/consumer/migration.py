"""A classic group becomes a consumer group while its members live, and back, as far as the migration policy allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group import rebalance
from neuraxis.broker.coordinators.group.consumer import facts
from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft
from neuraxis.broker.coordinators.group.consumer.protocol import (
    PROTOCOL_TYPE,
    read_assignment,
    read_subscription,
    version_of,
    write_assignment,
)
from neuraxis.broker.coordinators.group.consumer.state import (
    ClassicMetadata,
    ConsumerGroup,
    ConsumerMember,
    Current,
    Held,
    MemberState,
)
from neuraxis.broker.coordinators.group.draft import Draft
from neuraxis.broker.coordinators.group.facts import MetadataFact
from neuraxis.broker.coordinators.group.state import Member, Membership, Phase, membership_of
from neuraxis.broker.coordinators.machine import Outcome
from neuraxis.wire import codec
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.group.facts import Fact
    from neuraxis.broker.coordinators.group.notes import Note
    from neuraxis.broker.coordinators.group.settings import GroupSettings
    from neuraxis.broker.coordinators.group.state import Group
    from neuraxis.broker.work import Now

UPGRADES = frozenset({"UPGRADE", "BIDIRECTIONAL"})
DOWNGRADES = frozenset({"DOWNGRADE", "BIDIRECTIONAL"})


def upgrade(group: Group, settings: GroupSettings, view: View, now: Now) -> ConsumerDraft:
    """A classic group with members as a consumer group; its members stay, and go on in their protocol.

    Refuses (69) if the policy forbids it, or the members do not speak the protocol of consumers.
    """
    membership = membership_of(group)
    allowed = settings.consumer_migration_policy in UPGRADES and membership.protocol_type == PROTOCOL_TYPE
    if not allowed or len(membership.members) > settings.consumer_max_size:
        raise Refused(
            ErrorCode.GROUP_ID_NOT_FOUND,
            f"Group {group.group_id} is a classic group whose members must leave first.",
        )
    consumer = ConsumerGroup()
    generation = max(membership.generation_id, 1)
    written: list[Fact] = []

    def write(fact: facts.ConsumerFact) -> None:
        facts.apply(consumer, fact)
        written.append(fact)

    write(facts.EpochFact(group.group_id, (generation, 0)))
    for member in membership.members.values():
        try:
            _take_over(group.group_id, consumer, member, membership, view, write)
        except codec.Malformed as error:
            raise Refused(
                ErrorCode.GROUP_ID_NOT_FOUND,
                f"Group {group.group_id} cannot become a consumer group: what member "
                f"{member.member_id} said is malformed ({error}).",
            ) from error
    write(facts.TargetEpochFact(group.group_id, (generation, 0)))  # made at no time: the next one is due
    draft = ConsumerDraft(group.group_id, consumer, settings, view, now)
    draft.records = [MetadataFact(group.group_id, None), *written]
    classic = Draft(group.group_id, group, settings, now)
    for member in membership.members.values():
        classic.refuse_waiting(member, ErrorCode.REBALANCE_IN_PROGRESS, member.member_id)
        draft.set_timer(member.member_id, member.session_timeout_ms)
    draft.replies = classic.replies
    return draft


def _take_over(
    group_id: str,
    consumer: ConsumerGroup,
    member: Member,
    membership: Membership,
    view: View,
    write: facts.Write,
) -> None:
    metadata = member.metadata(membership.protocol_name) or member.protocols[0][1]
    said = read_subscription(metadata, view)
    epoch = consumer.epoch
    assigned: Held = {}
    for topic_id, partitions in read_assignment(member.assignment, view).items():
        # Clients assigned them: nothing says that they did not give one to two members.
        taken = consumer.owners.get(topic_id, {})
        free = {each: epoch for each in sorted(partitions) if each not in taken}
        if free:
            assigned[topic_id] = free
    described = ConsumerMember(
        member.member_id,
        member.group_instance_id,
        said.rack_id,
        member.client_id,
        member.client_host,
        said.topic_names,
        "",
        member.rebalance_timeout_ms,
        None,
        ClassicMetadata(member.session_timeout_ms, member.protocols),
    )
    write(facts.MemberFact(group_id, member.member_id, described))
    target = {topic_id: tuple(partitions) for topic_id, partitions in assigned.items()}
    write(facts.TargetFact(group_id, member.member_id, target))
    current = Current(epoch, epoch, MemberState.STABLE, assigned)
    write(facts.CurrentFact(group_id, member.member_id, current))


def may_downgrade(draft: ConsumerDraft) -> bool:
    """Whether only members of the classic protocol are left, and the policy lets the group follow them."""
    members = draft.members()
    return (
        draft.settings.consumer_migration_policy in DOWNGRADES
        and 0 < len(members) <= draft.settings.max_size
        and all(member.classic is not None for member in members.values())
    )


def downgrade(draft: ConsumerDraft) -> Outcome[Fact | Note]:
    """The consumer group as a classic one; its members are told to join again, and elect a leader that assigns."""
    membership = Membership(
        phase=Phase.STABLE,
        generation_id=draft.epoch,
        protocol_type=PROTOCOL_TYPE,
        state_timestamp_ms=draft.now.wall_ms,
    )
    classic = Draft(draft.group_id, None, draft.settings, draft.now)
    classic.membership = membership
    for member in draft.members().values():
        assert member.classic is not None
        try:
            version = version_of(member.classic.protocols[0][1])
        except codec.Malformed:
            version = 0
        classic.put(
            Member(
                member.member_id,
                member.instance_id,
                member.client_id,
                member.client_host,
                member.classic.session_timeout_ms,
                member.rebalance_timeout_ms,
                member.classic.protocols,
                write_assignment(draft.current(member.member_id).assigned, version, draft.view),
            )
        )
        classic.set_timer(member.member_id, member.classic.session_timeout_ms)
    membership.protocol_name = rebalance.choose_protocol(membership)
    stored = classic.metadata()
    rebalance.prepare(classic)
    outcome = classic.outcome()
    records = (*facts.tombstones(draft.group_id, draft.base), MetadataFact(draft.group_id, stored))
    return Outcome((*records, *outcome.records), outcome.notes, (*draft.replies, *outcome.replies))
