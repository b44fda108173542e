"""The journal of `sync`: one file in which every partition's batches stand in the order of the broker's history.

A position in it is a ticket. A frame is: u32 length of all that follows the checksum, u32 CRC-32C over it, u64 position,
u8 kind, 16 B topic id, i32 partition, i64 base offset, i64 segment base offset, i32 position in the segment, payload. The frame
says where its bytes belong, so a replay decides nothing. The first frame that is cut, damaged or out of place ends a replay.
"""

from __future__ import annotations

import errno
from enum import IntEnum
from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.work import Sync, SyncDir
from neuraxis.wire.batch import HEADER_SIZE
from neuraxis.wire.crc import crc32c

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from neuraxis.broker.log.fs import Buffer, File, Fs
    from neuraxis.broker.work import Step

DIRECTORY = "journal"
SUFFIX = ".journal"
# Above this a batch is synced in its segment and the journal holds its header: writing it twice would cost more.
LARGEST_COPY = 64 << 10
# So much more than others its bytes hasten the next checkpoint: a start after a kill not only writes them again, it syncs them.
REFERENCE_COST = 4
# A file's size on a disk that has no room for the usual one: eight frames of the largest kind.
SMALL_FILE = 512 << 10

_START = Struct(">II")
_HEAD = Struct(">QB16siqqi")
_FRAME = Struct(_START.format + _HEAD.format[1:])
FRAME_OVERHEAD = _FRAME.size
_LONGEST_FRAME = LARGEST_COPY + FRAME_OVERHEAD
_READ = 1 << 20


class Kind(IntEnum):
    """What a frame says."""

    DATA = 1  # payload: the batch
    REFERENCE = 2  # payload: the header of a batch that is synced in its segment before the journal is
    CREATED = 3  # payload: u8 durability, the topic's name
    DELETED = 4
    MODE = 5  # payload: u8 durability; from the base offset on


class Frame(NamedTuple):
    """One frame of the journal; `end` is the position after it."""

    position: int
    kind: int
    topic_id: bytes
    partition: int
    base_offset: int
    segment_base: int
    segment_position: int
    payload: memoryview
    end: int


def file_name(base: int) -> str:
    """The path of the journal file whose first byte has position `base`."""
    return f"{DIRECTORY}/{base:020d}{SUFFIX}"


class Journal:
    """Appends frames; knows its files, and which of them are not synced."""

    def __init__(self, fs: Fs, segment_bytes: int) -> None:
        self.fs = fs
        self.segment_bytes = segment_bytes
        self.position = 0
        self._files: dict[int, File] = {}  # by base, rising; pinned: an error of a write must not go unseen
        self._file: File | None = None
        self._base = 0
        self._capacity = 0
        self._dirty: list[File] = []
        self._new_names = False

    def open_at(self, position: int) -> None:
        """Continue at a position, in a new file; older files must be gone or lie below it."""
        self.position = position
        self._file = None
        self._capacity = 0

    def resume(self, start: int, end: int) -> None:
        """Continue at `end` after the frames that are there: those from `start` on become durable, what follows them goes.

        They are written once more: a sync that failed in another process may have left them in the page cache alone. What
        follows must not come back, because new frames get its positions. Raises OSError.
        """
        kept = [base for base in bases_of(self.fs) if base < end]
        for base in bases_of(self.fs)[len(kept) :]:
            self.fs.remove(file_name(base))
        for base, following in zip(kept, [*kept[1:], end], strict=False):
            file = self.fs.open(file_name(base))
            file.pin()
            self._files[base] = file
            if following <= start and following != end:
                continue
            for position in range(max(start, base), following, _READ):
                length = min(_READ, following - position)
                self.fs.write(file, position - base, self.fs.read(file, position - base, length))
            if self.fs.size(file) > following - base:
                self.fs.truncate(file, following - base)
            self.fs.sync(file)
        self.fs.make_dir(DIRECTORY)
        self.fs.sync_dir(DIRECTORY)
        self.open_at(end)

    def append(
        self,
        kind: int,
        topic_id: bytes,
        partition: int,
        base_offset: int,
        segment_base: int,
        segment_position: int,
        payload: Buffer,
    ) -> int:
        """Write one frame into the page cache; the ticket: the position after it. Raises OSError."""
        position = self.position
        head = _HEAD.pack(position, kind, topic_id, partition, base_offset, segment_base, segment_position)
        length = _HEAD.size + len(payload)
        size = length + _START.size
        at = position - self._base
        if at + size > self._capacity:
            self._start_file(position)
            at = 0
        start = _START.pack(length, crc32c(payload, crc32c(head)))
        file = self._file
        assert file is not None
        self.fs.write_parts(file, at, (start, head, payload))
        if not self._dirty or self._dirty[-1] is not file:
            self._dirty.append(file)
        self.position = position = position + size
        return position

    def _start_file(self, base: int) -> None:
        """A new file at the journal's end, preallocated: without a change of size a sync takes two thirds of the time."""
        file = self.fs.open(file_name(base), create=True)
        capacity = self.segment_bytes
        try:
            self.fs.allocate(file, capacity)
        except OSError as error:
            if error.errno != errno.ENOSPC or capacity <= SMALL_FILE:
                raise
            # Nothing was written yet, so nothing is written a second time. Below the reserve only deletions get here.
            capacity = SMALL_FILE
            self.fs.truncate(file, 0)
            self.fs.allocate(file, capacity)
        file.pin()
        self._file = file
        self._base = base
        self._capacity = capacity
        self._files[base] = file
        self._new_names = True

    @property
    def kept_bytes(self) -> int:
        """The bytes from the first file that is still there to the end."""
        return self.position - next(iter(self._files), self.position)

    def sync_steps(self) -> list[Step]:
        """The steps that make everything written so far durable; counts on them being done."""
        steps: list[Step] = [Sync(file) for file in self._dirty]
        if self._new_names:
            steps.append(SyncDir(DIRECTORY))
        self._dirty = []
        self._new_names = False
        return steps

    def trim(self, position: int) -> list[str]:
        """Forget the files wholly before `position`; their paths, to be removed."""
        bases = list(self._files)
        gone = [base for base, end in pairwise(bases) if end <= position]
        for base in gone:
            file = self._files.pop(base)
            if file in self._dirty:  # what is in it is durable elsewhere: no sync may ask for it any more
                self._dirty.remove(file)
            file.unpin()
        return [file_name(base) for base in gone]


