"""A partition as the broker serves it: a log, what of it may be shown, and the fetches that wait for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log.log import Log
from neuraxis.broker.log.tail_state import Duplicate
from neuraxis.wire import batch as batches
from neuraxis.wire.batch import BatchHeader
from neuraxis.wire.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.work import Now


class Writes:
    """Counts the broker's appends: tells a handler that failed before its first write from one that failed after."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Partition:
    """One partition of a topic on this node. It is always its own leader."""

    __slots__ = (
        "index",
        "log",
        "received_bytes",
        "sent_bytes",
        "topic",
        "topic_id",
        "waiting",
        "writes",
    )

    def __init__(self, log: Log, writes: Writes) -> None:
        self.writes = writes
        self.topic = log.topic
        self.topic_id = log.topic_id
        self.index = log.partition
        self.log = log
        self.received_bytes = 0  # in batches that were appended, since the start
        self.sent_bytes = 0  # in answers to fetches
        self.waiting: dict[object, Callable[[Partition, Now], None]] = {}

    @property
    def high_watermark(self) -> int:
        """The offset up to which readers may see the log: under `sync` what is on disk, else all of it."""
        return self.log.durable_offset

    @property
    def last_stable_offset(self) -> int:
        """The offset up to which read_committed readers may see the log: before the first open transaction."""
        return self.log.last_stable_offset

    @property
    def log_start_offset(self) -> int:
        """The first offset that still exists."""
        return self.log.log_start_offset

    @property
    def log_end_offset(self) -> int:
        """The offset the next record will get."""
        return self.log.log_end_offset

    @property
    def leader_epoch(self) -> int:
        """The epoch of this node's leadership; rises only where a restart may have lost what a client was shown."""
        return self.log.leader_epoch

    def append(self, view: memoryview, header: BatchHeader, now: Now) -> tuple[int, Duplicate | None]:
        """Append one checked batch (writable view; offsets are patched in place).

        Returns the base offset and None, or the duplicate that the producer's window knows. Raises `Refused` for a
        sequence that does not fit; raises `StorageFailed` when the disk does.
        """
        log = self.log
        if header.producer_id >= 0:
            duplicate = log.producers.check(header, now)
            if duplicate is not None:
                return duplicate.base_offset, duplicate
        self.writes.count += 1
        base_offset = log.log_end_offset
        epoch = log.leader_epoch
        batches.set_offset(view, base_offset, epoch)
        log.append(view, header.placed(base_offset, epoch), now)
        self.received_bytes += len(view)
        if self.waiting and log.durable_offset == log.log_end_offset:
            self.wake(now)
        return base_offset, None

    def end_transaction(
        self, producer_id: int, epoch: int, *, commit: bool, coordinator_epoch: int, now: Now
    ) -> BatchHeader:
        """Append the marker that ends a producer's transaction; its header. Raises StorageFailed."""
        log = self.log
        self.writes.count += 1
        kind = batches.ControlType.COMMIT if commit else batches.ControlType.ABORT
        batch = batches.build_control_batch(
            kind,
            producer_id,
            epoch,
            coordinator_epoch,
            now.wall_ms,
            base_offset=log.log_end_offset,
            partition_leader_epoch=log.leader_epoch,
        )
        view = memoryview(batch)
        header = batches.read_header(view)
        log.append(view, header, now)
        if self.waiting and log.durable_offset == log.log_end_offset:
            self.wake(now)
        return header

    def check_leader_epoch(self, epoch: int) -> int:
        """The error for a client that believes in leader epoch `epoch` (-1: it does not say); 0 when it fits."""
        if epoch in (-1, self.log.leader_epoch):
            return 0
        if epoch < self.log.leader_epoch:
            return ErrorCode.FENCED_LEADER_EPOCH
        return ErrorCode.UNKNOWN_LEADER_EPOCH

    def wake(self, now: Now) -> None:
        """Tell every waiting fetch that the high watermark rose, or the log's start."""
        if self.waiting:
            for action in list(self.waiting.values()):
                action(self, now)
