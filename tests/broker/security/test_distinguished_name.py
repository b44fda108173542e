from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from neuraxis.broker.security.distinguished_name import subject_of

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(subject: x509.Name) -> bytes:
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")]))
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


def named(*pairs: tuple[x509.ObjectIdentifier, str]) -> str:
    return subject_of(certificate(x509.Name([x509.NameAttribute(kind, value) for kind, value in pairs])))


def test_the_most_special_part_stands_first() -> None:
    assert (
        named((NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, "Org"), (NameOID.COMMON_NAME, "Duke"))
        == "CN=Duke,O=Org,C=US"
    )


def test_signs_with_a_meaning_are_escaped() -> None:
    assert named((NameOID.COMMON_NAME, 'a,b+c"d\\e<f>g;h')) == 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h'
    assert named((NameOID.COMMON_NAME, " #x ")) == "CN=\\ #x\\ "
    assert named((NameOID.COMMON_NAME, "#x")) == "CN=\\#x"
    assert named((NameOID.COMMON_NAME, "ü=1")) == "CN=ü=1"


def test_other_types_are_their_identifier_and_bytes() -> None:
    assert (
        named((NameOID.EMAIL_ADDRESS, "a@b"), (NameOID.COMMON_NAME, "x"))
        == "CN=x,1.2.840.113549.1.9.1=#1603614062"
    )


def test_parts_of_several_values_are_joined() -> None:
    pair = x509.RelativeDistinguishedName(
        [x509.NameAttribute(NameOID.COMMON_NAME, "x"), x509.NameAttribute(NameOID.USER_ID, "7")]
    )
    assert set(subject_of(certificate(x509.Name([pair]))).split("+")) == {"CN=x", "UID=7"}


def test_what_is_no_certificate_is_refused() -> None:
    good = certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")]))
    for bad in (b"", b"\x30", b"\x30\x00", good[:100], bytes(50)):
        with pytest.raises(ValueError, match="no certificate"):
            subject_of(bad)
