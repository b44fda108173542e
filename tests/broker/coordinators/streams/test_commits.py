from __future__ import annotations

from neuraxis.broker.coordinators.streams import commits
from neuraxis.broker.coordinators.streams.state import Current, StreamsGroup, StreamsMember
from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.streams.world import PLAIN, duties

GROUP = StreamsGroup(
    members={"m": StreamsMember()},
    current={"m": Current(5, 4, assigned=duties("0_0"), since={("0", 0): 3})},
    topology=PLAIN,
)


def test_members_commit_with_epochs_that_are_not_ahead() -> None:
    assert commits.check_commit(GROUP, "m", 5, 9) is None
    assert commits.check_commit(GROUP, "m", 3, None) is None
    assert commits.check_commit(GROUP, "m", 6, 9) is ErrorCode.STALE_MEMBER_EPOCH
    assert commits.check_commit(GROUP, "m", 5, 8) is ErrorCode.UNSUPPORTED_VERSION
    assert commits.check_commit(GROUP, "", -1, 9) is ErrorCode.UNKNOWN_MEMBER_ID
    assert commits.check_commit(StreamsGroup(), "", -1, 9) is None


def test_an_older_epoch_is_good_for_tasks_the_member_had_by_then() -> None:
    assert not commits.is_stale(GROUP, "m", 5, "elsewhere", 0)
    assert not commits.is_stale(GROUP, "m", 3, "in", 0)
    assert commits.is_stale(GROUP, "m", 2, "in", 0)
    assert commits.is_stale(GROUP, "m", 4, "in", 1)
    assert commits.is_stale(GROUP, "m", 4, "elsewhere", 0)
    assert commits.is_stale(GROUP, "m", 4, None, 0)


def test_members_fetch_with_the_epoch_they_are_at() -> None:
    assert commits.check_fetch(GROUP, "m", 5) is ErrorCode.NONE
    assert commits.check_fetch(GROUP, None, -1) is ErrorCode.NONE
    assert commits.check_fetch(GROUP, "m", 4) is ErrorCode.STALE_MEMBER_EPOCH
    assert commits.check_fetch(GROUP, "zz", 5) is ErrorCode.UNKNOWN_MEMBER_ID
