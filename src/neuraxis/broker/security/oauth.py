"""SASL OAUTHBEARER (RFC 7628) seen from the server: a bearer token comes in, its claims say who it is.

A refused token is answered twice, as the RFC asks: first the reason in JSON, then the failure.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from neuraxis.broker.security.exchange import Accepted, Challenge, Identity, Outcome, Rejected, Waiting
from neuraxis.broker.security.jwt import Key, KeyUnknown, Rules, TokenRefused, verify
from neuraxis.broker.security.scram import MALFORMED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neuraxis.broker.work import Fetch, Now

SEPARATOR = "\1"
HEADER = re.compile(r"n,(?:a=([^,\0\1]*))?,")
NOT_ACCEPTED = "The token is not accepted."


def parse_client_first(data: bytes) -> tuple[str, str]:
    """The token and the authorization id ("" for none) of the client's message. Raises ValueError when malformed."""
    text = data.decode()
    header = HEADER.match(text)
    if header is None or not text[header.end() :].startswith(SEPARATOR) or not text.endswith(SEPARATOR * 2):
        raise ValueError("it does not read n,,^Aauth=Bearer TOKEN^A^A")
    pairs = [pair.partition("=") for pair in text[header.end() + 1 : -2].split(SEPARATOR)]
    values = {name: value for name, separator, value in pairs if separator}
    scheme, _, token = values.get("auth", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ValueError("it carries no bearer token")
    return token.strip(), header.group(1) or ""


class OauthServer:
    """One exchange. `keys` are those known now; `refresh` is how to get newer ones, None when it is too early for that."""

    def __init__(
        self,
        rules: Rules,
        keys: Callable[[], Sequence[Key]],
        refresh: Callable[[Now], tuple[Fetch, Callable[[bytes | None, Now], None]] | None],
    ) -> None:
        self._rules = rules
        self._keys = keys
        self._refresh = refresh
        self._refused: str | None = None

    def step(self, data: bytes, now: Now) -> Outcome:
        """Take the token, or the client's acknowledgement of a refusal."""
        if self._refused is not None:
            return Rejected(NOT_ACCEPTED, f"presented a token that is not accepted: {self._refused}")
        try:
            token, authorization_id = parse_client_first(data)
        except ValueError as error:
            return Rejected(MALFORMED, f"sent a malformed OAUTHBEARER message: {error}")
        return self._judge(token, authorization_id, now, may_refresh=True)

    def _judge(self, token: str, authorization_id: str, now: Now, *, may_refresh: bool) -> Outcome:
        try:
            claims = verify(token, self._keys(), self._rules, now.wall_ms)
        except KeyUnknown as refused:
            renewal = self._refresh(now) if may_refresh else None
            if renewal is None:
                return self._refuse(str(refused))
            fetch, take = renewal

            def again(result: bytes | None, now: Now) -> Outcome:
                take(result, now)
                return self._judge(token, authorization_id, now, may_refresh=False)

            return Waiting(fetch, again)
        except TokenRefused as refused:
            return self._refuse(str(refused))
        name = str(claims[self._rules.subject_claim]).strip()
        if authorization_id not in ("", name):
            return Rejected(
                "The token is not that of the authorization id.",
                f"presents a token of {name!r} to act for {authorization_id!r}",
            )
        return Accepted(Identity(name, ends_ms=int(float(claims["exp"]) * 1000)))

    def _refuse(self, reason: str) -> Challenge:
        self._refused = reason
        return Challenge(json.dumps({"status": "invalid_token"}).encode())
