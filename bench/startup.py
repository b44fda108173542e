"""How soon after the command does a producer get its first acknowledgement?

A fresh data directory (formatted before the clock starts, where a broker needs that), raw sockets, a topic that creates
itself; asked again every 5 ms until the answer is good. The memory of the idle broker is read two seconds later, for
memory.py. Budget: at most 0.3 s.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from bench.common import KAFKA, KAFKA_SYNCED, Budget, Field, Plan, Samples, memory_mb, neuraxis
from bench.frames import metadata_frame, produce_error_at, produce_frame
from bench.memory import IDLE
from compat.brokers import BrokerProcess, Neuraxis
from compat.kafka import ApacheKafka

FIRST_ACK = "start to first acknowledgement s"
TOPIC = "first"
BUDGETS = [Budget("startup", FIRST_ACK, neuraxis("sync"), at_least=False, limit=0.3, against=None)]


def _ask(connection: socket.socket, frame: bytes) -> bytes:
    """Send a frame and return the answer without its length."""
    connection.sendall(frame)
    answer = b""
    while len(answer) < 4 or len(answer) - 4 < struct.unpack_from(">i", answer)[0]:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        answer += piece
    return answer[4:]


def wait_first_ack(port: int, timeout_s: float = 60) -> None:
    """Return when one record has been acknowledged without error."""
    deadline = time.monotonic() + timeout_s
    at = produce_error_at(TOPIC)
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(10)
            while time.monotonic() < deadline:
                _ask(connection, metadata_frame(TOPIC))
                answer = _ask(connection, produce_frame(TOPIC, b"hello"))
                if answer[at : at + 2] == b"\0\0":
                    return
                time.sleep(0.005)
        time.sleep(0.005)
    raise RuntimeError(f"no acknowledgement in {timeout_s} s")


def measure(field: Field, plan: Plan, samples: Samples, number: int) -> None:
    """Measure one round; the field stays paused."""
    for contender in field.turns(number):
        if contender.name == KAFKA_SYNCED:
            continue  # the same process as Kafka's other row
        broker: BrokerProcess
        if contender.name == KAFKA:
            broker = ApacheKafka()
        else:
            broker = Neuraxis(durability=contender.name.split()[-1])
        try:
            broker.start(wait=False)
            wait_first_ack(broker.port)
            samples.add(FIRST_ACK, contender.name, time.monotonic() - broker.started_at_s)
            time.sleep(2)
            samples.add(IDLE, contender.name, memory_mb(broker.pid))
        finally:
            broker.stop()
