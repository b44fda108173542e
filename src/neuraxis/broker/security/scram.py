"""SCRAM (RFC 5802, RFC 7677) seen from the server, with Kafka's `tokenauth` extension for delegation tokens.

Rule of the file: an unknown user gets the same messages as a known one with a wrong password; only our log knows which.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.topics.cluster_facts import ScramCredential
from neuraxis.broker.security.exchange import (
    WRONG_CREDENTIALS,
    Accepted,
    Challenge,
    Identity,
    Outcome,
    Rejected,
    Waiting,
)
from neuraxis.broker.work import Derive

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.broker.coordinators.topics.cluster_facts import Token
    from neuraxis.broker.work import Now

HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
"""The mechanisms and their hash."""
NUMBERS = {"SCRAM-SHA-256": 1, "SCRAM-SHA-512": 2}
"""The mechanisms' numbers in the protocol and in the catalogue."""
ITERATIONS = 8192
"""Of what is made up for unknown users and for tokens: what `neuraxis user` gives, so that they look alike."""
MALFORMED = "The SASL message is malformed."


class _Malformed(ValueError):
    """The client's message does not follow the RFC."""


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """The client's opening: `bare` is what the signature covers, `header` the channel binding that it must repeat."""

    header: str
    bare: str
    user: str
    authorization_id: str
    nonce: str
    by_token: bool


@dataclass(frozen=True, slots=True)
class Directory:
    """Where a SCRAM server looks names up: credentials by user, tokens by id; `secret` salts the unknown."""

    credential: Callable[[str, int], ScramCredential | None]
    token: Callable[[str, Now], Token | None]
    secret: bytes


def keys(salted_password: bytes, hash_name: str) -> tuple[bytes, bytes]:
    """StoredKey and ServerKey of a salted password."""
    client_key = hmac.digest(salted_password, b"Client Key", hash_name)
    return hashlib.new(hash_name, client_key).digest(), hmac.digest(salted_password, b"Server Key", hash_name)


def parse_client_first(message: str) -> ClientFirst:
    """Take the opening apart. Raises ValueError for what RFC 5802 does not allow, channel binding included."""
    flag, first_comma, rest = message.partition(",")
    authzid, second_comma, bare = rest.partition(",")
    if not first_comma or not second_comma or flag not in ("n", "y"):
        raise _Malformed("it does not begin with n,, or y,,")
    if authzid and not authzid.startswith("a="):
        raise _Malformed("the second field is no authorization id")
    fields = bare.split(",")
    if (
        len(fields) < 2
        or not fields[0].startswith("n=")
        or not fields[1].startswith("r=")
        or not fields[1][2:]
    ):
        raise _Malformed("it has no user name and nonce")
    extensions = [field.partition("=")[::2] for field in fields[2:]]
    return ClientFirst(
        header=f"{flag},{authzid},",
        bare=bare,
        user=_name(fields[0][2:]),
        authorization_id=_name(authzid[2:]),
        nonce=fields[1][2:],
        by_token=any(key == "tokenauth" and value.lower() == "true" for key, value in extensions),
    )


def _name(text: str) -> str:
    """A saslname: `=2C` is a comma, `=3D` an equals sign, no other escape exists."""
    if text.replace("=2C", "").replace("=3D", "").count("="):
        raise _Malformed("a name has an unknown escape")
    return text.replace("=2C", ",").replace("=3D", "=")


