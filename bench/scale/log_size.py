"""A log from 1 MB to 4 GB: what Produce, Fetch at its end and anywhere in it, and ListOffsets cost.

Batches are 64 KB of 100 records, their timestamps a second apart; the log rolls at Kafka's 1 GB.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence

from bench.scale.broker import Measured, settled
from bench.scale.client import WINDOW, Peer, check, cost_us
from bench.scale.figures import Curve, Figures, Say
from bench.scale.partitions import has_records
from bench.scale.questions import create_topics, fetch, list_offsets, produce
from neuraxis.wire.crc import crc32c
from neuraxis.wire.records import Record, build_batch

STEPS = (1, 16, 256, 4096)
"""Of the log, in MB."""
MB = 10**6
RECORDS = 100
START_MS = 1_700_000_000_000
STEP_MS = 1000
REQUESTS = 2000
PLACE = ("history", 0)
CRC_AT, ATTRIBUTES_AT, TIMES_AT = 17, 21, 27
"""Where in a batch the CRC lies, where what it covers begins, and the two timestamps."""
SINGLE = bytes(build_batch([Record(0, START_MS, None, b"v" * 100)]))
"""One record, so old that it moves nothing that is looked up by time."""
TEMPLATE = bytes(build_batch([Record(number, START_MS, None, bytes(640)) for number in range(RECORDS)]))


def batch(number: int) -> bytes:
    """The batch with this number, its timestamps as late as its number says."""
    data = bytearray(TEMPLATE)
    struct.pack_into(">qq", data, TIMES_AT, *[START_MS + number * STEP_MS] * 2)
    struct.pack_into(">I", data, CRC_AT, crc32c(memoryview(data)[ATTRIBUTES_AT:]))
    return bytes(data)


def batches(begin: int, end: int) -> Iterator[list[int]]:
    """Numbers of batches, a window at a time."""
    for first in range(begin, end, WINDOW):
        yield list(range(first, min(end, first + WINDOW)))


def measure(say: Say) -> Figures:
    """Measure at each size."""
    figures = Figures()
    curve = Curve("Size of the log", "MB", STEPS)
    random_places = random.Random(7)
    with Measured() as broker:
        peer = Peer(broker.port)
        create_topics(peer, [PLACE[0]])
        written = 0
        for size in STEPS:
            for numbers in batches(written, size * MB // len(TEMPLATE)):
                for answer in peer.pump([produce(PLACE, batch(number)) for number in numbers]):
                    check(answer)
                written = numbers[-1] + 1
            settled(broker)
            say(f"{size} MB written")
            _requests(broker, peer, curve, [random_places.randrange(written) for _ in range(REQUESTS)])
            say(f"{size} MB: requests measured")
        figures.tell(f"memory of the broker with a log of {STEPS[-1]:,} MB", broker.memory_bytes() / MB, "MB")
        peer.close()
    figures.draw(curve)
    return figures


def _requests(broker: Measured, peer: Peer, curve: Curve, anywhere: Sequence[int]) -> None:
    curve.add("Produce, one record", cost_us(broker, peer, [produce(PLACE, SINGLE)] * REQUESTS))
    end = peer.ask(*list_offsets(PLACE)).topics[0].partitions[0].offset
    at_end = [fetch(PLACE, end - 1)] * REQUESTS
    curve.add("Fetch, one record at the end", cost_us(broker, peer, at_end, look=has_records))
    times = [list_offsets(PLACE, START_MS + number * STEP_MS) for number in anywhere]
    found = [answer.topics[0].partitions[0].offset for answer in peer.pump(times)]
    inside = [fetch(PLACE, offset + RECORDS // 2, 1) for offset in found]
    curve.add("Fetch, 64 KB anywhere", cost_us(broker, peer, inside, look=has_records))
    curve.add("ListOffsets, the end", cost_us(broker, peer, [list_offsets(PLACE)] * REQUESTS))
    curve.add("ListOffsets, by timestamp", cost_us(broker, peer, times))
