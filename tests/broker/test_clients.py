from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker import clients
from neuraxis.broker.clients import MAX_CHARACTERS, MAX_REFUSALS, Clients, Identity
from neuraxis.broker.session import Session


def session(number: int = 1, **fields: Any) -> Session:
    known = {"client_id": "app", "software_name": "lib", "software_version": "1", "last_seen_ms": 5, **fields}
    return Session(number, "PLAINTEXT", "10.0.0.7", 50_000 + number, **known)


WHO = Identity("User:ANONYMOUS", "app", "lib", "1", "10.0.0.7")


def test_connections_of_one_client_are_counted_together_with_the_versions_they_use() -> None:
    found = Clients().now([session(1, apis={0: 9}), session(2, apis={1: 12}, last_seen_ms=7)])
    (client,) = [found.pop(WHO)]
    assert (client.connections, client.apis, client.last_seen_ms, found) == (2, {0: 9, 1: 12}, 7, {})


def test_a_client_that_left_is_remembered_and_one_that_never_spoke_is_not() -> None:
    known = Clients()
    known.left(session(apis={3: 12}))
    known.left(session(client_id=None))
    assert {who.client_id: client.connections for who, client in known.now([]).items()} == {"app": 0}


def test_refusals_are_counted_and_the_last_ones_kept_with_their_reasons() -> None:
    known = Clients()
    for number in range(MAX_REFUSALS + 3):
        known.refused(session(last_seen_ms=number), f"reason {number}")
    client = known.now([])[WHO]
    assert client.refused == MAX_REFUSALS + 3
    assert [each.reason for each in client.refusals] == [f"reason {number}" for number in range(3, 8)]
    assert client.refusals[-1].time_ms == client.last_seen_ms == MAX_REFUSALS + 2


def test_a_connection_that_is_closing_is_no_longer_counted() -> None:
    known = Clients()
    closing = session(apis={1: 1})
    closing.closing = "was refused"
    known.refused(closing, "was refused")
    assert known.now([closing])[WHO].connections == 0


def test_what_is_remembered_stays_small_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MAX_CLIENTS", 3)
    known = Clients()
    for number in range(5):
        known.refused(session(client_id=f"app-{number}"), "x" * 10_000)
    known.refused(session(client_id="y" * 10_000), "again")
    found = known.now([])
    assert [str(who.client_id)[:5] for who in found] == ["app-3", "app-4", "yyyyy"]
    assert all(len(str(who.client_id)) <= MAX_CHARACTERS for who in found)
    assert all(len(each.reason) <= MAX_CHARACTERS for client in found.values() for each in client.refusals)
