"""Making a checkpoint: everything written becomes durable in the segments, then the journal can be trimmed.

What is noted is noted at once, at the start; the syncs go on beside new appends, whose bytes simply come along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log import retention
from neuraxis.broker.log.checkpoint import (
    BURIED,
    CHECKPOINT,
    EPOCHS,
    Checkpoint,
    entry_of,
    snapshot_path,
    to_bytes,
)
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.journal import bases_of, file_name
from neuraxis.broker.work import Remove, Replace, Sync, SyncDir, Work, WriteOut, perform

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.segment import Segment
    from neuraxis.broker.log.store import LogStore
    from neuraxis.broker.work import Now, Step

# The active segment's index files are written when they lag this much (64 entries, 256 KiB of log at Kafka's interval); a start
# reads the headers of what they lack.
INDEX_LAG_BYTES = 512
# From so many steps on, one write-out of the whole file system first takes less time than it saves: each sync alone waits for
# a commit of the file system's journal, some milliseconds; after it, for little more than the device's answer.
MANY_STEPS = 256


class Checkpointer:
    """The checkpoints of one store; at most one is being made."""

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self.running = False
        self.state = Checkpoint()
        self.lines: dict[tuple[bytes, int], str] = {}
        self._written_at = 0
        self._segments: list[Segment] = []
        self._logs: list[Log] = []
        self._bases: list[tuple[Log, int]] = []  # segments below will be durable with their names and indexes
        self._doomed: list[tuple[Log, Segment]] = []
        self._retiring: dict[Log, int] = {}
        self._old: list[tuple[Log, str]] = []

    def is_due(self) -> bool:
        """Whether as much was written since the last one as a recovery should have to replay or read again.

        Or so many files are kept open because they were written: synced, they can be closed.
        """
        store = self.store
        return not self.running and (
            store.fs.crowded
            or store.journal.position - self.state.journal_position >= store.options.checkpoint_bytes
            or store.ledger.written - self._written_at >= store.options.unsynced_bytes
        )

    def start(self) -> None:
        """Begin a checkpoint in the background, unless one is being made or nothing changed."""
        ledger = self.store.ledger
        self.store.fs.crowded = False
        if self.running or not (ledger.changed or ledger.doomed):
            return
        steps = self._plan(clean=False)
        self.running = True
        self.store.start("checkpoint", steps, self._finish)

    def perform(self, now: Now, *, clean: bool) -> None:
        """Make a checkpoint here and now (at start and stop)."""
        steps = self._plan(clean=clean)
        perform(self.store.fs, Work(0, "checkpoint", steps))
        self._finish(now)

    def _plan(self, *, clean: bool) -> list[Step]:
        """Note where everything stands; the steps after which that is durable."""
        store, ledger = self.store, self.store.ledger
        self._written_at = ledger.written
        self._logs, ledger.changed = ledger.changed, []
        self._doomed, ledger.doomed = ledger.doomed, []
        self._retiring = dict(ledger.retiring)
        self._segments, self._old, self._bases = [], [], []
        steps: list[Step] = []
        try:
            for log in self._logs:
                log.changed = False
                if not log.gone:
                    steps += self._plan_log(log, clean)
        except OSError as error:
            raise StorageFailed("writing indexes", error) from error
        if ledger.new_dirs:
            ledger.new_dirs = False
            steps.append(SyncDir(""))
        self.state.journal_position = store.journal.position
        self.state.clean = clean
        steps.append(Replace(CHECKPOINT, to_bytes(self.state, list(self.lines.values()))))
        return [WriteOut(), *steps] if len(steps) >= MANY_STEPS else steps

    def _plan_log(self, log: Log, clean: bool) -> list[Step]:
        steps: list[Step] = [Sync(file) for file in log.new_files]
        segments, log.unchecked = log.unchecked, []
        self._segments += segments
        for segment in segments:
            segment.unchecked = False
            segment.clean = True
            segment.write_aborted()
            steps.append(Sync(segment.file))
            if clean or segment is not log.active or segment.unwritten_index_bytes >= INDEX_LAG_BYTES:
                segment.write_indexes()
        if clean:
            log.active.write_indexes()
        for segment in [*segments, *([] if log.active in segments else [log.active])]:
            if segment.unsynced_indexes:
                steps += [Sync(file) for file in segment.unsynced_indexes]
                segment.unsynced_indexes = []
                log.new_names = True
        if log.producers.changed:
            log.producers.changed = False
            if log.snapshot_offset >= 0:
                self._old.append((log, snapshot_path(log, log.snapshot_offset)))
            log.snapshot_offset = log.log_end_offset if log.producers.by_id else -1
            if log.producers.by_id:
                path = snapshot_path(log, log.snapshot_offset)
                steps.append(Replace(path, log.producers.snapshot()))
                self._old = [old for old in self._old if old[1] != path]
        if log.epochs.changed:
            log.epochs.changed = False
            steps.append(Replace(f"{log.directory}/{EPOCHS}", log.epochs.to_text()))
        if log.new_names:
            log.new_names = False
            steps.append(SyncDir(log.directory, log))
        self.lines[log.topic_id, log.partition] = entry_of(log).line()
        self._bases.append((log, log.active.base_offset))
        return steps

    def _finish(self, now: Now) -> None:
        """The checkpoint is durable: what it makes superfluous may go."""
        self.running = False
        store = self.store
        for segment in self._segments:
            segment.file.unpin()
        for log in self._logs:
            log.new_files = []
        self._retire(now)
        self._bury([(log, path) for log, path in self._old if not log.gone])
        journals = store.journal.trim(self.state.journal_position)
        if journals:
            store.start("trim", [Remove(path) for path in journals])
        if self._doomed:
            doomed, delay = self._doomed, max(log.settings.file_delete_delay_ms for log, _ in self._doomed)
            store.ledger.alarm(now.mono_ms + delay, lambda later: self._bury_when_free(doomed, later))
        for log, base in self._bases:
            log.checked_base = max(log.checked_base, base)
            store.cleaner.consider(log, now)
        self._segments, self._doomed, self._logs, self._old, self._bases = [], [], [], [], []

    def _retire(self, now: Now) -> None:
        """Where retention lets logs start is durable: let readers know, and what lies below may go at once."""
        ledger = self.store.ledger
        earlier, ledger.doomed = ledger.doomed, []
        for log, start in self._retiring.items():
            if ledger.retiring.get(log) == start:
                del ledger.retiring[log]
            if not log.gone:
                log.advance_start(start, now)
        self._doomed += ledger.doomed
        ledger.doomed, self._retiring = earlier, {}

    def _bury_when_free(self, doomed: list[tuple[Log, Segment]], now: Now) -> None:
        self.store.holds.when_free(lambda _: self._bury_segments(doomed), now)

    def _bury_segments(self, doomed: list[tuple[Log, Segment]]) -> None:
        """Segments that lie below their log's start, durably."""
        for log, segment in doomed:
            retention.forget_syncs(log, segment)
        suffixes = (".log", ".index", ".timeindex", ".txnindex")
        self._bury([(log, segment.path(suffix)) for log, segment in doomed for suffix in suffixes])

    def _bury(self, files: list[tuple[Log, str]]) -> None:
        """Remove files in the background, under a name that nothing else can have by then."""
        steps: list[Step] = []
        for log, path in files:
            if log.gone:
                continue
            try:
                self.store.fs.rename(path, path + BURIED)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StorageFailed(f"removing {path}", error) from error
            steps.append(Remove(path + BURIED))
        if steps:
            self.store.start("remove", steps)

    def log_is_gone(self, log: Log) -> None:
        """A log was deleted or set aside: the next checkpoint does not know it."""
        self.lines.pop((log.topic_id, log.partition), None)

    def journal_leftovers(self) -> list[str]:
        """The journal files that are there; after a clean checkpoint none is needed."""
        return [file_name(base) for base in bases_of(self.store.fs)]
