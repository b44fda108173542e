"""What you test your applications with: a broker per test, in memory, in your own process.

With the package installed, pytest finds the fixtures `neuraxis_broker` and `neuraxis_bootstrap` by itself.
"""

from neuraxis.broker.embedded import Broker

__all__ = ["Broker"]
