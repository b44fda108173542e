"""What a log is told: Kafka's topic configs that matter to it, and the options of the whole store. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MAX_INT32 = 2**31 - 1
FOREVER = 2**63 - 1  # Kafka's "never" for flush.ms and flush.messages

# A start after a kill takes up what was written since the last checkpoint. Its time goes by the number of batches as much as by
# their bytes: to take one up costs as long as to read and write so many bytes again.
BATCH_COST = 16 << 10


class Durability(IntEnum):
    """When an append is as durable as promised; the numbers are written to disk."""

    OS = 0  # once written: survives the process, not a power cut
    INTERVAL = 1  # as OS, and synced every flush.ms or flush.messages
    SYNC = 2  # once the journal is synced


@dataclass(frozen=True, slots=True)
class LogSettings:
    """One log's settings, by Kafka's names and with Kafka's defaults; -1 is "no limit" where Kafka says so."""

    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * 24 * 3600 * 1000
    segment_index_bytes: int = 10 << 20
    index_interval_bytes: int = 4096
    retention_ms: int = 7 * 24 * 3600 * 1000
    retention_bytes: int = -1
    flush_messages: int = FOREVER
    flush_ms: int = FOREVER
    file_delete_delay_ms: int = 60_000
    delete: bool = True  # cleanup.policy contains "delete": retention applies
    compact: bool = False  # cleanup.policy contains "compact": of each key the newest record stays
    min_cleanable_dirty_ratio: float = 0.5
    min_compaction_lag_ms: int = 0
    max_compaction_lag_ms: int = FOREVER
    delete_retention_ms: int = 24 * 3600 * 1000

    @property
    def durability(self) -> Durability:
        """flush.messages=1 is sync, any other limit is interval, none is os."""
        if self.flush_messages == 1:
            return Durability.SYNC
        if self.flush_messages < FOREVER or self.flush_ms < FOREVER:
            return Durability.INTERVAL
        return Durability.OS


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """The options of a `LogStore`. Identity and randomness come in: nothing here is drawn."""

    cluster_id: str = "neuraxis"  # taken only for a new data directory; an existing one keeps its own
    node_id: int = 1
    directory_id: str = "neuraxis"  # as cluster_id
    boot_id: str = ""  # the boot of the machine (Linux: /proc/sys/kernel/random/boot_id)
    ephemeral: bool = False  # nothing survives anyway: every log is `os`, no journal
    # A file is preallocated, so this is also the disk that an idle broker takes; 32 MiB hold some 0.1 s of the fastest
    # produce and some 25,000 small batches.
    journal_segment_bytes: int = 32 << 20
    # Recovery replays at most about this much of the journal: about half a second on a slow disk.
    checkpoint_bytes: int = 64 << 20
    # What may have been written since the last checkpoint, with BATCH_COST for each batch: a start after a kill reads it again.
    # A segment of Kafka's default size: the kernel writes most of it out by itself, and a sync each 64 MiB halved the
    # throughput that a CPU-second buys.
    unsynced_bytes: int = 1 << 30
    checkpoint_ms: int = 60_000
    retention_check_interval_ms: int = 300_000  # Kafka's log.retention.check.interval.ms
    producer_expiration_ms: int = 86_400_000  # Kafka's producer.id.expiration.ms
    scrub_bytes_per_second: int = 0  # closed segments are read again at this rate; 0: never
    scrub_interval_ms: int = 7 * 24 * 3600 * 1000  # each about once in this time
    reserve_bytes: int = (
        64 << 20
    )  # below it clients' writes are refused; recovery, checkpoints and deletes go on
    index_cache_bytes: int = (
        32 << 20
    )  # indexes of closed segments: some 30 GB of log at Kafka's index interval
