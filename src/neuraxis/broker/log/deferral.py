"""After a kill a broker serves before its checkpoint is made: what has to be durable first, and what may wait.

The machine has not gone down, so recovery found all that the last process wrote, and the last checkpoint still stands. The
broker goes on from it as that process would have: with a journal that goes on where the old one ends, and with segments that
are written and not synced. Made durable first is what an answer could be based on: the journal, and the few logs of which it
does not tell all. What was cut off is gone for good before new records take its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.settings import Durability
from neuraxis.broker.work import Remove, SyncDir

if TYPE_CHECKING:
    from neuraxis.broker.log.checkpoint import Checkpoint
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.recovery import Recovery, RecoveryReport
    from neuraxis.broker.log.store import LogStore
    from neuraxis.broker.work import Now

CHECKPOINT_AFTER_MS = 1_000
"""When the checkpoint begins: after the clients that wait for the broker have come back, before much is written anew."""


def is_possible(recovery: Recovery) -> bool:
    """Whether only the process died, and another start would find the same again from the last checkpoint.

    A system that does not tell its boots apart (no boot id) never says so.
    """
    report, boot_id = recovery.report, recovery.store.options.boot_id
    return (
        report.unclean
        and not report.other_boot
        and not report.restored
        and boot_id != ""
        and not any(restored.damaged for restored in recovery.restored.values())
    )


def begin(recovery: Recovery, checkpoint: Checkpoint) -> None:
    """Make durable what must be, and plan the rest."""
    store, fs = recovery.store, recovery.fs
    store.journal.resume(checkpoint.journal_position, recovery.journal_end)
    for restored in recovery.restored.values():
        log = restored.log
        if restored.must_sync or (log.changed and _is_built_upon(log)):
            _sync(log)
    fs.sync_dir("")  # the name of the checkpoint too: the process may have died before it was durable
    if recovery.removable:
        store.start("remove", [*(Remove(path) for path in recovery.removable), SyncDir("")])
    at_ms = recovery.now.mono_ms + CHECKPOINT_AFTER_MS
    store.ledger.alarm(at_ms, lambda _: store.checkpointer.start())


def _is_built_upon(log: Log) -> bool:
    """Whether other logs get records because of what this one holds, whatever its policy: a coordinator's decisions."""
    return log.topic.startswith("__") and log.durability is not Durability.SYNC


def _sync(log: Log) -> None:
    """All that recovery wrote of a log. It stays noted as unsynced: a second sync of the same costs little."""
    for file in log.new_files:
        log.fs.sync(file)
    for segment in log.unchecked:
        log.fs.sync(segment.file)
    if log.new_names:
        log.fs.sync_dir(log.directory)


def begin_anew(store: LogStore, logs: list[Log], report: RecoveryReport, now: Now) -> None:
    """Logs that the catalogue knows and recovery did not find were made again: the power cut may have taken shown records.

    Their making need not have been durable before the first of these was: so they go on in an epoch that no client has seen,
    durably, as logs do that were found shorter. Raises StorageFailed.
    """
    lost = [log for log in logs if log.durability is not Durability.SYNC]
    if not lost or not (report.restored or (report.unclean and report.other_boot)):
        return
    for log in lost:
        log.raise_epoch(report.next_epoch)
        report.lossy.add((log.topic_id, log.partition))
    try:
        store.checkpointer.perform(now, clean=False)
    except OSError as error:
        raise StorageFailed("making lost logs again", error) from error
