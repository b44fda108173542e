"""Delegation tokens: over a connection without authentication, with a secret key and without one, and authenticated."""

from __future__ import annotations

from typing import Any

from neuraxis.wire.messages.create_delegation_token import CreatableRenewers, CreateDelegationTokenRequest
from neuraxis.wire.messages.describe_delegation_token import (
    DescribeDelegationTokenOwner,
    DescribeDelegationTokenRequest,
)
from neuraxis.wire.messages.expire_delegation_token import ExpireDelegationTokenRequest
from neuraxis.wire.messages.renew_delegation_token import RenewDelegationTokenRequest
from neuraxis.wire.messages.sasl_authenticate import SaslAuthenticateRequest
from neuraxis.wire.messages.sasl_handshake import SaslHandshakeRequest
from tests.broker.scripts.player import Script, Step

ANN = CreatableRenewers(principal_type="User", principal_name="ann")
GROUP = CreatableRenewers(principal_type="Group", principal_name="x")
BOB = CreatableRenewers(principal_type="User", principal_name="bob")


def create(
    *renewers: CreatableRenewers, lifetime_ms: int = -1, owner: str | None = None, kind: str = "User"
) -> Any:
    return CreateDelegationTokenRequest(
        owner_principal_type=None if owner is None else kind,
        owner_principal_name=owner,
        renewers=list(renewers),
        max_lifetime_ms=lifetime_ms,
    )


def renew(token: str | bytes, period_ms: int = -1) -> Any:
    if isinstance(token, bytes):
        return RenewDelegationTokenRequest(hmac=token, renew_period_ms=period_ms)
    return lambda answers: RenewDelegationTokenRequest(hmac=answers[token].hmac, renew_period_ms=period_ms)


def expire(token: str | bytes, period_ms: int = -1) -> Any:
    if isinstance(token, bytes):
        return ExpireDelegationTokenRequest(hmac=token, expiry_time_period_ms=period_ms)
    return lambda answers: ExpireDelegationTokenRequest(
        hmac=answers[token].hmac, expiry_time_period_ms=period_ms
    )


def show(*owners: str) -> Any:
    return DescribeDelegationTokenRequest(
        owners=[DescribeDelegationTokenOwner(principal_type="User", principal_name=name) for name in owners]
    )


EVERYBODYS = DescribeDelegationTokenRequest(owners=None)
NO_TOKEN = b"h" * 64

STEPS = [
    *(Step(f"create v{version}", create(ANN, lifetime_ms=1000), version) for version in (1, 2, 3)),
    Step("create: for another", create(owner="ann"), 3),
    Step("create: bad renewer", create(GROUP), 3),
    *(Step(f"renew v{version}", renew(NO_TOKEN), version) for version in (1, 2)),
    Step("renew: no hmac", renew(b""), 2),
    *(Step(f"expire v{version}", expire(NO_TOKEN), version) for version in (1, 2)),
    *(Step(f"describe v{version}: all", EVERYBODYS, version) for version in (1, 2, 3)),
    Step("describe: one", show("ann"), 3),
    Step("describe: none", show(), 3),
]


def login(name: str) -> list[Step]:
    """Steps that authenticate the connection of this name."""
    return [
        Step(f"login {name}: handshake", SaslHandshakeRequest(mechanism="PLAIN"), 1, 0, name),
        Step(
            f"login {name}", SaslAuthenticateRequest(auth_bytes=b"\0%b\0secret" % name.encode()), 2, 0, name
        ),
    ]


def by(name: str, *steps: Step) -> list[Step]:
    return [step._replace(connection=name) for step in steps]


KNOWN_STEPS = [
    *login("ann"),
    *login("bob"),
    *login("eve"),
    *by(
        "ann",
        Step("nothing yet", EVERYBODYS, 3),
        *(Step(f"made v{version}", create(BOB), version) for version in (1, 2, 3)),
        Step("made short", create(lifetime_ms=3_600_000), 3),
        Step("made too long", create(lifetime_ms=10**15), 3),
        Step("made with lifetime 0", create(lifetime_ms=0), 3),
        Step("made for 1 ms", create(BOB, lifetime_ms=1), 3, 300),
        Step("made: renewer of another type", create(GROUP), 3),
        Step("made: renewer of another type beside a good one", create(BOB, GROUP), 3),
        Step("made: owner of another type", create(owner="x", kind="Group"), 3),
        Step("made: empty owner", create(owner=""), 3),
        Step("made for bob", create(owner="bob"), 3),
        Step("made for ann herself", create(owner="ann"), 3),
        Step("renewed", renew("made v3"), 2),
        Step("renewed for an hour", renew("made v3", 3_600_000), 2),
        Step("renewed beyond the end", renew("made short", 10**15), 2),
        Step("renewed for 0", renew("made v1", 0), 2, 300),
        Step("renewed after it expired", renew("made v1"), 2),
        Step("renewed: made for 1 ms", renew("made for 1 ms"), 2),
        Step("renewed v1", renew("made v2"), 1),
        Step("renewed: unknown", renew(NO_TOKEN), 2),
        Step("renewed: no hmac", renew(b""), 2),
    ),
    *by(
        "bob",
        Step("renewed by a renewer", renew("made v2", 7_200_000), 2),
        Step("renewed own, made by another", renew("made for bob"), 2),
    ),
    *by("eve", Step("renewed by a stranger", renew("made v2"), 2), Step("expired by a stranger", expire("made v2"), 2)),
    *by("ann", Step("renewed by the requester", renew("made for bob"), 2)),
    *by(
        "ann",
        Step("shown: all", EVERYBODYS, 3),
        *(Step(f"shown v{version}", EVERYBODYS, version) for version in (1, 2)),
        Step("shown: mine", show("ann"), 3),
        Step("shown: bob's", show("bob"), 3),
        Step("shown: nobody's", show("zoe"), 3),
        Step("shown: none", show(), 3),
        Step("shown: both", show("ann", "bob"), 3),
    ),
    *by("bob", Step("shown to bob", EVERYBODYS, 3), Step("shown to bob: ann's", show("ann"), 3)),
    *by("eve", Step("shown to eve", EVERYBODYS, 3)),
    *by(
        "ann",
        Step("expire later", expire("made v3", 3_600_000), 2),
        Step("expire much later", expire("made v3", 10**15), 2),
        Step("expire at once", expire("made v3", 0), 2, 300),
        Step("expire again", expire("made v3", 5_000), 2),
        Step("delete", expire("made v2"), 2),
        Step("delete again", expire("made v2"), 2),
        Step("delete an expired one", expire("made v3"), 1),
        Step("expire unknown", expire(NO_TOKEN), 2),
        Step("shown at the end", EVERYBODYS, 3),
    ),
]  # fmt: skip

JAAS = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required username=admin password=secret "
    "user_admin=secret user_ann=secret user_bob=secret user_eve=secret user_script=secret;"
)
SASL = {
    "listener.security.protocol.map": "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.plaintext.plain.sasl.jaas.config": JAAS,
}
SECRET = {"delegation.token.secret.key": "secret"}

SWITCHED_OFF = Script(STEPS)
SCRIPT = Script(STEPS, SECRET)
KNOWN = Script(KNOWN_STEPS, SECRET, SASL)
KNOWN_OFF = Script([*login("script"), *STEPS], {}, SASL)
FREE = frozenset({"token_id", "hmac"})
