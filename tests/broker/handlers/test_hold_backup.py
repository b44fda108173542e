from __future__ import annotations

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.begin_backup import BeginBackupRequest
from neuraxis.wire.messages.hold_backup import HoldBackupRequest
from tests.broker.handlers.test_begin_backup import on_a_disk


def test_a_hold_is_renewed_and_let_go() -> None:
    broker = on_a_disk()
    peer = broker.connect()
    hold_id = peer.request(BeginBackupRequest(hold_ms=5_000), 0).hold_id
    broker.advance(4_000)
    assert peer.request(HoldBackupRequest(hold_id=hold_id, hold_ms=5_000), 0).error_code == 0
    broker.advance(4_000)
    assert len(broker.store.holds) == 1
    assert peer.request(HoldBackupRequest(hold_id=hold_id, hold_ms=0), 0).error_code == 0
    assert len(broker.store.holds) == 0


def test_one_that_has_ended_is_not_found() -> None:
    broker = on_a_disk()
    peer = broker.connect()
    hold_id = peer.request(BeginBackupRequest(hold_ms=5_000), 0).hold_id
    broker.advance(7_000)
    for hold_ms in (0, 5_000):
        answer = peer.request(HoldBackupRequest(hold_id=hold_id, hold_ms=hold_ms), 0)
        assert answer.error_code == ErrorCode.RESOURCE_NOT_FOUND
        assert "not held any more" in answer.error_message
