"""A partition as the broker serves it: a log, what of it may be shown, and the fetches that wait for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log.log import Log
from neuraxis.broker.log.tail_state import Duplicate
from neuraxis.wire import batch as batches

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any  # Any: waiters are compared by identity only

    from neuraxis.broker.work import Now
    from neuraxis.wire.batch import BatchHeader


class Partition:
    """One partition of a topic on this node. It is always its own leader."""

    __slots__ = ("index", "log", "topic", "topic_id", "waiting")

    def __init__(self, log: Log) -> None:
        self.topic = log.topic
        self.topic_id = log.topic_id
        self.index = log.partition
        self.log = log
        self.waiting: dict[Any, Callable[[Partition, Now], None]] = {}

    @property
    def high_watermark(self) -> int:
        """The offset up to which readers may see the log: under `sync` what is on disk, else all of it."""
        return self.log.durable_offset

    @property
    def last_stable_offset(self) -> int:
        """The offset up to which read_committed readers may see the log."""
        return self.log.durable_offset

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
        base_offset = log.log_end_offset
        batches.set_offset(view, base_offset, log.leader_epoch)
        log.append(view, header._replace(base_offset=base_offset, partition_leader_epoch=log.leader_epoch), now)
        return base_offset, None

    def wake(self, now: Now) -> None:
        """Tell every waiting fetch that the high watermark rose."""
        if self.waiting:
            for action in list(self.waiting.values()):
                action(self, now)
