"""SASL seen from the client, for the requests we send ourselves: PLAIN, SCRAM (also with a delegation token), OAUTHBEARER.

Rule of the file: no socket and no luck; messages go in and out, the nonce is an argument. librdkafka has its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Generator

from neuraxis.client.errors import ClientError

HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
MOST_ITERATIONS = 1_000_000
"""Kafka's most is 16,384; a server that asks for millions wants to keep us busy."""

Exchange = Generator[bytes, bytes, None]
"""Yields what to send, takes what the server said; it ends when the server has proved itself, or has nothing to prove."""


def exchange(mechanism: str, user: str, password: str, nonce: str, *, by_token: bool = False) -> Exchange:
    """The client's side of a login. For OAUTHBEARER the password is the token. Raises ClientError for other mechanisms."""
    if mechanism == "PLAIN":
        return _one_message(f"\0{user}\0{password}".encode())
    if mechanism == "OAUTHBEARER":
        return _one_message(f"n,,\1auth=Bearer {password}\1\1".encode())
    if mechanism in HASHES:
        return _scram(HASHES[mechanism], user, password, nonce, by_token=by_token)
    raise ClientError(
        f"the SASL mechanism {mechanism!r} is not spoken here",
        f"use one of PLAIN, OAUTHBEARER, {', '.join(HASHES)}",
    )


def _one_message(message: bytes) -> Exchange:
    answer = yield message
    if answer:
        raise ClientError(f"the broker does not accept the login: {answer.decode(errors='replace')}", LOOK)


LOOK = "look at the user name, the password or token and the mechanism in the settings"


def _scram(hash_name: str, user: str, password: str, nonce: str, *, by_token: bool) -> Exchange:
    name = user.replace("=", "=3D").replace(",", "=2C")
    bare = f"n={name},r={nonce}" + (",tokenauth=true" if by_token else "")
    server_first = (yield f"n,,{bare}".encode()).decode()
    fields = dict(field.split("=", 1) for field in server_first.split(",") if "=" in field)
    try:
        salt, iterations = base64.b64decode(fields["s"], validate=True), int(fields["i"])
        full_nonce = fields["r"]
    except (KeyError, ValueError) as error:
        raise ClientError("the broker's SCRAM message is malformed", "is it a Kafka broker?") from error
    if not full_nonce.startswith(nonce) or not 0 < iterations <= MOST_ITERATIONS:
        raise ClientError("the broker's SCRAM message is not an answer to ours", "is it a Kafka broker?")
    salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    final = f"c=biws,r={full_nonce}"
    signed = f"{bare},{server_first},{final}".encode()
    signature = hmac.digest(hashlib.new(hash_name, client_key).digest(), signed, hash_name)
    proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
    answer = yield f"{final},p={base64.b64encode(proof).decode()}".encode()
    expected = hmac.digest(hmac.digest(salted, b"Server Key", hash_name), signed, hash_name)
    if not hmac.compare_digest(answer, b"v=" + base64.b64encode(expected)):
        raise ClientError(
            "the broker could not prove that it knows the password",
            "somebody may stand in between: look at the address",
        )
