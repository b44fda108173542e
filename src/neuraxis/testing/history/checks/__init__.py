"""The ten checks, one function each: facts in, a verdict out. CHECKS is the table, in the order they are reported."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from neuraxis.testing.history.checks.cycles import cycles
from neuraxis.testing.history.checks.reads import aborted_read, poll_order, precommitted_read
from neuraxis.testing.history.checks.writes import (
    duplicates,
    inconsistent_offsets,
    lost_write,
    send_order,
    spurious_zero,
    unseen,
)
from neuraxis.testing.history.facts import Facts
from neuraxis.testing.history.verdict import Verdict

Check = Callable[[Facts], Verdict]

CHECKS: MappingProxyType[str, tuple[Check, str]] = MappingProxyType(
    {
        "aborted-read": (aborted_read, "nobody reads what was aborted, refused or never sent (G1a)"),
        "inconsistent-offsets": (inconsistent_offsets, "an offset holds one value, whoever looks"),
        "lost-write": (lost_write, "what was acknowledged, records and commits, is still there"),
        "cycles": (cycles, "no transaction reads, however indirectly, from its own future (G1c)"),
        "poll-order": (poll_order, "a reader meets the records of a log in order, none left out"),
        "send-order": (send_order, "offsets given to sends grow, and none is given twice"),
        "duplicates": (duplicates, "a value sent once by an idempotent producer stands there once"),
        "precommitted-read": (precommitted_read, "nobody reads a transaction that is still open, not even itself"),
        "unseen": (unseen, "once the faults are healed, every group reads everything"),
        "spurious-zero": (spurious_zero, "offset 0 is told only for the first record of a log"),
    }
)  # fmt: skip
"""Name -> (check, what must hold)."""
