"""SASL PLAIN (RFC 4616) seen from the server. The password is checked against what is kept of it for SCRAM, or a given one.

Rule of the file: it takes as long to refuse an unknown user as to refuse a wrong password.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from neuraxis.broker.security.exchange import (
    WRONG_CREDENTIALS,
    Accepted,
    Identity,
    Outcome,
    Rejected,
    Waiting,
)
from neuraxis.broker.security.scram import HASHES, ITERATIONS, MALFORMED, NUMBERS, Directory, keys
from neuraxis.broker.work import Derive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuraxis.broker.work import Now

PARTS = 3


class PlainServer:
    """One exchange of one message. `given` are users whose password stands in the configuration, Kafka's `user_NAME`."""

    def __init__(self, directory: Directory, given: Mapping[str, str]) -> None:
        self._directory = directory
        self._given = given

    def step(self, data: bytes, now: Now) -> Outcome:
        """Take the message: authorization id, user and password with a zero byte between."""
        try:
            parts = data.decode().split("\0")
        except UnicodeDecodeError:
            parts = []
        if len(parts) != PARTS or not parts[1] or not parts[2]:
            return Rejected(MALFORMED, "sent a malformed PLAIN message")
        authorization_id, user, password = parts
        if authorization_id not in ("", user):
            return Rejected(
                "Acting for another user is not served: leave the authorization id out.",
                f"authenticates as {user!r} to act for {authorization_id!r}",
            )
        given = self._given.get(user)
        if given is not None:
            if hmac.compare_digest(given.encode(), password.encode()):
                return Accepted(Identity(user))
            return Rejected(WRONG_CREDENTIALS, f"does not know the password of {user!r}")
        return self._check(user, password)

    def _check(self, user: str, password: str) -> Outcome:
        for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256"):
            credential = self._directory.credential(user, NUMBERS[mechanism])
            if credential is not None:
                break
        hash_name = HASHES[mechanism]
        salt = self._directory.secret if credential is None else credential.salt
        iterations = ITERATIONS if credential is None else credential.iterations

        def salted(result: bytes | None, now: Now) -> Outcome:
            if credential is None or result is None:
                return Rejected(WRONG_CREDENTIALS, f"there is no user {user!r} with a password")
            if hmac.compare_digest(keys(result, hash_name)[0], credential.stored_key):
                return Accepted(Identity(user))
            return Rejected(WRONG_CREDENTIALS, f"does not know the password of {user!r}")

        return Waiting(Derive(hash_name, password.encode(), salt, iterations), salted)
