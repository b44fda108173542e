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
    for start, run, view in valid_runs(fs, file, position, limit):
        for at, header in run:
            yield at, header, view[at - start : at - start + header.size]


def valid_runs(
    fs: Fs, file: File, position: int, limit: int
) -> Iterator[tuple[int, list[tuple[int, BatchHeader]], memoryview]]:
    """As `valid_batches`, but all that one read brought at a time: where it begins, (position, header) of each, the bytes."""
    wanted = SCAN_READ
    while position < limit:
        buffer = memoryview(fs.read(file, position, min(wanted, limit - position)))
        run: list[tuple[int, BatchHeader]] = []
        at, end = 0, len(buffer)
        while (header := is_valid_batch(buffer, at, end)) is not None:
            run.append((position + at, header))
            at += header.size
        if run:
            yield position, run, buffer[:at]
        if position + end >= limit or end < wanted:
            return
        position, rest = position + at, end - at
        size = read_header(buffer, at).size if rest >= HEADER_SIZE else 0
        if rest >= HEADER_SIZE and (size <= rest or position + size > limit):
            return
        wanted = max(SCAN_READ, size)
