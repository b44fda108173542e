"""How fast can one producer write, and how much of a CPU does the broker need for it?

1,000-byte incompressible records, one partition, acks=all, linger 5 ms, batches of 1 MB, librdkafka in C; closed loop (as
fast as it goes). Budgets: in `os` at least 0.9 of Kafka's MB/s and 1.2 of its MB per broker CPU-second; in `sync` at
least the lesser of 0.8 of Kafka's (unsynced) MB/s and 0.9 of what the disk writes and syncs of the same bytes
(`run.py` decides which, with limits.py in the same run).
"""

from __future__ import annotations

from bench.common import Budget, Field, Plan, Samples, cpu_of, load, neuraxis

RATE = "produce MB/s"
PER_CPU = "produce MB per broker CPU-second"
RECORD_BYTES = 1000
BUDGETS = [
    Budget("produce", RATE, neuraxis("os"), at_least=True, limit=0.9),
    Budget("produce", PER_CPU, neuraxis("os"), at_least=True, limit=1.2),
]
SYNC_SHARE_OF_KAFKA = 0.8
SYNC_SHARE_OF_DISK = 0.9


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round."""
    for contender in field.turns(number):
        with field.turn(contender) as broker, field.topic(contender) as topic:
            with cpu_of(broker) as cpu:
                result = load("produce", broker.bootstrap, topic, plan.produce_records, RECORD_BYTES)
            megabytes = result["bytes"] / 1e6
            samples.add(RATE, contender.name, megabytes / result["seconds"])
            samples.add(PER_CPU, contender.name, megabytes / cpu[0])
