"""What a listener asks of its clients: Kafka's security configs, each also per listener and per mechanism, as values.

A config is looked for as `listener.name.LISTENER.MECHANISM.CONFIG` (where it is one of a mechanism), then as
`listener.name.LISTENER.CONFIG`, then by its own name; listener and mechanism in lower case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.config_table import ALL_BROKER_CONFIGS, check_broker_config
from neuraxis.broker.config_table.values import parse
from neuraxis.broker.security.jwt import Rules
from neuraxis.broker.security.mapping import MappingRule, parse_rules
from neuraxis.wire import jaas
from neuraxis.wire.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
"""What is served. GSSAPI (Kerberos), Kafka's default, is not."""
DEFAULT_MECHANISMS = "SCRAM-SHA-256,SCRAM-SHA-512"
"""Where nothing is said: both keep the password from the broker's eyes."""
TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")
PREFIX = "listener.name."
_PREFIXED = re.compile(
    rf"listener\.name\.[^.]+\.(?:(?:{'|'.join(one.lower() for one in MECHANISMS)})\.)?(.+)"
)


def config_name(name: str) -> str:
    """The config that a name with a listener in front is about; any other name is its own."""
    found = _PREFIXED.fullmatch(name)
    return found.group(1) if found else name


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Where a listener's certificates are, and what is asked of clients. Texts of certificates may stand in the configs."""

    keystore: str = ""
    keystore_password: str = field(default="", repr=False)
    key_password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    certificate_chain: str = ""
    truststore: str = ""
    truststore_password: str = field(default="", repr=False)
    trusted: str = ""
    client_auth: str = "none"
    versions: tuple[str, ...] = TLS_VERSIONS
    cipher_suites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListenerSecurity:
    """One listener's demands. `tls` None: plain text; `mechanisms` empty: no SASL.

    `lifetimes_ms` is after how long a client must log in again, by mechanism; 0 never.
    """

    name: str
    tls: TlsSettings | None = None
    mechanisms: tuple[str, ...] = ()
    principal_rules: tuple[MappingRule, ...] = ()
    lifetimes_ms: Mapping[str, int] = field(default_factory=dict)
    plain_users: Mapping[str, str] = field(default_factory=dict, repr=False)
    oauth: Rules = field(default_factory=Rules)
    jwks_url: str = ""
    jwks_refresh_ms: int = 3_600_000
    jwks_retry_ms: int = 100

    @property
    def open(self) -> bool:
        """Whether anybody may speak at once, as nobody in particular."""
        return self.tls is None and not self.mechanisms


class _Configs:
    """Looks configs up for one listener."""

    def __init__(self, listener: str, configs: Mapping[str, str]) -> None:
        self._configs = configs
        self._prefix = f"{PREFIX}{listener.lower()}."

    def text(self, name: str, mechanism: str = "", *, own: bool = False) -> str:
        names = [f"{self._prefix}{name}"] if own else [f"{self._prefix}{name}", name]
        if mechanism:
            names.insert(0, f"{self._prefix}{mechanism.lower()}.{name}")
        for one in names:
            if one in self._configs:
                return self._configs[one]
        return ALL_BROKER_CONFIGS[name].default or ""

    def words(self, name: str, mechanism: str = "") -> tuple[str, ...]:
        return tuple(one.strip() for one in self.text(name, mechanism).split(",") if one.strip())

    def integer(self, name: str, mechanism: str = "") -> int:
        value = parse(ALL_BROKER_CONFIGS[name], self.text(name, mechanism))
        assert isinstance(value, int), f"{name} is no whole number"
        return value


