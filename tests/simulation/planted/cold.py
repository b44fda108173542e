"""Planted bugs of reads that are parked: what becomes of the log between two tries, and of who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker.log.cold import Attempt, Cold, WouldWait
from neuraxis.broker.work import Read
from tests.simulation.planted.bug import Bug, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch


def _stale_bytes_by_name() -> Iterable[Patch]:
    """What was read of a segment serves for the one that compaction has put in its place."""
    names: dict[Read, str] = {}

    def read(self: Any, file: Any, position: int, length: int) -> Any:
        data = file.fs.read_now(file, position, length)
        if data is not None:
            return data
        for step, brought in self._brought:
            start = position - step.position
            if names[step] == file.path and start >= 0 and start + length <= step.length:
                return brought[start : start + length]
        step = Read(file, position, length)
        names[step] = file.path
        raise WouldWait(step)

    yield Attempt, "read", read


def _nobody_tries_again() -> Iterable[Patch]:
    yield Cold, "done", lambda self, work, result, error, now: self._waiting.pop(work.steps[0], None)


def _compacted(plan: Plan) -> Plan:
    return small(
        plan,
        duration_ms=6_000,
        compaction=True,
        groups=1,
        members=2,
        consumers=2,
        checkpoint_ms=150,
        cold_percent=80,
        disk_delay_ms=60,
    )


BUGS = (
    Bug("stale bytes by name", _stale_bytes_by_name, _compacted, seeds=20),
    Bug("nobody tries again", _nobody_tries_again, lambda plan: small(plan, cold_percent=40)),
)
