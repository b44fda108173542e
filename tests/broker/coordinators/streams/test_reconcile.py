from __future__ import annotations

from neuraxis.broker.coordinators.streams.reconcile import reconcile
from neuraxis.broker.coordinators.streams.state import (
    Current,
    Duties,
    MemberState,
    StreamsGroup,
    StreamsMember,
)
from tests.broker.coordinators.streams.world import NOTHING, duties

STABLE, UNREVOKED, UNRELEASED = MemberState


def group_of(**targets: Duties) -> StreamsGroup:
    """A group at epoch 5; members are in processes named after their first letters."""
    group = StreamsGroup(epoch=5, assignment_epoch=5, targets=dict(targets))
    group.members = {name: StreamsMember(process_id=name[0]) for name in targets}
    return group


def step(group: StreamsGroup, member: str, owned: Duties | None = None, *, returns: bool = False) -> Current:
    group.current[member] = reconcile(group, member, owned, returns=returns)
    return group.current[member]


def at_four(assigned: Duties) -> Current:
    return Current(4, 3, STABLE, assigned, since=dict.fromkeys(assigned.active, 2))


def test_a_task_changes_hands_only_when_its_owner_has_let_it_go() -> None:
    group = group_of(a=duties("0_0"), b=duties("0_1"))
    group.current["a"] = at_four(duties("0_0 0_1"))
    first = step(group, "a")
    assert (first.member_epoch, first.state) == (4, UNREVOKED)
    assert (first.assigned, first.revoking) == (duties("0_0"), duties("0_1"))
    assert step(group, "b").state is UNRELEASED
    assert step(group, "a").state is UNREVOKED, "it says nothing"
    assert step(group, "a", duties("0_0 0_1")).state is UNREVOKED, "it still has it"
    done = step(group, "a", duties("0_0"))
    assert (done.member_epoch, done.previous_epoch, done.state, done.revoking) == (5, 4, STABLE, NOTHING)
    assert done.since == {("0", 0): 2}
    got = step(group, "b")
    assert (got.member_epoch, got.state, got.assigned, got.since) == (5, STABLE, duties("0_1"), {("0", 1): 5})


def test_who_is_where_it_should_be_stays() -> None:
    group = group_of(a=duties("0_0"))
    current = group.current["a"] = Current(5, 4, STABLE, duties("0_0"))
    assert step(group, "a", duties("0_0")) is current


def test_an_owner_that_becomes_a_standby_goes_on_at_once() -> None:
    group = group_of(a=duties("0_0", "0_1"))
    group.current["a"] = at_four(duties("0_0 0_1"))
    first = step(group, "a")
    assert (first.assigned, first.revoking) == (duties("0_0", "0_1"), duties("0_1"))
    assert step(group, "a", first.assigned).is_at(5)


def test_a_standby_that_becomes_the_owner_lets_nothing_go() -> None:
    group = group_of(a=duties("0_0"))
    group.current["a"] = at_four(duties("", "0_0"))
    done = step(group, "a")
    assert done.is_at(5)
    assert done.assigned == duties("0_0")


def test_a_standby_that_becomes_the_owner_waits_for_the_owner() -> None:
    group = group_of(a=duties("0_0"), b=duties())
    group.current["a"] = at_four(duties("", "0_0"))
    group.current["b"] = at_four(duties("0_0"))
    waits = step(group, "a")
    assert (waits.state, waits.assigned) == (UNRELEASED, duties("", "0_0"))
    step(group, "b")
    step(group, "b", NOTHING)
    assert step(group, "a").assigned == duties("0_0")


def test_a_process_has_a_task_in_one_role_only() -> None:
    group = group_of(a1=duties("0_0"), a2=duties())
    group.current["a2"] = at_four(duties("", "0_0"))
    assert step(group, "a1").state is UNRELEASED
    step(group, "a2")
    step(group, "a2", NOTHING)
    assert step(group, "a1").assigned == duties("0_0")


def test_a_standby_may_come_while_another_process_still_has_one() -> None:
    group = group_of(a=duties("", "0_0"), b=duties())
    group.current["b"] = at_four(duties("", "0_0"))
    assert step(group, "a").is_at(5)


def test_a_static_member_that_is_back_has_nothing_to_let_go() -> None:
    group = group_of(a=duties("0_0"))
    group.current["a"] = Current(-2, 4, UNREVOKED, duties("0_0 0_1"), duties("0_2"))
    done = step(group, "a", NOTHING, returns=True)
    assert done.is_at(5)
    assert done.held() == duties("0_0")
