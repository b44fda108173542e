"""Does memory stay flat when clients that are too old hammer the broker?

`python -m bench.old_clients [--connections 20000]`: every connection is a new client id that sends Fetch v1, is refused and
comes again. What is compared is the resident size after a tenth of them and after all. Budget: at most 8 MB more, which is
what the bounded table of refused clients and the allocator's slack may take.
"""

from __future__ import annotations

import argparse
import socket
import struct
import sys

from bench.common import memory_mb
from compat.brokers import Neuraxis

BUDGET_MB = 8.0
NAME = b"dashboard-of-2016-number-%06d"


def fetch_v1(number: int) -> bytes:
    """A Fetch of version 1, as consumers of Kafka 0.9 sent it, for no topic at all."""
    name = NAME % number
    header = struct.pack(">hhih", 1, 1, number, len(name)) + name
    body = struct.pack(">iiii", -1, 100, 1, 0)
    return struct.pack(">i", len(header) + len(body)) + header + body


def refuse(port: int, numbers: range) -> None:
    """Connect once for each number, send its request and wait until the broker closes."""
    for number in numbers:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(fetch_v1(number))
            if connection.recv(1):
                raise SystemExit("the broker answered a Fetch v1")


def main() -> int:
    """Measure, print, and exit 1 when the budget is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.old_clients", description=__doc__)
    parser.add_argument("--connections", type=int, default=20_000)
    connections = parser.parse_args().connections
    with Neuraxis() as broker:
        refuse(broker.port, range(connections // 10))
        before = memory_mb(broker.pid)
        refuse(broker.port, range(connections // 10, connections))
        after = memory_mb(broker.pid)
    grown = after - before
    print(
        f"{connections} refused clients: {before:.1f} MB after a tenth, {after:.1f} MB after all, {grown:+.1f} MB"
    )
    print(f"budget {BUDGET_MB:.0f} MB: {'met' if grown <= BUDGET_MB else 'MISSED'}")
    return 0 if grown <= BUDGET_MB else 1


if __name__ == "__main__":
    sys.exit(main())
