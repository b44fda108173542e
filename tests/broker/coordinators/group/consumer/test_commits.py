from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group.consumer import commits
from neuraxis.broker.coordinators.group.consumer.state import (
    ClassicMetadata,
    ConsumerGroup,
    ConsumerMember,
    Current,
    MemberState,
)
from neuraxis.wire.errors import ErrorCode

T = b"t" * 16


@pytest.fixture
def group() -> ConsumerGroup:
    return ConsumerGroup(
        members={
            "new": ConsumerMember("new"),
            "old": ConsumerMember("old", classic=ClassicMetadata(1, ())),
        },
        current={
            "new": Current(5, 4, MemberState.UNREVOKED_PARTITIONS, {T: {0: 3, 1: 5}}, {T: {2: 4}}),
            "old": Current(5, 4),
        },
    )


def test_who_may_commit(group: ConsumerGroup) -> None:
    cases = {
        ("new", 5, 9): None,
        ("new", 4, 9): None,  # partition by partition
        ("new", 6, 9): ErrorCode.STALE_MEMBER_EPOCH,
        ("new", 5, 8): ErrorCode.UNSUPPORTED_VERSION,
        ("new", 5, None): None,
        ("old", 5, 2): None,
        ("old", 4, 9): ErrorCode.ILLEGAL_GENERATION,
        ("who", 5, 9): ErrorCode.UNKNOWN_MEMBER_ID,
        ("", -1, 9): ErrorCode.UNKNOWN_MEMBER_ID,
    }
    assert {case: commits.check_commit(group, *case) for case in cases} == cases
    assert commits.check_commit(ConsumerGroup(), "", -1, 9) is None


def test_an_older_epoch_is_good_for_what_it_had_then(group: ConsumerGroup) -> None:
    stale = [commits.is_stale(group, "new", 4, T, partition) for partition in range(4)]
    assert stale == [False, True, False, True]
    assert not any(commits.is_stale(group, "new", 5, T, partition) for partition in range(4))
    assert not commits.is_stale(group, "old", 4, T, 0)
    assert not commits.is_stale(group, "who", 4, T, 0)


def test_who_may_fetch(group: ConsumerGroup) -> None:
    cases = {
        (None, -1): ErrorCode.NONE,
        ("new", 5): ErrorCode.NONE,
        ("new", 4): ErrorCode.STALE_MEMBER_EPOCH,
        ("new", -1): ErrorCode.STALE_MEMBER_EPOCH,
        ("old", 4): ErrorCode.ILLEGAL_GENERATION,
        ("who", 5): ErrorCode.UNKNOWN_MEMBER_ID,
        (None, 5): ErrorCode.UNKNOWN_MEMBER_ID,
    }
    assert {case: commits.check_fetch(group, *case) for case in cases} == cases
