"""Does an acknowledgement take longer when a thousand partitions are written in turn instead of one?

Produce v9 requests of one 100-byte record each on one connection, 5,000 a second, open loop: each request is sent when it is
due and its latency counts from then, whether or not the one before has been answered. All partitions have been written once
before. Budget: in `os` and in `sync` the median with 1,000 partitions is at most twice that with one, at the same rate. A
broker that cannot keep up has latencies that grow all the time: its figures say so.
"""

from __future__ import annotations

import time

from bench.common import CACHE, KAFKA_SYNCED, Budget, Field, Plan, Samples, load, neuraxis
from bench.frames import produce_error_at, produce_frame, produce_partition_at

PARTITIONS = 1_000
PER_SECOND = 5_000
VALUE_BYTES = 100
ONE_P50, ONE_P99 = "paced acknowledgement p50 ms, 1 partition", "paced acknowledgement p99 ms, 1 partition"
MANY_P50, MANY_P99 = (
    "paced acknowledgement p50 ms, 1,000 partitions",
    "paced acknowledgement p99 ms, 1,000 partitions",
)
BUDGETS = [
    Budget("partitions", MANY_P50, contender, at_least=False, limit=2.0, against=contender, of=ONE_P50)
    for contender in (neuraxis("os"), neuraxis("sync"))
]


def _write_each_once(*arguments: object) -> None:
    """Make the files and warm the path; a new topic may refuse its first records for a moment."""
    for attempt in range(20):
        try:
            load("paced", *arguments, 2_000, 1_000 * PARTITIONS / 2_000 + 500)
        except RuntimeError:
            if attempt == 19:
                raise
            time.sleep(0.5)
        else:
            return


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round; Apache Kafka with a sync for each request cannot keep up with the rate by far and is left out."""
    value = bytes((i * 151 + i // 7) % 256 for i in range(VALUE_BYTES))
    for contender in field.turns(number):
        if contender.name == KAFKA_SYNCED:
            continue
        for partitions, p50, p99 in ((1, ONE_P50, ONE_P99), (PARTITIONS, MANY_P50, MANY_P99)):
            with field.turn(contender) as broker, field.topic(contender, partitions) as topic:
                path = CACHE / "frame.bin"
                path.write_bytes(produce_frame(topic, value))
                arguments = (path, produce_error_at(topic), produce_partition_at(topic), partitions)
                where = ("127.0.0.1", broker.port)
                _write_each_once(*where, *arguments)
                result = load("paced", *where, *arguments, PER_SECOND, plan.frames_ms)
                samples.add(p50, contender.name, result["p50_ms"])
                samples.add(p99, contender.name, result["p99_ms"])
