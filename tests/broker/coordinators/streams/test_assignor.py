from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.broker.coordinators.streams.assignor import assign
from neuraxis.broker.coordinators.streams.state import Duties
from tests.broker.coordinators.streams.world import duties


def test_a_new_member_takes_the_last_tasks_and_the_others_keep_theirs() -> None:
    found = assign({"a": "pa", "b": "pb"}, {"a": duties("0_0 0_1 0_2 0_3")}, {"0": 4}, (), 0)
    assert found == {"a": duties("0_0 0_1"), "b": duties("0_2 0_3")}


def test_the_process_with_fewer_tasks_per_member_is_served_first() -> None:
    had = {"a": duties("0_0 0_1 1_0 1_1"), "b": duties("0_2 0_3 1_2 1_3")}
    found = assign({"a": "p1", "b": "p2", "c": "p1"}, had, {"0": 4, "1": 4}, (), 0)
    assert found["c"] == duties("1_1 1_3")


def test_a_standby_takes_over() -> None:
    had = {"b": duties("0_1", "0_0"), "c": duties("", "0_2")}
    found = assign({"b": "pb", "c": "pc"}, had, {"0": 3}, ("0",), 0)
    assert found == {"b": duties("0_0 0_1"), "c": duties("0_2")}


def test_without_members_there_is_nothing_to_assign() -> None:
    assert assign({}, {}, {"0": 4}, ("0",), 1) == {}


def test_standbys_that_find_no_other_process_are_left_out() -> None:
    found = assign({"a": "p", "b": "p"}, {}, {"0": 2}, ("0",), 2)
    assert not any(each.standby for each in found.values())


PROCESSES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(("p", "q", "r")), min_size=1)


@given(PROCESSES, PROCESSES, st.dictionaries(st.sampled_from("01"), st.integers(1, 6)), st.integers(0, 2))
def test_every_task_has_one_owner_loads_are_even_and_standbys_lie_elsewhere(
    before: dict[str, str], after: dict[str, str], tasks: dict[str, int], replicas: int
) -> None:
    first = assign(before, {}, tasks, ("0",), replicas)
    found = assign(after, first, tasks, ("0",), replicas)
    every = sorted((name, index) for name, count in tasks.items() for index in range(count))
    assert sorted(task for each in found.values() for task in each.active) == every
    counts = [len(each.active) for each in found.values()]
    if len(set(after.values())) == 1:
        assert max(counts) - min(counts) <= 1
    for name, index in every:
        homes = [
            after[member_id]
            for member_id, each in found.items()
            if (name, index) in each.active | each.standby
        ]
        wanted = min(1 + (replicas if name == "0" else 0), len(set(after.values())))
        assert len(homes) == len(set(homes)) == wanted
    assert assign(after, found, tasks, ("0",), 0).keys() == found.keys()


@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_nobody_loses_a_task_that_it_may_keep(count: int) -> None:
    processes = {f"m{number}": f"p{number}" for number in range(4)}
    first = assign(processes, {}, {"0": count}, (), 0)
    assert assign(processes, first, {"0": count}, (), 0) == first
    assert sum(len(each.active) for each in first.values()) == count
    assert Duties() in first.values() or count >= 4
