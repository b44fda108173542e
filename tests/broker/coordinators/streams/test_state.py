from __future__ import annotations

from neuraxis.broker.coordinators.streams.state import Current, MemberState, StreamsGroup, StreamsMember
from tests.broker.coordinators.streams.world import NOTHING, PLAIN, duties


def test_duties_are_compared_role_by_role() -> None:
    one, two = duties("0_0 0_1", "0_2"), duties("0_1", "0_0 0_2")
    assert one.minus(two) == duties("0_0")
    assert one.common(two) == duties("0_1", "0_2")
    assert one.plus(two) == duties("0_0 0_1", "0_0 0_2")
    assert one.tasks() == duties("0_0 0_1 0_2").active


def test_a_group_is_named_after_what_it_waits_for() -> None:
    group = StreamsGroup(epoch=2, assignment_epoch=1)
    assert group.phase() == "Empty"
    group.members["m"] = StreamsMember()
    assert group.phase() == "NotReady"
    group.topology, group.validated_epoch = PLAIN, 0
    assert group.phase() == "Assigning"
    group.assignment_epoch = 2
    assert group.phase() == "Reconciling"
    group.current["m"] = Current(2, 1, MemberState.UNRELEASED_TASKS)
    assert group.phase() == "Reconciling"
    group.current["m"] = Current(2, 1, MemberState.STABLE)
    assert group.phase() == "Stable"


def test_a_copy_can_be_changed_and_the_instance_id_alone_makes_no_difference() -> None:
    group = StreamsGroup()
    group.copy().members["m"] = StreamsMember()
    assert not group.members
    assert not StreamsMember(instance_id="i").differs(StreamsMember())
    assert StreamsMember(process_id="p").differs(StreamsMember())


def test_what_a_member_must_let_go_is_held_too() -> None:
    assert Current(assigned=duties("0_0"), revoking=duties("", "0_1")).held() == duties("0_0", "0_1")
    assert Current().held() == NOTHING
