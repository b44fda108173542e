"""Where in the broker a disk operation takes place: what the counts of crashes and the aimed faults go by.

The place is read from the stack, innermost first, so that nothing in the broker has to say where it is.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.snapshot import Snapshots
from neuraxis.broker.log import swap
from neuraxis.broker.log.checkpointing import Checkpointer
from neuraxis.broker.log.cleaner import Cleaner
from neuraxis.broker.log.journal import Journal
from neuraxis.broker.log.log import Log
from neuraxis.broker.log.recovery import Recovery
from neuraxis.broker.log.store import LogStore

if TYPE_CHECKING:
    from types import CodeType, FrameType

COMPACTION, ROLL, CHECKPOINT, RECOVERY = "compaction", "segment roll", "checkpoint", "recovery"
PRODUCERS, COORDINATORS, SCRUB = "snapshot of producers", "snapshot of a coordinator", "scrub"

WORKS = {
    "clean": COMPACTION,
    "swap": COMPACTION,
    "bury": COMPACTION,
    "cleaned": COMPACTION,
    "checkpoint": CHECKPOINT,
    "trim": CHECKPOINT,
    "snapshot": COORDINATORS,
    "scrub": SCRUB,
    "scrubbed": SCRUB,
    "remove": "removal",
    "names": "sync",
    "barrier": "sync",
    "flush": "sync",
}
"""By the kind of a work; other works are their own place."""

_BY_CODE: dict[CodeType, str] = {
    function.__code__: place
    for place, functions in {
        COMPACTION: (Cleaner._start, Cleaner._write_small_files, Cleaner._decided, swap.finish_at_start),
        ROLL: (Log.roll,),
        CHECKPOINT: (Checkpointer._plan, Checkpointer._bury),
        RECOVERY: (Recovery.run,),
        COORDINATORS: (Snapshots.take_if_due,),
        "append": (Log.append, Journal.append),
        "clean stop": (LogStore.close,),
    }.items()
    for function in functions
}


def place_of(path: str, work: str) -> str:
    """The place of the operation on `path` that is about to happen; `work` is the kind of the work that runs, or ""."""
    found: list[str] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        place = _BY_CODE.get(frame.f_code)
        if place is not None and place not in found:
            found.append(place)
        frame = frame.f_back
    if not found:
        found.append(WORKS.get(work, work) or "other")
    innermost = found[0]
    if ".snapshot" in path and CHECKPOINT in found:
        innermost = PRODUCERS
    if RECOVERY in found and innermost != RECOVERY:
        return f"{RECOVERY}: {innermost}"
    return innermost
