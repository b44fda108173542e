from __future__ import annotations

from neuraxis.broker.coordinators.streams.departure import without
from tests.broker.coordinators.streams.test_records import GROUP


def test_who_is_gone_leaves_nothing_behind_and_an_empty_group_waits_for_nobody() -> None:
    after = without(GROUP, ["m"])
    assert (after.members, after.targets, after.current, after.static_members) == ({}, {}, {}, {})
    assert (after.epoch, after.assignment_epoch, after.assigned_at_ms) == (5, 5, 0)
    assert after.topology == GROUP.topology
    assert GROUP.members, "the group that was given is as it was"
