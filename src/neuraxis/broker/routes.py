"""Which handler and decoder serve a request, or why its connection must be closed instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.wire.codec import Decoder, decoder
from neuraxis.wire.messages import API_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuraxis.broker.call import Api
    from neuraxis.broker.metrics.counters import Counters, Tally

PRODUCE_KEY = 0
REQUEST_WITHOUT_RECORDS_MAX_BYTES = 8 * 1024 * 1024
"""Largest frame of a request that carries no record batches: decoded, it can take forty times its size in objects."""


class Route(NamedTuple):
    """What serves one version of an API, and where its requests are counted."""

    api: Api
    decode: Decoder
    tally: Tally


class Routes:
    """The routes of what was asked before in `known`: one look-up says that key and version are served, and by what."""

    def __init__(self, apis: Mapping[int, Api], counters: Counters) -> None:
        self.known: dict[tuple[int, int], tuple[Api, Decoder, Tally]] = {}  # plain tuples unpack faster
        self._apis = apis
        self._counters = counters

    def find(self, key: int, version: int, size: int) -> Route | str:
        """The route, or what is wrong with a request of this key, version and size ("it ...")."""
        if key != PRODUCE_KEY and size > REQUEST_WITHOUT_RECORDS_MAX_BYTES:
            return (
                f"sent a request of {size} bytes; one without record batches may have "
                f"{REQUEST_WITHOUT_RECORDS_MAX_BYTES}: ask for fewer things at once"
            )
        api = self._apis.get(key)
        if api is None:
            name = API_NAMES.get(key, "an unknown API")
            return f"asked for key {key} ({name}), which this broker does not serve"
        if not api.minimum <= version <= api.maximum:
            return (
                f"asked for {api.name} version {version}; served are {api.minimum} to {api.maximum}: "
                f"the client is too {'old' if version < api.minimum else 'new'}"
            )
        route = Route(api, decoder(api.request, version), self._counters.tally(key, version))
        self.known[key, version] = (route.api, route.decode, route.tally)
        return route
