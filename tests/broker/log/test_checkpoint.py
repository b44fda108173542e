"""The checkpoint file: what is written is read, what is damaged is not; Kafka's files are Kafka's."""

from __future__ import annotations

import pytest

from neuraxis.broker.log import checkpoint as files
from neuraxis.broker.log.checkpoint import Checkpoint, Entry
from neuraxis.broker.log.settings import Durability

ENTRIES = [
    Entry(bytes(range(16)), 3, Durability.SYNC, 0, 12, 4, 800, -1, -1, -1, -1, 0, 0, "a.b-c_d"),
    Entry(bytes(16), 0, Durability.OS, 5, 9, 5, 77, 1_700_000_000_000, 1_700_000_000_001, 8, 9, 16, 24, "x"),
]


def test_what_is_written_is_read() -> None:
    head = Checkpoint(4711, True, 2, "boot")
    parsed = files.parse(files.to_bytes(head, [entry.line() for entry in ENTRIES]))
    assert parsed is not None
    assert (parsed.journal_position, parsed.clean, parsed.unclean_boots, parsed.boot_id) == (
        4711,
        True,
        2,
        "boot",
    )
    assert list(parsed.entries.values()) == ENTRIES
    assert parsed.known
    empty = files.parse(files.to_bytes(Checkpoint(), []))
    assert empty is not None
    assert (empty.boot_id, empty.entries) == ("", {})


def test_any_damage_is_noticed() -> None:
    data = files.to_bytes(Checkpoint(1), [entry.line() for entry in ENTRIES])
    assert files.parse(b"") is None
    for at in range(len(data)):
        assert files.parse(data[:at]) is None
        assert files.parse(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) is None


def test_kafkas_files_have_kafkas_form() -> None:
    assert files.kafka_checkpoint([("a", 0, 5), ("b", 1, 7)]) == b"0\n2\na 0 5\nb 1 7\n"
    topic_id = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
    metadata = files.partition_metadata(topic_id)
    assert metadata == b"version: 0\ntopic_id: AAECAwQFBgcICQoLDA0ODw\n"
    assert files.parse_partition_metadata(metadata) == topic_id


@pytest.mark.parametrize("data", [b"", b"version: 0\n", b"topic_id: AAEC", b"topic_id: \xff\xff", b"\0" * 30])
def test_a_damaged_partition_metadata_is_not_taken(data: bytes) -> None:
    assert files.parse_partition_metadata(data) is None
