"""What compaction keeps: the newest record of each key. Reads whole segments and writes their successors.

Rule of the file: it runs on a worker thread, over files it was given, and changes nothing but its own output. Kafka's rules
(KIP-58, KIP-534): older records of a key go; a tombstone and a transaction's marker stay until their delete horizon, which
the first pass that meets them writes into their batch; a producer's last batch stays, emptied if need be, for its sequence.
"""

from __future__ import annotations

import errno
from bisect import bisect_right
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from neuraxis.broker.log.index import OffsetIndex, TimeIndex
from neuraxis.broker.log.scan import SCAN_READ
from neuraxis.wire import batch as batches
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.errors import Refused
from neuraxis.wire.records import build_batch, iter_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.log.fs import File, Fs
    from neuraxis.broker.log.transactions import AbortedTransaction
    from neuraxis.wire.batch import BatchHeader
    from neuraxis.wire.records import Record

MOST_KEYS = 200_000
"""Keys of one pass: some 200 bytes each in a dictionary, so 40 MB while it lasts. A log with more takes several passes."""
MOST_BATCH_BYTES = 256 << 20
"""A batch is decompressed whole; what producers can have sent is far below (`max.decompressed.message.bytes`)."""
_DIGEST = 16


class Damaged(Exception):
    """A closed segment does not hold what was written to it."""


class _Cancelled(Exception):
    """Nobody wants the result any more."""


@dataclass(slots=True)
class Source:
    """A closed segment that is to be cleaned."""

    base_offset: int
    file: File
    size: int


