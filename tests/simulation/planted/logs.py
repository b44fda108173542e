"""Planted bugs of the log: journal, recovery, producers, retention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any  # Any: the patched functions keep the shapes of what they replace

from neuraxis.broker.log import journal, retention, tail_state
from neuraxis.broker.log.restoring import Restored
from neuraxis.broker.log.store import LogStore
from tests.simulation.plan import Fault, TopicPlan
from tests.simulation.planted.bug import Bug, often, small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.simulation.plan import Plan
    from tests.simulation.planted.bug import Patch

POWER = often("power", 900, 1_700, 2_600, 3_500)
KILLS = often("kill", 900, 1_700, 2_600, 3_500)


class _Agreeable(int):
    """A checksum that differs from none."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def _replay_ignores_checksums() -> Iterable[Patch]:
    real = journal.crc32c
    yield journal, "crc32c", lambda data, start=0: _Agreeable(real(data, start))


def _references_before_their_bytes() -> Iterable[Patch]:
    real = LogStore.sync_log

    def sync_log(self: LogStore, log: Any) -> list[Any]:
        return [] if log._journaled else real(self, log)

    yield LogStore, "sync_log", sync_log


def _recovery_trusts_the_cache() -> Iterable[Patch]:
    real = Restored._write

    def write(self: Restored, segment: Any, position: int, data: memoryview, found: Any) -> None:
        if self.fs.read(segment.file, position, len(data)) != data:
            real(self, segment, position, data, found)
            return
        for at, header in found:
            self.log.account(segment, at, header, self.now)
        self.log.durable_offset = self.log.log_end_offset

    yield Restored, "_write", write


def _failed_syncs(plan: Plan) -> Plan:
    faults = [Fault(at_ms, "sync", 1) for at_ms in (700, 1_400, 2_100, 2_800)]
    return small(plan, faults=(*faults, Fault(1_100, "power"), Fault(1_900, "power"), Fault(3_300, "power")),
                 checkpoint_ms=300, disk_delay_ms=1)  # fmt: skip


def _short_window() -> Iterable[Patch]:
    yield tail_state, "WINDOW", 4


def _producers_are_forgotten() -> Iterable[Patch]:
    real = LogStore.recover

    def recover(self: LogStore, now: Any) -> Any:
        report = real(self, now)
        for log in self.logs.values():
            log.producers.by_id.clear()
        return report

    yield LogStore, "recover", recover


def _retention_takes_the_active_data() -> Iterable[Patch]:
    def apply_retention(log: Any, now: Any) -> None:
        if log.size and log.settings.retention_ms >= 0:
            log.roll()
            log.advance_start(log.log_end_offset, now)

    yield retention, "apply_retention", apply_retention


def _a_tail_that_nothing_proves() -> Iterable[Patch]:
    real = Restored.finish

    def finish(self: Restored) -> None:
        self.scan()
        real(self)

    yield Restored, "finish", finish


def _start_forgets_the_journal() -> Iterable[Patch]:
    class Empty(journal.Replay):
        def __iter__(self) -> Any:
            return iter(())

    from neuraxis.broker.log import recovery

    yield recovery, "Replay", Empty


def _aged(plan: Plan) -> Plan:
    topic = TopicPlan(
        "stable-0", 1, {"segment.bytes": "700", "retention.ms": "2500", "file.delete.delay.ms": "100"}
    )
    return small(plan, topics=(topic,))


BUGS = (
    Bug(
        "replay ignores checksums",
        _replay_ignores_checksums,
        lambda plan: small(
            plan, faults=POWER, journal_segment_bytes=200_000, disk_delay_ms=80, value_bytes=3_000
        ),
        seeds=40,
    ),
    Bug(
        "references before their bytes",
        _references_before_their_bytes,
        lambda plan: small(plan, faults=POWER, largest_copy=100, checkpoint_ms=6_000),
    ),
    Bug("recovery trusts the cache", _recovery_trusts_the_cache, _failed_syncs, seeds=40),
    Bug(
        "short window",
        _short_window,
        lambda plan: small(
            plan, cut_percent=4, network_delay_ms=20, producers=1, pace_ms=8, disk_delay_ms=60
        ),
    ),
    Bug(
        "producers are forgotten",
        _producers_are_forgotten,
        lambda plan: small(plan, faults=KILLS, network_delay_ms=20),
    ),
    Bug("retention takes the active data", _retention_takes_the_active_data, _aged),
    Bug(
        "a tail that nothing proves",
        _a_tail_that_nothing_proves,
        lambda plan: small(plan, faults=POWER, producers=3, topics=(TopicPlan("stable-0", 3, {}),)),
        seeds=30,
    ),
    Bug("start forgets the journal", _start_forgets_the_journal, lambda plan: small(plan, faults=POWER)),
)
