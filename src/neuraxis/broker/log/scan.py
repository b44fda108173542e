"""Walking over the batches of a segment file: headers only, or whole batches that are proved by their checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.batch import HEADER_SIZE, LOG_OVERHEAD, BatchHeader, is_valid_batch, read_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.log.filesystem import Buffer, File, Fs

_SMALL_READ = 4 << 10  # about one index interval of Kafka's default
_LARGE_READ = 64 << 10
SCAN_READ = 1 << 20  # recovery reads this much at a time


def headers(
    fs: Fs, file: File, position: int, limit: int, *, patient: bool = False
) -> Iterator[tuple[int, BatchHeader]]:
    """(position, header) of each batch from `position` on; ends at `limit` or where no batch can be.

    Not `patient`, it raises WouldWait if it is part of what is being tried on the loop; threads have to be.
    """
    read = fs.read if patient else fs.look
    buffer: Buffer = b""
    start = 0
    chunk = _SMALL_READ
    while position + HEADER_SIZE <= limit:
        if position < start or position + HEADER_SIZE > start + len(buffer):
            buffer, start = read(file, position, min(chunk, limit - position)), position
            chunk = _LARGE_READ if chunk == _SMALL_READ else chunk
            if len(buffer) < HEADER_SIZE:
                return
        header = read_header(buffer, position - start)
        if header.batch_length < HEADER_SIZE - LOG_OVERHEAD or position + header.size > limit:
            return
        if header.size > _LARGE_READ:
            chunk = HEADER_SIZE  # large batches: read only their headers
        yield position, header
        position += header.size


def first_header(fs: Fs, file: File, position: int) -> BatchHeader | None:
    """The header at a position, unchecked; None if the file ends before."""
    buffer = fs.read(file, position, HEADER_SIZE)
    return read_header(buffer) if len(buffer) == HEADER_SIZE else None


def valid_batches(
    fs: Fs, file: File, position: int, limit: int
) -> Iterator[tuple[int, BatchHeader, memoryview]]:
    """(position, header, bytes) of each whole batch with a right checksum; ends at the first that is not one.

    The views stay good until the next step.
    """
    buffer, start = memoryview(b""), position
    while True:
        header = is_valid_batch(buffer, position - start, len(buffer))
        if header is None:
            rest = len(buffer) - (position - start)
            wanted = SCAN_READ
            if rest >= HEADER_SIZE:
                size = read_header(buffer, position - start).size
                if size <= rest or position + size > limit:
                    return
                wanted = max(wanted, size)
            if start + len(buffer) >= limit:
                return
            buffer, start = memoryview(fs.read(file, position, min(wanted, limit - position))), position
            if len(buffer) <= rest:
                return
            continue
        end = position + header.size
        yield position, header, buffer[position - start : end - start]
        position = end
