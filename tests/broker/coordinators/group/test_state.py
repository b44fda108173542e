"""The state of the group coordinator: what a restart goes on with, and copies that share nothing that changes."""

from __future__ import annotations

from neuraxis.broker.coordinators.group.consumer.state import ConsumerGroup
from neuraxis.broker.coordinators.group.facts import CommittedOffset, GroupMetadata, StoredMember
from neuraxis.broker.coordinators.group.state import (
    Group,
    GroupState,
    Member,
    Membership,
    Phase,
    hard_state,
    lasts,
    membership_as_stored,
    membership_of,
)

STORED = GroupMetadata(
    "consumer", 7, "range", "a", 5, (StoredMember("a", "i", "c", "/h", 60_000, 10_000, b"meta", b"share"),)
)


def test_a_group_with_members_is_stable_after_a_restart() -> None:
    membership = membership_as_stored(STORED)
    assert (membership.phase, membership.generation_id, membership.leader) == (Phase.STABLE, 7, "a")
    assert membership.static_members == {"i": "a"}
    assert membership.members["a"].assignment == b"share"
    assert membership.members["a"].metadata("range") == b"meta"
    assert membership.supports("consumer", ["range"])
    assert not membership.supports("consumer", ["sticky"])


def test_a_group_without_members_is_empty_after_a_restart() -> None:
    membership = membership_as_stored(GroupMetadata("", 3, None, None, 5))
    assert (membership.phase, membership.generation_id, membership.protocol_type) == (Phase.EMPTY, 3, None)


def test_the_membership_in_force_goes_before_the_stored_one() -> None:
    live = Membership(generation_id=9)
    assert membership_of(Group("g", STORED, membership=live)) is live
    assert membership_of(Group("g", STORED)).generation_id == 7
    assert membership_of(Group("g")) == membership_of(None) == Membership()


def test_a_copy_of_a_membership_changes_alone() -> None:
    membership = membership_as_stored(STORED)
    copy = membership.copy()
    assert copy == membership
    copy.members.clear()
    copy.static_members.clear()
    copy.protocol_counts.clear()
    copy.pending["x"] = None
    copy.unsynced["x"] = None
    assert membership == membership_as_stored(STORED)


def test_the_longest_rebalance_timeout_counts() -> None:
    members = {name: Member(name, None, "", "", 1, timeout, ()) for name, timeout in (("a", 5), ("b", 9))}
    assert Membership(members=members).rebalance_timeout_ms() == 9
    assert Membership().rebalance_timeout_ms() == 0


def test_the_hard_state_is_what_the_log_knows() -> None:
    position = CommittedOffset(1, 0, "", 2)
    consumer = ConsumerGroup(epoch=3)
    groups = {
        "stored": Group("stored", STORED),
        "offsets": Group("offsets", None, {"t": {0: position}}),
        "neither": Group("neither", membership=Membership()),
        "consumer": Group("consumer", consumer=consumer),
    }
    assert [lasts(group) for group in groups.values()] == [True, True, False, True]
    assert hard_state(GroupState(groups)) == {
        "stored": (STORED, {}, None),
        "offsets": (None, {"t": {0: position}}, None),
        "consumer": (None, {}, consumer.hard()),
    }
