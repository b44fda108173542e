"""How much memory does the broker hold, idle and at its peak?

Idle: resident size two seconds after the first acknowledgement of a fresh broker (startup.py reads it). Loaded: the
largest resident size (VmHWM) and the size at the end of the run, of the broker that all other questions were put to.
Budget: idle at most 50 MB, the peak at most 150 MB.
"""

from __future__ import annotations

from bench.common import KAFKA_SYNCED, Budget, Field, Samples, memory_mb, neuraxis

IDLE = "resident idle MB"
LOADED = "resident after load MB"
PEAK = "resident peak MB"
BUDGETS = [
    Budget("memory", IDLE, neuraxis("sync"), at_least=False, limit=50, against=None),
    Budget("memory", PEAK, neuraxis("os"), at_least=False, limit=150, against=None),
    Budget("memory", PEAK, neuraxis("sync"), at_least=False, limit=150, against=None),
]


def measure_loaded(field: Field, samples: Samples) -> None:
    """Read the memory of every broker once, at the end of the run."""
    for contender in field.contenders:
        if contender.name != KAFKA_SYNCED:
            samples.add(LOADED, contender.name, memory_mb(contender.broker.pid))
            samples.add(PEAK, contender.name, memory_mb(contender.broker.pid, "VmHWM"))
