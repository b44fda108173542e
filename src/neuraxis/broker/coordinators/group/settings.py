"""What the group coordinator is told by configuration, and the limits of its own, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from neuraxis.broker.coordinators.group.consumer.assignors import ASSIGNORS

NEW_MEMBER_TIMEOUT_MS = 5 * 60 * 1000
"""How long a member that never got an answer may wait in a rebalance: its connection may be gone unseen. Kafka's number."""

ABSENT_RETRY_MS = 1_000
"""How soon a rebalance of absent static members is looked at again, at the least: they may have asked for a timeout of 0."""

MAX_MEMBERS = 10_000
"""Members per group, whatever `group.max.size` allows: every rebalance sends all of them to the leader in one answer."""

MAX_PENDING_MEMBERS = 10_000
"""Member ids handed out and not yet used, per group: each waits for a session timeout and costs some 200 bytes."""

MAX_GROUPS = 1_000_000
"""Groups per coordinator: an empty one costs about a kilobyte, so this is a gigabyte of groups nobody can want."""

MAX_SUBSCRIPTION_BYTES = 1024 * 1024
"""Protocol metadata of one member, all its protocols together. Kafka's whole group record is limited to about as much."""

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""A group's record: 10,000 members with assignments of 1.6 kB; every rebalance writes it anew."""

MAX_DUE = 4_096
"""Timers handled at one tick: some 50 ms of work; the rest comes with the next tick, at once."""

CLEANUP_GROUPS = 256
"""Groups looked at for expired offsets at one tick, for the same reason."""

MAX_CLOCK_STEP_MS = 10 * 60 * 1000
"""The wall clock may drift this far from the monotonic one before offsets stop to expire: no NTP slew is larger."""


class Settings(Protocol):
    """What the coordinator needs of the broker's settings."""

    def integer(self, name: str, /) -> int:
        """The value of a Kafka broker config."""
        ...

    def text(self, name: str, /) -> str | None:
        """The value of a Kafka broker config as it is written."""
        ...


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """The broker configs that groups obey; defaults are Kafka's, but for the initial delay."""

    min_session_timeout_ms: int = 6_000
    max_session_timeout_ms: int = 1_800_000
    max_size: int = MAX_MEMBERS
    initial_rebalance_delay_ms: int = 0
    offset_metadata_max_bytes: int = 4_096
    offsets_retention_ms: int = 7 * 24 * 3600 * 1000
    offsets_retention_check_interval_ms: int = 600_000
    consumer_max_size: int = MAX_MEMBERS
    consumer_assignors: tuple[str, ...] = ("uniform", "range")
    consumer_migration_policy: str = "BIDIRECTIONAL"

    @classmethod
    def read(cls, settings: Settings) -> GroupSettings:
        """Take them from the broker's settings, by Kafka's names."""
        return cls(
            min_session_timeout_ms=settings.integer("group.min.session.timeout.ms"),
            max_session_timeout_ms=settings.integer("group.max.session.timeout.ms"),
            max_size=min(settings.integer("group.max.size"), MAX_MEMBERS),
            initial_rebalance_delay_ms=settings.integer("group.initial.rebalance.delay.ms"),
            offset_metadata_max_bytes=settings.integer("offset.metadata.max.bytes"),
            offsets_retention_ms=settings.integer("offsets.retention.minutes") * 60_000,
            offsets_retention_check_interval_ms=settings.integer("offsets.retention.check.interval.ms"),
            consumer_max_size=min(settings.integer("group.consumer.max.size"), MAX_MEMBERS),
            consumer_assignors=_assignors(settings.text("group.consumer.assignors") or ""),
            consumer_migration_policy=(settings.text("group.consumer.migration.policy") or "").upper(),
        )


def _assignors(text: str) -> tuple[str, ...]:
    known = tuple(name for name in (word.strip() for word in text.split(",")) if name in ASSIGNORS)
    return known or tuple(ASSIGNORS)  # others are Java classes, which cannot be loaded here
