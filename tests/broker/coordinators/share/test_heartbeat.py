"""Members of share groups: who may join, what they are given, which epoch they are at."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.share import heartbeat as module
from neuraxis.broker.coordinators.share.heartbeat import ShareHeartbeat, check
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.coordinators.share.groups import IDS, INTERVAL_MS, Groups, assigned


def code_of(groups: Groups, member: str, epoch: int, *names: str) -> int:
    with pytest.raises(Refused) as caught:
        groups.beat(member, epoch, *names)
    return caught.value.code


@pytest.mark.parametrize(
    "wrong",
    [
        {"group_id": ""},
        {"member_id": ""},
        {"member_id": "m" * 37},
        {"member_epoch": -2},
        {"rack_id": ""},
        {"topic_names": None},
        {"topic_names": ()},
        {"topic_names": ("a", "b", "c")},
    ],
)
def test_a_heartbeat_that_makes_no_sense_is_refused(
    wrong: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TOPIC_NAMES", 2)
    right = {
        "token": 1,
        "group_id": "g",
        "member_id": "m",
        "member_epoch": 0,
        "rack_id": None,
        "topic_names": ("t1",),
        "client_id": "",
        "client_host": "",
    }
    check(ShareHeartbeat(**right))  # type: ignore[arg-type]  # the values fit one by one
    with pytest.raises(Refused) as caught:
        check(ShareHeartbeat(**{**right, **wrong}))  # type: ignore[arg-type]  # the values fit one by one
    assert caught.value.code == ErrorCode.INVALID_REQUEST


def test_the_first_answer_holds_partitions() -> None:
    groups = Groups()
    body = groups.beat("m", 0, "t4", "unknown")
    assert (body.member_epoch, body.heartbeat_interval_ms) == (2, 5_000)
    assert assigned(body) == {IDS["t4"]: [0, 1, 2, 3]}


def test_nothing_is_said_or_written_while_nothing_changes() -> None:
    groups = Groups()
    groups.beat("m", 0, "t4")
    written = len(groups.log)
    assert assigned(groups.beat("m", 2)) is None
    assert assigned(groups.beat("m", 2, "t4")) == {IDS["t4"]: [0, 1, 2, 3]}
    assert len(groups.log) == written


def test_a_second_member_shares_and_the_first_learns_of_it() -> None:
    groups = Groups()
    groups.beat("a", 0, "t4")
    groups.advance(INTERVAL_MS)
    assert assigned(groups.beat("b", 0, "t4")) == {IDS["t4"]: [2, 3]}
    body = groups.beat("a", 2)
    assert (body.member_epoch, assigned(body)) == (3, {IDS["t4"]: [0, 1]})
    groups.beat("a", 2)  # the answer was lost
    assert code_of(groups, "a", 1) == ErrorCode.FENCED_MEMBER_EPOCH
    assert code_of(groups, "a", 4) == ErrorCode.FENCED_MEMBER_EPOCH


def test_assignments_are_not_made_sooner_after_each_other_than_configured() -> None:
    groups = Groups()
    groups.beat("a", 0, "t4")
    body = groups.beat("b", 0, "t4")
    assert (body.member_epoch, assigned(body)) == (2, {})
    groups.advance(INTERVAL_MS)
    body = groups.beat("b", 2)
    assert (body.member_epoch, assigned(body)) == (3, {IDS["t4"]: [2, 3]})


def test_a_topic_that_grows_or_comes_to_be_is_assigned_with_the_next_heartbeat() -> None:
    groups = Groups()
    del groups.topics.counts["t1"]
    groups.beat("a", 0, "t1", "t4")
    groups.topics.counts |= {"t1": 2, "t4": 5}
    groups.topics.changes += 1
    groups.advance(INTERVAL_MS)
    assert assigned(groups.beat("a", 2)) == {IDS["t1"]: [0, 1], IDS["t4"]: [0, 1, 2, 3, 4]}
    groups.topics.changes += 1
    written = len(groups.log)
    groups.beat("a", 3)
    assert len(groups.log) == written, "another topic's change is not the group's"


def test_strangers_are_told_so() -> None:
    groups = Groups()
    assert code_of(groups, "m", 5) == ErrorCode.GROUP_ID_NOT_FOUND
    assert code_of(groups, "m", -1) == ErrorCode.GROUP_ID_NOT_FOUND
    groups.beat("m", 0, "t4")
    assert code_of(groups, "n", 5) == ErrorCode.UNKNOWN_MEMBER_ID
    assert code_of(groups, "n", -1) == ErrorCode.UNKNOWN_MEMBER_ID


def test_a_full_group_takes_nobody_but_its_members() -> None:
    groups = Groups()
    groups.topics.configs["share.max.size"] = 1
    groups.beat("m", 0, "t4")
    assert code_of(groups, "n", 0, "t4") == ErrorCode.GROUP_MAX_SIZE_REACHED
    groups.beat("m", 0, "t4")


def test_who_leaves_leaves_the_others_everything() -> None:
    groups = Groups()
    groups.beat("a", 0, "t4")
    groups.advance(INTERVAL_MS)
    groups.beat("b", 0, "t4")
    groups.advance(INTERVAL_MS)
    body = groups.beat("a", -1)
    assert (body.member_epoch, body.heartbeat_interval_ms, assigned(body)) == (-1, 0, None)
    assert assigned(groups.beat("b", 3)) == {IDS["t4"]: [0, 1, 2, 3]}
    groups.beat("b", -1)
    assert (groups.group.phase(), groups.group.epoch, groups.group.assignment_epoch) == ("Empty", 5, 5)
