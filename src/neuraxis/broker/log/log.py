"""One partition's log: segments in a row, what readers may see of them, and the fold over their batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log.settings import LogSettings
from neuraxis.broker.log.tail_state import LeaderEpochs, ProducerStates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.log.fs import File
    from neuraxis.broker.work import Now
    from neuraxis.wire.batch import BatchHeader


class Range:
    """A range of a segment file, pinned until `release`; a `wire.codec.Span`."""

    __slots__ = ("file", "length", "position")

    def __init__(self, file: File, position: int, length: int) -> None:
        file.pin()
        self.file = file
        self.position = position
        self.length = length

    def release(self) -> None:
        """Give the pin back; once."""
        self.file.unpin()


class Log:
    """One partition's log."""

    topic: str
    topic_id: bytes
    partition: int
    settings: LogSettings
    log_start_offset: int
    log_end_offset: int
    durable_offset: int
    size: int
    ticket: int
    producers: ProducerStates
    epochs: LeaderEpochs

    @property
    def leader_epoch(self) -> int:
        raise NotImplementedError

    @property
    def max_timestamp(self) -> int:
        raise NotImplementedError

    def configure(self, settings: LogSettings) -> None:
        raise NotImplementedError

    def append(self, view: memoryview, header: BatchHeader, now: Now) -> int:
        raise NotImplementedError

    def read(self, offset: int, max_bytes: int, limit_offset: int, minimum_one: bool = True) -> Range | None:
        raise NotImplementedError

    def offset_for_timestamp(self, timestamp: int) -> tuple[int, int, int] | None:
        raise NotImplementedError

    def max_timestamp_offset(self) -> tuple[int, int, int] | None:
        raise NotImplementedError

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int]:
        raise NotImplementedError

    def raise_epoch(self, epoch: int) -> None:
        raise NotImplementedError

    def advance_start(self, offset: int, now: Now) -> None:
        raise NotImplementedError

    def batches_from(self, offset: int) -> Iterator[memoryview]:
        raise NotImplementedError