@dataclass(slots=True)
class Target:
    """The segment that takes the place of some sources, and what was found out while it was written."""

    sources: list[Source]
    file: File
    aborted: list[AbortedTransaction]  # of the sources
    size: int = field(init=False)
    index: OffsetIndex = field(init=False)
    time_index: TimeIndex = field(init=False)
    max_timestamp: int = field(init=False)
    max_timestamp_offset: int = field(init=False)
    markers: set[int] = field(init=False)  # the offsets of the markers that stay

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Nothing is written yet."""
        self.size, self.max_timestamp, self.max_timestamp_offset = 0, -1, -1
        self.markers = set()
        self.index = OffsetIndex(self.base_offset)
        self.time_index = TimeIndex(self.base_offset)

    @property
    def still_aborted(self) -> list[AbortedTransaction]:
        """The aborted transactions whose markers stay: without one, a reader would look for it for ever."""
        return [entry for entry in self.aborted if entry.last_offset in self.markers]

    @property
    def base_offset(self) -> int:
        """That of the first source."""
        return self.sources[0].base_offset


@dataclass(slots=True)
class Plan:
    """One pass over one log. `cleaned_to` and `damage` are its result, with what it wrote into the targets."""

    targets: list[Target]
    dirty_from: int  # before this offset each key is there once
    limit: int  # the first offset that may not be cleaned
    aborted: list[AbortedTransaction]  # all of the log's: an end may lie beyond the limit
    sequences: frozenset[tuple[int, int]]  # (producer id, last offset) of each producer's newest batch
    wall_ms: int
    delete_retention_ms: int
    index_interval_bytes: int
    most_keys: int = MOST_KEYS
    cleaned_to: int = -1
    damage: str = ""
    cancelled: bool = False  # set from outside: the pass ends at the next batch


def clean(fs: Fs, plan: Plan) -> None:
    """Do the pass. Raises OSError; a damaged segment is named in `plan.damage`, and then nothing of the output counts."""
    for target in plan.targets:  # a broker that stops may do a pass twice
        target.begin()
    try:
        _Pass(fs, plan).run()
    except _Cancelled:
        plan.cancelled = True
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        plan.cancelled = True  # others were faster to take the space: later, perhaps
    except (Damaged, Refused) as error:
        plan.damage = str(error)


class _Aborted:
    """Which batches belong to aborted transactions."""

    def __init__(self, entries: list[AbortedTransaction]) -> None:
        self._by_producer: dict[int, list[AbortedTransaction]] = {}
        for entry in sorted(entries, key=lambda each: each.last_offset):
            self._by_producer.setdefault(entry.producer_id, []).append(entry)

    def holds(self, header: BatchHeader) -> bool:
        if not header.is_transactional:
            return False
        entries = self._by_producer.get(header.producer_id)
        if not entries:
            return False
        number = bisect_right(entries, header.base_offset, key=lambda each: each.last_offset)
        return number < len(entries) and entries[number].first_offset <= header.base_offset


class _Pass:
    def __init__(self, fs: Fs, plan: Plan) -> None:
        self.fs = fs
        self.plan = plan
        self.newest: dict[bytes, int] = {}
        self.aborted = _Aborted(plan.aborted)
        # Producers of whose transaction, since its last marker, something is still there; and was there before this pass.
        self._kept: set[int] = set()
        self._seen: set[int] = set()
        self._now_ms = plan.wall_ms

    def run(self) -> None:
        self._map_keys()
        for target in self.plan.targets:
            _Output(self.fs, target, self.plan.index_interval_bytes).take(self._cleaned(target))

    # The newest offset of each key

    def _map_keys(self) -> None:
        plan, newest = self.plan, self.newest
        for source in self._sources():
            for header, view in self._batches(source):
                if header.last_offset < plan.dirty_from or header.is_control or self.aborted.holds(header):
                    continue
                if newest and len(newest) + header.record_count > plan.most_keys:
                    plan.cleaned_to = header.base_offset
                    return
                for record in iter_records(view, MOST_BATCH_BYTES):
                    if record.key is not None and record.offset >= plan.dirty_from:
                        newest[_digest(record.key)] = record.offset
        plan.cleaned_to = plan.limit

    def _batches(self, source: Source) -> Iterator[tuple[BatchHeader, memoryview]]:
        for each in whole_batches(self.fs, source):
            if self.plan.cancelled:
                raise _Cancelled
            yield each

    def _sources(self) -> Iterator[Source]:
        for target in self.plan.targets:
            yield from target.sources

    # What stays

    def _cleaned(self, target: Target) -> Iterator[bytes | bytearray | memoryview]:
        """The batches of a target, one after another; notes the markers among them."""
        for source in target.sources:
            for header, view in self._batches(source):
                if header.base_offset >= self.plan.cleaned_to:
                    kept: bytes | bytearray | memoryview | None = view
                elif header.is_control:
                    kept = self._marker(header, view)
                else:
                    kept = self._data(header, view)
                if kept is None:
                    continue
                if header.is_control:
                    target.markers.add(header.base_offset)
                yield kept

    def _marker(self, header: BatchHeader, view: memoryview) -> bytes | bytearray | memoryview | None:
        """A transaction's end stays as long as something of the transaction does, and until its delete horizon."""
        marker = batches.read_control_marker(view)
        if marker is None:
            return view
        committed = marker.type is batches.ControlType.COMMIT
        needed = header.producer_id in (self._kept if committed else self._seen)
        self._kept.discard(header.producer_id)
        self._seen.discard(header.producer_id)
        if needed:
            return view
        if header.has_delete_horizon:
            return None if header.base_timestamp <= self._now_ms else view
        return self._rebuild(header, list(iter_records(view)), self._horizon_ms)

    def _data(self, header: BatchHeader, view: memoryview) -> bytes | bytearray | memoryview | None:
        if header.is_transactional:
            self._seen.add(header.producer_id)
        records: list[Record] = []
        if not self.aborted.holds(header):
            expired = header.has_delete_horizon and header.base_timestamp <= self._now_ms
            records = [
                record for record in iter_records(view, MOST_BATCH_BYTES) if self._stays(record, expired)
            ]
        if not records:
            if header.record_count and (header.producer_id, header.last_offset) not in self.plan.sequences:
                return None
            if not header.record_count:  # emptied before: as long as it is the producer's newest
                return view if (header.producer_id, header.last_offset) in self.plan.sequences else None
            return self._rebuild(header, [], None)
        if header.is_transactional:
            self._kept.add(header.producer_id)
        horizon_ms = header.base_timestamp if header.has_delete_horizon else None
        if horizon_ms is None and any(record.value is None for record in records):
            horizon_ms = self._horizon_ms
        elif len(records) == header.record_count:
            return view
        return self._rebuild(header, records, horizon_ms)

    @property
    def _horizon_ms(self) -> int:
        return self._now_ms + self.plan.delete_retention_ms

    def _stays(self, record: Record, expired: bool) -> bool:
        """Whether a record stays: the newest of its key, and no tombstone whose time is over."""
        if record.key is None:
            return False
        newest = self.newest.get(_digest(record.key))
        if newest is not None and newest > record.offset:
            return False
        return record.value is not None or not expired

    def _rebuild(self, header: BatchHeader, records: list[Record], horizon_ms: int | None) -> bytearray:
        """The batch with fewer records, or with a delete horizon: the same offsets, codec, producer and epoch."""
        return build_batch(
            records,
            base_offset=header.base_offset,
            compression=CompressionType(header.compression),
            producer_id=header.producer_id,
            producer_epoch=header.producer_epoch,
            base_sequence=header.base_sequence,
            transactional=header.is_transactional,
            control=header.is_control,
            append_time_ms=header.max_timestamp if header.is_append_time else None,
            delete_horizon_ms=horizon_ms,
            last_offset_delta=header.last_offset_delta,
            max_timestamp_ms=None if records else header.max_timestamp,
            partition_leader_epoch=header.partition_leader_epoch,
        )


