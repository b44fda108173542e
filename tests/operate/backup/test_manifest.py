"""What a manifest says is read back as it was, or refused."""

from __future__ import annotations

import hashlib
import json

import pytest

from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.manifest import FileCopy, LogCopy, Manifest, id_of, name_of, parse, to_bytes

LOG = LogCopy(
    "drives",
    "00" * 16,
    3,
    5,
    9,
    2,
    -1,
    "an entry",
    (FileCopy("drives-3/0.log", 70, ("ab", "cd"), (1, 70, 3)),),
)
MANIFEST = Manifest(
    "20261125T032310123Z", 1, "c", "d", 1, 8, 0, (LOG,), (FileCopy("meta.properties", 4, ("ef",)),), 74
)


def test_it_is_read_back_as_it_was_written() -> None:
    assert parse("x", to_bytes(MANIFEST)) == MANIFEST
    assert MANIFEST.total_bytes == 74
    assert MANIFEST.leader_epoch == 2
    assert LOG.directory == "drives-3"
    assert id_of(name_of(MANIFEST.id)) == MANIFEST.id


def test_every_damage_is_seen() -> None:
    data = to_bytes(MANIFEST)
    for position in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[position] ^= 1
        with pytest.raises(ClientError, match="is damaged"):
            parse("x", bytes(damaged))
    with pytest.raises(ClientError, match="is damaged"):
        parse("x", data[:-30])


def test_a_newer_format_is_refused() -> None:
    body = json.dumps({"format": 99}).encode() + b"\n"
    with pytest.raises(ClientError, match="format 99"):
        parse("x", body + hashlib.sha256(body).hexdigest().encode() + b"\n")