def bases_of(fs: Fs) -> list[int]:
    """The first positions of the journal files that are there."""
    try:
        names = fs.list(DIRECTORY)
    except FileNotFoundError:
        return []
    digits = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
    return sorted(int(name) for name in digits if name.isdigit())


class Replay:
    """Reads frames from a position on, file after file; afterwards `position` and `reason` say where and why it ended.

    With `kinds` it proves all of them, but gives only those.
    """

    def __init__(self, fs: Fs, position: int, kinds: Collection[int] | None = None) -> None:
        self.fs = fs
        self.position = position
        self.kinds = kinds
        self.reason = "there is no journal file"
        self._bases = bases_of(fs)

    def __iter__(self) -> Iterator[Frame]:
        below = [base for base in self._bases if base <= self.position]
        base = below[-1] if below else None
        while base is not None:
            yield from self._read_file(self.fs.open(file_name(base)), base)
            base = self.position if self.position in self._bases and self.position > base else None

    def _read_file(self, file: File, base: int) -> Iterator[Frame]:
        """The frames of one file. Tens of thousands are read at a start, so there is one function, and few calls in it."""
        size, kinds = self.fs.size(file), self.kinds
        buffer, start, at = memoryview(b""), self.position - base, 0
        while True:
            left = len(buffer) - at
            if left < _LONGEST_FRAME and start + len(buffer) < size:
                start += at
                buffer, at = memoryview(self.fs.read(file, start, min(_READ, size - start))), 0
                left = len(buffer)
            if left < FRAME_OVERHEAD:
                self.reason = "the journal ends there"
                return
            length, checksum, position, kind, *where = _FRAME.unpack_from(buffer, at)
            body = at + _START.size
            if length == 0 and checksum == 0:
                self.reason = "nothing was written there"
                return
            if (
                not _HEAD.size <= length <= min(_LONGEST_FRAME, left - _START.size)
                or position != self.position
                or crc32c(buffer[body : body + length]) != checksum
            ):
                self.reason = "a frame is cut or damaged"
                return
            at = body + length
            self.position = end = position + _START.size + length
            if kinds is None or kind in kinds:
                yield Frame._make((position, kind, *where, buffer[body + _HEAD.size : at], end))


def payload_of(view: memoryview) -> tuple[Kind, memoryview]:
    """The kind of frame a batch gets, and the frame's payload."""
    if len(view) <= LARGEST_COPY:
        return Kind.DATA, view
    return Kind.REFERENCE, view[:HEADER_SIZE]
