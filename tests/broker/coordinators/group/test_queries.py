"""What is shown of groups: positions, lists, descriptions."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group import queries
from tests.broker.coordinators.group.world import World, subscription


def test_what_is_not_stored_is_shown_as_no_position() -> None:
    world = World()
    world.commit(offsets={("t1", 0): 7})
    assert queries.position(world.state, "g", "t1", 0).offset == 7
    for place in (("g", "t1", 1), ("g", "t2", 0), ("none", "t1", 0)):
        assert queries.position(world.state, *place) == (-1, -1, "")


def test_all_positions_of_a_group() -> None:
    world = World()
    world.commit(offsets={("t1", 0): 7, ("t1", 2): 8, ("t2", 0): 9})
    shown = queries.positions(world.state, "g")
    assert {topic: {p: each.offset for p, each in found.items()} for topic, found in shown.items()} == {
        "t1": {0: 7, 2: 8},
        "t2": {0: 9},
    }
    assert queries.positions(world.state, "none") == {}


@pytest.mark.parametrize(
    ("states", "types", "expected"),
    [
        ([], [], ["stable", "simple", "joining"]),
        (["Stable"], [], ["stable"]),
        (["STABLE", "empty"], [], ["stable", "simple"]),
        (["completingrebalance"], [], ["joining"]),
        (["Bogus"], [], []),
        ([], ["Classic"], ["stable", "simple", "joining"]),
        ([], ["consumer"], []),
        (["Stable"], ["consumer", "classic"], ["stable"]),
    ],
)
def test_groups_are_listed_by_state_and_type(
    states: list[str], types: list[str], expected: list[str]
) -> None:
    world = World()
    world.stable("stable")
    world.commit("simple")
    world.join("joining", version=3)
    assert [group.group_id for group in queries.listed(world.state, states, types)] == expected


def test_groups_are_listed_alike_before_and_after_a_restart() -> None:
    world = World()
    world.stable("stable")
    world.commit("simple")
    (member,) = world.stable("empty")
    world.leave("empty", (member, None))
    before = queries.listed(world.state, [], [])
    assert [(group.protocol_type, group.group_state) for group in before] == [
        ("consumer", "Stable"),
        ("", "Empty"),
        ("consumer", "Empty"),
    ]
    assert queries.listed(world.fold(), [], []) == before


def test_a_stable_group_is_described_with_its_shares() -> None:
    world = World()
    (member,) = world.stable()
    shown = queries.described(world.state, "g")
    assert shown is not None
    assert (shown.group_state, shown.protocol_type, shown.protocol_data) == ("Stable", "consumer", "range")
    (each,) = shown.members
    assert (each.member_id, each.client_id, each.client_host) == (member, "client", "/127.0.0.1")
    assert (each.member_metadata, each.member_assignment) == (subscription("t1"), member.encode())


def test_a_rebalancing_group_is_described_without_protocol_and_metadata() -> None:
    world = World()
    world.join(version=3)
    shown = queries.described(world.state, "g")
    assert shown is not None
    assert (shown.group_state, shown.protocol_data, shown.members[0].member_metadata) == (
        "CompletingRebalance",
        "",
        b"",
    )


def test_a_group_that_does_not_exist_is_not_described() -> None:
    assert queries.described(World().state, "none") is None
