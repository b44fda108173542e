"""Compaction of a store's logs: which log is worth a pass, what the pass may touch, and how its result takes effect.

Nothing runs while nothing is worth it: a log is looked at when a checkpoint has made more of it durable, and when it ages.
One pass runs at a time, on a worker thread; what it may touch are closed segments that are durable with their names, below
the first undecided transaction and older than `min.compaction.lag.ms`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from neuraxis.broker.log import checkpoint as files
from neuraxis.broker.log import retention, swap, transactions
from neuraxis.broker.log.compaction import Plan, Source, Target
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.segment import Segment, name_of
from neuraxis.broker.log.settings import FOREVER, MAX_INT32
from neuraxis.broker.work import Clean, Remove, Replace, Sync, SyncDir

if TYPE_CHECKING:
    from neuraxis.broker.log.fs import File
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.store import LogStore
    from neuraxis.broker.work import Now, Step

logger = logging.getLogger("neuraxis.broker")

CHECKPOINT = "cleaner-offset-checkpoint"
"""Kafka's file: up to where each log was cleaned. It saves work, nothing depends on it: it is never synced by itself."""


class Cleaner:
    """The compaction of one store. `running` is the pass that is under way."""

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self.running: Plan | None = None
        self._stopped = False
        self.passes = 0
        self.uncleanable: dict[Log, str] = {}  # logs with a damaged segment: left alone, and why
        self._queue: dict[Log, None] = {}
        self._loaded: dict[tuple[str, int], int] = {}

    # What is worth a pass

    def load(self) -> None:
        """Start: up to where the logs were cleaned before."""
        try:
            file = self.store.fs.open(CHECKPOINT)
        except FileNotFoundError:
            return
        self._loaded = files.parse_kafka_checkpoint(self.store.fs.read(file, 0, self.store.fs.size(file)))
        for log in self.store.logs.values():
            log.cleaned_to = self._loaded.get((log.topic, log.partition), -1)

    def consider(self, log: Log, now: Now) -> None:
        """Something about the log changed that could make a pass worth its while."""
        if log.settings.compact and log not in self.uncleanable:
            self.store.ledger.cold.run(lambda later: self._consider(log, later), now)

    def _consider(self, log: Log, now: Now) -> None:
        if self._candidates(log, now):
            self._queue[log] = None
            self._next(now)

    def _candidates(self, log: Log, now: Now) -> list[Segment]:
        """The segments that a pass would clean, from the log's first on; [] if it is not worth one."""
        if log.gone or log.cleaning:
            return []
        settings, interval = log.settings, log.settings.index_interval_bytes
        stable = log.last_stable_offset
        dirty_from = max(log.cleaned_to, log.log_start_offset)
        found: list[Segment] = []
        dirty = clean = 0
        oldest = 0
        for segment, end in zip(log.segments, log.bases[1:], strict=False):
            if segment.base_offset >= log.checked_base or end > stable or segment.unchecked:
                break
            too_young = now.wall_ms - settings.min_compaction_lag_ms
            if settings.min_compaction_lag_ms and segment.known_max_timestamp(interval) > too_young:
                break
            if end > dirty_from:
                if not dirty and settings.max_compaction_lag_ms < FOREVER:
                    oldest = segment.known_max_timestamp(interval)
                dirty += segment.size
            else:
                clean += segment.size
            found.append(segment)
        if not dirty:
            return []
        overdue = (
            settings.max_compaction_lag_ms < FOREVER and oldest < now.wall_ms - settings.max_compaction_lag_ms
        )
        if not overdue and dirty < settings.min_cleanable_dirty_ratio * (dirty + clean):
            return []
        if self.store.fs.space() - self.store.options.reserve_bytes < dirty + clean:
            return []  # the new segments need as much as the old ones, at most, while both are there
        return found

    def stop(self) -> None:
        """The broker is to stop: no pass begins, and one that is under way ends at its next batch."""
        self._stopped = True
        if self.running is not None:
            self.running.cancelled = True

    # One pass

    def _next(self, now: Now) -> None:
        while self.running is None and self._queue and not self._stopped:
            log = next(iter(self._queue))
            segments = self._candidates(log, now)
            del self._queue[log]
            if segments:
                self._start(log, segments, now)

    def _start(self, log: Log, segments: list[Segment], now: Now) -> None:
        log.cleaning = True
        try:
            targets = [self._target(log, group) for group in _groups(segments, log)]
        except OSError as error:
            raise StorageFailed(f"making segments for the compaction of {log.directory}", error) from error
        plan = Plan(
            targets=targets,
            dirty_from=max(log.cleaned_to, 0),
            limit=log.bases[len(segments)],
            aborted=[entry for segment in log.segments for entry in segment.aborted],
            sequences=frozenset(
                (producer_id, producer.batches[-1].last_offset)
                for producer_id, producer in log.producers.by_id.items()
                if producer.batches
            ),
            wall_ms=now.wall_ms,
            delete_retention_ms=log.settings.delete_retention_ms,
            index_interval_bytes=log.settings.index_interval_bytes,
        )
        for target in targets:
            target.file.pin()
            for source in target.sources:
                source.file.pin()
        self.running = plan
        self.store.start("clean", [Clean(plan)], lambda later: self._cleaned(log, plan, later))

    def _target(self, log: Log, group: list[Segment]) -> Target:
        path = f"{log.directory}/{name_of(group[0].base_offset, '.log')}{swap.CLEANED}"
        self.store.fs.remove(path)
        return Target(
            sources=[Source(each.base_offset, each.file, each.size) for each in group],
            file=self.store.fs.open(path, create=True),
            aborted=[entry for each in group for entry in each.aborted],
        )

    def _cleaned(self, log: Log, plan: Plan, now: Now) -> None:
        """The new data is written: bring its small files beside it, and make all of it durable with the decision."""
        if log.gone or plan.damage or plan.cancelled:
            if plan.damage and not log.gone:
                self.uncleanable[log] = plan.damage
                self._have_looked_at(log, plan, now)
                logger.error(
                    "%s is not compacted any more: %s. Restore the segment from a backup, or delete its records "
                    "(kafka-delete-records, neuraxis topic), and restart the broker.",
                    log.directory,
                    plan.damage,
                )
            self._give_up(log, plan, now)
            return
        try:
            exchanges, small = zip(
                *(self._write_small_files(log, target) for target in plan.targets), strict=True
            )
        except OSError as error:
            raise StorageFailed(f"compacting {log.directory}", error) from error
        steps: list[Step] = [Sync(target.file) for target in plan.targets]
        steps += [Sync(file) for found in small for file in found]
        steps.append(Replace(f"{log.directory}/{swap.SWAP}", swap.to_bytes(list(exchanges))))
        self.store.start("swap", steps, lambda later: self._when_free(log, plan, list(exchanges), later))

    def _when_free(self, log: Log, plan: Plan, exchanges: list[swap.Exchange], now: Now) -> None:
        """Whoever copies the files would get a mixture of old and new."""
        self.store.holds.when_free(lambda later: self._decided(log, plan, exchanges, later), now)

    def _write_small_files(self, log: Log, target: Target) -> tuple[swap.Exchange, list[File]]:
        contents = {
            ".index": bytes(target.index.data),
            ".timeindex": bytes(target.time_index.data),
            transactions.SUFFIX: transactions.to_bytes(target.still_aborted),
        }
        suffixes, written = [], []
        for suffix, content in contents.items():
            if suffix == transactions.SUFFIX and not content:
                continue
            path = f"{log.directory}/{name_of(target.base_offset, suffix)}{swap.CLEANED}"
            self.store.fs.remove(path)
            file = self.store.fs.open(path, create=True)
            self.store.fs.write(file, 0, content)
            suffixes.append(suffix)
            written.append(file)
        bases = tuple(source.base_offset for source in target.sources)
        return swap.Exchange(bases, (*suffixes, ".log")), written

    def _give_up(self, log: Log, plan: Plan, now: Now) -> None:
        if not log.gone:
            self.store.start("remove", [Remove(target.file.path) for target in plan.targets])
        self._end(log, plan, now)

    def _have_looked_at(self, log: Log, plan: Plan, now: Now) -> None:
        """The scrub says exactly what is damaged, and lets nothing of it be served."""
        for target in plan.targets:
            for source in target.sources:
                self.store.scrubber.hurry(log, source.base_offset, now)

    def _end(self, log: Log, plan: Plan, now: Now) -> None:
        for target in plan.targets:
            target.file.unpin()
            for source in target.sources:
                source.file.unpin()
        self.running = None
        log.cleaning = False
        retention.drop_segments(log)  # what the log's start has passed meanwhile
        self._next(now)

    def _decided(self, log: Log, plan: Plan, exchanges: list[swap.Exchange], now: Now) -> None:
        """The exchange is durable: let readers have the new segments."""
        if log.gone:
            self._end(log, plan, now)
            return
        buried: list[str] = []
        try:
            for target, exchange in zip(plan.targets, exchanges, strict=True):
                buried += swap.carry_out(self.store.fs, log.directory, exchange)
                self._replace(log, target)
        except OSError as error:
            raise StorageFailed(f"exchanging the segments of {log.directory}", error) from error
        log.hints.clear()
        log.cleaned_to = plan.cleaned_to
        self.passes += 1
        steps: list[Step] = [SyncDir(log.directory, log)]
        steps += [Remove(path) for path in [f"{log.directory}/{swap.SWAP}", *buried]]
        self.store.start("bury", steps, lambda later: self._end(log, plan, later))
        self.store.start("cleaned", [Replace(CHECKPOINT, self._checkpoint())])

    def _replace(self, log: Log, target: Target) -> None:
        first = log.bases.index(target.base_offset)
        count = len(target.sources)
        for segment in log.segments[first : first + count]:
            log.ledger.indexes.forget(segment)
            retention.forget_syncs(log, segment)
            log.size -= segment.size
        segment = Segment.closed(log.fs, log.directory, target)
        log.segments[first : first + count] = [segment]
        log.bases[first : first + count] = [segment.base_offset]
        log.size += segment.size

    def _checkpoint(self) -> bytes:
        logs = [log for log in self.store.logs.values() if log.cleaned_to >= 0]
        return files.kafka_checkpoint([(log.topic, log.partition, log.cleaned_to) for log in logs])


def _groups(segments: list[Segment], log: Log) -> list[list[Segment]]:
    """Neighbours that fit into one segment even if nothing of them goes."""
    settings = log.settings
    groups: list[list[Segment]] = []
    size = 0
    ends = dict(zip(log.bases, log.bases[1:], strict=False))
    for segment in segments:
        if groups:
            base = groups[-1][0].base_offset
            fits = (
                size + segment.size <= settings.segment_bytes
                and ends[segment.base_offset] - base <= MAX_INT32
            )
            entries = (size + segment.size) // max(1, settings.index_interval_bytes)
            if fits and 12 * entries <= settings.segment_index_bytes:
                groups[-1].append(segment)
                size += segment.size
                continue
        groups.append([segment])
        size = segment.size
    return groups
