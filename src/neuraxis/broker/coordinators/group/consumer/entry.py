"""Which consumer group a member enters: the one there is, a new one, or a classic one that becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.group.consumer import migration
from neuraxis.broker.coordinators.group.consumer.draft import ConsumerDraft
from neuraxis.broker.coordinators.group.consumer.state import ConsumerGroup
from neuraxis.broker.coordinators.group.facts import MetadataFact
from neuraxis.broker.coordinators.group.settings import MAX_GROUPS
from neuraxis.broker.coordinators.group.state import Phase, membership_of
from neuraxis.broker.coordinators.streams import facts as streams_facts
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.group.settings import GroupSettings
    from neuraxis.broker.coordinators.group.state import GroupState
    from neuraxis.broker.work import Now


def group_to_enter(
    state: GroupState, settings: GroupSettings, view: View, group_id: str, *, joins: bool, now: Now
) -> ConsumerDraft:
    """The consumer group of this id, under change. Refuses (69) where there is none and none can be made."""
    group = state.groups.get(group_id)
    if group is not None and group.consumer is not None:
        return ConsumerDraft(group_id, group.consumer, settings, view, now)
    if not joins:
        raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"There is no consumer group {group_id}.")
    if group is not None and group.streams is not None and group.streams.members:
        raise Refused(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a consumer group.")
    draft = ConsumerDraft(group_id, ConsumerGroup(), settings, view, now)
    if group is None:
        if len(state.groups) >= MAX_GROUPS:
            raise Refused(ErrorCode.POLICY_VIOLATION, f"There are {MAX_GROUPS} groups; delete some.")
        return draft
    if group.streams is not None:
        draft.records.extend(streams_facts.tombstones(group_id, group.streams))
        return draft
    if membership_of(group).phase is not Phase.EMPTY:
        return migration.upgrade(group, settings, view, now)
    if group.stored is not None or group.membership is not None:
        draft.records.append(MetadataFact(group_id, None))
    return draft
