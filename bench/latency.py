"""How long does one record take to be acknowledged, and to reach a waiting consumer?

One 1,000-byte record in flight, linger 0, acks=all, librdkafka in C; closed loop: the next record leaves when the last one
has come back, so the figures are for an unloaded broker. The first hundred are not counted. Budgets: in `os` at most
0.7 of Kafka's median and 99th percentile for the acknowledgement, 0.7 and 0.5 for end to end; in `sync` the acknowledgement's
median is at most that of the disk's own fdatasync of 4 KiB, measured just before on the same disk, and 0.15 ms.
"""

from __future__ import annotations

from pathlib import Path

from bench.common import Budget, Field, Plan, Samples, load, neuraxis

ACK_P50, ACK_P99 = "acknowledgement p50 ms", "acknowledgement p99 ms"
END_P50, END_P99 = "end to end p50 ms", "end to end p99 ms"
ACK_OVER_SYNC = "acknowledgement p50 less the disk's fdatasync p50 ms"
BUDGETS = [
    Budget("latency", ACK_P50, neuraxis("os"), at_least=False, limit=0.7),
    Budget("latency", ACK_P99, neuraxis("os"), at_least=False, limit=0.7),
    Budget("latency", ACK_OVER_SYNC, neuraxis("sync"), at_least=False, limit=0.15, against=None),
    Budget("latency", END_P50, neuraxis("os"), at_least=False, limit=0.7),
    Budget("latency", END_P99, neuraxis("os"), at_least=False, limit=0.5),
]


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round."""
    for contender in field.turns(number):
        with field.turn(contender) as broker, field.topic(contender) as topic:
            disk = load("sync", Path(broker.directory) / "sync.bin", 500)
            result = load("ack", broker.bootstrap, topic, plan.latency_samples, 1000)
            samples.add(ACK_P50, contender.name, result["p50_ms"])
            samples.add(ACK_P99, contender.name, result["p99_ms"])
            samples.add(ACK_OVER_SYNC, contender.name, result["p50_ms"] - disk["p50_ms"])
        with field.turn(contender) as broker, field.topic(contender) as topic:
            result = load("through", broker.bootstrap, topic, plan.latency_samples, 1000)
            samples.add(END_P50, contender.name, result["p50_ms"])
            samples.add(END_P99, contender.name, result["p99_ms"])
