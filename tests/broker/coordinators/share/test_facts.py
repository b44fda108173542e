"""Facts of share partitions as Kafka's records."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.share.facts import (
    ShareFact,
    ShareKey,
    Snapshot,
    SnapshotFact,
    UpdateFact,
    decode_share_fact,
    encode_share_fact,
)
from neuraxis.broker.coordinators.share.runs import Batch, Delivery

KEY = ShareKey("g", bytes(range(16)), 3)
BATCHES = (Batch(4, 5, Delivery.ACKNOWLEDGED, 1), Batch(7, 7, Delivery.AVAILABLE, 2))


@pytest.mark.parametrize(
    "fact",
    [
        SnapshotFact(KEY, Snapshot(1, 2, 3, 4, 2, 5, 6, BATCHES)),
        SnapshotFact(KEY, None),
        UpdateFact(KEY, 1, 3, 4, 2, BATCHES),
        UpdateFact(KEY, 1, 3, -1, -1),
    ],
)
def test_a_fact_comes_back(fact: ShareFact) -> None:
    assert decode_share_fact(*encode_share_fact(fact)) == fact


def test_the_bytes_are_kafkas() -> None:
    key, value = encode_share_fact(UpdateFact(KEY, 1, 3, 4, 2, BATCHES[:1]))
    assert key == b"\0\1" + b"\0\1g" + bytes(range(16)) + b"\0\0\0\3"
    assert value is not None
    assert value == (
        b"\0\0" + b"\0\0\0\1" + b"\0\0\0\3" + (4).to_bytes(8, "big")
        + b"\2" + (4).to_bytes(8, "big") + (5).to_bytes(8, "big") + b"\2" + b"\0\1" + b"\0"
        + b"\1\0\4\0\0\0\2"
    )  # fmt: skip


def test_other_kinds_of_records_are_left_alone() -> None:
    assert decode_share_fact(b"\0\7whatever", b"") is None
    key, _ = encode_share_fact(UpdateFact(KEY, 1, 3, 4, 2))
    assert decode_share_fact(key, None) is None
