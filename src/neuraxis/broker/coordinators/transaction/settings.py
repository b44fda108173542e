"""What the transaction coordinator is told by configuration, and the limits of its own, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MAX_TRANSACTIONAL_IDS = 1_000_000
"""Transactional ids per coordinator: one costs about half a kilobyte, and nobody runs a million producers on one machine."""

MAX_DUE = 1_024
"""Transactions that one tick aborts because of their age; the rest comes with the next tick, at once."""

CLEANUP_IDS = 4_096
"""Transactional ids that one tick looks at for expiry: a few milliseconds of work."""

MAX_CLOCK_STEP_MS = 10 * 60 * 1000
"""The wall clock may drift this far from the monotonic one before ids stop to expire: no NTP slew is larger."""


class Settings(Protocol):
    """What the coordinator needs of the broker's settings."""

    def integer(self, name: str, /) -> int:
        """The value of a Kafka broker config."""
        ...


@dataclass(frozen=True, slots=True)
class TransactionSettings:
    """The broker configs that transactions obey; defaults are Kafka's."""

    max_timeout_ms: int = 900_000
    expiration_ms: int = 7 * 24 * 3600 * 1000
    cleanup_interval_ms: int = 3_600_000

    @classmethod
    def read(cls, settings: Settings) -> TransactionSettings:
        """Take them from the broker's settings, by Kafka's names."""
        return cls(
            max_timeout_ms=settings.integer("transaction.max.timeout.ms"),
            expiration_ms=settings.integer("transactional.id.expiration.ms"),
            cleanup_interval_ms=settings.integer(
                "transaction.remove.expired.transaction.cleanup.interval.ms"
            ),
        )
