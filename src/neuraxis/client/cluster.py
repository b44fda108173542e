"""One object that knows a cluster: `Client` hands out producers, consumers and admins that share its settings."""

from __future__ import annotations

from collections.abc import Sequence

from neuraxis.client.admin import Admin
from neuraxis.client.consumer import Consumer
from neuraxis.client.producer import Producer
from neuraxis.client.settings import Settings


class Client:
    """The entry point: `Client(bootstrap="host:9092").producer()`; every argument is a field of Settings."""

    def __init__(self, settings: Settings | None = None, **arguments: str | None) -> None:
        """Use `settings`, or load them (file, environment) with `arguments` on top."""
        if settings is not None and arguments:
            raise TypeError("give Client either settings or single arguments, not both")
        self.settings = settings or Settings.load(None, environment=None, **arguments)

    def producer(self, **overrides: str | float | bool) -> Producer:
        """Return a new Producer; `overrides` are librdkafka settings, dots written as underscores."""
        return Producer(self.settings, overrides)

    def consumer(
        self, topics: Sequence[str] = (), *, group: str | None = None, **overrides: str | float | bool
    ) -> Consumer:
        """Return a new Consumer subscribed to `topics`; `overrides` as for `producer`."""
        return Consumer(topics, group=group, settings=self.settings, overrides=overrides)

    def admin(self) -> Admin:
        """Return a new Admin."""
        return Admin(self.settings)
