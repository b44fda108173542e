"""How many small requests can the broker take, one record each?

Produce v9 requests of one 100-byte record each, acks=all, pipelined, the same bytes for every contender, from a C client
on plain sockets; once on one connection and once on eight, because Kafka works on the requests of one connection one
after the other and on those of several in several threads. Budgets: in `os` at least three times Kafka's requests/s on one
connection, and at least 35,000 requests per broker CPU-second on one and on eight. (The budget was drawn from a broker that
reached five times Kafka's rate; on eight connections, where Kafka uses every core, no single thread could.)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from bench.common import CACHE, Budget, Field, Plan, Samples, cpu_of, load, neuraxis
from bench.frames import produce_error_at, produce_frame

VALUE_BYTES = 100


@dataclass(frozen=True, slots=True)
class Shape:
    """How many connections, and how many unanswered requests on each.

    The windows stay below the 64 unanswered calls at which Neuraxis stops reading a connection.
    """

    connections: int
    window: int

    @property
    def rate(self) -> str:
        """The name of the metric for requests per second."""
        return f"unbatched produce requests/s, {self.connections} connection{'s'[: self.connections - 1]}"

    @property
    def per_cpu(self) -> str:
        """The name of the metric for requests per broker CPU-second."""
        return self.rate.replace("requests/s", "requests per broker CPU-second")


SHAPES = (Shape(connections=1, window=48), Shape(connections=8, window=16))
BUDGETS = [Budget("unbatched", SHAPES[0].rate, neuraxis("os"), at_least=True, limit=3.0)] + [
    Budget("unbatched", shape.per_cpu, neuraxis("os"), at_least=True, limit=35_000, against=None)
    for shape in SHAPES
]


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round."""
    value = bytes((i * 151 + i // 7) % 256 for i in range(VALUE_BYTES))
    for contender, shape in product(field.turns(number), SHAPES):
        with field.turn(contender) as broker, field.topic(contender) as topic:
            path = CACHE / "frame.bin"
            path.write_bytes(produce_frame(topic, value))
            arguments = (path, produce_error_at(topic), shape.connections, shape.window)
            with cpu_of(broker) as cpu:
                result = load("frames", "127.0.0.1", broker.port, *arguments, plan.frames_ms)
            samples.add(shape.rate, contender.name, result["requests"] / result["seconds"])
            samples.add(shape.per_cpu, contender.name, result["requests"] / cpu[0])
