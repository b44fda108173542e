"""Fuzz targets for record batches, records and compression: only Refused may come out, and memory is bounded.

    python -m fuzz.batches --seconds 30 [--seed N]

Each target starts from valid batches of every codec and spoils them, half the time behind a checksum made right again,
so that the damage reaches the records and the codecs. A failure prints the input and the target to repeat it.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import struct
import time
import tracemalloc
from collections.abc import Callable

from fuzz.messages import spoil
from neuraxis.wire.batch import (
    HEADER_SIZE,
    LOG_OVERHEAD,
    ControlType,
    build_control_batch,
    check_batch,
    is_valid_batch,
    read_control_marker,
    renew_checksum,
    scan_headers,
)
from neuraxis.wire.compression import CompressionType, compress, compress_snappy_raw, decompress
from neuraxis.wire.errors import Refused
from neuraxis.wire.records import Record, build_batch, iter_records

LIMIT = 64 * 1024
"""What max.decompressed.message.bytes is here: small, so that bombs are common."""
MEMORY_BASE = 256 * 1024
"""Bytes that exceptions, the first objects and the copy of a small batch may take."""
MEMORY_PER_BYTE = 300
"""Bytes per decompressed byte: a record of seven bytes is a tuple of five objects here."""


def batch(rng: random.Random) -> bytes:
    """A valid batch of some kind."""
    if rng.random() < 0.1:
        return bytes(
            build_control_batch(rng.choice(list(ControlType)), 1, 2, 3, 4, base_offset=rng.randrange(9))
        )
    records = []
    for offset in range(rng.randrange(1, 8)):
        key, value = (
            rng.choice([None, b"", rng.randbytes(rng.randrange(1, 300)), bytes(300)]) for _ in range(2)
        )
        headers = tuple((rng.choice(["", "a", "grüße"]), value) for _ in range(rng.choice([0, 0, 2])))
        records.append(Record(offset, rng.randrange(2**40), key, value, headers))
    return bytes(build_batch(records, compression=rng.choice(list(CompressionType))))


def spoiled_batch(rng: random.Random) -> bytes:
    """A batch with damage, half the time under a right length and checksum."""
    valid = batch(rng)
    if rng.random() < 0.5:
        return spoil(valid, rng)
    body = spoil(valid[HEADER_SIZE:], rng)
    raw = bytearray(valid[:HEADER_SIZE] + body)
    if rng.random() < 0.3:
        raw[rng.randrange(21, HEADER_SIZE)] ^= 1 << rng.randrange(8)
    struct.pack_into(">i", raw, 8, len(raw) - LOG_OVERHEAD)
    renew_checksum(raw)
    return bytes(raw)


def fuzz_batch(data: bytes) -> None:
    """The header checks of the produce path and of recovery."""
    view = memoryview(data)
    for position in (0, 1, len(data) // 2):
        header = is_valid_batch(view, position, len(data))
        assert header is None or position + header.size <= len(data)
    for function in (read_control_marker, lambda view: list(scan_headers(view))):
        with contextlib.suppress(Refused):
            function(view)
    check_batch(view)


def fuzz_records(data: bytes) -> None:
    """Iterating; and what could be iterated can be built and iterated again."""
    records = list(iter_records(data, LIMIT))
    if records:
        base = records[0].offset
        again = build_batch(records, base_offset=base) if base > -(2**63) else None
        assert again is None or list(iter_records(again)) == records


def fuzz_compression(data: bytes) -> None:
    """Every codec; the first byte chooses."""
    if data:
        assert len(decompress(data[0] % 5, memoryview(data)[1:], LIMIT)) <= LIMIT


def spoiled_compression(rng: random.Random) -> bytes:
    """Compressed data with damage, or a bomb."""
    codec = rng.choice(list(CompressionType))
    plain = bytes(rng.choice([0, 1, 1000, LIMIT, LIMIT + 1, 50 * LIMIT])) + rng.randbytes(rng.randrange(50))
    raw = codec is CompressionType.SNAPPY and rng.random() < 0.5
    return bytes([codec]) + spoil(compress_snappy_raw(plain) if raw else compress(codec, plain), rng)


COUNTED = "inputs refused"
TARGETS: dict[str, tuple[Callable[[random.Random], bytes], Callable[[bytes], None]]] = {
    "batch": (spoiled_batch, fuzz_batch),
    "records": (spoiled_batch, fuzz_records),
    "compression": (spoiled_compression, fuzz_compression),
}


def run(name: str, seed: int, iterations: int = 0, seconds: float = 0) -> int:
    """Fuzz a target for so many iterations or seconds; gives how many inputs were refused."""
    rng = random.Random(f"{name}.{seed}")
    make, target = TARGETS[name]
    refused = done = 0
    stop = time.monotonic() + seconds
    tracemalloc.start()
    try:
        while done < iterations or time.monotonic() < stop:
            data = make(rng)
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            try:
                target(data)
            except Refused:
                refused += 1
            except Exception as error:
                error.add_note(f"{target.__name__}(bytes.fromhex('{data.hex()}'))")
                raise
            peak = tracemalloc.get_traced_memory()[1] - before
            allowed = MEMORY_BASE + LIMIT + MEMORY_PER_BYTE * len(data)
            assert peak < allowed, (name, data.hex(), peak, allowed)
            done += 1
    finally:
        tracemalloc.stop()
    return refused


def main() -> None:
    """Fuzz every target for its share of the time."""
    parser = argparse.ArgumentParser(description="Fuzz record batches, records and compression.")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    for name in TARGETS:
        refused = run(name, options.seed, seconds=options.seconds / len(TARGETS))
        print(f"{name}: seed {options.seed}, {refused} inputs refused, nothing but Refused")


if __name__ == "__main__":
    main()