class ScramServer:
    """One exchange: client-first, server-first, client-final, server-final. `nonce` is the server's half of it."""

    def __init__(self, mechanism: str, directory: Directory, nonce: str) -> None:
        self._mechanism = mechanism
        self._hash = HASHES[mechanism]
        self._directory = directory
        self._nonce = nonce
        self._opening: ClientFirst | None = None
        self._server_first = ""
        self._credential: ScramCredential | None = None
        self._identity: Identity | None = None
        self._unknown = ""

    def step(self, data: bytes, now: Now) -> Outcome:
        """Take the client's first or final message."""
        try:
            text = data.decode()
            return self._first(text, now) if self._opening is None else self._final(text)
        except (_Malformed, UnicodeDecodeError, binascii.Error) as error:
            return Rejected(MALFORMED, f"sent a malformed {self._mechanism} message: {error}")

    def _first(self, text: str, now: Now) -> Outcome:
        opening = self._opening = parse_client_first(text)
        if opening.authorization_id not in ("", opening.user):
            return Rejected(
                "Acting for another user is not served: leave the authorization id out.",
                f"authenticates as {opening.user!r} to act for {opening.authorization_id!r}",
            )
        if opening.by_token:
            return self._first_of_token(opening, now)
        self._identity = Identity(opening.user)
        self._credential = self._directory.credential(opening.user, NUMBERS[self._mechanism])
        if self._credential is None:
            self._unknown = f"there is no {self._mechanism} credential of user {opening.user!r}"
            salt = hmac.digest(self._directory.secret, opening.user.encode(), self._hash)[:24]
            return self._challenge(salt, ITERATIONS)
        return self._challenge(self._credential.salt, self._credential.iterations)

    def _first_of_token(self, opening: ClientFirst, now: Now) -> Outcome:
        token = self._directory.token(opening.user, now)
        salt = hmac.digest(
            self._directory.secret, opening.nonce.encode() + opening.user.encode(), self._hash
        )[:24]
        if token is None:
            self._unknown = f"there is no delegation token {opening.user!r} that still holds"
            return self._challenge(salt, ITERATIONS)
        _, _, owner = token.owner.partition(":")
        self._identity = Identity(owner, token.expiry_ms, by_token=True)
        # The password of a token is its HMAC in base64; it is salted anew for each login.
        password = base64.b64encode(token.hmac)

        def salted(result: bytes | None, now: Now) -> Outcome:
            if result is None:
                return Rejected(WRONG_CREDENTIALS, "presents a token whose key could not be derived")
            stored_key, server_key = keys(result, self._hash)
            self._credential = ScramCredential(salt, stored_key, server_key, ITERATIONS)
            return self._challenge(salt, ITERATIONS)

        return Waiting(Derive(self._hash, password, salt, ITERATIONS), salted)

    def _challenge(self, salt: bytes, iterations: int) -> Challenge:
        assert self._opening is not None
        nonce = self._opening.nonce + self._nonce
        self._server_first = f"r={nonce},s={base64.b64encode(salt).decode()},i={iterations}"
        return Challenge(self._server_first.encode())

    def _final(self, text: str) -> Outcome:
        opening = self._opening
        assert opening is not None
        without_proof, separator, proof = text.rpartition(",p=")
        fields = without_proof.split(",")
        if (
            not separator
            or len(fields) < 2
            or not fields[0].startswith("c=")
            or not fields[1].startswith("r=")
        ):
            raise _Malformed("the final message has no channel binding, nonce and proof")
        if base64.b64decode(fields[0][2:], validate=True) != opening.header.encode():
            raise _Malformed("the channel binding is not the one of the first message")
        if not hmac.compare_digest(fields[1][2:].encode(), (opening.nonce + self._nonce).encode()):
            raise _Malformed("the nonce is not the one that was agreed on")
        client_proof = base64.b64decode(proof, validate=True)
        credential, identity = self._credential, self._identity
        if credential is None or identity is None:
            return Rejected(WRONG_CREDENTIALS, self._unknown)
        signed = f"{opening.bare},{self._server_first},{without_proof}".encode()
        signature = hmac.digest(credential.stored_key, signed, self._hash)
        if len(client_proof) != len(signature):
            raise _Malformed("the proof has a wrong length")
        client_key = bytes(one ^ other for one, other in zip(client_proof, signature, strict=True))
        if not hmac.compare_digest(hashlib.new(self._hash, client_key).digest(), credential.stored_key):
            return Rejected(WRONG_CREDENTIALS, f"does not know the password of {opening.user!r}")
        verifier = hmac.digest(credential.server_key, signed, self._hash)
        return Accepted(identity, b"v=" + base64.b64encode(verifier))
