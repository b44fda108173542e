from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.broker.coordinators.group.consumer.assignors import (
    ASSIGNORS,
    Candidate,
    Candidates,
    range_assignor,
    uniform_assignor,
)
from neuraxis.broker.coordinators.group.consumer.state import Target

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16


def candidates(*members: str, topics: tuple[bytes, ...] = (A,), **targets: Target) -> Candidates:
    return {member: Candidate(None, frozenset(topics), targets.get(member, {})) for member in members}


def load(target: Target) -> int:
    return sum(len(found) for found in target.values())


def spread(assignment: dict[str, Target]) -> list[int]:
    return sorted(load(target) for target in assignment.values())


@st.composite
def groups(draw: st.DrawFn, *, same: bool) -> tuple[Candidates, dict[bytes, int]]:
    """Some topics, and members with subscriptions and targets of an earlier time (topics grown, gone, taken twice)."""
    counts = draw(st.dictionaries(st.sampled_from([A, B, C]), st.integers(1, 9), min_size=1))
    subscription = st.frozensets(st.sampled_from(sorted(counts)))
    common = draw(subscription)
    members: Candidates = {}
    for number in range(draw(st.integers(1, 6))):
        target = draw(
            st.dictionaries(
                st.sampled_from([A, B, C]), st.lists(st.integers(0, 11), unique=True, min_size=1).map(tuple)
            )
        )
        members[f"m{number}"] = Candidate(None, common if same else draw(subscription), target)
    return members, counts


def check_whole(members: Candidates, counts: dict[bytes, int], assignment: dict[str, Target]) -> None:
    assert assignment.keys() == members.keys()
    given: list[tuple[bytes, int]] = []
    for member, target in assignment.items():
        assert target.keys() <= members[member].topic_ids, "a topic that the member does not read"
        assert all(list(found) == sorted(found) for found in target.values())
        given += [(topic, partition) for topic, found in target.items() for partition in found]
    read = {topic for candidate in members.values() for topic in candidate.topic_ids}
    everything = [(topic, each) for topic in read & counts.keys() for each in range(counts[topic])]
    assert sorted(given) == sorted(everything), "a partition twice, or none at all"


@pytest.mark.parametrize("name", ASSIGNORS)
@given(group=groups(same=False))
def test_every_partition_has_one_reader(name: str, group: tuple[Candidates, dict[bytes, int]]) -> None:
    check_whole(*group, ASSIGNORS[name](*group))


@given(group=groups(same=True))
def test_uniform_shares_differ_by_one_at_most_and_nothing_moves_that_need_not(
    group: tuple[Candidates, dict[bytes, int]],
) -> None:
    members, counts = group
    assignment = uniform_assignor(members, counts)
    check_whole(members, counts, assignment)
    loads = spread(assignment)
    assert loads[-1] - loads[0] <= 1
    share = sum(loads) // len(loads)
    taken: set[tuple[bytes, int]] = set()
    for member in sorted(members):
        kept = {
            (topic, each)
            for topic, found in members[member].target.items()
            for each in found
            if topic in members[member].topic_ids and each < counts.get(topic, 0)
        } - taken
        taken |= kept
        after = {(topic, each) for topic, found in assignment[member].items() for each in found}
        assert len(kept & after) >= min(len(kept), share)
        if len(kept) <= share:
            assert kept <= after, "what was within the share was moved"
    again = {member: each._replace(target=assignment[member]) for member, each in members.items()}
    assert uniform_assignor(again, counts) == assignment, "a second assignment moves something"


@given(group=groups(same=False))
def test_uniform_for_different_subscriptions_cannot_be_improved_by_one_move(
    group: tuple[Candidates, dict[bytes, int]],
) -> None:
    members, counts = group
    assignment = uniform_assignor(members, counts)
    if len({each.topic_ids for each in members.values()}) == 1:
        return
    for giver, target in assignment.items():
        for topic in target:
            for taker, candidate in members.items():
                if topic in candidate.topic_ids:
                    assert load(target) - load(assignment[taker]) < 2, (giver, taker)
    again = {member: each._replace(target=assignment[member]) for member, each in members.items()}
    assert uniform_assignor(again, counts) == assignment, "a second assignment moves something"


def test_a_new_member_takes_only_its_share() -> None:
    before = uniform_assignor(candidates("a", "b"), {A: 6})
    after = uniform_assignor(candidates("a", "b", "c", **before), {A: 6})
    assert spread(after) == [2, 2, 2]
    for member in ("a", "b"):
        assert set(after[member][A]) <= set(before[member][A])


def test_a_member_that_leaves_gives_to_the_others_alone() -> None:
    before = uniform_assignor(candidates("a", "b", "c"), {A: 6})
    after = uniform_assignor(candidates("a", "b", a=before["a"], b=before["b"]), {A: 6})
    assert spread(after) == [3, 3]
    for member in ("a", "b"):
        assert set(after[member][A]) >= set(before[member][A])


def test_range_gives_the_first_members_one_more_and_joins_topics_by_number() -> None:
    assert range_assignor(candidates("c", "a", "b", topics=(A, B)), {A: 4, B: 4}) == {
        "a": {A: (0, 1), B: (0, 1)},
        "b": {A: (2,), B: (2,)},
        "c": {A: (3,), B: (3,)},
    }


def test_range_puts_static_members_first_by_their_instance_ids() -> None:
    members = {
        "a": Candidate(None, frozenset({A}), {}),
        "z": Candidate("i1", frozenset({A}), {}),
        "y": Candidate("i2", frozenset({A}), {}),
    }
    assert range_assignor(members, {A: 3}) == {"a": {A: (2,)}, "z": {A: (0,)}, "y": {A: (1,)}}


def test_more_members_than_partitions_leave_some_without() -> None:
    for assignor in ASSIGNORS.values():
        assert spread(assignor(candidates("a", "b", "c"), {A: 2})) == [0, 1, 1]


def test_members_without_topics_get_nothing() -> None:
    for assignor in ASSIGNORS.values():
        assert assignor(candidates("a", topics=()), {A: 2}) == {"a": {}}
