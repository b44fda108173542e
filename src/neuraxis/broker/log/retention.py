"""How a log ages: old segments roll, retention advances the start, what lies below it is dropped, silent producers go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.segment import Segment
    from neuraxis.broker.work import Now


FIRST_LOOK_MS = 30_000
"""After a start a log is looked at so soon, as in Kafka: one that restarts often would never be."""


def begin_ageing(log: Log, now: Now) -> None:
    """The log holds something: look at it from time to time."""
    log.ages = True
    interval_ms = min(FIRST_LOOK_MS, log.ledger.options.retention_check_interval_ms)
    log.ledger.alarm(now.mono_ms + interval_ms, lambda later: age(log, later))


def age(log: Log, now: Now) -> None:
    """Roll an old segment, forget silent producers, let retention advance the start; again after a while."""
    if log.gone:
        return
    options = log.ledger.options
    log.ledger.alarm(now.mono_ms + options.retention_check_interval_ms, lambda later: age(log, later))
    cold = log.ledger.cold
    cold.run(lambda later: roll_if_old(log, log.active, later), now)
    log.producers.expire(now, options.producer_expiration_ms)
    if log.producers.changed:
        log.mark_changed()
    if log.settings.delete:
        cold.run(lambda later: apply_retention(log, later), now)
    if log.settings.compact:
        log.ledger.aged.append(log)


def watch_age(log: Log, segment: Segment, now: Now) -> None:
    """A segment gets its first batch: after segment.ms another one begins."""
    segment.opened_ms = now.mono_ms

    def grown_old(later: Now) -> None:
        log.ledger.cold.run(lambda at: roll_if_old(log, segment, at), later)

    log.ledger.alarm(now.mono_ms + log.settings.segment_ms, grown_old)


def roll_if_old(log: Log, segment: Segment, now: Now) -> None:
    """Begin a new segment if this one is still the active one and has reached its age. Raises WouldWait before it does."""
    if segment is not log.active or not segment.size or log.gone:
        return
    if now.mono_ms - segment.opened_ms >= log.settings.segment_ms:
        segment.index(log.settings.index_interval_bytes)
        log.roll()


def drop_segments(log: Log) -> None:
    """Let the segments wholly below the log's start go: out of the log now, off the disk after a checkpoint.

    While compaction is at work on the log it waits: then compaction asks again.
    """
    if log.cleaning or log.gone:
        return
    while len(log.segments) > 1 and log.bases[1] <= log.log_start_offset:
        segment = log.segments.pop(0)
        del log.bases[0]
        log.size -= segment.size
        log.ledger.indexes.forget(segment)
        log.ledger.doomed.append((log, segment))


def forget_syncs(log: Log, segment: Segment) -> None:
    """The file of a segment is about to go, durably replaced or below the log's start: no later sync may ask for it."""
    segment.dirty = False
    for waiting in (log.dirty, log.syncing):
        if segment in waiting:
            waiting.remove(segment)


def apply_retention(log: Log, now: Now) -> None:
    """Advance the log's start over the segments that retention.bytes and retention.ms let go. Raises WouldWait."""
    if log.gone:
        return
    settings = log.settings
    interval = settings.index_interval_bytes
    start = log.log_start_offset
    surplus = log.size - settings.retention_bytes if settings.retention_bytes >= 0 else -1
    by_time = settings.retention_ms >= 0 and not log.ledger.clock_stepped
    expired_before = now.wall_ms - settings.retention_ms if by_time else -1
    for number, segment in enumerate(log.segments):
        too_old = segment.size > 0 and segment.known_max_timestamp(interval) < expired_before
        too_much = surplus - segment.size >= 0 and segment is not log.active
        if not too_old and not too_much:
            break
        if segment is log.active:
            segment.index(interval)
            log.roll()
        surplus -= segment.size
        start = log.bases[number + 1]
    if start > log.ledger.retiring.get(log, log.log_start_offset):
        log.ledger.retiring[log] = start
        log.mark_changed()
