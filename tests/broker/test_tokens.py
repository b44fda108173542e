from __future__ import annotations

import hashlib
import hmac

from neuraxis.broker import tokens
from tests.broker.harness import CoreHarness
from tests.broker.scripts.tokens import SECRET, create, renew

DAY_MS = 86_400_000


def test_a_principal_is_its_type_and_its_name() -> None:
    assert tokens.split("User:CN=a:b") == ("User", "CN=a:b")
    assert tokens.principal(*tokens.split("User:CN=a:b")) == "User:CN=a:b"


def test_the_hmac_is_that_of_the_id_under_the_secret() -> None:
    peer = CoreHarness(**SECRET).connect()
    peer.session.principal = "User:ann"
    made = peer.request(create(), 3)
    secret = SECRET["delegation.token.secret.key"].encode()
    assert made.hmac == hmac.new(secret, made.token_id.encode(), hashlib.sha512).digest()


def test_a_token_that_is_not_renewed_ends() -> None:
    broker = CoreHarness(**SECRET)
    peer = broker.connect()
    peer.session.principal = "User:ann"
    answers = {"made": peer.request(create(), 3)}
    broker.advance(DAY_MS - 1)
    renewed = peer.request(renew("made")(answers), 2)
    assert renewed.expiry_timestamp_ms == broker.now.wall_ms + DAY_MS
    broker.advance(DAY_MS + 1)
    assert peer.request(renew("made")(answers), 2).error_code == 66