def _digest(key: bytes) -> bytes:
    """The key, or 16 bytes that stand for a longer one: a bounded entry of the map."""
    return key if len(key) < _DIGEST else blake2b(key, digest_size=_DIGEST).digest()


def whole_batches(fs: Fs, source: Source) -> Iterator[tuple[BatchHeader, memoryview]]:
    """Each batch of a segment, proved by its checksum; the views stay good until the next step. Raises Damaged."""
    position, buffer, start = 0, memoryview(b""), 0
    while position < source.size:
        at = position - start
        size = batches.HEADER_SIZE
        if len(buffer) - at >= size:
            size = batches.read_header(buffer, at).size
        if len(buffer) - at < size:
            wanted = min(max(SCAN_READ, size), source.size - position)
            buffer, start, at = memoryview(fs.read(source.file, position, wanted)), position, 0
            if len(buffer) < batches.HEADER_SIZE:
                raise Damaged(f"{source.file.path} ends in the middle of a batch, at byte {position}")
            size = batches.read_header(buffer).size
            if len(buffer) < size <= source.size - position:
                buffer = memoryview(fs.read(source.file, position, size))
        header = batches.is_valid_batch(buffer, at, min(at + size, len(buffer)))
        if header is None:
            raise Damaged(f"{source.file.path} holds no good batch at byte {position}")
        yield header, buffer[at : at + size]
        position += size


class _Output:
    """Writes a target and makes its indexes on the way."""

    def __init__(self, fs: Fs, target: Target, interval_bytes: int) -> None:
        self.fs = fs
        self.target = target
        self.interval_bytes = interval_bytes
        self._buffer = bytearray()
        self._indexed_at = 0

    def take(self, kept: Iterator[bytes | bytearray | memoryview]) -> None:
        target = self.target
        for batch in kept:
            header = batches.read_header(batch)
            position = target.size + len(self._buffer)
            if header.max_timestamp > target.max_timestamp:
                target.max_timestamp, target.max_timestamp_offset = header.max_timestamp, header.last_offset
            if position - self._indexed_at > self.interval_bytes:
                target.index.append(header.last_offset, position)
                target.time_index.append(target.max_timestamp, target.max_timestamp_offset)
                self._indexed_at = position
            self._buffer += batch
            if len(self._buffer) >= SCAN_READ:
                self._write()
        self._write()
        target.time_index.append(target.max_timestamp, target.max_timestamp_offset)

    def _write(self) -> None:
        if self._buffer:
            self.fs.write(self.target.file, self.target.size, self._buffer)
            self.target.size += len(self._buffer)
            self._buffer = bytearray()
