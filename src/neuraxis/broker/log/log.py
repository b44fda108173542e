"""One partition's log: segments in a row, appended to here, read through `reading`. Writes first, then remembers.

The write path must stay short: an append costs a few microseconds, and no record is looked at.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING

from neuraxis.broker.log import loading, reading, retention, transactions
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.journal import REFERENCE_COST, Kind, payload_of
from neuraxis.broker.log.reading import Range
from neuraxis.broker.log.segment import Segment, name_of
from neuraxis.broker.log.settings import BATCH_COST, FOREVER, MAX_INT32, Durability, LogSettings
from neuraxis.broker.log.tail_state import LeaderEpochs, ProducerStates
from neuraxis.wire.batch import CONTROL_BIT, LOG_OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.log.fs import File
    from neuraxis.broker.log.ledger import Ledger
    from neuraxis.broker.work import Now
    from neuraxis.wire.batch import BatchHeader

__all__ = ["Log", "Range"]

# Readers at the tail find their batch without a read among the newest 128 to 256 batches (4 KiB of memory per log).
MOST_RECENT = 256


class Log:
    """One partition's log.

    Invariants: segments are contiguous, the last one is active; log_start_offset <= durable_offset <= log_end_offset.
    Offsets of `os` and `interval` logs are durable as soon as they are written.
    """

    __slots__ = (
        "_epoch", "_flush_messages", "_index_interval", "_journaled", "_segment_bytes", "_unflushed",
        "active", "ages", "bases", "changed", "checked_base", "cleaned_to", "cleaning",
        "directory", "dirty", "durable_offset", "ended", "epochs",
        "former_directory", "fs", "gone", "hints", "ledger", "log_end_offset", "log_start_offset",
        "must_sync_segments", "new_files", "new_names", "partition", "producers", "recent_offsets",
        "recent_positions", "segments", "settings", "size", "snapshot_offset", "syncing", "syncing_names",
        "syncs", "ticket", "topic", "topic_id", "unchecked", "unsynced_names", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        ledger: Ledger,
        topic: str,
        topic_id: bytes,
        partition: int,
        settings: LogSettings,
        directory: str,
    ) -> None:
        self.ledger = ledger
        self.fs = ledger.fs
        self.topic = topic
        self.topic_id = topic_id
        self.partition = partition
        self.directory = self.former_directory = directory
        self.segments: list[Segment] = []
        self.bases: list[int] = []
        self.active: Segment
        self.log_start_offset = 0
        self.log_end_offset = 0
        self.durable_offset = 0
        self.snapshot_offset = -1  # the producer snapshot that fits the recovery point; -1: no producers
        self.size = 0
        self.ticket = 0
        self.producers = ProducerStates()
        self.ended: deque[tuple[int, int]] = deque()  # first and last offset of transactions ended lately
        self.epochs = LeaderEpochs()
        self.recent_offsets = array("q")
        self.recent_positions = array("q")
        self.hints: dict[int, tuple[Segment, int]] = {}
        self.dirty: list[Segment] = []  # written since the last sync of this log began
        self.syncing: list[Segment] = []  # in syncs of this log that have not ended
        self.syncing_names = False
        self.syncs = 0  # how many such syncs there are
        self.unchecked: list[Segment] = []  # written since the last checkpoint began
        self.new_files: list[File] = []  # small files that no finished checkpoint has synced
        self.epochs.changed = True  # a checkpoint of another log of this name may have left a file
        self.new_names = True  # names in the directory that no checkpoint has synced
        self.unsynced_names = True  # the same for the syncs of this log
        self.must_sync_segments = False  # the next sync of the journal needs the segments' first
        self.checked_base = -1  # segments below this base are durable with their names and indexes
        self.cleaned_to = -1  # below this offset compaction has left one record of each key
        self.cleaning = False  # a pass of compaction is under way: no segment may go
        self.ages = False
        self.gone = self.waiting = self.changed = False
        self._epoch = -1
        self._unflushed = 0
        self.settings = settings
        self._take_settings(settings)
        self._journaled = self._wants_journal()

    def __repr__(self) -> str:
        return f"<Log {self.topic}-{self.partition} [{self.log_start_offset}, {self.log_end_offset})>"

    # Settings

    def _wants_journal(self) -> bool:
        return self.settings.durability is Durability.SYNC and not self.ledger.options.ephemeral

    @property
    def durability(self) -> Durability:
        """The policy in force."""
        if self._journaled:
            return Durability.SYNC
        return Durability.INTERVAL if self.settings.durability is Durability.INTERVAL else Durability.OS

    def _take_settings(self, settings: LogSettings) -> None:
        self.settings = settings
        self._segment_bytes = settings.segment_bytes
        self._index_interval = settings.index_interval_bytes
        interval = settings.durability is Durability.INTERVAL and not self.ledger.options.ephemeral
        self._flush_messages = settings.flush_messages if interval else 0

    def configure(self, settings: LogSettings) -> None:
        """Replace the settings. A change to `sync` holds from the next append on, whose sync covers all before it."""
        self._take_settings(settings)
        if self.active.size and self.active.roll_timestamp != loading.UNKNOWN:
            self.active.limit_age(settings.segment_ms)
        wanted = self._wants_journal()
        if wanted == self._journaled:
            return
        self._frame(Kind.MODE, bytes([Durability.SYNC if wanted else Durability.OS]))
        self._journaled = wanted
        self.mark_changed()
        if wanted:
            self.must_sync_segments = True
            self._await_sync()

    def adopt(self, mode: Durability) -> None:
        """Recovery: the policy under which the log was written last."""
        self._journaled = mode is Durability.SYNC and not self.ledger.options.ephemeral
        if self._journaled:
            self._take_settings(LogSettings(flush_messages=1))

    def _frame(self, kind: Kind, payload: bytes = b"") -> int:
        """Write a frame about this log into the journal; its ticket (0 without a journal)."""
        ledger = self.ledger
        if ledger.options.ephemeral:
            return 0
        end = self.log_end_offset
        try:
            ticket = ledger.journal.append(kind, self.topic_id, self.partition, end, 0, 0, payload)
        except OSError as error:
            raise StorageFailed("writing the journal", error) from error
        ledger.last_ticket = ticket
        return ticket

    def announce(self) -> None:
        """Write the frame from which recovery makes this log again if its directory is lost."""
        mode = Durability.SYNC if self._journaled else Durability.OS
        self._frame(Kind.CREATED, bytes([mode]) + self.topic.encode())

    def denounce(self) -> int:
        """Write the frame after which recovery knows that this log is gone; its ticket."""
        return self._frame(Kind.DELETED)

    # Writing

    def append(self, view: memoryview, header: BatchHeader, now: Now) -> int:
        """Append one checked batch whose base offset is the log's end; the ticket to wait for (0: nothing).

        Raises StorageFailed. `view` may be reused when this returns.
        """
        segment = self.active
        position = segment.size
        base_offset, size = header[0], header[1] + LOG_OVERHEAD
        assert base_offset == self.log_end_offset, (self, base_offset)
        if (
            position + size > self._segment_bytes
            or header[8] > segment.roll_timestamp
            or base_offset + header[6] - segment.base_offset > MAX_INT32
        ) and position:
            self.roll()
            segment, position = self.active, 0
        ledger = self.ledger
        ticket = 0
        try:
            if self._journaled:
                kind, payload = payload_of(view)
                ticket = ledger.journal.append(
                    kind, self.topic_id, self.partition, base_offset, segment.base_offset, position, payload
                )
                ledger.last_ticket = self.ticket = ticket
                if kind is Kind.REFERENCE:
                    self.must_sync_segments = True
                    ledger.written += size * (REFERENCE_COST - 1)
                if not self.waiting:
                    self._await_sync()
            self.fs.write(segment.file, position, view)
        except OSError as error:
            raise StorageFailed(f"writing {segment.file.path}", error) from error
        self.account(segment, position, header, now)
        if not self._journaled:
            self.durable_offset = self.log_end_offset
            if self._flush_messages:
                self._note_unflushed(header.record_count, now)
        ledger.written += size + BATCH_COST
        return ticket

    def _await_sync(self) -> None:
        if not self.waiting:
            self.waiting = True
            self.ledger.waiting.append(self)

    def account(self, segment: Segment, position: int, header: BatchHeader, now: Now) -> None:
        """Remember a batch that is in the active segment at `position`: the one way, for appends and for recovery."""
        base_offset, batch_length, epoch, _, _, attributes, last_delta, _, timestamp, producer_id, _, _, _ = (
            header
        )
        last_offset = base_offset + last_delta
        if timestamp > segment.max_timestamp:
            segment.max_timestamp = timestamp
            segment.max_timestamp_offset = last_offset
        if position - segment.last_index_position > self._index_interval:
            loading.index_batch(self, segment, last_offset, position, now)
        if segment.clean:
            self._soil(segment, now)
        if not position:
            segment.first_timestamp = timestamp
            segment.limit_age(self.settings.segment_ms)
        recent = self.recent_offsets
        recent.append(base_offset)
        self.recent_positions.append(position)
        if len(recent) > MOST_RECENT:
            del recent[: MOST_RECENT // 2]
            del self.recent_positions[: MOST_RECENT // 2]
        if epoch > self._epoch:
            self._epoch = epoch
            self.epochs.begin(epoch, base_offset)
        if producer_id >= 0:
            if attributes & CONTROL_BIT:
                transactions.end(self, segment, position, header, now)
            else:
                self.producers.update(header, now.wall_ms)
        size = batch_length + LOG_OVERHEAD
        segment.size = position + size
        self.size += size
        self.log_end_offset = last_offset + 1

    def _soil(self, segment: Segment, now: Now) -> None:
        """The segment is being written: it has to be synced, by the log's own syncs and by the next checkpoint."""
        segment.clean = False
        if not segment.dirty:
            segment.dirty = True
            self.dirty.append(segment)
        self.uncheck(segment)
        if not segment.size:
            retention.watch_age(self, segment, now)
        if not self.ages:
            retention.begin_ageing(self, now)

    def uncheck(self, segment: Segment) -> None:
        """The next checkpoint has to sync the segment's files."""
        if not segment.unchecked:
            segment.unchecked = True
            segment.file.pin()  # the descriptor must not be closed before its sync: an error could go unseen
            self.unchecked.append(segment)
            self.mark_changed()

    def mark_changed(self) -> None:
        """The log differs from its last checkpoint."""
        if not self.changed:
            self.changed = True
            self.ledger.changed.append(self)

    def _note_unflushed(self, records: int, now: Now) -> None:
        """The `interval` policy: ask for a sync after flush.ms or flush.messages, whichever comes first."""
        if not self._unflushed and self.settings.flush_ms < FOREVER:
            self.ledger.alarm(now.mono_ms + self.settings.flush_ms, self._flush_if_due)
        self._unflushed += records
        if self._unflushed >= self._flush_messages:
            self._flush_if_due(now)

    def _flush_if_due(self, now: Now) -> None:
        del now
        if self._unflushed and not self.gone:
            self._unflushed = 0
            self.ledger.flushes.append(self)

    def roll(self) -> None:
        """Begin a new segment at the log's end."""
        old = self.active
        try:
            old.close_indexes(self._index_interval)
            self.uncheck(old)
            self.open_segment(self.log_end_offset)
        except OSError as error:
            raise StorageFailed(f"rolling {self.directory}", error) from error
        self.ledger.indexes.touch(old)

    def open_segment(self, base_offset: int) -> None:
        """Make an empty segment and let it be the active one."""
        file = self.fs.open(f"{self.directory}/{name_of(base_offset, '.log')}", create=True)
        self.add_segment(Segment(self.fs, self.directory, base_offset, file))
        self.new_names = self.unsynced_names = True
        self.mark_changed()

    def add_segment(self, segment: Segment) -> None:
        """A segment after all others; it is the active one now."""
        self.segments.append(segment)
        self.bases.append(segment.base_offset)
        self.active = segment
        self.recent_offsets = array("q")
        self.recent_positions = array("q")

    # Reading

    def segment_of(self, offset: int) -> Segment:
        """The segment that holds an offset (the first one for offsets before it)."""
        if offset >= self.active.base_offset:
            return self.active
        return self.segments[max(0, bisect_right(self.bases, offset) - 1)]

    def read(self, offset: int, max_bytes: int, limit_offset: int, minimum_one: bool = True) -> Range | None:
        """A range of whole batches from the one that contains `offset`, before `limit_offset` (a batch's boundary).

        At most `max_bytes`, but one whole batch at least if `minimum_one`; never beyond one segment. None where there is
        nothing to read below the limit. Raises OffsetOutOfRange outside [log_start_offset, log_end_offset]. Release the range.
        """
        return reading.read(self, offset, max_bytes, limit_offset, minimum_one)

    def offset_for_timestamp(self, timestamp: int) -> tuple[int, int, int] | None:
        """(timestamp, offset, leader epoch) of the first record with at least this timestamp (ms)."""
        return reading.offset_for_timestamp(self, timestamp)

    def max_timestamp_offset(self) -> tuple[int, int, int] | None:
        """(timestamp, offset, leader epoch) of the first record that has the log's largest timestamp."""
        return reading.max_timestamp_offset(self)

    def batches_from(self, offset: int) -> Iterator[memoryview]:
        """Every batch from the one that contains `offset` to the log's end, one view each, good until the next step."""
        return reading.batches_from(self, offset)

    @property
    def last_stable_offset(self) -> int:
        """The offset up to which every transaction is decided, durably; at most `durable_offset`."""
        if not self.ended and not self.producers.ongoing:
            return self.durable_offset
        return transactions.last_stable_offset(self)

    def aborted_between(self, offset: int, found: Range, limit_offset: int) -> list[tuple[int, int]]:
        """(producer id, first offset) of aborted transactions with records in a range read at `offset`, by offset."""
        return transactions.aborted_between(self, offset, found, limit_offset)

    @property
    def max_timestamp(self) -> int:
        """The largest timestamp in the log (ms); -1 if there is none."""
        return max(segment.known_max_timestamp(self._index_interval) for segment in self.segments)

    # Epochs

    @property
    def leader_epoch(self) -> int:
        """The epoch that new batches get."""
        return max(self._epoch, 0)

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int]:
        """(the largest epoch not above `epoch`, its end offset); (-1, -1) if the log knows none."""
        return self.epochs.end_offset(epoch, self.log_end_offset)

    def raise_epoch(self, epoch: int) -> None:
        """Begin a new leader epoch at the log's end, if it is above the present one."""
        if epoch > self._epoch:
            self._epoch = epoch
            self.epochs.begin(epoch, self.log_end_offset)
            self.mark_changed()

    def adopt_epoch(self) -> None:
        """Recovery: the epochs were restored."""
        self._epoch = self.epochs.entries[-1][0] if self.epochs.entries else -1

    # The start

    def advance_start(self, offset: int, now: Now) -> None:
        """Forget what is before `offset` (<= log_end_offset); files go once a checkpoint says where the log starts."""
        if offset <= self.log_start_offset:
            return
        assert offset <= self.log_end_offset, (self, offset)
        del now
        self.log_start_offset = offset
        self.epochs.cut_start(offset)
        self.mark_changed()
        self.ledger.advanced.append(self)
        retention.drop_segments(self)
