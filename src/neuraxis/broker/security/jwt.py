"""Signed JSON web tokens (RFC 7515, 7517, 7519): the key set they are checked with, and what a claim set must say.

Rule of the file: a key checks only signatures of its own kind, whatever the token's header asks for, and `none` is no
algorithm. Signatures need the package `cryptography` (`pip install 'neuraxis[security]'`).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
EC_CURVES = {"ES256": ("P-256", 32), "ES384": ("P-384", 48), "ES512": ("P-521", 66)}
"""Algorithm -> curve and bytes of each half of a signature (RFC 7518, 3.4)."""
SMALLEST_RSA_BITS = 2048
"""RFC 7518 3.3 asks for it, and so does anybody who fears factoring."""
PARTS = 3


class TokenRefused(Exception):
    """The token proves nothing; the text says why, for our log."""


class KeyUnknown(TokenRefused):
    """The key set has no key of the token's id: a newer key set may have."""


Claims = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of a key set. `algorithm` is what it is bound to, None for any of its kind."""

    id: str | None
    algorithm: str | None
    kind: str
    curve: str
    public: RSAPublicKey | EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Rules:
    """What a claim set must say. `audiences` empty and `issuer` None ask for nothing."""

    issuer: str | None = None
    audiences: Sequence[str] = ()
    clock_skew_s: int = 30
    scope_claim: str = "scope"
    subject_claim: str = "sub"


def parse_key_set(data: bytes) -> list[Key]:
    """The signature keys of a JSON web key set; keys of other kinds are passed over. Raises ValueError for no key set."""
    document = json.loads(data)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError('it is no key set: a JSON object with a list "keys" is expected')
    return [key for entry in entries if isinstance(entry, dict) and (key := _key(entry)) is not None]


def _key(entry: Mapping[str, Any]) -> Key | None:  # Any: JSON
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if entry.get("use", "sig") != "sig":
        return None
    kind, key_id, algorithm = entry.get("kty"), entry.get("kid"), entry.get("alg")
    public: RSAPublicKey | EllipticCurvePublicKey
    if kind == "RSA":
        public = rsa.RSAPublicNumbers(_number(entry, "e"), _number(entry, "n")).public_key()
        if public.key_size < SMALLEST_RSA_BITS:
            raise ValueError(f"key {key_id!r} has {public.key_size} bits; {SMALLEST_RSA_BITS} are the least")
        return Key(key_id, algorithm, "RSA", "", public)
    curves: dict[str, ec.EllipticCurve] = {
        "P-256": ec.SECP256R1(),
        "P-384": ec.SECP384R1(),
        "P-521": ec.SECP521R1(),
    }
    curve = str(entry.get("crv"))
    if kind == "EC" and curve in curves:
        numbers = ec.EllipticCurvePublicNumbers(_number(entry, "x"), _number(entry, "y"), curves[curve])
        return Key(key_id, algorithm, "EC", curve, numbers.public_key())
    return None


def _number(entry: Mapping[str, Any], name: str) -> int:  # Any: JSON
    text = entry.get(name)
    if not isinstance(text, str):
        raise ValueError(f"a key has no {name!r}")
    return int.from_bytes(_decode(text), "big")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def verify(token: str, keys: Sequence[Key], rules: Rules, wall_ms: int) -> Claims:
    """The claims of a token whose signature and claims are good. Raises TokenRefused; KeyUnknown asks for newer keys."""
    parts = token.split(".")
    if len(parts) != PARTS:
        raise TokenRefused("it is no signed token: three parts with dots between are expected")
    try:
        header, claims = json.loads(_decode(parts[0])), json.loads(_decode(parts[1]))
        signature = _decode(parts[2])
    except (ValueError, RecursionError) as error:  # nested a thousand deep: json's own limit
        raise TokenRefused(f"its parts are no base64url of JSON: {error}") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise TokenRefused("its header or its claims are no JSON object")
    if "crit" in header:
        raise TokenRefused("it asks for extensions (crit) that are not understood")
    _check_signature(header, keys, f"{parts[0]}.{parts[1]}".encode(), signature)
    _check_claims(claims, rules, wall_ms / 1000)
    return claims


def _check_signature(
    header: Mapping[str, Any],  # Any: JSON
    keys: Sequence[Key],
    signed: bytes,
    signature: bytes,
) -> None:
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not (algorithm in RSA_ALGORITHMS or algorithm in EC_CURVES):
        raise TokenRefused(f"it is signed with {algorithm!r}, which is not taken")
    named = [key for key in keys if key_id is None or key.id == key_id]
    if not named:
        raise KeyUnknown(f"the key set has no key {key_id!r}")
    fitting = [key for key in named if key.algorithm in (None, algorithm) and _fits(key, algorithm)]
    if not any(_signed_by(key, algorithm, signed, signature) for key in fitting):
        raise TokenRefused(f"its signature is not one of key {key_id!r} with {algorithm}")


def _fits(key: Key, algorithm: str) -> bool:
    if algorithm in RSA_ALGORITHMS:
        return key.kind == "RSA"
    return key.kind == "EC" and key.curve == EC_CURVES[algorithm][0]


def _signed_by(key: Key, algorithm: str, signed: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    by_size = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
    hashing = by_size[algorithm[2:]]
    try:
        if isinstance(key.public, rsa.RSAPublicKey):
            scheme = (
                padding.PKCS1v15()
                if algorithm.startswith("RS")
                else padding.PSS(padding.MGF1(hashing), padding.PSS.DIGEST_LENGTH)
            )
            key.public.verify(signature, signed, scheme, hashing)
            return True
        half = EC_CURVES[algorithm][1]
        if len(signature) != 2 * half:
            return False
        numbers = (int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
        key.public.verify(utils.encode_dss_signature(*numbers), signed, ec.ECDSA(hashing))
    except InvalidSignature:
        return False
    return True


def _check_claims(claims: Claims, rules: Rules, now_s: float) -> None:
    expiry = _time(claims, "exp")
    if expiry is None:
        raise TokenRefused("it has no end (exp)")
    if now_s >= expiry + rules.clock_skew_s:
        raise TokenRefused(f"it ended {now_s - expiry:.0f} s ago")
    for name in ("nbf", "iat"):
        start = _time(claims, name)
        if start is not None and start > now_s + rules.clock_skew_s:
            raise TokenRefused(f"it begins in the future ({name})")
    if rules.issuer is not None and claims.get("iss") != rules.issuer:
        raise TokenRefused(f"its issuer is {claims.get('iss')!r}, not {rules.issuer!r}")
    told = claims.get("aud")
    audiences = told if isinstance(told, list) else [told]
    if rules.audiences and not any(one in rules.audiences for one in audiences):
        raise TokenRefused(f"it is for {told!r}, not for {', '.join(rules.audiences)}")
    subject = claims.get(rules.subject_claim)
    if not isinstance(subject, str) or not subject.strip():
        raise TokenRefused(f"it names nobody ({rules.subject_claim})")
    scope = claims.get(rules.scope_claim, "")
    texts = scope if isinstance(scope, list) else [scope]
    if not all(isinstance(one, str) for one in texts):
        raise TokenRefused(f"its scope ({rules.scope_claim}) is neither a text nor a list of texts")


def _time(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -(2**53) < value < 2**53:
        raise TokenRefused(f"its {name} is no time")
    return float(value)
