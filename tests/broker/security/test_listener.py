from __future__ import annotations

import pytest

from neuraxis.broker.security.listener import (
    PROTOCOLS,
    ListenerSecurity,
    check_config,
    config_name,
    listener_security,
)
from neuraxis.wire.errors import Refused

JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="pencil";'
STORE = {"ssl.keystore.location": "/k.pem"}


def security(protocol: str = "SASL_PLAINTEXT", **configs: str) -> ListenerSecurity:
    texts = {name.replace("__", "-").replace("_", "."): value for name, value in configs.items()}
    return listener_security("INSIDE", protocol, texts)


def test_plain_text_asks_for_nothing() -> None:
    assert security("PLAINTEXT").open
    assert not security().open
    assert not listener_security("X", "SSL", STORE).open


def test_a_listeners_own_config_goes_before_the_common_one_and_a_mechanisms_before_both() -> None:
    configs = {
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.inside.sasl.enabled.mechanisms": "PLAIN, SCRAM-SHA-256",
        "connections.max.reauth.ms": "1000",
        "listener.name.inside.connections.max.reauth.ms": "2000",
        "listener.name.inside.scram-sha-256.connections.max.reauth.ms": "3000",
        "listener.name.inside.plain.sasl.jaas.config": JAAS,
    }
    found = listener_security("INSIDE", "SASL_PLAINTEXT", configs)
    assert found.mechanisms == ("PLAIN", "SCRAM-SHA-256")
    assert found.lifetimes_ms == {"PLAIN": 2000, "SCRAM-SHA-256": 3000}
    assert found.plain_users == {"ann": "pencil"}
    assert listener_security("OTHER", "SASL_PLAINTEXT", configs).plain_users == {}


def test_kafkas_default_mechanism_is_replaced_and_asking_for_it_is_refused() -> None:
    assert security().mechanisms == ("SCRAM-SHA-256", "SCRAM-SHA-512")
    with pytest.raises(ValueError, match="GSSAPI"):
        security(sasl_enabled_mechanisms="GSSAPI,PLAIN")


@pytest.mark.parametrize(
    ("protocol", "configs", "why"),
    [
        ("TLS", {}, "no security protocol"),
        ("SSL", {}, r"ssl\.keystore\.location"),
        ("SSL", {**STORE, "ssl.client.auth": "required"}, r"ssl\.truststore\.location"),
        ("SSL", {**STORE, "ssl.enabled.protocols": "TLSv1.1"}, r"TLSv1\.2"),
        ("SSL", {**STORE, "ssl.principal.mapping.rules": "RULE:"}, "no rule"),
        ("SASL_PLAINTEXT", {"sasl.enabled.mechanisms": ""}, "empty"),
        ("SASL_PLAINTEXT", {"sasl.enabled.mechanisms": "OAUTHBEARER"}, "jwks"),
        (
            "SASL_PLAINTEXT",
            {"sasl.enabled.mechanisms": "PLAIN", "sasl.jaas.config": "x.PlainLoginModule"},
            "jaas",
        ),
    ],
)
def test_what_cannot_be_served_is_said_with_the_config_to_set(
    protocol: str, configs: dict[str, str], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        listener_security("INSIDE", protocol, configs)


def test_beside_sasl_only_the_listeners_own_config_asks_for_certificates() -> None:
    configs = {**STORE, "ssl.client.auth": "required", "ssl.truststore.location": "/t.pem"}
    plain, sasl = (listener_security("INSIDE", protocol, configs).tls for protocol in ("SSL", "SASL_SSL"))
    assert plain is not None
    assert plain.client_auth == "required"
    assert sasl is not None
    assert sasl.client_auth == "none"
    own = listener_security(
        "INSIDE", "SASL_SSL", {**configs, "listener.name.inside.ssl.client.auth": "required"}
    ).tls
    assert own is not None
    assert own.client_auth == "required"


def test_secrets_are_not_shown() -> None:
    configs = {
        **STORE,
        "ssl.key.password": "hidden",
        "ssl.keystore.password": "hidden",
        "sasl.jaas.config": JAAS,
    }
    shown = repr(listener_security("INSIDE", "SASL_SSL", {**configs, "sasl.enabled.mechanisms": "PLAIN"}))
    assert "hidden" not in shown
    assert "pencil" not in shown


def test_names_with_a_listener_in_front_are_checked_as_what_they_are_about() -> None:
    assert config_name("listener.name.inside.ssl.client.auth") == "ssl.client.auth"
    assert config_name("listener.name.inside.scram-sha-512.sasl.jaas.config") == "sasl.jaas.config"
    assert config_name("num.partitions") == "num.partitions"
    check_config("listener.name.inside.ssl.client.auth", "required")
    for name, value in (
        ("listener.name.inside.ssl.client.auth", "maybe"),
        ("listener.name.inside.ssl.x", "1"),
    ):
        with pytest.raises(Refused, match="ssl"):
            check_config(name, value)


def test_the_protocols_are_kafkas_four() -> None:
    assert set(PROTOCOLS) == {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}
