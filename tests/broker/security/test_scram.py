from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from neuraxis.broker.coordinators.topics.cluster_facts import ScramCredential, Token
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.security.exchange import Accepted, Challenge, Outcome, Rejected, Waiting
from neuraxis.broker.security.scram import Directory, ScramServer, keys, parse_client_first
from neuraxis.broker.work import Now, perform_step
from neuraxis.client import sasl

NOW = Now(1_000, 1_750_000_000_000)
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
"""The salt of RFC 7677's example: user `user`, password `pencil`, 4,096 iterations."""
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="


def credential(password: str, hash_name: str, salt: bytes = SALT, iterations: int = 4096) -> ScramCredential:
    salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, iterations)
    return ScramCredential(salt, *keys(salted, hash_name), iterations)


TOKEN = Token(
    "User:ann", "User:ann", (), NOW.wall_ms - 5, NOW.wall_ms + 60_000, NOW.wall_ms + 90_000, b"\1" * 64
)


def directory() -> Directory:
    known = {("user", 1): credential("pencil", "sha256"), ("a,b=c", 2): credential("p", "sha512")}
    return Directory(
        lambda user, mechanism: known.get((user, mechanism)),
        lambda token_id, now: TOKEN if token_id == "tok" else None,
        b"secret",
    )


def performed(outcome: Outcome) -> Outcome:
    assert isinstance(outcome, Waiting)
    return outcome.then(perform_step(MemoryFs(), outcome.step), NOW)


def log_in(
    server: ScramServer, mechanism: str, user: str, password: str, *, by_token: bool = False
) -> Outcome:
    """A whole exchange with our own client; the client checks the server's last word."""
    client = sasl.exchange(mechanism, user, password, "fyko+d2lbbFgONRv9qkxdawL", by_token=by_token)
    message = next(client)
    while True:
        outcome = server.step(message, NOW)
        if isinstance(outcome, Waiting):
            outcome = performed(outcome)
        if isinstance(outcome, Accepted):
            with pytest.raises(StopIteration):
                client.send(outcome.data)
            return outcome
        if isinstance(outcome, Rejected):
            return outcome
        assert isinstance(outcome, Challenge)
        message = client.send(outcome.data)


def test_the_example_of_rfc_7677_is_accepted_word_for_word() -> None:
    server = ScramServer("SCRAM-SHA-256", directory(), SERVER_NONCE)
    first = server.step(FIRST, NOW)
    assert first == Challenge(
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    last = server.step(FINAL, NOW)
    assert isinstance(last, Accepted)
    assert last.identity.name == "user"
    assert last.data == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_names_with_commas_and_equals_signs_are_escaped() -> None:
    found = log_in(ScramServer("SCRAM-SHA-512", directory(), "x"), "SCRAM-SHA-512", "a,b=c", "p")
    assert isinstance(found, Accepted)
    assert found.identity.name == "a,b=c"


def test_an_unknown_user_and_a_wrong_password_look_the_same_and_only_the_log_knows() -> None:
    wrong = log_in(ScramServer("SCRAM-SHA-256", directory(), "x"), "SCRAM-SHA-256", "user", "pen")
    unknown = log_in(ScramServer("SCRAM-SHA-256", directory(), "x"), "SCRAM-SHA-256", "nobody", "pen")
    assert isinstance(wrong, Rejected)
    assert isinstance(unknown, Rejected)
    assert wrong.told == unknown.told
    assert wrong.reason != unknown.reason


def test_an_unknown_user_has_the_same_salt_each_time() -> None:
    first = [ScramServer("SCRAM-SHA-256", directory(), "x").step(b"n,,n=who,r=y", NOW) for _ in range(2)]
    assert first[0] == first[1]


def test_a_token_is_its_owner_until_it_expires() -> None:
    password = base64.b64encode(TOKEN.hmac).decode()
    server = ScramServer("SCRAM-SHA-512", directory(), "x")
    found = log_in(server, "SCRAM-SHA-512", "tok", password, by_token=True)
    assert isinstance(found, Accepted)
    assert (found.identity.name, found.identity.ends_ms, found.identity.by_token) == (
        "ann",
        TOKEN.expiry_ms,
        True,
    )


def test_a_token_that_is_not_there_or_has_another_hmac_is_refused() -> None:
    for name in ("tok", "other"):
        server = ScramServer("SCRAM-SHA-256", directory(), "x")
        assert isinstance(log_in(server, "SCRAM-SHA-256", name, "wrong", by_token=True), Rejected)


def test_the_users_passwords_do_not_open_tokens_nor_the_other_way_round() -> None:
    server = ScramServer("SCRAM-SHA-256", directory(), "x")
    assert isinstance(log_in(server, "SCRAM-SHA-256", "user", "pencil", by_token=True), Rejected)
    password = base64.b64encode(TOKEN.hmac).decode()
    server = ScramServer("SCRAM-SHA-256", directory(), "x")
    assert isinstance(log_in(server, "SCRAM-SHA-256", "tok", password), Rejected)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"n",
        b"n,,",
        b"n,,n=user",
        b"n,,n=user,r=",
        b"p=tls-unique,,n=user,r=x",
        b"n,b=user,n=user,r=x",
        b"n,,n=us=er,r=x",
        b"n,,n=us=2cer,r=x",
        b"\xff\xfe",
        b"n,,m=ext,n=user,r=x",
    ],
)
def test_an_opening_that_the_rfc_does_not_know_is_refused(message: bytes) -> None:
    assert isinstance(ScramServer("SCRAM-SHA-256", directory(), "x").step(message, NOW), Rejected)


def proof_for(final: bytes) -> bytes:
    """The example's final message with a proof that is right for what it says."""
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", SALT, 4096)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    signed = b",".join((FIRST[3:], first, final))
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    return base64.b64encode(bytes(one ^ other for one, other in zip(client_key, signature, strict=True)))


@pytest.mark.parametrize(
    "final",
    [
        b"c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",  # y,, where n,, was said
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k1",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    ],
)
def test_a_right_proof_of_other_words_is_refused(final: bytes) -> None:
    server = ScramServer("SCRAM-SHA-256", directory(), SERVER_NONCE)
    server.step(FIRST, NOW)
    assert isinstance(server.step(final + b",p=" + proof_for(final), NOW), Rejected)


@pytest.mark.parametrize(
    "proof", [b"", b"!!", b"AAAA", base64.b64encode(bytes(32)), base64.b64encode(bytes(33))]
)
def test_a_wrong_proof_is_refused(proof: bytes) -> None:
    server = ScramServer("SCRAM-SHA-256", directory(), SERVER_NONCE)
    server.step(FIRST, NOW)
    assert isinstance(server.step(FINAL.rpartition(b",p=")[0] + b",p=" + proof, NOW), Rejected)


def test_acting_for_somebody_else_is_refused_and_for_oneself_is_not() -> None:
    for message, kind in ((b"n,a=root,n=user,r=x", Rejected), (b"n,a=user,n=user,r=x", Challenge)):
        assert isinstance(ScramServer("SCRAM-SHA-256", directory(), "x").step(message, NOW), kind)


def test_the_opening_is_taken_apart() -> None:
    found = parse_client_first("y,a=x=2Cy,n=a=3Db,r=abc,ext=1,tokenauth=TRUE")
    assert (found.header, found.authorization_id, found.user, found.nonce, found.by_token) == (
        "y,a=x=2Cy,",
        "x,y",
        "a=b",
        "abc",
        True,
    )
