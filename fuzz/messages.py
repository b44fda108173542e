"""Fuzz target for the generated decoders: cut, flipped and hostile bytes; only Malformed may come out.

    python -m fuzz.messages --seconds 30 [--seed N]

Each family (requests, responses, facts, headers) starts from valid bytes of random instances and spoils them. Memory
is bounded by the size of the input, whatever lengths it claims. A failure prints the input and the call to repeat it.
"""

from __future__ import annotations

import argparse
import random
import time
import tracemalloc

from neuraxis.wire import facts
from neuraxis.wire.codec import decode, encode
from neuraxis.wire.frames import read_request_header, read_response_header
from neuraxis.wire.messages import flexible_from
from neuraxis.wire.primitives import Malformed
from neuraxis.wire.schema import Message, schema_of
from tests.wire.instances import every_version, random_instance

COUNTED = "inputs refused"
TARGETS = ("request", "response", "fact", "header")
MEMORY_BASE = 64 * 1024
"""Bytes a decoder may allocate for the smallest input: the exception, the first objects, the compiled function."""
MEMORY_PER_BYTE = 100
"""Bytes per byte of input: empty structs and strings in large arrays, the worst that was found, take 40."""
HOSTILE = [
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\xff\xff\xff\xff\x07",
    b"\xff" * 6,
    b"\x00",
]


def spoil(data: bytes, rng: random.Random) -> bytes:
    """Valid bytes made invalid (mostly) in one of the ways that peers and disks make them so."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(len(out) + 1)
        way = rng.randrange(5)
        if way == 0:
            del out[place:]
        elif way == 1 and out:
            out[place % len(out)] ^= 1 << rng.randrange(8)
        elif way == 2:
            hostile = rng.choice(HOSTILE)
            out[place : place + len(hostile)] = hostile
        elif way == 3:
            out[place:place] = rng.randbytes(rng.randrange(1, 9))
        else:
            del out[place : place + rng.randrange(1, 9)]
    return bytes(out)


def classes(family: str) -> list[tuple[type[Message], int]]:
    """Classes and versions of a family."""
    kinds = {"request": ["request"], "response": ["response"]}
    kinds["fact"] = ["coordinator-key", "coordinator-value", "data"]
    kinds["header"] = ["header"]
    return [(cls, version) for cls, version in every_version() if schema_of(cls).kind in kinds[family]]


def attempt(cls: type[Message], version: int, data: bytes) -> bool:
    """Decode; whether the bytes were a message. Anything but Malformed escapes."""
    try:
        back, end = decode(cls, version, data)
    except Malformed:
        return False
    assert end <= len(data)
    if schema_of(cls).kind == "header":
        attempt_header(data)
    encode(back, version)
    return True


def attempt_header(data: bytes) -> None:
    """The hand-written readers of headers and facts see the same bytes."""
    for read in (
        lambda: read_request_header(data, flexible_from),
        lambda: read_response_header(data, True),
        lambda: facts.record_type(data),
    ):
        try:
            read()
        except Malformed:
            continue


def run(family: str, seed: int, iterations: int = 0, seconds: float = 0) -> int:
    """Fuzz a family for so many iterations or seconds; gives how many inputs were refused."""
    rng = random.Random(f"{family}.{seed}")
    choices = classes(family)
    refused = done = 0
    stop = time.monotonic() + seconds
    tracemalloc.start()
    try:
        while done < iterations or time.monotonic() < stop:
            cls, version = rng.choice(choices)
            valid = encode(random_instance(cls, version, rng), version)
            attempt(cls, version, valid)  # compiles, so that only decoding is measured below
            data = spoil(valid, rng)
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            try:
                refused += not attempt(cls, version, data)
            except Exception as error:
                error.add_note(f"decode({cls.__name__}, {version}, bytes.fromhex('{data.hex()}'))")
                raise
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < MEMORY_BASE + MEMORY_PER_BYTE * len(data), (
                cls,
                version,
                data.hex(),
                peak - before,
            )
            done += 1
    finally:
        tracemalloc.stop()
    return refused


def main() -> None:
    """Fuzz every family for its share of the time."""
    parser = argparse.ArgumentParser(description="Fuzz the message decoders.")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    for family in TARGETS:
        refused = run(family, options.seed, seconds=options.seconds / len(TARGETS))
        print(f"{family}: seed {options.seed}, {refused} inputs refused, nothing but Malformed")


if __name__ == "__main__":
    main()
