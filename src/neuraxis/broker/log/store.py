"""Every log of a data directory, the journal they share, and the work that keeps them durable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.log.failures import DirectoryInUse, FormatTooNew, OffsetOutOfRange, StorageFailed

if TYPE_CHECKING:
    from neuraxis.broker.log.fs import Fs
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.settings import LogSettings, StoreOptions
    from neuraxis.broker.work import Now, Work

__all__ = [
    "DirectoryInUse",
    "FormatTooNew",
    "LogStore",
    "OffsetOutOfRange",
    "RecoveryReport",
    "StorageFailed",
]


@dataclass(slots=True)
class RecoveryReport:
    """What recovery found and did."""

    unclean: bool = False  # the last stop was not a clean one
    other_boot: bool = False  # the machine was started again since
    next_epoch: int = (
        0  # durable, above every leader epoch shown before: what os and interval logs must rise to
    )
    unparsed: list[str] = field(default_factory=list)  # directories that were left alone
    notes: list[str] = field(default_factory=list)  # sentences for the operator


class LogStore:
    """The logs of one data directory."""

    def __init__(self, fs: Fs, options: StoreOptions) -> None:
        self.fs = fs
        self.options = options
        self.logs: dict[tuple[bytes, int], Log] = {}
        self.advanced: list[Log] = []
        self.last_ticket = 0
        self.durable_ticket = 0
        self.full = False
        self.cluster_id = options.cluster_id

    def recover(self, now: Now) -> RecoveryReport:
        raise NotImplementedError

    def create_log(
        self, topic: str, topic_id: bytes, partition: int, settings: LogSettings, now: Now | None = None
    ) -> Log:
        raise NotImplementedError

    def delete_log(self, log: Log, now: Now) -> None:
        raise NotImplementedError

    def set_aside(self, log: Log) -> None:
        raise NotImplementedError

    def take_work(self) -> list[Work]:
        raise NotImplementedError

    def done(self, work_id: int, result: bytes | None, error: OSError | None, now: Now) -> None:
        raise NotImplementedError

    def tick(self, now: Now) -> None:
        raise NotImplementedError

    def next_deadline(self) -> int | None:
        raise NotImplementedError

    def close(self, now: Now) -> None:
        raise NotImplementedError
