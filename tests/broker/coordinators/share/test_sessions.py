"""Share sessions: whose turn it is, what is fetched, and how they end."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.share import sessions as module
from neuraxis.broker.coordinators.share.sessions import LAST_EPOCH, ShareSessions
from neuraxis.wire.errors import ErrorCode, Refused

A, B, C = (b"a" * 16, 0), (b"a" * 16, 1), (b"b" * 16, 0)


def code_of(action: object) -> int:
    assert callable(action)
    with pytest.raises(Refused) as caught:
        action()
    return caught.value.code


def test_each_request_has_the_next_epoch() -> None:
    sessions = ShareSessions()
    session = sessions.begin("g", "m", 7, 10)
    assert sessions.next("g", "m", 1) is session
    assert code_of(lambda: sessions.next("g", "m", 1)) == ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert code_of(lambda: sessions.next("g", "m", 3)) == ErrorCode.INVALID_SHARE_SESSION_EPOCH
    sessions.next("g", "m", 2)
    assert code_of(lambda: sessions.next("g", "other", 1)) == ErrorCode.SHARE_SESSION_NOT_FOUND


def test_after_the_last_epoch_comes_the_first() -> None:
    sessions = ShareSessions()
    session = sessions.begin("g", "m", 7, 10)
    session.epoch = LAST_EPOCH
    sessions.next("g", "m", LAST_EPOCH)
    assert session.epoch == 1


def test_a_session_ends_once() -> None:
    sessions = ShareSessions()
    session = sessions.begin("g", "m", 7, 10)
    assert sessions.end("g", "m") is session
    assert code_of(lambda: sessions.end("g", "m")) == ErrorCode.SHARE_SESSION_NOT_FOUND
    assert sessions.end_connection(7) == []


def test_a_new_session_takes_the_place_of_the_old_one_also_at_the_limit() -> None:
    sessions = ShareSessions()
    sessions.begin("g", "m", 7, 1)
    session = sessions.begin("g", "m", 8, 1)
    assert code_of(lambda: sessions.begin("g", "n", 8, 1)) == ErrorCode.SHARE_SESSION_LIMIT_REACHED
    assert sessions.end_connection(7) == []
    assert sessions.end_connection(8) == [session]
    assert sessions.sessions == {}


def test_partitions_come_and_go_and_take_turns() -> None:
    session = ShareSessions().begin("g", "m", 7, 10)
    session.add([A, B])
    session.add([B, C])
    assert session.fresh == {A, B, C}
    session.epoch = 3
    assert session.rotated() == [A, B, C]
    session.epoch = 4
    assert session.rotated() == [B, C, A]
    session.remove([B, (b"z" * 16, 0)])
    assert list(session.partitions) == [A, C]
    assert session.fresh == {A, C}
    session.remove([A, C])
    assert session.rotated() == []


def test_there_is_an_end_of_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SESSION_PARTITIONS", 2)
    session = ShareSessions().begin("g", "m", 7, 10)
    assert code_of(lambda: session.add([A, B, C])) == ErrorCode.INVALID_REQUEST
