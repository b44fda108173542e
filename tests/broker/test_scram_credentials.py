from __future__ import annotations

import hashlib
import hmac

from neuraxis.broker.scram_credentials import Deletion, Upsertion, credential, plan
from neuraxis.wire.errors import Refused

SALT = bytes.fromhex("5b6d994c3ae5f5e1")


def upsertion(user: str = "user", mechanism: int = 1, iterations: int = 4096) -> Upsertion:
    salted = hashlib.pbkdf2_hmac("sha256" if mechanism == 1 else "sha512", b"pencil", SALT, iterations)
    return Upsertion(user, mechanism, iterations, SALT, salted)


def test_a_client_that_knows_the_password_can_prove_it_to_the_kept_keys() -> None:
    """The exchange of RFC 5802, section 3: the proof reveals the client key, whose hash is the stored key."""
    for mechanism, name in ((1, "sha256"), (2, "sha512")):
        given = upsertion(mechanism=mechanism)
        kept = credential(given)
        message = b"client-first-bare,server-first,client-final-without-proof"
        client_key = hmac.digest(given.salted_password, b"Client Key", name)
        signature = hmac.digest(hashlib.new(name, client_key).digest(), message, name)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        mask = hmac.digest(kept.stored_key, message, name)
        assert (
            hashlib.new(name, bytes(a ^ b for a, b in zip(proof, mask, strict=True))).digest()
            == kept.stored_key
        )
        assert kept.server_key == hmac.digest(given.salted_password, b"Server Key", name)
        assert (kept.salt, kept.iterations) == (SALT, 4096)


def test_a_user_may_be_named_once() -> None:
    known = {("ann", 1): credential(upsertion("ann"))}
    for deletions, upsertions in (
        ([], [upsertion("ann"), upsertion("ann", 2)]),
        ([Deletion("ann", 1)], [upsertion("ann", 2)]),
        ([Deletion("ann", 1), Deletion("ann", 1)], []),
    ):
        planned = plan(known, deletions, upsertions)["ann"]
        assert isinstance(planned, Refused)
        assert planned.code == 92


def test_one_users_mistake_is_not_another_users() -> None:
    planned = plan({}, [Deletion("eve", 1)], [upsertion("ann"), upsertion("bob", iterations=1)])
    codes = {user: each.code if isinstance(each, Refused) else 0 for user, each in planned.items()}
    assert codes == {"eve": 91, "ann": 0, "bob": 93}
