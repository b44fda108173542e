"""Neuraxis: a streaming platform in one package. Names are imported on first use: importing it is free."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuraxis.broker.embedded import Broker
    from neuraxis.client import Admin, Client, Consumer, Producer, Settings

__all__ = ["Admin", "Broker", "Client", "Consumer", "Producer", "Settings"]

_HOMES = {
    "Admin": "neuraxis.client",
    "Broker": "neuraxis.broker.embedded",
    "Client": "neuraxis.client",
    "Consumer": "neuraxis.client",
    "Producer": "neuraxis.client",
    "Settings": "neuraxis.client",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'neuraxis' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
