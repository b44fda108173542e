from __future__ import annotations

import json
from typing import Any

import pytest

from neuraxis.broker.security.jwt import KeyUnknown, Rules, TokenRefused, parse_key_set, verify
from tests.broker.security.tokens import encode, jwk, key_set, number, rsa_key, token

NOW_S = 1_750_000_000
GOOD: dict[str, Any] = {
    "sub": "ann",
    "exp": NOW_S + 300,
    "iat": NOW_S - 5,
    "iss": "https://id.example",
    "aud": "kafka",
}
RULES = Rules(issuer="https://id.example", audiences=("kafka", "other"))
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS512", "ES256", "ES384", "ES512"]


def check(text: str, *entries: dict[str, str], rules: Rules = RULES) -> dict[str, Any]:
    keys = parse_key_set(key_set(*(entries or (jwk("RS256", "one"),))))
    return verify(text, keys, rules, NOW_S * 1000)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_checked(algorithm: str) -> None:
    good = token(GOOD, algorithm)
    assert check(good, jwk(algorithm, "one"))["sub"] == "ann"
    head, body, signature = good.split(".")
    forged = encode(json.dumps({**GOOD, "sub": "root"}).encode())
    for bad in (f"{head}.{forged}.{signature}", f"{head}.{body}.{signature[:-8]}AAAAAAAA", f"{head}.{body}."):
        with pytest.raises(TokenRefused, match="signature"):
            check(bad, jwk(algorithm, "one"))


def test_a_token_without_a_signature_is_nothing() -> None:
    with pytest.raises(TokenRefused, match="none"):
        check(token(GOOD, "none"))


def test_a_public_key_is_no_secret_of_a_symmetric_algorithm() -> None:
    _, body, signature = token(GOOD, "RS256").split(".")
    forged = encode(json.dumps({"alg": "HS256", "kid": "one"}).encode())
    with pytest.raises(TokenRefused, match="HS256"):
        check(f"{forged}.{body}.{signature}")


def test_a_key_bound_to_one_algorithm_takes_no_other() -> None:
    with pytest.raises(TokenRefused, match="signature"):
        check(token(GOOD, "RS256"), jwk("RS256", "one", alg="RS512"))
    with pytest.raises(TokenRefused, match="signature"):
        check(token(GOOD, "RS256"), jwk("ES256", "one"))


def test_an_unknown_key_id_asks_for_newer_keys_and_no_key_id_tries_them_all() -> None:
    with pytest.raises(KeyUnknown, match="other"):
        check(token(GOOD, key_id="other"))
    entries = (jwk("ES256", "a"), jwk("RS256", "b"))
    assert check(token(GOOD, key_id=None), *entries)["sub"] == "ann"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": NOW_S - 31}, "ended"),
        ({"exp": None}, "no end"),
        ({"exp": "tomorrow"}, "exp is no time"),
        ({"exp": True}, "exp is no time"),
        ({"exp": float("nan")}, "exp is no time"),
        ({"nbf": NOW_S + 31}, "future"),
        ({"iat": NOW_S + 31}, "future"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"aud": "web"}, "is for"),
        ({"aud": ["web", "mail"]}, "is for"),
        ({"aud": None}, "is for"),
        ({"sub": None}, "nobody"),
        ({"sub": "  "}, "nobody"),
        ({"scope": 5}, "scope"),
        ({"scope": ["a", 5]}, "scope"),
    ],
)
def test_claims_that_do_not_hold_are_refused(changes: dict[str, Any], why: str) -> None:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    with pytest.raises(TokenRefused, match=why):
        check(token(claims))


@pytest.mark.parametrize(
    "changes", [{"exp": NOW_S - 29}, {"nbf": NOW_S + 29}, {"aud": ["web", "kafka"]}, {"scope": ["a", "b"]}]
)
def test_claims_that_hold_within_the_clock_skew_are_taken(changes: dict[str, Any]) -> None:
    assert check(token({**GOOD, **changes}))["sub"] == "ann"


def test_the_subject_may_be_another_claim() -> None:
    assert (
        check(token({**GOOD, "client_id": "robot"}), rules=Rules(subject_claim="client_id"))["client_id"]
        == "robot"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c.d",
        "!.!.!",
        f"{encode(b'[]')}.{encode(b'{}')}.",
        f"{encode(b'[' * 100_000)}.{encode(b'{}')}.",
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        check(text)


def test_critical_extensions_are_refused() -> None:
    with pytest.raises(TokenRefused, match="crit"):
        check(token(GOOD, crit=["exp"]))


def test_keys_for_encryption_and_of_unknown_kinds_are_passed_over() -> None:
    entries = (jwk("RS256", "one", use="enc"), {"kty": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-192"})
    assert parse_key_set(key_set(*entries)) == []


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"keys": 5}', b'{"keys": [{"kty": "RSA"}]}'])
def test_what_is_no_key_set_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_key_set(data)


def test_a_short_rsa_key_is_refused() -> None:
    modulus = number(rsa_key().public_key().public_numbers().n >> 1024)
    with pytest.raises(ValueError, match="1024 bits"):
        parse_key_set(key_set({"kty": "RSA", "kid": "short", "n": modulus, "e": "AQAB"}))
