"""How fast can one producer write, and four, and how much of a CPU does the broker need for it?

1,000-byte incompressible records, one partition for each producer, acks=all, linger 5 ms, batches of 1 MB, librdkafka in C;
closed loop (as fast as it goes). Budgets: in `os` at least Kafka's MB/s with one producer, 1.2 of it with four and 1.5 of its
MB per broker CPU-second; in `sync` at least 1.3 of Kafka's (unsynced) MB per broker CPU-second, and the lesser of 0.95 of
Kafka's (unsynced) MB/s and 0.9 of what the disk writes and syncs of the same bytes (`run.py` decides which, with limits.py in
the same run).
"""

from __future__ import annotations

from bench.common import Budget, Field, Plan, Samples, cpu_of, load, neuraxis

RATE = "produce MB/s"
PER_CPU = "produce MB per broker CPU-second"
PRODUCERS = 4
RATE_OF_FOUR = "produce MB/s, four producers"
PER_CPU_OF_FOUR = "produce MB per broker CPU-second, four producers"
RECORD_BYTES = 1000
BUDGETS = [
    Budget("produce", RATE, neuraxis("os"), at_least=True, limit=1.0),
    Budget("produce", RATE_OF_FOUR, neuraxis("os"), at_least=True, limit=1.2),
    Budget("produce", PER_CPU, neuraxis("os"), at_least=True, limit=1.5),
    Budget("produce", PER_CPU, neuraxis("sync"), at_least=True, limit=1.3),
]
SYNC_SHARE_OF_KAFKA = 0.95
SYNC_SHARE_OF_DISK = 0.9


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round."""
    for contender in field.turns(number):
        for producers, rate, per_cpu in ((1, RATE, PER_CPU), (PRODUCERS, RATE_OF_FOUR, PER_CPU_OF_FOUR)):
            with field.turn(contender) as broker, field.topic(contender, producers) as topic:
                with cpu_of(broker) as cpu:
                    result = load(
                        "produce", broker.bootstrap, topic, plan.produce_records, RECORD_BYTES, producers
                    )
                megabytes = result["bytes"] / 1e6
                samples.add(rate, contender.name, megabytes / result["seconds"])
                samples.add(per_cpu, contender.name, megabytes / cpu[0])
