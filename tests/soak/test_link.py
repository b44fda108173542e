"""What a read_committed reader of our own makes of batches: aborted ones left out, damaged ones refused."""

from __future__ import annotations

import pytest

from neuraxis.testing.verify.own_broker import free_port
from neuraxis.wire.batch import ControlType, build_control_batch
from neuraxis.wire.messages.fetch import AbortedTransaction, PartitionData
from neuraxis.wire.messages.metadata import MetadataRequest
from neuraxis.wire.records import Record, build_batch
from tests.soak.link import Damaged, Link, Lost, next_offset_of, records_of


def batch(offset: int, value: bytes, producer_id: int = -1) -> bytes:
    return bytes(
        build_batch(
            [Record(offset, 1, None, value)],
            base_offset=offset,
            producer_id=producer_id,
            producer_epoch=0 if producer_id >= 0 else -1,
            base_sequence=0 if producer_id >= 0 else -1,
            transactional=producer_id >= 0,
        )
    )


def marker(offset: int, producer_id: int, kind: ControlType) -> bytes:
    return bytes(build_control_batch(kind, producer_id, 0, 0, 1, base_offset=offset))


def answer(*batches: bytes, aborted: tuple[tuple[int, int], ...] = ()) -> PartitionData:
    begun = [AbortedTransaction(producer_id, first) for producer_id, first in aborted]
    return PartitionData(records=b"".join(batches), aborted_transactions=begun)


def test_aborted_transactions_and_markers_are_left_out_until_their_end() -> None:
    data = answer(
        batch(0, b"plain"),
        batch(1, b"aborted", 7),
        batch(2, b"committed", 8),
        marker(3, 7, ControlType.ABORT),
        batch(4, b"again", 7),
        marker(5, 8, ControlType.COMMIT),
        marker(6, 7, ControlType.COMMIT),
        aborted=((7, 1),),
    )
    assert [record.value for record in records_of(data, 0)] == [b"plain", b"committed", b"again"]
    assert [record.offset for record in records_of(data, 2)] == [2, 4]
    assert next_offset_of(data, 0) == 7
    assert next_offset_of(answer(), 3) == 3


def test_a_damaged_batch_is_refused() -> None:
    damaged = bytearray(batch(0, b"value"))
    damaged[-2] ^= 1
    with pytest.raises(Damaged, match="offset 0"):
        list(records_of(answer(bytes(damaged)), 0))


def test_no_answer_is_said_and_nothing_is_sent_twice() -> None:
    link = Link("127.0.0.1", free_port(), "nobody")
    with pytest.raises(Lost, match="MetadataRequest"):
        link.ask(MetadataRequest(None, False), 12)
    assert link.life == 0
