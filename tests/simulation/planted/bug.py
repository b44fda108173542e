"""What a planted bug is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.simulation.plan import Fault, Plan, TopicPlan

Patch = tuple[Any, str, Any]
"""A class or module, an attribute of its own, and what is put there. Any: of every kind."""


@dataclass(frozen=True)
class Bug:
    """`patches` gives what to put where; `plan` turns a seed's plan into one where the bug matters."""

    name: str
    patches: Callable[[], Iterable[Patch]]
    plan: Callable[[Plan], Plan]
    seeds: int = 12


def small(plan: Plan, **changes: Any) -> Plan:
    """A short world with one synced topic, and these changes."""
    defaults: dict[str, Any] = {
        "durability": "sync",
        "duration_ms": 4_000,
        "topics": (TopicPlan("stable-0", 1, {"segment.bytes": "700"}),),
        "groups": 0,
        "consumers": 0,
        "transactional": 0,
        "share_consumers": 0,
        "session_readers": 0,
        "streamers": 0,
        "movers": 0,
        "producers": 2,
        "readers": 1,
        "plain_producers": 0,
        "old_clients": 0,
        "garbage": 0,
        "admin": False,
        "pace_ms": 20,
        "disk_delay_ms": 15,
        "cut_percent": 0,
        "faults": (),
        "cold_percent": 0,
        "aims": (),
        "rots": (),
    }
    return plan.with_changes(**{**defaults, **changes})


def often(kind: str, *times_ms: int, number: int = 10) -> tuple[Fault, ...]:
    """The same fault at several times."""
    return tuple(Fault(at_ms, kind, number) for at_ms in times_ms)
