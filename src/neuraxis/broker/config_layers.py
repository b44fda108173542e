"""Where this broker's configs were set: on it, on all brokers, at start. What DescribeConfigs shows as sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.config_table.describe import Layers
from neuraxis.broker.coordinators.topics.state import BROKER_RESOURCE

if TYPE_CHECKING:
    from neuraxis.broker.node import Node


def layers_of(node: Node) -> Layers:
    """The broker configs by where they were set; the addresses and the directory come from our own options."""
    configs = node.catalogue.state.configs
    ours = {"log.dirs": log_dir(node)}
    if node.config.listeners:
        listeners = node.config.listeners
        ours["listeners"] = ",".join(f"{each.name}://{each.host}:{each.port}" for each in listeners)
        ours["advertised.listeners"] = ",".join(
            f"{each.name}://{each.advertised_host}:{each.advertised_port}" for each in listeners
        )
        ours["listener.security.protocol.map"] = ",".join(
            f"{each.name}:{each.protocol}" for each in listeners
        )
    return Layers(
        node=configs.get((BROKER_RESOURCE, str(node.node_id)), {}),
        shared=configs.get((BROKER_RESOURCE, ""), {}),
        static={**ours, **node.settings.static},
    )


def log_dir(node: Node) -> str:
    """The data directory, as clients are shown it."""
    return node.config.data_dir or "memory"
