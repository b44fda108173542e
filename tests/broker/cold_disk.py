"""A disk whose page cache is empty while the test says so: every look would wait, every read by a thread gets its bytes."""

from __future__ import annotations

from typing import Any

from neuraxis.broker.log.filesystem import File
from neuraxis.broker.log.memory import MemoryFs
from tests.broker.harness import WALL_MS, CoreHarness, Peer, batch_of

VALUE_BYTES = 300_000
"""Three records fill a segment of the smallest size that Kafka allows."""


class ColdFs(MemoryFs):
    """`waited` counts the reads that a thread, or somebody patient, has done while it was cold."""

    def __init__(self) -> None:
        super().__init__()
        self.cold = False
        self.waited = 0
        self.failure: OSError | None = None

    def read_now(self, file: File, position: int, length: int) -> bytes | bytearray | None:
        return None if self.cold else super().read(file, position, length)

    def read(self, file: File, position: int, length: int) -> bytes:
        if self.cold:
            self.waited += 1
            if self.failure is not None:
                raise self.failure
        return super().read(file, position, length)


def cold_broker(count: int = 12, *, partitions: int = 1, **configs: str) -> tuple[CoreHarness, Any, Peer]:
    """A broker with topic "t": a batch of one record in each offset, three in a segment, and nothing of it cached.

    Works wait for `do_works` of the harness.
    """
    fs = ColdFs()
    broker = CoreHarness("os", fs=fs)
    configs = {"segment_bytes": str(1 << 20), "retention_ms": "-1", **configs}
    broker.create_topic("t", partitions, **configs)
    peer = broker.connect()
    for index in range(partitions):
        for number in range(count):
            peer.produce("t", record(number), index)
    for index in range(partitions):
        forget_indexes(broker.partition("t", index).log)
    broker.works_wait = True
    fs.cold = True
    return broker, fs, peer


def record(number: int) -> bytearray:
    """A batch of one record: what is in it, and a time of its own."""
    return batch_of(b"%d " % number + bytes(VALUE_BYTES), timestamp_ms=WALL_MS + 10 * number)


def forget_indexes(log: Any) -> None:
    """As after a restart: nothing of closed segments is in memory."""
    log.hints.clear()
    for segment in log.segments[:-1]:
        segment.drop_indexes()
        assert segment._index is None
