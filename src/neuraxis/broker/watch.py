"""What the broker's surroundings do to it, said when it begins and when it ends: a full disk, a clock that jumped."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuraxis.broker.log.store import LogStore
    from neuraxis.broker.work import Now

logger = logging.getLogger("neuraxis.broker")


class Watch:
    """Looks each second, so that another program that fills the disk is noticed before a write hits its end."""

    def __init__(self) -> None:
        self._full = False
        self._stepped = False

    def look(self, store: LogStore, now: Now) -> None:
        """Look at the free space and at the clock; say what changed since the last look."""
        try:
            store.look_at_space()
        except OSError as error:
            # Only a look: if the disk is broken, the next write says so, and stops the broker.
            logger.error("the free space of the data directory is not known: %s", error)
        if store.full != self._full:
            self._full = store.full
            self._say_space(store)
        store.ledger.look_at_clock(now)
        if store.clock_stepped != self._stepped:
            self._stepped = store.clock_stepped
            self._say_clock()

    def _say_space(self, store: LogStore) -> None:
        reserve_mb = store.options.reserve_bytes >> 20
        if self._full:
            logger.error(
                "the disk is nearly full: less than %d MiB are free, so records, commits and new topics are refused with "
                "KAFKA_STORAGE_ERROR; reading and deleting go on. Delete topics or records, shorten their retention or "
                "free space otherwise: writes are taken again within a second, without a restart",
                reserve_mb,
            )
        else:
            logger.warning("%d MiB of the disk are free again: records are taken", reserve_mb)

    def _say_clock(self) -> None:
        if self._stepped:
            logger.error(
                "the wall clock jumped by more than ten minutes: nothing is deleted by time until it is back. If the new "
                "time is the right one, restart the broker (date, timedatectl)"
            )
        else:
            logger.warning("the wall clock is back: deletion by time goes on")
