"""How fast can one consumer read what lies in the page cache?

The records of produce.py (1,000 bytes, batches of 1 MB) from the beginning of one partition, librdkafka in C, closed
loop. One pass that is not counted, then three that are, added up: one pass is a fraction of a second and any other process
moves it. Budget: at least 1.1 of Kafka's MB/s.
"""

from __future__ import annotations

from bench.common import Budget, Field, Plan, Samples, cpu_of, load, neuraxis

RATE = "consume MB/s"
PER_CPU = "consume MB per broker CPU-second"
PASSES = 3
BUDGETS = [Budget("consume", RATE, neuraxis("os"), at_least=True, limit=1.1)]


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round."""
    for contender in field.turns(number):
        with field.turn(contender) as broker, field.topic(contender) as topic:
            load("produce", broker.bootstrap, topic, plan.produce_records, 1000, 1)
            load("consume", broker.bootstrap, topic, plan.produce_records)
            with cpu_of(broker) as cpu:
                passes = [
                    load("consume", broker.bootstrap, topic, plan.produce_records) for _ in range(PASSES)
                ]
            megabytes = sum(one["bytes"] for one in passes) / 1e6
            samples.add(RATE, contender.name, megabytes / sum(one["seconds"] for one in passes))
            samples.add(PER_CPU, contender.name, megabytes / cpu[0])
