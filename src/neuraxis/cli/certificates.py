"""A small certificate authority: what `neuraxis up --secure` needs to give a broker a name that clients can check.

Rule of the file: it makes PEM and reads PEM; files, directories and clocks belong to the caller.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

AUTHORITY_DAYS = 3650
"""An authority of one's own is replaced by hand, on every client: ten years are one generation of machines."""
SERVER_DAYS = 397
"""What browsers and phones accept at most; the broker renews its own at the next start."""
RENEW_DAYS = 30
"""A certificate that ends so soon is made anew at a start."""
BACKDATED = datetime.timedelta(minutes=5)
"""Clients whose clock is a little behind must not find it too young."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key and its certificate, both in PEM."""

    key: bytes
    certificate: bytes


def make_authority(name: str, now: datetime.datetime) -> Pair:
    """A new authority: an EC key and a certificate signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    return _signed(builder, key, key)


def make_certificate(authority: Pair, name: str, hosts: Sequence[str], now: datetime.datetime) -> Pair:
    """A certificate of the authority: for a server when there are hosts (names or addresses), else for a client."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    signer = serialization.load_pem_private_key(authority.key, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey), (
        "an authority has the kind of key that this module makes"
    )
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_name = str(issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, issuer_name, key.public_key(), now, SERVER_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    if hosts:
        names = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return _signed(builder, key, signer)


def serves(certificate: bytes, hosts: Sequence[str], now: datetime.datetime) -> bool:
    """Whether a server's certificate names all the hosts and does not end soon."""
    from cryptography import x509

    found = x509.load_pem_x509_certificate(certificate)
    if found.not_valid_after_utc - now < datetime.timedelta(days=RENEW_DAYS):
        return False
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return all(_alternative(host) in names for host in hosts)


def fingerprint(certificate: bytes) -> str:
    """The SHA-256 fingerprint, as people compare it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    return x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex(":").upper()


def _alternative(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    name: str, issuer: str, public: ec.EllipticCurvePublicKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> Pair:
    from cryptography.hazmat.primitives import hashes, serialization

    certificate = builder.sign(signer, hashes.SHA256())
    return Pair(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )
