"""The broker's log: as text or JSON lines, and what signals write into it about a broker that is stuck or slow."""

from __future__ import annotations

import datetime
import faulthandler
import json
import logging
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

logger = logging.getLogger("neuraxis.broker")

TEXT, JSON = "text", "json"
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, thread, message; exception where there is one, and extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its end."""
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        fields: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        fields.update((name, value) for name, value in vars(record).items() if name not in _OWN_FIELDS)
        return json.dumps(fields, default=str)  # ASCII: a name of a client's cannot break a line


def begin(form: str) -> None:
    """Write the log to standard error in this form, `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter() if form == JSON else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def dump_on_signals(describe: Callable[[], Iterable[str]]) -> None:
    """SIGUSR1: every thread's stack and all of `describe` go to the log. SIGUSR2: the bare stacks go to standard error.

    The first needs a working interpreter; the second is written from outside it, so it also tells where a call into the
    system hangs.
    """
    signal.signal(signal.SIGUSR1, lambda *_: dump(describe))
    faulthandler.register(signal.SIGUSR2, file=sys.__stderr__ or sys.stderr, all_threads=True)


def dump(describe: Callable[[], Iterable[str]]) -> None:
    """Write all stacks and what the broker is busy with into the log."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        stack = "".join(traceback.format_stack(frame)).rstrip()
        logger.info("dump: stack of thread %s\n%s", names.get(ident, ident), stack)
    for line in describe():
        logger.info("dump: %s", line)
