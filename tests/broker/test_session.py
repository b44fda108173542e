from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.session import MAX_OUTPUT_BYTES, MAX_OUTPUT_PARTS, MAX_UNANSWERED, Session

CALL: Any = object()


def new_session() -> Session:
    return Session(1, "PLAINTEXT", "10.0.0.7", 51234)


def test_a_new_session_wants_input_and_is_anonymous() -> None:
    session = new_session()
    assert session.wants_input
    assert session.principal == "User:ANONYMOUS"


@pytest.mark.parametrize(("open_calls", "wants"), [(MAX_UNANSWERED - 1, True), (MAX_UNANSWERED, False)])
def test_reading_stops_at_64_unanswered_calls(open_calls: int, wants: bool) -> None:
    session = new_session()
    session.pending.extend([CALL] * open_calls)
    assert session.wants_input is wants
    assert MAX_UNANSWERED == 64


@pytest.mark.parametrize(("waiting", "wants"), [(MAX_OUTPUT_BYTES - 1, True), (MAX_OUTPUT_BYTES, False)])
def test_reading_stops_at_16_mib_of_replies_the_peer_has_not_taken(waiting: int, wants: bool) -> None:
    session = new_session()
    session.output_bytes = waiting
    assert session.wants_input is wants
    assert MAX_OUTPUT_BYTES == 16 << 20


@pytest.mark.parametrize(("parts", "wants"), [(MAX_OUTPUT_PARTS - 1, True), (MAX_OUTPUT_PARTS, False)])
def test_reading_stops_at_4096_parts_of_replies_even_if_they_are_ranges_without_bytes(
    parts: int, wants: bool
) -> None:
    session = new_session()
    session.output.extend([b""] * parts)
    assert session.wants_input is wants


def test_a_parked_call_holds_later_ones_back() -> None:
    session = new_session()
    session.holding = CALL
    assert not session.wants_input


def test_nothing_is_read_from_a_closing_connection() -> None:
    session = new_session()
    session.closing = "spoke out of turn"
    assert not session.wants_input


def test_the_peer_is_named_with_address_principal_client_and_software() -> None:
    session = new_session()
    session.client_id = "loader"
    session.software_name, session.software_version = "librdkafka", "2.12.0"
    assert session.describe() == "10.0.0.7:51234 (User:ANONYMOUS, client id 'loader', librdkafka 2.12.0)"


def test_a_peer_that_told_nothing_is_still_named() -> None:
    assert new_session().describe() == "10.0.0.7:51234 (User:ANONYMOUS, client id None, unknown software)"
