"""Makes key sets and signed tokens for tests, with the library's own signing."""

from __future__ import annotations

import base64
import functools
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {
    "ES256": ("P-256", ec.SECP256R1(), 32),
    "ES384": ("P-384", ec.SECP384R1(), 48),
    "ES512": ("P-521", ec.SECP521R1(), 66),
}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@functools.cache
def rsa_key(name: str = "one") -> rsa.RSAPrivateKey:
    del name
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def ec_key(algorithm: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVES[algorithm][1])


def jwk(algorithm: str, key_id: str, **others: str) -> dict[str, str]:
    """The public half as an entry of a key set."""
    if algorithm[0] in "RP":
        numbers = rsa_key().public_key().public_numbers()
        return {"kty": "RSA", "kid": key_id, "n": number(numbers.n), "e": number(numbers.e), **others}
    curve, _, size = CURVES[algorithm]
    point = ec_key(algorithm).public_key().public_numbers()
    x, y = (encode(value.to_bytes(size, "big")) for value in (point.x, point.y))
    return {"kty": "EC", "crv": curve, "kid": key_id, "x": x, "y": y, **others}


def key_set(*entries: dict[str, str]) -> bytes:
    return json.dumps({"keys": entries}).encode()


def token(claims: dict[str, Any], algorithm: str = "RS256", key_id: str | None = "one", **header: Any) -> str:
    """A signed token. `none` is signed with nothing."""
    head = {"alg": algorithm, "typ": "JWT", **({} if key_id is None else {"kid": key_id}), **header}
    signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
    return f"{signed}.{encode(_signature(algorithm, signed.encode()))}"


def _signature(algorithm: str, data: bytes) -> bytes:
    if algorithm == "none":
        return b""
    hashing = HASHES[algorithm[2:]]
    if algorithm.startswith("RS"):
        return rsa_key().sign(data, padding.PKCS1v15(), hashing)
    if algorithm.startswith("PS"):
        scheme = padding.PSS(padding.MGF1(hashing), padding.PSS.DIGEST_LENGTH)
        return rsa_key().sign(data, scheme, hashing)
    size = CURVES[algorithm][2]
    r, s = utils.decode_dss_signature(ec_key(algorithm).sign(data, ec.ECDSA(hashing)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")
