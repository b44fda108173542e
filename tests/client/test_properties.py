from __future__ import annotations

import pytest

from neuraxis.client.errors import ClientError
from neuraxis.client.properties import as_settings, parse

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"


def test_a_file_as_kafkas_tools_take_it_is_understood() -> None:
    text = f"""
# a comment
! another
bootstrap.servers = a:9092,b:9092
security.protocol: SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={SCRAM} \\
    username="ann" \\
    password="p=x:y";
ssl.truststore.location=/ca.pem
ssl.truststore.type=PEM
ssl.endpoint.identification.algorithm=
request.timeout.ms=5000
"""
    fields, extra = as_settings(parse(text))
    assert fields == {
        "bootstrap": "a:9092,b:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": "ann",
        "sasl_password": "p=x:y",
        "ssl_ca_file": "/ca.pem",
    }
    assert extra == {"ssl.endpoint.identification.algorithm": "none"}


def test_librdkafkas_names_are_understood_too() -> None:
    fields, _ = as_settings(
        parse("sasl.username=ann\nsasl.password=p\nssl.ca.location=/ca.pem\nsasl.mechanisms=PLAIN")
    )
    assert fields == {
        "sasl_username": "ann",
        "sasl_password": "p",
        "ssl_ca_file": "/ca.pem",
        "sasl_mechanism": "PLAIN",
    }


def test_a_pem_key_store_is_key_and_certificate_and_a_token_is_marked() -> None:
    fields, _ = as_settings(
        parse(
            "ssl.keystore.location=/me.pem\nssl.keystore.type=PEM\n"
            f'sasl.jaas.config={SCRAM} username="id" password="hmac" tokenauth="true";'
        )
    )
    assert fields["ssl_certificate_file"] == fields["ssl_key_file"] == "/me.pem"
    assert fields["sasl_token"] == "true"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ssl.truststore.location=/t.jks", "JKS"),
        ("ssl.keystore.location=/t.p12\nssl.keystore.type=PKCS12", "PKCS12"),
        ("sasl.jaas.config=nonsense", "jaas"),
        ("security.protocol", "no value"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_the_next_step(text: str, why: str) -> None:
    with pytest.raises(ClientError, match=why) as refused:
        as_settings(parse(text))
    assert refused.value.next_step
