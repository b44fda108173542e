"""How large a run is: who sends, reads and transacts, how fast and how long. And what all its threads share."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuraxis.client import Settings
from neuraxis.client.configuration import librdkafka
from neuraxis.testing.history import Log
from neuraxis.testing.verify.recorder import Recorder

GROUP = "members"  # readers that subscribe
ALONE = "assigned"  # a reader that assigns itself everything from the beginning
FINAL = "final"  # another one, begun after the faults are healed
TRANSACTIONS = "transactions"  # the readers inside of transactions


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of a run. The defaults keep two cores and a broker beside them comfortable."""

    seconds: float = 30.0  # of load; not looked at if `strikes` says how often
    strikes: int = 0  # the load ends after so many faults; 0: after `seconds`
    calm_s: tuple[float, float] = (0.3, 1.5)  # between two faults
    topics: int = 2
    partitions: int = 2
    senders: int = 2
    members: int = 2
    transactors: int = 2
    sends_per_s: int = 200  # of each sender
    transactions_pause_s: tuple[float, float] = (0.005, 0.05)  # of each transactor, between two of them
    abort_share: float = 0.15  # of transactions, aborted on purpose: so that an aborted read could be seen
    drain_s: float = 60.0  # six times the transactions' and sessions' timeouts: whoever is slower is stuck
    seed: int = 1


@dataclass
class Stage:
    """What the threads of a run share: the cluster, the logs, the recorder, unique values, and where they complain."""

    settings: Settings
    plan: Plan
    topics: tuple[str, ...]
    recorder: Recorder
    prefix: str
    problems: list[str] = field(default_factory=list)
    _values: dict[Log, int] = field(default_factory=lambda: defaultdict(int))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def logs(self) -> list[Log]:
        """Every log of the run."""
        return [Log(topic, partition) for topic in self.topics for partition in range(self.plan.partitions)]

    def value(self, log: Log) -> int:
        """A value that the log has not had yet."""
        with self._lock:
            self._values[log] += 1
            return self._values[log]

    def group_id(self, group: str) -> str:
        """The group's name on the cluster: of this run alone."""
        return f"{self.prefix}-{group}"

    def complain(self, process: str, problem: object) -> None:
        """Note something a client told us; the verdicts do not depend on it."""
        with self._lock:
            self.problems.append(f"{process}: {problem}")

    # Any: librdkafka's own type
    def configuration(self, own: Mapping[str, str | float | bool]) -> dict[str, Any]:
        """A librdkafka configuration that comes back quickly after a broker does."""
        patient = {
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 300,
            # By default a request that failed often waits for a second: then the broker may be gone again.
            "retry.backoff.ms": 20,
            "retry.backoff.max.ms": 200,
            "log_level": 0,
        }
        return librdkafka(self.settings, {**patient, **own})
