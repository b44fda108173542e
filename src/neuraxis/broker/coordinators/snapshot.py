"""Snapshots of a coordinator: its facts in one file beside its log, so that a start reads that and the tail.

Rule of the file: a snapshot is only a shortcut. One that is torn, or does not fit the log byte for byte where it ends, is
ignored, and the log alone decides.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from neuraxis.broker.work import Remove, Replace
from neuraxis.wire import batch as batches
from neuraxis.wire.crc import crc32c

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from neuraxis.broker.log.fs import Fs
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.work import Now, Step

MAGIC = b"NRXFACTS"
VERSION = 1
SNAPSHOT_BYTES = 2 * 1024 * 1024
"""Log bytes between two snapshots: some 20,000 commits, which a start folds in about 0.3 s (15 us each, measured)."""

KEPT = 2
"""The newest two are kept: the older serves if a power cut took log that only the newest covers."""

SUFFIX = ".facts"
_HEADER = struct.Struct(
    ">8sHqIIq"
)  # magic, version, offset, CRC of the last batch, CRC of the body, record count
_LENGTHS = struct.Struct(">iq")  # key length, value length; -1 is null

Pair = tuple[bytes, bytes | None]


class Works(Protocol):
    """What a snapshot needs of the store of logs."""

    fs: Fs
    full: bool

    def start(self, kind: str, steps: Sequence[Step], finish: Callable[[Now], None]) -> None:
        """Hand out a work."""
        ...


class Snapshot(NamedTuple):
    """The records of all facts, as of a log offset; `batch_crc` is of the batch that ends there."""

    offset: int
    batch_crc: int
    records: list[Pair]


def encode(snapshot: Snapshot) -> bytes:
    """The bytes of the file."""
    pieces = []
    for key, value in snapshot.records:
        pieces.append(_LENGTHS.pack(len(key), -1 if value is None else len(value)))
        pieces.append(key)
        if value is not None:
            pieces.append(value)
    body = b"".join(pieces)
    count = len(snapshot.records)
    return _HEADER.pack(MAGIC, VERSION, snapshot.offset, snapshot.batch_crc, crc32c(body), count) + body


def decode(data: bytes) -> Snapshot | None:
    """The snapshot, or None if these bytes are not a whole one."""
    if len(data) < _HEADER.size:
        return None
    magic, version, offset, batch_crc, body_crc, count = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or crc32c(memoryview(data)[_HEADER.size :]) != body_crc:
        return None
    records: list[Pair] = []
    position = _HEADER.size
    for _ in range(count):
        if len(data) - position < _LENGTHS.size:
            return None
        key_length, value_length = _LENGTHS.unpack_from(data, position)
        position += _LENGTHS.size
        key = data[position : position + key_length]
        position += key_length
        value = None if value_length < 0 else data[position : position + value_length]
        position += max(value_length, 0)
        records.append((key, value))
    if position != len(data):
        return None  # the count is not under the checksum: one that is too small would forget records
    return Snapshot(offset, batch_crc, records)


class Snapshots:
    """The snapshots of one coordinator's log: when the next is due, which one a start may use."""

    def __init__(self, log: Log, works: Works | None) -> None:
        self._log = log
        self._works = works
        self._offsets: list[int] = []
        self._unsaved_bytes = 0
        self._last_size = 0
        self._running = False
        self._last_crc = 0

    def newest(self) -> Snapshot | None:
        """The newest snapshot that fits the log."""
        if self._works is None:
            return None
        names = [name for name in self._works.fs.list(self._log.directory) if name.endswith(SUFFIX)]
        digits = [name.removesuffix(SUFFIX) for name in names]
        self._offsets = sorted(int(name) for name in digits if name.isdigit())
        for offset in reversed(self._offsets):
            # Compaction may have taken tombstones out of closed segments: what they deleted would live again.
            if offset < self._log.active.base_offset:
                break
            snapshot = self._read(offset)
            if snapshot is not None:
                self._last_size = sum(len(key) + len(value or b"") for key, value in snapshot.records)
                self._last_crc = snapshot.batch_crc
                return snapshot
        return None

    def _read(self, offset: int) -> Snapshot | None:
        assert self._works is not None
        file = self._works.fs.open(self._path(offset))
        data = self._works.fs.read(file, 0, self._works.fs.size(file))
        snapshot = decode(bytes(data))
        if snapshot is None or snapshot.offset != offset or not self._fits(snapshot):
            return None
        return snapshot

    def _fits(self, snapshot: Snapshot) -> bool:
        # A log of a weaker policy may have lost its end in a power cut, and grown another since: the offset alone
        # would not tell. The CRC of the last batch does.
        log = self._log
        if not log.log_start_offset < snapshot.offset <= log.log_end_offset:
            return False
        view = next(iter(log.batches_from(snapshot.offset - 1)), None)
        if view is None:
            return False
        header = batches.read_header(view)
        return header.last_offset + 1 == snapshot.offset and header.crc == snapshot.batch_crc

    def saw(self, size: int, batch_crc: int) -> None:
        """A batch was written, or read at the start, that no snapshot covers."""
        self._unsaved_bytes += size
        self._last_crc = batch_crc

    def take_if_due(self, records: Callable[[], Iterable[Pair]]) -> None:
        """Hand out the work of a new snapshot, if enough was written since the last one.

        "Enough" grows with the size of the state, so that the cost per written byte stays the same.
        """
        works = self._works
        if works is None or self._running or works.full:
            return
        if self._unsaved_bytes < max(SNAPSHOT_BYTES, 2 * self._last_size):
            return
        offset = self._log.log_end_offset
        data = encode(Snapshot(offset, self._last_crc, list(records())))
        self._unsaved_bytes = 0
        self._last_size = len(data)
        self._running = True
        steps: list[Step] = [Replace(self._path(offset), data)]
        self._offsets.append(offset)
        while len(self._offsets) > KEPT:
            steps.append(Remove(self._path(self._offsets.pop(0))))
        works.start("snapshot", steps, self._done)

    def _done(self, now: Now) -> None:
        self._running = False

    def _path(self, offset: int) -> str:
        return f"{self._log.directory}/{offset:020d}{SUFFIX}"
