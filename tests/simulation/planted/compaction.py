"""Planted bugs of compaction: what it takes away. (How segments are exchanged: tests/broker/log/test_cleaner.py.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker.log import compaction
from tests.simulation.planted.bug import Bug, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch


def _the_oldest_stays() -> Iterable[Patch]:
    def stays(self: Any, record: Any, expired: bool) -> bool:
        del expired
        newest = self.newest.get(compaction._digest(record.key))
        return newest is None or newest != record.offset

    yield compaction._Pass, "_stays", stays


def _aborted_records_count() -> Iterable[Patch]:
    yield compaction._Aborted, "holds", lambda self, header: False


def _groups(plan: Plan) -> Plan:
    return small(
        plan,
        duration_ms=6_000,
        compaction=True,
        groups=1,
        members=2,
        consumers=2,
        transactional=2,
        checkpoint_ms=300,
    )


BUGS = (
    Bug("the oldest stays", _the_oldest_stays, _groups),
    Bug("aborted records count", _aborted_records_count, _groups, seeds=30),
)
