"""How fast can one consumer read what lies in the page cache?

The records of produce.py (1,000 bytes, batches of 1 MB) from the beginning of one partition, librdkafka in C, closed
loop; twice, and the second time counts, so that every contender's pages are in memory. Budget: at least Kafka's MB/s.
"""

from __future__ import annotations

from bench.common import Budget, Field, Plan, Samples, cpu_of, load, neuraxis

RATE = "consume MB/s"
PER_CPU = "consume MB per broker CPU-second"
BUDGETS = [Budget("consume", RATE, neuraxis("os"), at_least=True, limit=1.0)]


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round."""
    for contender in field.turns(number):
        with field.turn(contender) as broker, field.topic(contender) as topic:
            load("produce", broker.bootstrap, topic, plan.produce_records, 1000)
            load("consume", broker.bootstrap, topic, plan.produce_records)
            with cpu_of(broker) as cpu:
                result = load("consume", broker.bootstrap, topic, plan.produce_records)
            megabytes = result["bytes"] / 1e6
            samples.add(RATE, contender.name, megabytes / result["seconds"])
            samples.add(PER_CPU, contender.name, megabytes / cpu[0])
