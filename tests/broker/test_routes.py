"""Routes: what is served is found once and remembered, what is not is refused with a sentence that says why."""

from __future__ import annotations

from neuraxis.broker.metrics.counters import Counters
from neuraxis.broker.registry import api_table
from neuraxis.broker.routes import REQUEST_WITHOUT_RECORDS_MAX_BYTES, Route, Routes


def test_a_route_is_remembered_with_its_tally() -> None:
    counters = Counters()
    routes = Routes(api_table(), counters)
    found = routes.find(3, 9, 100)
    assert isinstance(found, Route)
    assert (found.api.name, found.tally) == ("Metadata", counters.tallies[3, 9])
    assert routes.known[3, 9] == found


def test_what_is_not_served_is_refused_with_the_reason() -> None:
    routes = Routes(api_table(), Counters())
    assert "does not serve" in str(routes.find(32_000, 0, 10))
    assert str(routes.find(0, 2, 10)).endswith("the client is too old")
    assert str(routes.find(0, 99, 10)).endswith("the client is too new")
    assert "ask for fewer things" in str(routes.find(3, 9, REQUEST_WITHOUT_RECORDS_MAX_BYTES + 1))
    assert isinstance(routes.find(0, 9, REQUEST_WITHOUT_RECORDS_MAX_BYTES + 1), Route)
    assert list(routes.known) == [(0, 9)]
