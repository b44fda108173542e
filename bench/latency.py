"""How long does one record take to be acknowledged, and to reach a waiting consumer?

One 1,000-byte record in flight, linger 0, acks=all, librdkafka in C; closed loop: the next record leaves when the last one
has come back, so the figures are for an unloaded broker. The first hundred are not counted. Budgets: in `os` at most
0.8 of Kafka's median for the acknowledgement and for end to end.
"""

from __future__ import annotations

from bench.common import Budget, Field, Plan, Samples, load, neuraxis

ACK_P50, ACK_P99 = "acknowledgement p50 ms", "acknowledgement p99 ms"
END_P50, END_P99 = "end to end p50 ms", "end to end p99 ms"
BUDGETS = [
    Budget("latency", ACK_P50, neuraxis("os"), at_least=False, limit=0.8),
    Budget("latency", END_P50, neuraxis("os"), at_least=False, limit=0.8),
]


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round."""
    for contender in field.turns(number):
        with field.turn(contender) as broker, field.topic(contender) as topic:
            result = load("ack", broker.bootstrap, topic, plan.latency_samples, 1000)
            samples.add(ACK_P50, contender.name, result["p50_ms"])
            samples.add(ACK_P99, contender.name, result["p99_ms"])
        with field.turn(contender) as broker, field.topic(contender) as topic:
            result = load("through", broker.bootstrap, topic, plan.latency_samples, 1000)
            samples.add(END_P50, contender.name, result["p50_ms"])
            samples.add(END_P99, contender.name, result["p99_ms"])
