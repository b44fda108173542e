from __future__ import annotations

import pytest

from neuraxis.client import sasl
from neuraxis.client.errors import ClientError

NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"


def test_the_example_of_rfc_7677_is_sent_word_for_word() -> None:
    login = sasl.exchange("SCRAM-SHA-256", "user", "pencil", NONCE)
    assert next(login) == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert login.send(SERVER_FIRST) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    with pytest.raises(StopIteration):
        login.send(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def test_a_broker_that_does_not_know_the_password_is_not_believed() -> None:
    login = sasl.exchange("SCRAM-SHA-256", "user", "pencil", NONCE)
    next(login)
    login.send(SERVER_FIRST)
    with pytest.raises(ClientError, match="prove"):
        login.send(b"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=AA==",
        b"r=other,s=AA==,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=999999999",
        b"r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096",
    ],
)
def test_what_is_no_answer_to_our_opening_ends_the_login(answer: bytes) -> None:
    login = sasl.exchange("SCRAM-SHA-512", "user", "pencil", NONCE)
    next(login)
    with pytest.raises(ClientError, match="SCRAM"):
        login.send(answer)


def test_names_are_escaped_and_a_token_says_that_it_is_one() -> None:
    assert (
        next(sasl.exchange("SCRAM-SHA-256", "a,b=c", "p", "x", by_token=True))
        == b"n,,n=a=2Cb=3Dc,r=x,tokenauth=true"
    )


def test_plain_and_bearer_tokens_are_one_message() -> None:
    assert next(sasl.exchange("PLAIN", "ann", "pencil", "")) == b"\0ann\0pencil"
    bearer = sasl.exchange("OAUTHBEARER", "", "a.b.c", "")
    assert next(bearer) == b"n,,\1auth=Bearer a.b.c\1\1"
    with pytest.raises(ClientError, match="invalid_token"):
        bearer.send(b'{"status":"invalid_token"}')


def test_a_mechanism_that_is_not_spoken_is_refused_with_those_that_are() -> None:
    with pytest.raises(ClientError, match="GSSAPI") as refused:
        sasl.exchange("GSSAPI", "", "", "")
    assert "PLAIN" in refused.value.next_step
