from __future__ import annotations

from typing import Any

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.list_transactions import ListTransactionsRequest
from tests.broker.harness import CoreHarness
from tests.broker.transactional import Client


@pytest.fixture(scope="module")
def client() -> Client:
    broker = CoreHarness()
    broker.create_topic("t")
    idle, busy = Client(broker, "idle"), Client(broker, "busy")
    assert [idle.init(), busy.init(), busy.write(b"v")] == [0, 0, 0]
    return busy


def names(client: Client, version: int = 2, **filters: Any) -> list[str]:
    request = ListTransactionsRequest(**{"state_filters": [], "producer_id_filters": []} | filters)
    answer = client.peer.request(request, version)
    assert answer.error_code == 0
    return [each.transactional_id for each in answer.transaction_states]


@pytest.mark.parametrize("version", range(3))
def test_every_version_lists_them_all(client: Client, version: int) -> None:
    assert names(client, version) == ["idle", "busy"]


def test_filters(client: Client) -> None:
    assert names(client, state_filters=["Ongoing"]) == ["busy"]
    assert names(client, producer_id_filters=[client.who[0]]) == ["busy"]
    assert names(client, transactional_id_pattern="b.*y") == ["busy"]
    assert names(client, transactional_id_pattern="b") == []
    assert names(client, duration_filter=1_000) == ["idle"]


def test_unknown_states_are_named_and_no_pattern_is_refused(client: Client) -> None:
    answer = client.peer.request(ListTransactionsRequest(["Nonsense"], []), 0)
    assert (answer.unknown_state_filters, answer.transaction_states) == (["Nonsense"], [])
    answer = client.peer.request(ListTransactionsRequest([], [], -1, "("), 2)
    assert answer.error_code == ErrorCode.INVALID_REGULAR_EXPRESSION
