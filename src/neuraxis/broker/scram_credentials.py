"""SCRAM credentials: what an alteration may hold, and the keys that are kept of a salted password (RFC 5802).

Rule of the file: passwords, salted ones too, are never kept; the stored and the server key prove them and reveal nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.coordinators.topics.cluster_facts import ScramCredential, ScramFact
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MECHANISMS: Mapping[int, str] = {1: "sha256", 2: "sha512"}
"""The protocol's mechanism numbers and their hash."""
ITERATIONS = (4096, 16384)
"""Kafka's bounds: fewer are too easy to guess through, more would keep the broker busy at every login."""

Key = tuple[str, int]
"""User and mechanism."""


class Deletion(NamedTuple):
    """Take a credential away."""

    user: str
    mechanism: int


class Upsertion(NamedTuple):
    """Give a credential, or another one."""

    user: str
    mechanism: int
    iterations: int
    salt: bytes
    salted_password: bytes


def credential(upsertion: Upsertion) -> ScramCredential:
    """The keys of a salted password: StoredKey = H(HMAC(p, "Client Key")), ServerKey = HMAC(p, "Server Key")."""
    name = MECHANISMS[upsertion.mechanism]
    client_key = hmac.digest(upsertion.salted_password, b"Client Key", name)
    return ScramCredential(
        salt=upsertion.salt,
        stored_key=hashlib.new(name, client_key).digest(),
        server_key=hmac.digest(upsertion.salted_password, b"Server Key", name),
        iterations=upsertion.iterations,
    )


def plan(
    known: Mapping[Key, ScramCredential], deletions: Sequence[Deletion], upsertions: Sequence[Upsertion]
) -> dict[str, ScramFact | Refused]:
    """What follows from an alteration, by user: the fact to be written, or why not. A user may be named once (else 92)."""
    plans: dict[str, ScramFact | Refused] = {}
    for deletion in deletions:
        earlier = plans.get(deletion.user)
        if isinstance(earlier, Refused):
            continue
        try:
            _check_user(deletion)
            if deletion not in known:
                raise Refused(ErrorCode.RESOURCE_NOT_FOUND, "The user has no credential for this mechanism.")
            if earlier is not None:
                raise _twice(deletion.user)
            plans[deletion.user] = ScramFact(deletion.user, deletion.mechanism, None)
        except Refused as refused:
            plans[deletion.user] = refused
    for upsertion in upsertions:
        earlier = plans.get(upsertion.user)
        if isinstance(earlier, Refused):
            continue
        try:
            if earlier is not None:
                raise _twice(upsertion.user)
            _check_user(upsertion)
            _check_credential(upsertion)
            plans[upsertion.user] = ScramFact(upsertion.user, upsertion.mechanism, credential(upsertion))
        except Refused as refused:
            plans[upsertion.user] = refused
    return plans


def _check_user(item: Deletion | Upsertion) -> None:
    if not item.user:
        raise Refused(ErrorCode.UNACCEPTABLE_CREDENTIAL, "The user name is empty.")
    if item.mechanism not in MECHANISMS:
        raise Refused(
            ErrorCode.UNSUPPORTED_SASL_MECHANISM,
            f"There is no SCRAM mechanism {item.mechanism}: 1 is SCRAM-SHA-256, 2 SCRAM-SHA-512.",
        )


def _check_credential(upsertion: Upsertion) -> None:
    low, high = ITERATIONS
    if not low <= upsertion.iterations <= high:
        raise Refused(
            ErrorCode.UNACCEPTABLE_CREDENTIAL,
            f"{upsertion.iterations} iterations are not between {low} and {high}.",
        )
    if not upsertion.salted_password:
        raise Refused(ErrorCode.UNACCEPTABLE_CREDENTIAL, "The salted password is empty.")


def _twice(user: str) -> Refused:
    return Refused(ErrorCode.DUPLICATE_RESOURCE, f"The request names user {user!r} twice.")
