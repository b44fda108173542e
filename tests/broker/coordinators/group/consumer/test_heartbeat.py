"""Joining, staying and leaving: what is refused, what is answered, what is written."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.group.consumer.world import SETTLED_MS, TIMEOUT_MS, ConsumerWorld


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"group_id": ""}, ErrorCode.INVALID_REQUEST),
        ({"member": ""}, ErrorCode.INVALID_REQUEST),
        ({"instance_id": ""}, ErrorCode.INVALID_REQUEST),
        ({"rack_id": ""}, ErrorCode.INVALID_REQUEST),
        ({"rebalance_timeout_ms": -1}, ErrorCode.INVALID_REQUEST),
        ({"owned": None}, ErrorCode.INVALID_REQUEST),
        ({"owned": {"t4": [0]}}, ErrorCode.INVALID_REQUEST),
        ({"topics": None}, ErrorCode.INVALID_REQUEST),
        ({"epoch": -2}, ErrorCode.INVALID_REQUEST),
        ({"epoch": -3}, ErrorCode.INVALID_REQUEST),
        ({"server_assignor": "sticky"}, ErrorCode.UNSUPPORTED_ASSIGNOR),
        ({"topic_regex": "(a"}, ErrorCode.INVALID_REGULAR_EXPRESSION),
        ({"epoch": 1}, ErrorCode.GROUP_ID_NOT_FOUND),
        ({"epoch": -1}, ErrorCode.GROUP_ID_NOT_FOUND),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_written(fields: dict[str, Any], code: int) -> None:
    world = ConsumerWorld()
    sent: dict[str, Any] = {
        "member": "m",
        "epoch": 0,
        "topics": ["t4"],
        "owned": {},
        "rebalance_timeout_ms": TIMEOUT_MS,
    }
    answer = world.beat(**(sent | fields))
    assert answer.error_code == code
    assert answer.error_message
    assert world.batches == 0


def test_the_server_names_members_of_version_0() -> None:
    world = ConsumerWorld()
    answer = world.enter("", api_version=0)
    assert answer.member_id.startswith("unique-")
    assert list(world.consumer().members) == [answer.member_id]


def test_a_heartbeat_without_news_writes_nothing_and_keeps_the_member_alive() -> None:
    world = ConsumerWorld()
    world.enter("m")
    batches = world.batches
    for _ in range(5):
        world.advance(40_000)
        answer = world.beat("m", 2)
        assert (answer.member_epoch, answer.heartbeat_interval_ms, answer.assignment) == (2, 5_000, None)
    assert world.batches == batches
    world.advance(45_000)
    assert world.beat("m", 2).error_code == ErrorCode.UNKNOWN_MEMBER_ID
    assert world.consumer().phase() == "Empty"


def test_a_lost_answer_is_forgiven_to_who_has_only_what_it_was_given() -> None:
    world = ConsumerWorld()
    world.enter("a")
    world.advance(SETTLED_MS)
    world.enter("b")
    world.beat("a", 2, None, {"t4": [0, 1]})  # its answer, epoch 3, is lost
    assert world.beat("a", 2, None, {"t4": [0, 1]}).member_epoch == 3
    assert world.beat("a", 2, None, {"t4": [0, 1, 2]}).error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert world.beat("a", 2).error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert world.beat("a", 1, None, {}).error_code == ErrorCode.FENCED_MEMBER_EPOCH
    assert world.beat("a", 4).error_code == ErrorCode.FENCED_MEMBER_EPOCH


def test_a_member_that_was_fenced_joins_again_under_its_id() -> None:
    world = ConsumerWorld()
    world.enter("a")
    assert world.beat("a", 7).error_code == ErrorCode.FENCED_MEMBER_EPOCH
    answer = world.enter("a")
    assert (answer.member_epoch, world.given(answer)) == (2, {"t4": [0, 1, 2, 3]})


def test_a_static_member_that_never_got_the_answer_to_its_join_may_ask_again() -> None:
    world = ConsumerWorld()
    first = world.enter("a", instance_id="i")
    world.restart()
    again = world.enter("a", instance_id="i")
    assert (again.error_code, again.member_epoch) == (0, first.member_epoch)
    assert world.given(again) == world.given(first)
    assert set(world.consumer().members) == {"a"}


def test_a_static_member_keeps_its_share_while_it_is_away() -> None:
    world = ConsumerWorld()
    world.enter("a", instance_id="i")
    world.advance(SETTLED_MS)
    world.enter("b")
    world.settle("a", "b")
    share = world.has("a")
    assert world.enter("x", instance_id="i").error_code == ErrorCode.UNRELEASED_INSTANCE_ID
    assert world.beat("x", 3, instance_id="i").error_code == ErrorCode.FENCED_INSTANCE_ID
    assert world.beat("a", -2, instance_id="i").member_epoch == -2
    epoch = world.consumer().epoch
    assert world.beat("b", 3).assignment is None
    answer = world.enter("x", instance_id="i")
    assert (answer.member_epoch, world.given(answer)) == (3, share)
    assert world.consumer().epoch == epoch, "nobody else notices"
    assert world.beat("a", 3, instance_id="i").error_code == ErrorCode.FENCED_INSTANCE_ID
    assert set(world.consumer().members) == {"b", "x"}


def test_a_static_member_comes_back_under_its_own_id_too() -> None:
    world = ConsumerWorld()
    world.enter("a", instance_id="i")
    world.beat("a", -2, instance_id="i")
    assert world.given(world.enter("a", instance_id="i")) == {"t4": [0, 1, 2, 3]}
    assert world.has("a") == {"t4": [0, 1, 2, 3]}


def test_a_static_member_that_stays_away_is_removed() -> None:
    world = ConsumerWorld()
    world.enter("a", instance_id="i")
    world.beat("a", -2, instance_id="i")
    world.advance(45_000)
    assert world.consumer().members == {}


def test_a_full_group_takes_no_more() -> None:
    world = ConsumerWorld(group_consumer_max_size=1)
    world.enter("a")
    assert world.enter("b").error_code == ErrorCode.GROUP_MAX_SIZE_REACHED
    assert world.enter("a").error_code == 0


def test_an_answer_to_a_whole_request_holds_the_assignment() -> None:
    world = ConsumerWorld()
    world.enter("a")
    answer = world.beat("a", 2, ["t4"], {}, rebalance_timeout_ms=TIMEOUT_MS)
    assert world.given(answer) == {"t4": [0, 1, 2, 3]}
