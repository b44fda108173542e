"""Delegation tokens: who may make, renew, end and see them, and until when they hold. Kept in the catalogue.

A client logs in with a token by SCRAM (`security/scram.py`). Without `delegation.token.secret.key` the APIs answer 61,
over a connection that proved nobody, or that a token opened, 64, as Kafka's do.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.topics.cluster_facts import Token, TokenFact
from neuraxis.broker.coordinators.topics.machine import ChangeCluster
from neuraxis.broker.session import ANONYMOUS
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neuraxis.broker.call import Call
    from neuraxis.broker.node import Node

PRINCIPAL_TYPE = "User"
"""The one type of principals that may renew."""


def check_allowed(call: Call, renewers: Iterable[str] = ()) -> None:
    """Refuse a connection that proved nobody or was opened by a token (64), and renewers of another type than User (67)."""
    if call.session.principal == ANONYMOUS or call.session.by_token:
        raise Refused(ErrorCode.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED)
    if any(split(one)[0] != PRINCIPAL_TYPE for one in renewers):
        raise Refused(ErrorCode.INVALID_PRINCIPAL_TYPE)


def check_switched_on(node: Node) -> None:
    """Refuse (61) when there is no secret key."""
    if not _secret(node):
        raise Refused(ErrorCode.DELEGATION_TOKEN_AUTH_DISABLED)


def principal(kind: str, name: str) -> str:
    """A principal as text."""
    return f"{kind}:{name}"


def split(text: str) -> tuple[str, str]:
    """Type and name of a principal."""
    kind, _, name = text.partition(":")
    return kind, name


def create(
    node: Node, call: Call, owner: str, renewers: Iterable[str], lifetime_ms: int
) -> tuple[str, Token]:
    """Make a token for the owner; returns its id and itself."""
    check_switched_on(node)
    now_ms = call.now.wall_ms
    longest_ms = node.settings.integer("delegation.token.max.lifetime.ms")
    lifetime_ms = longest_ms if lifetime_ms <= 0 else min(lifetime_ms, longest_ms)
    token_id = base64.urlsafe_b64encode(node.new_uuid()).decode().rstrip("=")
    token = Token(
        owner=owner,
        requester=call.session.principal,
        renewers=tuple(renewers),
        issue_ms=now_ms,
        expiry_ms=min(now_ms + lifetime_ms, now_ms + _default_period_ms(node)),
        max_ms=now_ms + lifetime_ms,
        hmac=hmac.digest(_secret(node).encode(), token_id.encode(), "sha512"),
    )
    _write(node, call, token_id, token)
    return token_id, token


def renew(node: Node, call: Call, digest: bytes, period_ms: int) -> int:
    """Prolong the token with this HMAC, by the default period if none is given; returns its new end. Refuses 62, 63, 66."""
    token_id, token = _find(node, call, digest)
    now_ms = call.now.wall_ms
    if token.max_ms < now_ms or token.expiry_ms < now_ms:
        raise Refused(ErrorCode.DELEGATION_TOKEN_EXPIRED)
    period_ms = _default_period_ms(node) if period_ms <= 0 else period_ms
    expiry_ms = min(token.max_ms, now_ms + period_ms)
    _write(node, call, token_id, token._replace(expiry_ms=expiry_ms))
    return expiry_ms


def expire(node: Node, call: Call, digest: bytes, period_ms: int) -> int:
    """End the token with this HMAC in `period_ms`; a negative one removes it now. Returns its end."""
    token_id, token = _find(node, call, digest)
    now_ms = call.now.wall_ms
    if period_ms < 0:
        _write(node, call, token_id, None)
        return now_ms
    if token.max_ms < now_ms or token.expiry_ms < now_ms:
        raise Refused(ErrorCode.DELEGATION_TOKEN_EXPIRED)
    expiry_ms = min(token.max_ms, now_ms + period_ms)
    _write(node, call, token_id, token._replace(expiry_ms=expiry_ms))
    return expiry_ms


def visible(node: Node, call: Call, owners: Iterable[str] | None) -> list[tuple[str, Token]]:
    """The tokens that these principals own, asked for or may renew (None: all), by id."""
    wanted = None if owners is None else set(owners)
    return [
        (token_id, token)
        for token_id, token in node.catalogue.read(call).cluster.tokens.items()
        if wanted is None or not wanted.isdisjoint((token.owner, token.requester, *token.renewers))
    ]


def _find(node: Node, call: Call, digest: bytes) -> tuple[str, Token]:
    check_switched_on(node)
    for token_id, token in node.catalogue.read(call).cluster.tokens.items():
        if hmac.compare_digest(token.hmac, digest):
            if call.session.principal not in (token.owner, *token.renewers):
                raise Refused(ErrorCode.DELEGATION_TOKEN_OWNER_MISMATCH)
            return token_id, token
    raise Refused(ErrorCode.DELEGATION_TOKEN_NOT_FOUND)


def _write(node: Node, call: Call, token_id: str, token: Token | None) -> None:
    node.change_catalogue(ChangeCluster((TokenFact(token_id, token),)), call, call.now)


def _secret(node: Node) -> str:
    return node.settings.string("delegation.token.secret.key")


def _default_period_ms(node: Node) -> int:
    return node.settings.integer("delegation.token.expiry.time.ms")
