"""File descriptors: how many the process may have, and how many of them are for connections.

The rule of the file: a log that cannot open a file stops the broker, a connection that finds no room only waits. So the logs'
share is never given to connections, however many strangers ask for one.
"""

from __future__ import annotations

import resource

SPARE = 128
"""For what is neither log nor connection: listeners, epoll, wake-up pipes, the lock, the metrics port, files of backups and
passes, pinned files above the logs' bound. Of a small limit an eighth."""
LEAST = 8
"""So many connections are always taken: with a limit below 64 nothing can be promised, and nobody could look why."""
ENOUGH = 20_480
"""For 10,000 connections and twice what the logs keep open; more costs nothing, but would help nothing."""


def raise_limit() -> int:
    """Raise the process's soft limit to what a broker can use, as far as its hard limit allows; the soft limit now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def room_for_connections(most_connections: int, log_descriptors: int) -> int:
    """How many connections may be open when the logs may have `log_descriptors` files open; at most `most_connections`."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return most_connections
    return min(most_connections, max(LEAST, soft - log_descriptors - min(SPARE, soft // 8)))
