"""Recording the history of a run against any Kafka cluster, with faults: what `neuraxis verify` does.

    report, outcome = Verification(Settings(bootstrap="127.0.0.1:9092"), Plan(seconds=10)).run()
    assert not report.broken

Faults are values with two callables (`Fault`); for a broker of this package in a process of its own there are `kill`,
`pause` and, through a small proxy that works with any cluster, `reset`.
"""

from neuraxis.testing.verify.faults import Fault, kill, pause, reset
from neuraxis.testing.verify.own_broker import OwnBroker, OwnBrokerFailed
from neuraxis.testing.verify.plan import Plan
from neuraxis.testing.verify.proxy import Proxy
from neuraxis.testing.verify.recorder import Recorder
from neuraxis.testing.verify.run import Outcome, Run, Status
from neuraxis.testing.verify.session import FAULTS, Verification

__all__ = [
    "FAULTS",
    "Fault",
    "Outcome",
    "OwnBroker",
    "OwnBrokerFailed",
    "Plan",
    "Proxy",
    "Recorder",
    "Run",
    "Status",
    "Verification",
    "kill",
    "pause",
    "reset",
]
