"""Faults as hooks: what strikes, what heals, and how long it lasts in between. Bring your own; three come along."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from neuraxis.testing.verify.own_broker import OwnBroker
from neuraxis.testing.verify.proxy import Proxy


def nothing() -> None:
    """Heals a fault that is over as soon as it has struck."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` makes it worse, `heal` makes it good again; in between pass `at_least_s` to `at_most_s` seconds."""

    name: str
    strike: Callable[[], object]
    heal: Callable[[], object] = nothing
    at_least_s: float = 0.0
    at_most_s: float = 0.0


def kill(broker: OwnBroker) -> Fault:
    """SIGKILL, and a new start within half a second."""
    return Fault("kill", broker.kill, broker.start, 0.0, 0.5)


def pause(broker: OwnBroker, at_most_s: float = 2.0) -> Fault:
    """SIGSTOP: requests time out or wait, connections stay open."""
    return Fault("pause", broker.pause, broker.resume, 0.2, at_most_s)


def reset(proxy: Proxy, rng: random.Random) -> Fault:
    """Half of all connections are reset."""
    return Fault("reset", lambda: proxy.reset(rng))
