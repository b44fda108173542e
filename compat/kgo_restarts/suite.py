"""Run franz-go's kgo tests while the broker is killed with SIGKILL and restarted every few seconds.

The broker keeps its data directory and its port. On Neuraxis the policy is `sync`, the default of `neuraxis up`: what a user
has who says nothing. `os` keeps the same promise under SIGKILL (`ARGS="--durability os"`). Clients reach it through a port
that stays open meanwhile (compat/front.py): kgo passes "connection refused" to the application at once, on purpose, and the
tests fail on any error. `KGO_RESTARTS_FRONT=0` leaves that out.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from compat.brokers import BrokerProcess, free_port
from compat.front import Front
from compat.kgo.suite import SETTINGS, run_tests
from compat.restarts import Restarts
from compat.results import SuiteResult

__all__ = ["DURABILITY", "SETTINGS", "prepare", "run_on"]

DURABILITY = "sync"
# Counted from readiness. Apache Kafka answers its first requests a second or two after it serves.
UP_S = {"neuraxis": 5.0, "kafka": 15.0}
TIMEOUT_S = 1500  # four times the quiet run: on Apache Kafka half of the time is spent starting
# What lets Apache Kafka be back sooner: it forgets the killed node's registration after three seconds instead of nine, and each
# of its internal topics has one partition to recover, as ours have, instead of fifty.
KAFKA_SETTINGS = {
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.num.partitions": "1",
}


def prepare(broker: BrokerProcess) -> None:
    """Let the broker tell its clients the port that stays open; let Apache Kafka be back soon."""
    if broker.name == "kafka":
        broker.settings |= KAFKA_SETTINGS
    if os.environ.get("KGO_RESTARTS_FRONT") != "0":
        broker.advertised_port = free_port()


def run_on(broker: BrokerProcess, target: str, select: str | None, out: Path) -> SuiteResult:
    """Run the suite on this broker, killing it; `select` is a Go test pattern."""
    up_s = float(os.environ.get("KGO_RESTARTS_UP_S", UP_S[target]))
    bootstrap = broker.bootstrap
    with contextlib.ExitStack() as stack:
        if broker.advertised_port is not None:
            bootstrap = stack.enter_context(Front(broker.advertised_port, broker.port)).bootstrap
        restarts = stack.enter_context(Restarts(broker, up_s))
        result = run_tests("kgo_restarts", bootstrap, target, select, out, timeout_s=TIMEOUT_S)
    result.note = f"{result.note}; {restarts.note()}" if result.note else restarts.note()
    return result
