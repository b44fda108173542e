"""What the logs of a store share while they are written: the journal, tickets, what is dirty, and alarms. Plain state.

A log writes here what it owes to the disk; the store turns that into work.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from neuraxis.broker.log.cold import Cold
from neuraxis.broker.log.index import IndexCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.log.damage import Damage
    from neuraxis.broker.log.fs import Fs
    from neuraxis.broker.log.journal import Journal
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.segment import Segment
    from neuraxis.broker.log.settings import StoreOptions
    from neuraxis.broker.work import Now

    Alarm = Callable[[Now], None]

# The free space is asked for again after this many bytes: far below the reserve, far above the cost of asking.
SPACE_CHECK_BYTES = 8 << 20
# A jump of the wall clock against the monotonic one by more suspends deletion by time: it may be a mistake.
CLOCK_STEP_MS = 600_000


class Ledger:
    """Shared by all logs of one store."""

    def __init__(self, fs: Fs, options: StoreOptions, journal: Journal) -> None:
        self.fs = fs
        self.options = options
        self.journal = journal
        self.indexes = IndexCache(options.index_cache_bytes)
        self.cold = Cold(fs, lambda kind, steps: None)  # the store has one that is opened
        self.last_ticket = 0
        self.waiting: list[Log] = []  # sync logs written since the last sync began
        self.advanced: list[Log] = []  # logs of which readers may see more, or less, than they were told
        self.changed: list[Log] = []  # logs that differ from their last checkpoint
        self.new_dirs = False  # names in the data directory that are not synced
        self.doomed: list[tuple[Log, Segment]] = []  # below their log's start: go once a checkpoint says so
        self.retiring: dict[Log, int] = {}  # where logs are to start, once a checkpoint says so
        self.flushes: list[Log] = []  # interval logs whose time or count has come
        self.aged: list[Log] = []  # compacted logs that time may have made worth a pass
        self.damaged: dict[Log, list[Damage]] = {}  # what must not be served, by the scrub
        self.clock_stepped = False  # the wall clock jumped: nothing is deleted by time
        self.written = 0
        self.check_at = 0  # at this many written bytes the store looks after itself
        self._alarms: list[tuple[int, int, Alarm]] = []
        self._alarm_count = 0
        self._clock_offset: int | None = None

    def look_at_clock(self, now: Now) -> None:
        """Notice a jump of the wall clock since the first look, and its end."""
        offset = now.wall_ms - now.mono_ms
        if self._clock_offset is None:
            self._clock_offset = offset
        self.clock_stepped = abs(offset - self._clock_offset) > CLOCK_STEP_MS

    def alarm(self, mono_ms: int, action: Alarm) -> None:
        """Call `action(now)` in the first tick at or after `mono_ms`; an alarm cannot be taken back, so actions check."""
        self._alarm_count += 1
        heappush(self._alarms, (mono_ms, self._alarm_count, action))

    def next_alarm(self) -> int | None:
        """When the earliest alarm is due."""
        return self._alarms[0][0] if self._alarms else None

    def ring(self, now: Now) -> None:
        """Run what is due."""
        alarms = self._alarms
        while alarms and alarms[0][0] <= now.mono_ms:
            heappop(alarms)[2](now)
