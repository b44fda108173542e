from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from neuraxis.broker.security.exchange import Accepted, Challenge, Outcome, Rejected, Waiting
from neuraxis.broker.security.jwt import Key, Rules, parse_key_set
from neuraxis.broker.security.oauth import OauthServer, parse_client_first
from neuraxis.broker.work import Fetch, Now
from tests.broker.security.test_jwt import GOOD, NOW_S
from tests.broker.security.tokens import jwk, key_set, token

NOW = Now(1_000, NOW_S * 1000)
URL = "file:///keys.json"


def message(text: str, header: str = "n,,", extensions: str = "") -> bytes:
    return f"{header}\1auth=Bearer {text}\1{extensions}\1".encode()


class Keys:
    """A key set that knows `one`, and `two` once it was fetched."""

    def __init__(self, *, too_early: bool = False) -> None:
        self.keys = parse_key_set(key_set(jwk("RS256", "one")))
        self.too_early = too_early

    def now(self) -> list[Key]:
        return self.keys

    def refresh(self, now: Now) -> tuple[Fetch, Callable[[bytes | None, Now], None]] | None:
        del now
        return None if self.too_early else (Fetch(URL), self.take)

    def take(self, result: bytes | None, now: Now) -> None:
        del now
        if result is not None:
            self.keys = parse_key_set(result)


def server(keys: Keys | None = None) -> OauthServer:
    keys = keys or Keys()
    return OauthServer(Rules(), keys.now, keys.refresh)


def test_a_good_token_says_who_and_until_when() -> None:
    outcome = server().step(message(token(GOOD), extensions="traceId=1\1"), NOW)
    assert isinstance(outcome, Accepted)
    assert (outcome.identity.name, outcome.identity.ends_ms) == ("ann", GOOD["exp"] * 1000)


def test_a_refused_token_is_told_in_json_first_and_fails_with_the_next_message() -> None:
    one = server()
    outcome = one.step(message(token({**GOOD, "exp": NOW_S - 100})), NOW)
    assert isinstance(outcome, Challenge)
    assert json.loads(outcome.data) == {"status": "invalid_token"}
    last = one.step(b"\1", NOW)
    assert isinstance(last, Rejected)
    assert "ended" in last.reason


def test_a_token_of_a_new_key_has_the_keys_fetched_once() -> None:
    outcome = server().step(message(token(GOOD, key_id="two")), NOW)
    assert isinstance(outcome, Waiting)
    assert outcome.step == Fetch(URL)
    assert isinstance(outcome.then(key_set(jwk("RS256", "two")), NOW), Accepted)


@pytest.mark.parametrize("result", [None, key_set(jwk("RS256", "one"))])
def test_a_key_that_is_not_in_the_new_keys_either_is_refused(result: bytes | None) -> None:
    outcome = server().step(message(token(GOOD, key_id="two")), NOW)
    assert isinstance(outcome, Waiting)
    assert isinstance(outcome.then(result, NOW), Challenge)


def test_strangers_cannot_make_the_broker_fetch_all_the_time() -> None:
    assert isinstance(server(Keys(too_early=True)).step(message(token(GOOD, key_id="two")), NOW), Challenge)


def test_a_token_opens_its_own_account_only() -> None:
    def as_user(name: str) -> Outcome:
        return server().step(message(token(GOOD), header=f"n,a={name},"), NOW)

    assert isinstance(as_user("ann"), Accepted)
    assert isinstance(as_user("root"), Rejected)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"n,,",
        b"n,,\1\1",
        b"n,,\1auth=Bearer \1\1",
        b"n,,\1auth=Basic abc\1\1",
        b"n,,\1auth=Bearer abc\1",
        b"y,,\1auth=Bearer abc\1\1",
        b"\xff",
    ],
)
def test_what_is_malformed_is_refused(data: bytes) -> None:
    assert isinstance(server().step(data, NOW), Rejected)
    with pytest.raises(ValueError):
        parse_client_first(data)
