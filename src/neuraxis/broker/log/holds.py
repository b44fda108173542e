"""Holds: while somebody copies the files of the logs, none of them loses its name or gives it to another.

Appends go on, and so do rolls and deletions of topics (their directory is renamed, once, in a known way). What would remove or
exchange files waits until the last hold ends. A hold ends by itself, and at once when the disk is full: a copier that died must
not stop the broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.log.ledger import Ledger
    from neuraxis.broker.work import Now

LONGEST_MS = 600_000
"""For how long a hold may be asked at a time: what a dead copier can cost."""
WATCH_MS = 1_000


class Holds:
    """The holds on one store's files, by a number that whoever opens one chooses."""

    def __init__(self, ledger: Ledger, is_full: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._is_full = is_full
        self._until: dict[int, int] = {}
        self._waiting: list[Callable[[Now], None]] = []
        self._watched = False

    def __len__(self) -> int:
        return len(self._until)

    def open(self, hold_id: int, hold_ms: int, now: Now) -> None:
        """Begin a hold, or let it last from now on for so long."""
        self._until[hold_id] = now.mono_ms + min(hold_ms, LONGEST_MS)
        if not self._watched:
            self._watch(now)

    def renew(self, hold_id: int, hold_ms: int, now: Now) -> bool:
        """Let a hold last longer; False if it has ended: files may be gone."""
        if hold_id not in self._until:
            return False
        self.open(hold_id, hold_ms, now)
        return True

    def release(self, hold_id: int, now: Now) -> bool:
        """End a hold; False if it had ended before."""
        if self._until.pop(hold_id, None) is None:
            return False
        self._go_on(now)
        return True

    def give_up(self, now: Now) -> None:
        """End all of them: the disk is full, or the broker stops."""
        self._until.clear()
        self._go_on(now)

    def when_free(self, action: Callable[[Now], None], now: Now) -> None:
        """Do what removes or exchanges files: at once, or when the last hold has ended."""
        if self._until:
            self._waiting.append(action)
        else:
            action(now)

    def _watch(self, now: Now) -> None:
        """Once a second, while there are holds: end those whose time is over, and all of them when the disk is full."""
        full = self._is_full()
        self._until = {each: until for each, until in self._until.items() if until > now.mono_ms and not full}
        self._go_on(now)
        self._watched = bool(self._until)
        if self._watched:
            self._ledger.alarm(now.mono_ms + WATCH_MS, self._watch)

    def _go_on(self, now: Now) -> None:
        if not self._until:
            waiting, self._waiting = self._waiting, []
            for action in waiting:
                action(now)
