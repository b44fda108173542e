"""The records of the coordinator: Kafka's bytes, and every field back again."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.transaction.facts import Metadata, Phase, TransactionFact, decode, encode
from neuraxis.wire.codec import encode as encode_message
from neuraxis.wire.facts import UnknownFact
from neuraxis.wire.facts.transaction_log import PartitionsSchema, TransactionLogValue

KNOWN = Metadata(
    producer_id=7,
    producer_epoch=3,
    timeout_ms=60_000,
    phase=Phase.PREPARE_COMMIT,
    update_timestamp_ms=1_700_000_000_123,
    start_timestamp_ms=1_700_000_000_000,
    partitions=(("a", 0), ("a", 2), ("b", 1)),
    previous_producer_id=7,
    next_producer_id=9,
    client_version=2,
)


def test_every_field_comes_back() -> None:
    fact = TransactionFact("payments", KNOWN)
    assert decode(*encode(fact)) == fact
    assert decode(*encode(TransactionFact("payments", None))) == TransactionFact("payments", None)


KEY = "0000000374786e"
TAIL = "0100080000000000000000"
RECORDED = {
    "Empty": f"0001000000000000000000000000ea600000000001a2101a3f7dffffffffffffffff{TAIL}",
    "Ongoing": f"0001000000000000000000000000ea600102027403000000020000000000000001a2101a3fa1000001a2101a3fa1{TAIL}",
    "PrepareCommit": f"0001000000000000000000000000ea600202027403000000020000000000000001a2101a3fc2000001a2101a3fa1{TAIL}",
    "CompleteCommit": f"0001000000000000000000000000ea600401000001a2101a3fc6000001a2101a3fa1{TAIL}",
    "Ongoing, new": "0001000000000000000000000000ea6001020274020000000000000001a2101a41d2000001a2101a41d2"
    "020008000000000000000002020002",
    "PrepareCommit, new": "0001000000000000000000010000ea6002020274020000000000000001a2101a41e4000001a2101a41d2"
    "020008000000000000000002020002",
}


@pytest.mark.parametrize("title", RECORDED)
def test_the_bytes_are_those_that_apache_kafka_4_4_0_wrote(title: str) -> None:
    """Taken from the log of a broker on which a client committed a transaction of each protocol."""
    value = bytes.fromhex(RECORDED[title])
    fact = decode(bytes.fromhex(KEY), value)
    assert (fact.transactional_id, fact.metadata and fact.metadata.phase.title) == (
        "txn",
        title.removesuffix(", new"),
    )
    assert encode(fact) == (bytes.fromhex(KEY), value)


def test_version_0_is_read() -> None:
    value = TransactionLogValue(
        producer_id=5,
        producer_epoch=1,
        transaction_timeout_ms=1_000,
        transaction_status=1,
        transaction_partitions=[PartitionsSchema("a", [3])],
        transaction_last_update_timestamp_ms=20,
        transaction_start_timestamp_ms=10,
    )
    found = decode(encode(TransactionFact("x", None))[0], b"\0\0" + encode_message(value, 0))
    assert found.metadata == Metadata(5, 1, 1_000, Phase.ONGOING, 20, 10, (("a", 3),))


def test_what_a_newer_release_wrote_is_named() -> None:
    key, value = encode(TransactionFact("x", KNOWN))
    assert value is not None
    with pytest.raises(UnknownFact):
        decode(key, b"\0\x09" + value[2:])
    with pytest.raises(UnknownFact):
        decode(b"\0\x05" + key[2:], value)


def test_the_names_of_states_are_kafkas() -> None:
    assert [phase.title for phase in Phase] == [
        "Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence",
    ]  # fmt: skip
