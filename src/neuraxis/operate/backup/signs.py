"""Signs in a depot that somebody is at work there: who takes a backup and who prunes keep out of each other's way.

Rule of the file: put your own sign first, then look for others; so of two that begin together at least one sees the other.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from neuraxis.client.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from neuraxis.operate.backup.depots import Depot

FOLDER = "at-work/"
STALE_S = 900
"""A sign that nobody has renewed for so long belongs to a process that is gone; its owner renews it each minute."""
RENEW_S = 60
TAKING, PRUNING = "taking", "pruning"
_WHAT = {TAKING: "a backup is being taken", PRUNING: "backups are being pruned"}


class Sign:
    """One sign. `hoist` it, `renew` it now and then, `lower` it at the end."""

    def __init__(self, depot: Depot, kind: str, clock: Callable[[], float] = time.time) -> None:
        self._depot = depot
        self._clock = clock
        self._name = f"{FOLDER}{kind}-{secrets.token_hex(8)}"
        self._renewed = 0.0

    def hoist(self, against: Iterable[str]) -> None:
        """Show the sign. Raises ClientError, with the sign lowered again, if somebody does what it must not meet."""
        self._show()
        try:
            for name in self._depot.names(FOLDER):
                kind = name.removeprefix(FOLDER).partition("-")[0]
                if name != self._name and kind in against and self._is_fresh(name):
                    raise ClientError(
                        f"{_WHAT[kind]} in the same place",
                        f"wait for its end; if it was cut short, {STALE_S // 60} minutes are enough",
                    )
        except BaseException:
            self.lower()
            raise

    def renew(self) -> None:
        """Say that one is still there. Raises ClientError if the last time is so long ago that nobody believed it."""
        now = self._clock()
        if now - self._renewed > STALE_S / 2:
            raise ClientError(
                f"this process was held up for {now - self._renewed:.0f} s, and others may have begun meanwhile",
                "start it again; what was done is not done twice",
            )
        if now - self._renewed >= RENEW_S:
            self._show()

    def lower(self) -> None:
        """Take the sign away."""
        self._depot.remove(self._name)

    def _show(self) -> None:
        self._renewed = self._clock()
        self._depot.put(self._name, b"%d" % int(self._renewed))

    def _is_fresh(self, name: str) -> bool:
        try:
            since = self._clock() - int(self._depot.get(name))
        except FileNotFoundError:
            return False  # lowered meanwhile
        except ValueError:
            return True  # not ours: better to wait for it than to be wrong
        if since < STALE_S:
            return True
        self._depot.remove(name)
        return False
