"""What share partitions are told by configuration, and the limits of their own, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MAX_SHARE_PARTITIONS = 100_000
"""Share partitions of a node (groups times partitions): one costs some 500 bytes and a record of every checkpoint."""

MAX_EXPIRED = 256
"""Share partitions whose locks are looked at in one tick: some 20 ms; the rest comes with the next tick, at once."""

MAX_ACKNOWLEDGE_TYPES = 1_000_000
"""Single types in one request: Kafka's own limit of array elements."""

CHECKPOINT_BATCHES = 100_000
"""Batches of the log between two checkpoints, after which what lies before is given back: some 15 MB."""


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """The configs of one group; defaults are Kafka's."""

    record_lock_duration_ms: int = 30_000
    delivery_count_limit: int = 5
    partition_max_record_locks: int = 2_000
    auto_offset_reset: str = "latest"
    read_committed: bool = False
    renew_enabled: bool = True


class Limits(Protocol):
    """Where the machine learns the configs of a group."""

    def limits(self, group_id: str, /) -> ShareLimits:
        """Those in force now."""
        ...

    def updates_per_snapshot(self) -> int:
        """After so many updates of a share partition a whole snapshot is written."""
        ...


class DefaultLimits:
    """Kafka's defaults for every group."""

    def limits(self, _group_id: str, /) -> ShareLimits:
        """The defaults."""
        return ShareLimits()

    def updates_per_snapshot(self) -> int:
        """Kafka's default."""
        return 500
