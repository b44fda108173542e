"""What you test your applications with: a broker per test, in memory, in your own process; and a judge of histories.

With the package installed, pytest finds the fixtures `neuraxis_broker` and `neuraxis_bootstrap` by itself. Names are
imported on first use, so that `neuraxis.testing.history` judges without loading a broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuraxis.broker.embedded import Broker

__all__ = ["Broker"]


def __getattr__(name: str) -> object:
    if name != "Broker":
        raise AttributeError(f"module 'neuraxis.testing' has no attribute {name!r}")
    from neuraxis.broker.embedded import Broker

    return Broker
