"""SCRAM credentials: AlterUserScramCredentials and DescribeUserScramCredentials."""

from __future__ import annotations

from neuraxis.wire.messages import alter_user_scram_credentials as alter
from neuraxis.wire.messages import describe_user_scram_credentials as describe
from tests.broker.scripts.player import Script, Step

SHA_256, SHA_512 = 1, 2


def put(
    name: str,
    mechanism: int = SHA_256,
    iterations: int = 4096,
    salt: bytes = b"salt",
    salted: bytes = b"p" * 32,
) -> alter.ScramCredentialUpsertion:
    return alter.ScramCredentialUpsertion(
        name=name, mechanism=mechanism, iterations=iterations, salt=salt, salted_password=salted
    )


def drop(name: str, mechanism: int = SHA_256) -> alter.ScramCredentialDeletion:
    return alter.ScramCredentialDeletion(name=name, mechanism=mechanism)


def change(
    *items: alter.ScramCredentialUpsertion | alter.ScramCredentialDeletion,
) -> alter.AlterUserScramCredentialsRequest:
    return alter.AlterUserScramCredentialsRequest(
        deletions=[item for item in items if isinstance(item, alter.ScramCredentialDeletion)],
        upsertions=[item for item in items if isinstance(item, alter.ScramCredentialUpsertion)],
    )


def show(*names: str) -> describe.DescribeUserScramCredentialsRequest:
    return describe.DescribeUserScramCredentialsRequest(
        users=[describe.UserName(name=name) for name in names]
    )


EVERYBODY = describe.DescribeUserScramCredentialsRequest(users=None)

CHANGES = [
    ("256", change(put("ann"))),
    ("512", change(put("ann", SHA_512, 8192, salted=b"q" * 64))),
    ("again", change(put("ann", SHA_256, 5000))),
    ("two users", change(put("bob"), put("eve", SHA_512, 16384))),
    ("both mechanisms", change(put("dan"), put("dan", SHA_512))),
    ("twice", change(put("fay"), put("fay"))),
    ("twice and another", change(put("fay"), put("fay"), put("gus"))),
    ("put and drop", change(put("ann"), drop("ann"))),
    ("put one, drop the other", change(put("bob", SHA_512), drop("bob"))),
    ("drop twice", change(drop("dan"), drop("dan"))),
    ("iterations 4095", change(put("x", iterations=4095))),
    ("iterations 512 4095", change(put("x", SHA_512, iterations=4095))),
    ("iterations 16385", change(put("x", iterations=16385))),
    ("iterations 0", change(put("x", iterations=0))),
    ("iterations -1", change(put("x", iterations=-1))),
    ("mechanism 0", change(put("x", 0))),
    ("mechanism 3", change(put("x", 3))),
    ("mechanism -1", change(put("x", -1))),
    ("empty user", change(put(""))),
    ("empty user dropped", change(drop(""))),
    ("empty salt", change(put("y1", salt=b""))),
    ("empty password", change(put("y2", salted=b""))),
    ("short password", change(put("y3", salted=b"p"))),
    ("password of 512 for 256", change(put("y4", salted=b"p" * 64))),
    ("drop unknown user", change(drop("nobody"))),
    ("drop other mechanism", change(drop("eve"))),
    ("drop mechanism 3", change(drop("ann", 3))),
    ("a good and a bad of one user", change(put("z1"), put("z1", SHA_512, 1))),
    ("a good and an unknown mechanism", change(put("z2"), put("z2", 7))),
    ("a good user and a bad one", change(put("z3"), put("z4", iterations=1), drop("nobody"))),
    ("bad iterations and a missing one", change(put("z5", iterations=1), drop("z5", SHA_512))),
    ("strange name", change(put("CN=a b,O=c"))),
    ("nothing", change()),
    ("drop", change(drop("ann", SHA_512))),
]
STEPS = [
    Step("nobody yet", EVERYBODY, 0),
    *(Step(f"change: {name}", request, 0) for name, request in CHANGES),
    Step("everybody", EVERYBODY, 0),
    Step("an empty list", show(), 0),
    Step("one", show("ann"), 0),
    Step("some", show("dan", "nobody", "ann"), 0),
    Step("twice", show("dan", "dan"), 0),
    Step("thrice and another", show("dan", "dan", "dan", "ann"), 0),
    Step("unknown twice", show("nobody", "nobody"), 0),
    Step("empty name", show(""), 0),
    Step("change: drop the last", change(drop("ann")), 0),
    Step("dropped", show("ann"), 0),
]

SCRIPT = Script(STEPS)