def listener_security(name: str, protocol: str, configs: Mapping[str, str]) -> ListenerSecurity:
    """The demands of a listener. Raises ValueError that names the config and the next step."""
    if protocol not in PROTOCOLS:
        raise ValueError(
            f"listener {name}: there is no security protocol {protocol!r}: {', '.join(PROTOCOLS)}"
        )
    found = _Configs(name, configs)
    tls = _tls(name, found, protocol) if protocol.endswith("SSL") else None
    if not protocol.startswith("SASL"):
        rules = parse_rules(found.text("ssl.principal.mapping.rules")) if tls else ()
        return ListenerSecurity(name, tls, principal_rules=rules)
    mechanisms = _mechanisms(name, found)
    return ListenerSecurity(
        name,
        tls,
        mechanisms,
        lifetimes_ms={one: max(0, found.integer("connections.max.reauth.ms", one)) for one in mechanisms},
        plain_users=_plain_users(name, found) if "PLAIN" in mechanisms else {},
        oauth=Rules(
            issuer=found.text("sasl.oauthbearer.expected.issuer", "OAUTHBEARER") or None,
            audiences=found.words("sasl.oauthbearer.expected.audience", "OAUTHBEARER"),
            clock_skew_s=found.integer("sasl.oauthbearer.clock.skew.seconds", "OAUTHBEARER"),
            scope_claim=found.text("sasl.oauthbearer.scope.claim.name", "OAUTHBEARER"),
            subject_claim=found.text("sasl.oauthbearer.sub.claim.name", "OAUTHBEARER"),
        ),
        jwks_url=_jwks_url(name, found) if "OAUTHBEARER" in mechanisms else "",
        jwks_refresh_ms=found.integer("sasl.oauthbearer.jwks.endpoint.refresh.ms", "OAUTHBEARER"),
        jwks_retry_ms=found.integer("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "OAUTHBEARER"),
    )


def _mechanisms(name: str, found: _Configs) -> tuple[str, ...]:
    mechanisms = found.words("sasl.enabled.mechanisms")
    if mechanisms == ("GSSAPI",):  # Kafka's default: nobody asked for it
        mechanisms = tuple(DEFAULT_MECHANISMS.split(","))
    for one in mechanisms:
        if one not in MECHANISMS:
            raise ValueError(
                f"listener {name}: the SASL mechanism {one!r} is not served; "
                f"set sasl.enabled.mechanisms to some of {', '.join(MECHANISMS)}"
            )
    if not mechanisms:
        raise ValueError(f"listener {name}: sasl.enabled.mechanisms is empty; name at least one")
    return mechanisms


def _plain_users(name: str, found: _Configs) -> dict[str, str]:
    text = found.text("sasl.jaas.config", "PLAIN")
    if not text or "PlainLoginModule" not in text:
        return {}
    try:
        return jaas.given_users(text)
    except ValueError as error:
        raise ValueError(f"listener {name}: sasl.jaas.config of PLAIN cannot be read: {error}") from error


def _jwks_url(name: str, found: _Configs) -> str:
    url = found.text("sasl.oauthbearer.jwks.endpoint.url", "OAUTHBEARER")
    if not url:
        raise ValueError(
            f"listener {name}: OAUTHBEARER needs sasl.oauthbearer.jwks.endpoint.url, the URL (or file: URL) "
            "of the key set that tokens are signed with; tokens without a signature are not taken"
        )
    return url


def _tls(name: str, found: _Configs, protocol: str) -> TlsSettings:
    settings = TlsSettings(
        keystore=found.text("ssl.keystore.location"),
        keystore_password=found.text("ssl.keystore.password"),
        key_password=found.text("ssl.key.password"),
        key=found.text("ssl.keystore.key"),
        certificate_chain=found.text("ssl.keystore.certificate.chain"),
        truststore=found.text("ssl.truststore.location"),
        truststore_password=found.text("ssl.truststore.password"),
        trusted=found.text("ssl.truststore.certificates"),
        # As in Kafka (KIP-684): beside SASL only a config of the listener itself asks for client certificates.
        client_auth=found.text("ssl.client.auth", own=protocol.startswith("SASL")).lower(),
        versions=found.words("ssl.enabled.protocols"),
        cipher_suites=found.words("ssl.cipher.suites"),
    )
    if not settings.keystore and not (settings.key and settings.certificate_chain):
        raise ValueError(
            f"listener {name}: TLS needs a certificate: set ssl.keystore.location to a PEM file with the private "
            "key and the certificate chain, or let `neuraxis up --secure` make everything"
        )
    if not settings.versions or not set(settings.versions) <= set(TLS_VERSIONS):
        raise ValueError(f"listener {name}: ssl.enabled.protocols takes {' and '.join(TLS_VERSIONS)}")
    if settings.client_auth != "none" and not (settings.truststore or settings.trusted):
        raise ValueError(
            f"listener {name}: ssl.client.auth={settings.client_auth} needs ssl.truststore.location, "
            "a PEM file with the authorities whose client certificates are taken"
        )
    return settings


def check_config(name: str, value: str) -> None:
    """Check a broker config, with or without a listener's name in front. Raises Refused (40)."""
    base = config_name(name)
    try:
        check_broker_config(base, value)
    except Refused as refused:
        if base == name:
            raise
        raise Refused(refused.code, f"{name}: {refused.message}") from refused
