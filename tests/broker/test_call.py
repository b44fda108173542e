from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.call import CLOSE, HANDLERS, NO_REPLY, PARKED, Call, handles
from neuraxis.broker.session import Session
from neuraxis.broker.work import Now
from neuraxis.wire.messages.describe_quorum import DescribeQuorumRequest, DescribeQuorumResponse
from neuraxis.wire.messages.produce import ProduceRequest, ProduceResponse


def new_call(completed: list[Call]) -> Call:
    session = Session(1, "PLAINTEXT", "10.0.0.7", 50_000)
    return Call(session, 0, 12, 1, "app", 1, Now(0, 0), completed)


def test_a_call_remembers_the_newest_ticket_it_saw() -> None:
    call = new_call([])
    for ticket in (5, 9, 7):
        call.saw(ticket)
    assert call.ticket == 9


def test_a_parked_call_is_answered_once_and_forgets_its_clean_up() -> None:
    completed: list[Call] = []
    call = new_call(completed)
    call.abandon = lambda: None
    first = ProduceResponse()
    call.answer(first)
    call.answer(ProduceResponse())
    assert completed == [call]
    assert call.response is first
    assert call.abandon is None


def test_the_markers_are_told_apart_and_named() -> None:
    assert [repr(marker) for marker in (PARKED, NO_REPLY, CLOSE)] == ["PARKED", "NO_REPLY", "CLOSE"]
    assert len({PARKED, NO_REPLY, CLOSE}) == 3


def test_a_declaration_knows_its_key_name_versions_and_response(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuraxis.broker.call.HANDLERS", registered := {})

    @handles(DescribeQuorumRequest, versions="1-2", needs="DESCRIBE cluster", advertised_minimum=0)
    def describe_quorum(node: Any, call: Any, request: Any) -> Any:
        return None

    (api,) = registered.values()
    assert (api.key, api.name, api.minimum, api.maximum, api.advertised_minimum) == (
        55,
        "DescribeQuorum",
        1,
        2,
        0,
    )
    assert (api.request, api.response) == (DescribeQuorumRequest, DescribeQuorumResponse)
    assert api.handler is describe_quorum
    assert not api.anonymous


def test_a_single_version_is_its_own_minimum_and_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuraxis.broker.call.HANDLERS", registered := {})
    handles(DescribeQuorumRequest, versions="2", needs="nothing", anonymous=True)(lambda *_: None)
    (api,) = registered.values()
    assert (api.minimum, api.maximum, api.advertised_minimum, api.anonymous) == (2, 2, 2, True)


def test_two_handlers_for_one_key_are_a_mistake_found_at_import() -> None:
    from neuraxis.broker.registry import api_table

    assert 0 in api_table()
    with pytest.raises(AssertionError, match="two handlers for key 0"):
        handles(ProduceRequest, versions="3-13", needs="WRITE topic")(lambda *_: None)
    assert HANDLERS[0].handler.__name__ == "produce"


def test_only_requests_can_be_handled() -> None:
    with pytest.raises(AssertionError, match="DescribeQuorumResponse is not a request"):
        handles(DescribeQuorumResponse, versions="0", needs="nothing")
