"""One log during recovery: opened at its recovery point, then led forward by frames of the journal or by a scan."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from neuraxis.broker.log import transactions
from neuraxis.broker.log.checkpoint import BURIED, EPOCHS, Entry
from neuraxis.broker.log.journal import Frame, Kind
from neuraxis.broker.log.loading import LOADING, UNKNOWN
from neuraxis.broker.log.log import MOST_RECENT
from neuraxis.broker.log.retention import begin_ageing
from neuraxis.broker.log.scan import valid_runs
from neuraxis.broker.log.segment import Segment, name_of
from neuraxis.broker.log.settings import Durability
from neuraxis.wire.batch import LOG_OVERHEAD, is_valid_batch, read_header

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.work import Now
    from neuraxis.wire.batch import BatchHeader

_END = 1 << 62


class Restored:
    """A log that is being restored. `log` is always whole: its end is the end of what was proved so far."""

    def __init__(
        self,
        log: Log,
        entry: Entry | None,
        content: list[str],
        now: Now,
        *,
        born: bool = False,
        gaps: bool = False,
    ) -> None:
        """Open a log from its directory's `content`; `born`: the journal says it began, so at offset 0.

        `gaps`: no checkpoint tells compaction's gaps from a loss, so closed segments are taken with them.
        """
        self.gaps = gaps
        self.log = log
        self.fs = log.fs
        self.entry = entry
        self.now = now
        self.notes: list[str] = []
        self.damaged = False
        bases = sorted(int(name[:-4]) for name in content if name.endswith(".log") and name[:-4].isdigit())
        for name in content:
            if name.endswith(BURIED):
                self.fs.remove(f"{log.directory}/{name}")
        self._remove_unproved_aborted(content, -1 if entry is None else entry.segment_base)
        self.later: list[int] = []  # segments that are there, but not proved
        # Batches of frames that follow each other in the active segment, not written yet; and where the next one would be.
        self._parts: list[memoryview] = []
        self._batches: list[tuple[int, BatchHeader]] = []
        self._following = (-1, -1, -1)  # offset, segment, position
        # Whether the journal does not tell all that was promised of it, or what must not come back was cut: then its files
        # have to be durable before it is served.
        self.must_sync = False
        if entry is None:
            self._begin([0, *(base for base in bases if base)] if born else bases)
        else:
            self._resume(entry, bases, content)
        self.mode = entry.durability if entry is not None else Durability.OS
        # Whether a power cut may have taken something that a client was shown. A log that is just born was shown nothing.
        self.may_have_lost = self.damaged or (self.mode is not Durability.SYNC and not born)
        log.adopt(self.mode)

    # Opening

    def _begin(self, bases: list[int]) -> None:
        """No checkpoint knows the log: nothing of it is proved."""
        log = self.log
        first = bases[0] if bases else 0
        log.log_start_offset = log.log_end_offset = log.durable_offset = first
        self.later = bases[1:]
        log.open_segment(first)

    def _remove_unproved_aborted(self, content: list[str], last_base: int) -> None:
        """Remove the `.txnindex` files of segments after `last_base`: their batches are read again."""
        for name in content:
            base = name.removesuffix(transactions.SUFFIX)
            if base != name and (not base.isdigit() or int(base) > last_base):
                self.fs.remove(f"{self.log.directory}/{name}")
                self.log.new_names = True

    def _resume(self, entry: Entry, bases: list[int], content: list[str]) -> None:
        """Open the log as it stood at the checkpoint."""
        log = self.log
        log.new_names = log.unsynced_names = False
        log.snapshot_offset = entry.snapshot_offset
        log.log_start_offset = entry.log_start_offset
        known = [base for base in bases if base <= entry.segment_base]
        self.later = [base for base in bases if base > entry.segment_base]
        if not known or known[-1] != entry.segment_base:
            self._missing(entry, bases)
            return
        for base, following in pairwise(known):
            if following > entry.log_start_offset:
                segment = self._segment(base, -1)
                log.add_segment(segment)
                log.size += segment.size
            else:
                self._remove(base)
        active = self._segment(entry.segment_base, entry.position)
        active.index_limits = entry.index_bytes, entry.time_index_bytes
        active.first_timestamp = entry.first_timestamp
        if entry.position:
            active.limit_age(log.settings.segment_ms)
        active.max_timestamp = entry.max_timestamp
        active.max_timestamp_offset = entry.max_timestamp_offset
        log.add_segment(active)
        log.size += active.size
        log.log_start_offset = max(log.log_start_offset, log.bases[0])
        log.log_end_offset = log.durable_offset = entry.recovery_point
        self._restore_epochs()
        if self.fs.size(active.file) < entry.position:
            self._shortened(active)
        self._restore_producers(entry)
        self._restore_aborted(content)

    def _missing(self, entry: Entry, bases: list[int]) -> None:
        """A segment that was durable is not there: keep what can be read, and say so."""
        log = self.log
        self.damaged = True
        self.notes.append(
            f"{log.directory}: segment {name_of(entry.segment_base, '.log')} is missing although it was durable. What is left "
            "is served; restore the directory from a backup if you need the rest."
        )
        self._remove_unproved_aborted(self.fs.list(log.directory), -1)
        log.new_names = True
        log.snapshot_offset = -1
        self.entry = None
        self._begin(bases)
        log.log_start_offset = max(log.log_start_offset, log.bases[0])

    def _shortened(self, active: Segment) -> None:
        """The file is shorter than it was durable: keep the valid batches of its beginning, and say so."""
        log = self.log
        self.damaged = True
        self.notes.append(
            f"{active.file.path} has lost bytes that were durable: the file system or the disk is damaged. What is left is "
            "served; restore the file from a backup if you need the rest."
        )
        log.size -= active.size
        log.segments.pop()
        log.bases.pop()
        log.add_segment(self._segment(active.base_offset, 0))
        log.log_end_offset = log.durable_offset = active.base_offset
        log.log_start_offset = min(log.log_start_offset, active.base_offset)
        log.epochs.cut_end(active.base_offset)
        log.adopt_epoch()
        log.snapshot_offset = -1
        log.mark_changed()

    def _segment(self, base: int, size: int) -> Segment:
        """A segment whose file is there; a negative size: all of the file."""
        log = self.log
        file = self.fs.open(f"{log.directory}/{name_of(base, '.log')}")
        return Segment(self.fs, log.directory, base, file, self.fs.size(file) if size < 0 else size)

    def _restore_epochs(self) -> None:
        log = self.log
        data = self._read(EPOCHS)
        if data is not None and not log.epochs.restore(data):
            self.notes.append(
                f"{log.directory}/{EPOCHS} is damaged: the epochs of older batches are not known."
            )
        log.epochs.cut_end(log.log_end_offset)
        log.adopt_epoch()

    def _restore_producers(self, entry: Entry) -> None:
        """From the snapshot of the checkpoint; without it, from every batch header of the log."""
        log = self.log
        if entry.snapshot_offset < 0:
            return
        data = self._read(f"{entry.snapshot_offset:020d}.snapshot")
        if data is not None and log.producers.restore(data):
            for producer in log.producers.by_id.values():
                producer.timestamp = max(producer.timestamp, self.now.wall_ms)
            return
        self.notes.append(f"{log.directory}: the producer snapshot is damaged: it was rebuilt from the log.")
        transactions.rebuild(log, self.now)

    def _restore_aborted(self, content: list[str]) -> None:
        """The aborted transactions below the recovery point, from the files; what does not fit is read from the log."""
        log = self.log
        for segment in log.segments:
            if name_of(segment.base_offset, transactions.SUFFIX) not in content:
                continue
            if not segment.load_aborted(log.log_end_offset) and segment is not log.active:
                self.notes.append(
                    f"{segment.path(transactions.SUFFIX)} is damaged: it was rebuilt from the log."
                )
                transactions.rebuild(log, self.now)
                return

    def _read(self, name: str) -> bytes | None:
        try:
            file = self.fs.open(f"{self.log.directory}/{name}")
        except FileNotFoundError:
            return None
        return self.fs.read(file, 0, self.fs.size(file))

    # Going forward

    def set_mode(self, offset: int, mode: Durability) -> None:
        """From `offset` on the log was written under another policy."""
        self.flush()
        if mode is Durability.SYNC and self.mode is not Durability.SYNC:
            self.scan(offset)
            self.must_sync = True
        self.mode = mode
        self.may_have_lost = self.may_have_lost or mode is not Durability.SYNC
        self.log.adopt(mode)
        self.log.mark_changed()

    def apply(self, frame: Frame) -> str:
        """Put a frame's batch where it belongs; or why it cannot belong to the history ("" if it does).

        It is written with those that follow it, by `flush`.
        """
        _, kind, _, _, base_offset, segment_base, segment_position, batch, _ = frame
        if (base_offset, segment_base, segment_position) != self._following or kind != Kind.DATA:
            self.flush()
            refusal = self._begin_run(frame)
            if refusal or kind != Kind.DATA:
                return refusal
        header = read_header(batch)
        self._parts.append(batch)
        self._batches.append((segment_position, header))
        self._following = header.next_offset, segment_base, segment_position + len(batch)
        return ""

    def _begin_run(self, frame: Frame) -> str:
        """Whether a frame continues the log as it is. A large batch is in its place already, or was never promised."""
        log = self.log
        if self.entry is None and frame.base_offset > log.log_end_offset:
            self.scan(
                frame.base_offset
            )  # no checkpoint knows the log, so what it held before is not proved yet
        if frame.base_offset != log.log_end_offset:
            return f"{log.directory} goes on at {log.log_end_offset}, not at {frame.base_offset}"
        segment = self._target(frame.segment_base, frame.segment_position)
        if segment is None:
            return f"{log.directory} has no place for offset {frame.base_offset}"
        if frame.kind == Kind.REFERENCE:
            size = read_header(frame.payload).size
            batch = memoryview(self.fs.read(segment.file, frame.segment_position, size))
            if batch[: len(frame.payload)] != frame.payload or is_valid_batch(batch, 0, len(batch)) is None:
                return f"the large batch at offset {frame.base_offset} of {log.directory} was not synced"
            self._write(
                segment, frame.segment_position, batch, [(frame.segment_position, read_header(batch))]
            )
            self.must_sync = True
        return ""

    def flush(self) -> None:
        """Write the batches of the frames that were applied."""
        if not self._parts:
            return
        parts, run = self._parts, self._batches
        self._parts, self._batches, self._following = [], [], (-1, -1, -1)
        self._write(self.log.active, run[0][0], memoryview(b"".join(parts)), run)

    def _target(self, base: int, position: int) -> Segment | None:
        """The active segment, if that is where a frame points; a new one if the log rolled there."""
        log = self.log
        if base == log.active.base_offset:
            return log.active if position == log.active.size else None
        if base != log.log_end_offset or position:
            return None
        self._next_segment(base)
        return log.active

    def _next_segment(self, base: int) -> None:
        log = self.log
        self._cut(log.active)
        log.active.close_indexes(log.settings.index_interval_bytes)
        log.uncheck(log.active)
        if base in self.later:
            self.later.remove(base)
        log.open_segment(base)

    def _write(
        self, segment: Segment, position: int, data: memoryview, batches: list[tuple[int, BatchHeader]]
    ) -> None:
        """Write proved bytes (over the same bytes, often): only what is written now is known to be synced later."""
        log = self.log
        self.fs.write(segment.file, position, data)
        self._account(segment, batches)
        log.durable_offset = log.log_end_offset

    def _account(self, segment: Segment, run: list[tuple[int, BatchHeader]]) -> None:
        """As `Log.account` for each batch; those that only have to be counted are counted here, in a third of the time.

        Indexes that are not loaded stay so: whoever needs them first reads the headers of what their files lack.
        """
        log, interval = self.log, self.log.settings.index_interval_bytes
        unloaded = segment.last_index_position == UNKNOWN
        if unloaded:
            segment.last_index_position = LOADING
        latest = log.epochs.entries[-1][0] if log.epochs.entries else -1
        for position, header in run:
            base_offset, batch_length, epoch, _, _, _, last_delta, _, timestamp, producer_id, _, _, _ = header
            if (
                producer_id >= 0
                or epoch > latest
                or segment.clean
                or not position
                or position - segment.last_index_position > interval
            ):
                log.account(segment, position, header, self.now)
                latest = max(latest, epoch)
                continue
            if timestamp > segment.max_timestamp:
                segment.max_timestamp = timestamp
                segment.max_timestamp_offset = base_offset + last_delta
            log.recent_offsets.append(base_offset)
            log.recent_positions.append(position)
            size = batch_length + LOG_OVERHEAD
            segment.size = position + size
            log.size += size
            log.log_end_offset = base_offset + last_delta + 1
        del log.recent_offsets[:-MOST_RECENT], log.recent_positions[:-MOST_RECENT]
        if unloaded:
            segment.last_index_position = UNKNOWN

    def scan(self, limit: int = _END) -> None:
        """Take the valid batches that follow, up to the offset `limit`."""
        log = self.log
        while True:
            segment = log.active
            size = self.fs.size(segment.file)
            for start, run, view in valid_runs(self.fs, segment.file, segment.size, size):
                count = self._count_in_order(run, limit)
                if count:
                    end = run[count - 1][0] + run[count - 1][1].size
                    self._write(segment, start, view[: end - start], run[:count])
                if count < len(run):
                    break
            if self.gaps and self.later and segment.size == size and self.later[0] > log.log_end_offset:
                log.log_end_offset = log.durable_offset = self.later[0]
            if log.log_end_offset not in self.later or log.log_end_offset >= limit:
                return
            if log.log_end_offset == segment.base_offset:
                return
            self._next_segment(log.log_end_offset)

    def _count_in_order(self, run: list[tuple[int, BatchHeader]], limit: int) -> int:
        """How many batches of a run continue the log, below an offset."""
        expected = self.log.log_end_offset
        for count, (_, header) in enumerate(run):
            in_order = header.base_offset == expected or (self.gaps and header.base_offset > expected)
            expected = header.next_offset
            if not in_order or expected > limit:
                return count
        return len(run)

    def finish(self) -> None:
        """Cut what is not proved."""
        self.flush()
        log = self.log
        if self.mode is not Durability.SYNC or self.damaged:
            self.scan()
        for base in self.later:
            self._remove(base)
        self._cut(log.active)
        log.durable_offset = log.log_end_offset
        log.active.opened_ms = self.now.mono_ms
        if (log.size or log.producers.by_id) and not log.ages:
            begin_ageing(log, self.now)

    def _cut(self, segment: Segment) -> None:
        if self.fs.size(segment.file) > segment.size:
            self.fs.truncate(segment.file, segment.size)
            self.log.uncheck(segment)
            self.must_sync = True

    def _remove(self, base: int) -> None:
        for suffix in (".log", ".index", ".timeindex", transactions.SUFFIX):
            self.fs.remove(f"{self.log.directory}/{name_of(base, suffix)}")
        self.log.new_names = True
        self.log.mark_changed()
        self.must_sync = True
