"""Who may connect: connections in all, by listener and by address, and how fast they may come. Kafka's configs and ip quotas.

Where a listener is full, or its connections come too fast, it takes none for a while: they wait in the system's queue. An
address with too many is sent away at once; one that comes too fast is held for the time it has to wait, then sent away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.config_table.values import limits_by_address
from neuraxis.broker.quotas import IP
from neuraxis.broker.rates import WindowedRate, Windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuraxis.broker.config_table import BrokerSettings
    from neuraxis.broker.coordinators.topics.cluster_facts import Entity

RATE_KEY = "connection_creation_rate"
UNLIMITED = (1 << 31) - 1
"""What these configs are when nobody sets them."""
MAX_ADDRESSES = 10_000
"""Addresses whose rate is counted: as many as connections may be open. The one that was silent longest is forgotten."""


class Refusal(NamedTuple):
    """Why a connection is not taken, and how long it is kept waiting before it is closed."""

    reason: str
    hold_ms: int = 0


class ConnectionLimits:
    """What is connected now, and what may come. `enter` counts; each connection that entered has to `leave`."""

    def __init__(self, settings: BrokerSettings, own: Mapping[str, str]) -> None:
        """`own`: the configs set at start, those with a listener's name in front among them."""
        size_ms = 1000 * settings.integer("quota.window.size.seconds")
        self._windows = Windows(settings.integer("quota.window.num"), size_ms)
        self._own = own
        self._open_by_listener: dict[str, int] = {}
        self._open_by_address: dict[str, int] = {}
        self._open = 0
        self._rates: dict[str, WindowedRate] = {}
        self._address_rates: dict[str, WindowedRate] = {}
        self._closed_until_ms: dict[str, int] = {}
        self._address_limits: dict[str | None, float] = {}
        self.configure(settings)

    def configure(self, settings: BrokerSettings) -> None:
        """Take changed configs into force."""
        self._most = settings.integer("max.connections")
        self._rate = settings.integer("max.connection.creation.rate")
        self._most_by_address = settings.integer("max.connections.per.ip")
        self._overrides = limits_by_address(settings.string("max.connections.per.ip.overrides"))

    def load(self, quotas: Mapping[Entity, Mapping[str, float]]) -> None:
        """Take the quotas of addresses into force."""
        self._address_limits = {
            entity[0][1]: values[RATE_KEY]
            for entity, values in quotas.items()
            if entity[0][0] == IP and RATE_KEY in values
        }

    def may_accept(self, listener: str, now_ms: int) -> bool:
        """Whether the next connection of the listener may be accepted now; if not, it is to be left waiting."""
        until_ms = self._closed_until_ms.get(listener)
        if until_ms is not None:
            if now_ms < until_ms:
                return False
            del self._closed_until_ms[listener]
        open_here = self._open_by_listener.get(listener, 0)
        return self._open < self._most and open_here < self._of_listener(listener, "max.connections")

    def enter(self, listener: str, address: str, now_ms: int) -> Refusal | None:
        """Count a connection that was accepted. A refusal: it was not counted, close it (after `hold_ms`)."""
        refusal = self._too_fast(address, now_ms)
        if refusal is not None:
            return refusal
        open_here = self._open_by_address.get(address, 0)
        most = self._overrides.get(address, self._most_by_address)
        if open_here >= most:
            return Refusal(f"{open_here} are open from this address (max.connections.per.ip)")
        self._open += 1
        self._open_by_address[address] = open_here + 1
        self._open_by_listener[listener] = self._open_by_listener.get(listener, 0) + 1
        wait_ms = max(
            self._record("", self._rate, now_ms),
            self._record(listener, self._of_listener(listener, "max.connection.creation.rate"), now_ms),
        )
        if wait_ms:
            self._closed_until_ms[listener] = now_ms + wait_ms
        return None

    def leave(self, listener: str, address: str) -> None:
        """A connection that entered has gone."""
        self._open -= 1
        self._open_by_listener[listener] -= 1
        self._open_by_address[address] -= 1
        if not self._open_by_address[address]:
            del self._open_by_address[address]

    def _too_fast(self, address: str, now_ms: int) -> Refusal | None:
        if not self._address_limits:
            return None
        limit = self._address_limits.get(address, self._address_limits.get(None))
        if limit is None:
            return None
        rate = self._address_rates.pop(address, None) or WindowedRate(self._windows)
        self._address_rates[address] = rate
        if len(self._address_rates) > MAX_ADDRESSES:
            del self._address_rates[next(iter(self._address_rates))]
        rate.record(1, now_ms)
        hold_ms = min(rate.throttle_ms(limit, now_ms), self._windows.size_ms)
        if not hold_ms:
            return None
        rate.record(-1, now_ms)
        return Refusal(f"more than {limit:g} a second come from this address (its quota {RATE_KEY})", hold_ms)

    def _record(self, name: str, limit: int, now_ms: int) -> int:
        """Count a connection of a listener, or ("") of all; how long no more may come."""
        if limit == UNLIMITED:
            return 0
        rate = self._rates.setdefault(name, WindowedRate(self._windows))
        rate.record(1, now_ms)
        return min(rate.throttle_ms(max(limit, 1), now_ms), self._windows.size_ms)

    def _of_listener(self, listener: str, name: str) -> int:
        return int(self._own.get(f"listener.name.{listener.lower()}.{name}", UNLIMITED))
