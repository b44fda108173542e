"""The broker's own configuration: one frozen dataclass; Kafka's configs go in by Kafka's names through `kafka`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.security.listener import (
    DEFAULT_MECHANISMS,
    PREFIX,
    ListenerSecurity,
    check_config,
    listener_security,
)
from neuraxis.wire.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuraxis.broker.coordinators.topics.cluster_facts import ScramFact

DURABILITY_CONFIGS: Mapping[str, Mapping[str, str]] = {
    "sync": {"log.flush.interval.messages": "1"},
    "interval": {"log.flush.interval.ms": "1000"},
    "os": {},
}
"""Each durability policy as the Kafka configs it stands for. A power cut may take back a second of `interval`."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket the broker listens on, and the address it tells clients to use."""

    name: str
    protocol: str
    host: str
    port: int
    advertised_host: str
    advertised_port: int


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """What a broker is started with.

    Attributes:
        data_dir: where everything is kept; None keeps everything in memory.
        listeners: sockets, in order; the first is shown to people.
        durability: the policy of topics that say nothing else: `sync`, `interval` or `os`.
        node_id: this node's broker id.
        cluster_id: 22-character id; None takes the one kept in the data directory, or a new one.
        strict_replication: refuse replication factors above 1 as Kafka would, instead of clamping them.
        request_max_bytes: largest frame accepted (`socket.request.max.bytes`).
        receive_pool_bytes: memory that unfinished frames may hold in all.
        max_connections: connections in all; further ones are closed at once.
        login_timeout_ms: how long a peer of a secured listener may take to come in (TLS and SASL together).
        first_users: credentials of users that come to be when there are no such users.
        renew_first_users: they replace those of such users.
        kafka: Kafka broker configs by Kafka's name, as given with `--set`.
    """

    data_dir: str | None = None
    listeners: tuple[Listener, ...] = ()
    durability: str = "sync"
    node_id: int = 1
    cluster_id: str | None = None
    strict_replication: bool = False
    request_max_bytes: int = 104_857_600
    receive_pool_bytes: int = 128 * 1024 * 1024
    max_connections: int = 10_000
    login_timeout_ms: int = 30_000
    first_users: tuple[ScramFact, ...] = ()
    renew_first_users: bool = False
    kafka: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A node id among the Kafka configs is this node's id: said twice, it must not mean two things."""
        for name in ("node.id", "broker.id"):
            text = self.kafka.get(name, "")
            if text.isdecimal():
                object.__setattr__(self, "node_id", int(text))
                return

    def check(self) -> None:
        """Raise ValueError with the next step for what cannot be started."""
        if self.durability not in DURABILITY_CONFIGS:
            choices = ", ".join(DURABILITY_CONFIGS)
            raise ValueError(f"unknown durability policy {self.durability!r}: choose one of {choices}")
        for name, value in self.kafka.items():
            try:
                check_config(name, value)
            except Refused as refused:
                raise ValueError(str(refused)) from refused
        names = [each.name.lower() for each in self.listeners]
        for name in self.kafka:
            if name.startswith(PREFIX) and name.split(".")[2] not in names:
                raise ValueError(f"{name}: there is no such listener; there is {', '.join(names)}")
        self.listener_securities()

    def listener_securities(self) -> dict[str, ListenerSecurity]:
        """What each listener asks of its clients, by its name. Raises ValueError with the next step."""
        return {
            each.name: listener_security(each.name, each.protocol, self.kafka_overrides())
            for each in self.listeners
        }

    def kafka_overrides(self) -> dict[str, str]:
        """The static broker configs that differ from Kafka's defaults: the policy's, ours, and what was set."""
        ours = {
            "node.id": str(self.node_id),
            "broker.id": str(self.node_id),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "group.initial.rebalance.delay.ms": "0",
            "socket.request.max.bytes": str(self.request_max_bytes),
        }
        if any(each.protocol.startswith("SASL") for each in self.listeners):
            ours["sasl.enabled.mechanisms"] = DEFAULT_MECHANISMS
        return {**ours, **DURABILITY_CONFIGS[self.durability], **self.kafka}
