"""Every log of a data directory, the journal they share, and the work that keeps them durable.

Rule of the file: a failed write or sync raises StorageFailed, and nothing is tried a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.log import checkpoint as files
from neuraxis.broker.log.checkpointing import Checkpointer
from neuraxis.broker.log.cleaner import Cleaner
from neuraxis.broker.log.cold import READ, Cold
from neuraxis.broker.log.failures import DirectoryInUse, FormatTooNew, OffsetOutOfRange, StorageFailed
from neuraxis.broker.log.holds import Holds
from neuraxis.broker.log.journal import Journal
from neuraxis.broker.log.ledger import SPACE_CHECK_BYTES, Ledger
from neuraxis.broker.log.log import Log
from neuraxis.broker.log.recovery import Recovery, RecoveryReport
from neuraxis.broker.log.scrub import Scrubber
from neuraxis.broker.log.settings import Durability, LogSettings, StoreOptions
from neuraxis.broker.metrics.counters import Histogram
from neuraxis.broker.work import Now, Remove, Sync, SyncDir, Work, files_of, perform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from neuraxis.broker.log.fs import Fs
    from neuraxis.broker.work import Step

__all__ = [
    "DirectoryInUse", "FormatTooNew", "LogSettings", "LogStore", "OffsetOutOfRange", "RecoveryReport", "StorageFailed",
    "StoreOptions",
]  # fmt: skip

FULL_CHECK_MS = 1_000  # how often a full disk is looked at again
DOOMED_MS = 1_000  # a log's start that retention moves, and segments below it, are worth a checkpoint so soon


class _Pending(NamedTuple):
    """A work that was handed out."""

    work: Work
    finish: Callable[[Now], None]


class LogStore:
    """The logs of one data directory. Call `recover` first, `take_work` after every call, `done` for each work."""

    def __init__(self, fs: Fs, options: StoreOptions) -> None:
        self.fs = fs
        self.options = options
        self.journal = Journal(fs, options.journal_segment_bytes)
        self.ledger = Ledger(fs, options, self.journal)
        self.logs: dict[tuple[bytes, int], Log] = {}
        self.durable_ticket = 0
        self.full = False
        self.synced_bytes = Histogram()  # of the journal, by each sync
        self.cluster_id = options.cluster_id
        self.directory_id = options.directory_id
        self.checkpointer = Checkpointer(self)
        self.cleaner = Cleaner(self)
        self.scrubber = Scrubber(self)
        self.holds = Holds(self.ledger, lambda: self.full)
        self.ledger.cold = Cold(fs, self.start)
        self._works: list[Work] = []
        self._pending: dict[int, _Pending] = {}
        self._next_work_id = 1
        self._syncing = False
        self._barriers: list[tuple[int, Callable[[Now], None]]] = []
        self._mono_ms = 0
        self._checkpoint_at: int | None = None
        self._space_at: int | None = None

    @property
    def last_ticket(self) -> int:
        """The newest ticket of the broker."""
        return self.ledger.last_ticket

    # Life

    def recover(self, now: Now) -> RecoveryReport:
        """Lock the directory, bring every log to a state that was promised, and make that state durable.

        Raises DirectoryInUse, FormatTooNew, IdentityDamaged, StorageFailed.
        """
        self._mono_ms = now.mono_ms
        try:
            report = Recovery(self, now).run()
            self.cleaner.load()
            self.scrubber.load(now)
        except OSError as error:
            raise StorageFailed("recovering", error) from error
        self.ledger.last_ticket = self.durable_ticket = self.journal.position
        self.look_at_space()
        self.ledger.cold.open()
        return report

    def close(self, now: Now) -> None:
        """A clean stop: everything is synced and the next start reads no batch.

        Works that were not reported as done are done here (each may be done twice), so no thread need be waited for.
        """
        self.cleaner.stop()
        self.scrubber.stop()
        self.holds.give_up(now)
        self.ledger.cold.close()
        try:
            while self.take_work() or self._pending:
                for work, _ in list(self._pending.values()):
                    if work.kind != READ:
                        perform(self.fs, work)
                    self.done(work.id, None, None, now)
            self.checkpointer.perform(now, clean=True)
            for base_path in self.checkpointer.journal_leftovers():
                self.fs.remove(base_path)
            logs = sorted(self.logs.values(), key=lambda log: (log.topic, log.partition))
            ends = [(log.topic, log.partition, log.log_end_offset) for log in logs]
            starts = [(log.topic, log.partition, log.log_start_offset) for log in logs]
            self.fs.replace(files.KAFKA_RECOVERY_POINTS, files.kafka_checkpoint(ends))
            self.fs.replace(files.KAFKA_LOG_STARTS, files.kafka_checkpoint(starts))
            self.fs.replace(files.KAFKA_CLEAN, b'{"version":0,"brokerEpoch":-1}')
        except OSError as error:
            raise StorageFailed("stopping", error) from error
        self.fs.close()

    # Logs

    def create_log(
        self, topic: str, topic_id: bytes, partition: int, settings: LogSettings, now: Now | None = None
    ) -> Log:
        """Make an empty log. It is durable with the next ticket; raises StorageFailed."""
        del now
        directory = f"{topic}-{partition}"
        log = Log(self.ledger, topic, topic_id, partition, settings, directory)
        try:
            self._clear(directory)
            self.make_directory(log)
            log.open_segment(0)
        except OSError as error:
            raise StorageFailed(f"making {directory}", error) from error
        log.announce()
        self.logs[topic_id, partition] = log
        return log

    def _clear(self, directory: str) -> None:
        """A directory of that name, of which nothing is known, is set aside: its files must not become the log's."""
        try:
            self.fs.list(directory)
        except FileNotFoundError:
            return
        names = self.fs.list("")
        number = 0
        while f"{directory}.{number:032x}-stray" in names:
            number += 1
        self.fs.rename(directory, f"{directory}.{number:032x}-stray")

    def make_directory(self, log: Log) -> None:
        """A partition's directory and the file that says which topic it belongs to."""
        self.fs.make_dir(log.directory)
        metadata = self.fs.open(f"{log.directory}/{files.METADATA}", create=True)
        self.fs.truncate(metadata, 0)
        self.fs.write(metadata, 0, files.partition_metadata(log.topic_id))
        self.ledger.new_dirs = True
        log.new_files.append(metadata)

    def delete_log(self, log: Log, now: Now) -> None:
        """Forget a log: its name is free at once, its files go after file.delete.delay.ms."""
        ticket = log.denounce()
        path = self._retire(log, "delete")
        self.ledger.alarm(
            now.mono_ms + log.settings.file_delete_delay_ms, lambda at: self._remove(path, ticket, at)
        )

    def set_aside(self, log: Log) -> None:
        """Take a log that belongs to nothing out of the way; its files stay for the operator."""
        log.denounce()
        self._retire(log, "stray")

    def _retire(self, log: Log, suffix: str) -> str:
        """Rename a log's directory. The topic's id is in the new name: recovery knows by it that the log is gone."""
        path = f"{log.directory}.{log.topic_id.hex()}-{suffix}"
        del self.logs[log.topic_id, log.partition]
        log.gone = True
        for segment in log.segments:
            self.ledger.indexes.forget(segment)
        log.directory = path
        try:
            self.fs.rename(log.former_directory, path)
        except OSError as error:
            raise StorageFailed(f"renaming {log.former_directory}", error) from error
        for segment in log.segments:
            segment.directory = path
        # No checkpoint will look at these any more; pinned, they would keep their descriptors, and the disk its space.
        for segment in log.unchecked:
            segment.unchecked = False
            segment.file.unpin()
        log.unchecked = []
        self.checkpointer.log_is_gone(log)
        self.start("names", [SyncDir("")])
        return path

    def _remove(self, path: str, ticket: int, now: Now) -> None:
        """Remove a deleted log, once the journal says durably that it is deleted."""
        if ticket > self.durable_ticket:
            self.ledger.alarm(now.mono_ms + FULL_CHECK_MS, lambda at: self._remove(path, ticket, at))
            return
        self.holds.when_free(lambda _: self.start("remove", [Remove(path), SyncDir("")]), now)

    # Works

    def start(
        self,
        kind: str,
        steps: Sequence[Step],
        finish: Callable[[Now], None] = lambda now: None,
    ) -> None:
        """Hand out a work with the next `take_work`; its files stay pinned until it is done."""
        work = Work(self._next_work_id, kind, steps)
        self._next_work_id += 1
        for file in files_of(steps):
            file.pin()
        self._works.append(work)
        self._pending[work.id] = _Pending(work, finish)

    def take_work(self) -> list[Work]:
        """The works to be done now, each in a thread of its own if the shell likes."""
        ledger = self.ledger
        if ledger.last_ticket > self.durable_ticket and not self._syncing:
            self._start_sync()
        if ledger.flushes:
            self._start_flush()
        if ledger.written >= ledger.check_at or self.fs.crowded:
            self.look_at_space()
            if self.checkpointer.is_due():
                self.checkpointer.start()
        if not self._works:
            return []
        works, self._works = self._works, []
        return works

    def done(self, work_id: int, result: bytes | None, error: OSError | None, now: Now) -> None:
        """A work has ended. Raises StorageFailed if it failed: then the broker must stop."""
        self._mono_ms = now.mono_ms
        work, finish = self._pending.pop(work_id)
        for file in files_of(work.steps):
            file.unpin()
        if work.kind == READ:
            self.ledger.cold.done(work, result, error, now)
            return
        if error is not None:
            raise StorageFailed(f"doing {work.kind}", error) from error
        finish(now)

    def works_in_flight(self) -> list[Work]:
        """The works that were handed out and have not ended."""
        return [pending.work for pending in self._pending.values()]

    def _start_sync(self) -> None:
        """One sync of the journal for all logs; the next begins when it ends."""
        ledger = self.ledger
        waiting, ledger.waiting = ledger.waiting, []
        target = ledger.last_ticket
        steps: list[Step] = []
        ends: list[tuple[Log, int]] = []
        synced: list[Log] = []
        for log in waiting:
            log.waiting = False
            if log.gone:
                continue
            ends.append((log, log.log_end_offset))
            if log.must_sync_segments:
                log.must_sync_segments = False
                steps += self.sync_log(log)
                synced.append(log)
        steps += self.journal.sync_steps()
        self._syncing = True

        def finish(now: Now) -> None:
            self._syncing = False
            self.synced_bytes.add(target - self.durable_ticket)
            self.durable_ticket = target
            for log in synced:
                self._log_synced(log)
            for log, end in ends:
                if log.ticket <= target:
                    log.ticket = 0
                if log.durable_offset < end:
                    log.durable_offset = end
                    self.ledger.advanced.append(log)
            barriers, self._barriers = self._barriers, []
            for ticket, then in barriers:
                self._when_durable(ticket, then, now)

        self.start("sync", steps, finish)

    def sync_logs(self, logs: Iterable[Log], then: Callable[[Now], None], now: Now) -> None:
        """Call `then` when these logs, new ones' making too, and all they hold now are durable: at once, if they are."""
        ticket, unjournaled = 0, []
        for log in logs:
            if log.gone or self.options.ephemeral:
                continue
            ticket = max(ticket, self.ledger.last_ticket if log.waiting or log.new_files else log.ticket)
            if log.durability is not Durability.SYNC:
                unjournaled.append(log)
        if not unjournaled:
            self._when_durable(ticket, then, now)
            return

        def finish(later: Now) -> None:
            for log in unjournaled:
                self._log_synced(log)
            self._when_durable(ticket, then, later)

        self.start("barrier", [step for log in unjournaled for step in self.sync_log(log)], finish)

    def _when_durable(self, ticket: int, then: Callable[[Now], None], now: Now) -> None:
        if ticket <= self.durable_ticket:
            then(now)
        else:
            self._barriers.append((ticket, then))

    def sync_log(self, log: Log) -> list[Step]:
        """The steps after which all of a log is durable in its segments; `_log_synced` follows.

        What another sync of the log is still busy with is synced again: this one may end first.
        """
        segments = log.dirty + [segment for segment in log.syncing if not segment.dirty]
        log.dirty, log.syncing = [], segments
        log.syncs += 1
        steps: list[Step] = [Sync(file) for file in log.new_files]
        for segment in segments:
            segment.dirty = False
            segment.clean = True
            steps.append(Sync(segment.file))
        if log.unsynced_names or log.syncing_names:
            log.unsynced_names, log.syncing_names = False, True
            steps += [SyncDir(log.directory, log), SyncDir("")]
        return steps

    def _log_synced(self, log: Log) -> None:
        log.syncs -= 1
        if not log.syncs:
            log.syncing, log.syncing_names = [], False

    def _start_flush(self) -> None:
        """The `interval` policy: sync the logs whose time has come."""
        flushes = [log for log in self.ledger.flushes if not log.gone]
        self.ledger.flushes = []

        def finish(now: Now) -> None:
            del now
            for log in flushes:
                self._log_synced(log)

        if flushes:
            self.start("flush", [step for log in flushes for step in self.sync_log(log)], finish)

    # Time

    def tick(self, now: Now) -> None:
        """Do what is due by the clock: rolls, retention, flushes, checkpoints, removals."""
        self._mono_ms = now.mono_ms
        self.ledger.look_at_clock(now)
        self.ledger.ring(now)
        while self.ledger.aged:
            self.cleaner.consider(self.ledger.aged.pop(), now)
        if self._space_at is not None and now.mono_ms >= self._space_at:
            self.look_at_space()
        if self._checkpoint_at is not None and now.mono_ms >= self._checkpoint_at:
            self._checkpoint_at = None
            self.checkpointer.start()

    @property
    def clock_stepped(self) -> bool:
        """The wall clock jumped: deletion by time is suspended until it is back or the broker starts anew."""
        return self.ledger.clock_stepped

    def next_deadline(self) -> int | None:
        """When `tick` is needed next (mono_ms)."""
        ledger = self.ledger
        if (ledger.changed or ledger.doomed) and not self.checkpointer.running:
            delay = DOOMED_MS if ledger.doomed or ledger.retiring else self.options.checkpoint_ms
            due = self._mono_ms + delay
            self._checkpoint_at = due if self._checkpoint_at is None else min(due, self._checkpoint_at)
        first = self._checkpoint_at
        for at in (self._space_at, ledger.next_alarm()):
            if at is not None and (first is None or at < first):
                first = at
        return first

    def look_at_space(self) -> None:
        """Ask for the free space; below the reserve the core refuses clients' writes. The shell asks each second, too."""
        self.full = self.fs.space() < self.options.reserve_bytes
        self._space_at = self._mono_ms + FULL_CHECK_MS if self.full else None
        self.ledger.check_at = self.ledger.written + SPACE_CHECK_BYTES
