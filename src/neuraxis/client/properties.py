"""Kafka's client property files (`client.properties`, what Kafka's tools take as --command-config) as our settings.

Java's names and librdkafka's are both understood. What tunes a Java client and says nothing about the connection is
passed over; what we cannot honour (key stores that are not PEM) is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from neuraxis.client.errors import ClientError
from neuraxis.wire import jaas

FIELDS = {
    "bootstrap.servers": "bootstrap",
    "client.id": "client_id",
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "sasl_username",
    "sasl.password": "sasl_password",
    "ssl.ca.location": "ssl_ca_file",
    "ssl.truststore.location": "ssl_ca_file",
    "ssl.certificate.location": "ssl_certificate_file",
    "ssl.key.location": "ssl_key_file",
    "ssl.key.password": "ssl_key_password",
}
IDENTIFICATION = "ssl.endpoint.identification.algorithm"
PASSED_ON = ("sasl.oauthbearer.", "enable.ssl.", IDENTIFICATION)
JAVA_ONLY = ("sasl.oauthbearer.jwks.", "sasl.oauthbearer.jwt.", "sasl.oauthbearer.expected.")


def parse(text: str) -> dict[str, str]:
    """The pairs of a property file: `name=value`, `name: value`, comments with # or !, lines continued with a backslash."""
    pairs: dict[str, str] = {}
    pending = ""
    for line in text.splitlines():
        line = pending + line.lstrip()
        pending = ""
        if not line or line[0] in "#!":
            continue
        if line.endswith("\\") and not line.endswith("\\\\"):
            pending = line[:-1]
            continue
        ends = [line.find(sign) for sign in "=:" if sign in line]
        if not ends:
            raise ClientError(
                f"{line.split()[0]!r} has no value", "write lines such as: security.protocol=SASL_SSL"
            )
        end = min(ends)
        pairs[line[:end].strip()] = line[end + 1 :].strip().replace("\\\\", "\\")
    return pairs


def as_settings(pairs: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The pairs as (fields of Settings, further librdkafka settings). Raises ClientError with the next step."""
    fields: dict[str, str] = {}
    extra: dict[str, str] = {}
    for name, value in pairs.items():
        if name in FIELDS:
            fields[FIELDS[name]] = value
        elif name == IDENTIFICATION:
            extra[name] = value or "none"  # Java switches the check off with nothing, librdkafka with a word
        elif name.startswith(PASSED_ON) and not name.startswith(JAVA_ONLY):
            extra[name] = value
    for store in ("truststore", "keystore"):
        kind = pairs.get(f"ssl.{store}.type", "JKS" if f"ssl.{store}.location" in pairs else "PEM")
        if kind != "PEM":
            raise ClientError(
                f"ssl.{store}.location is a {kind} store, which only Java reads",
                f"make it PEM, and add the line ssl.{store}.type=PEM",
            )
    if "ssl.keystore.location" in pairs:
        fields["ssl_certificate_file"] = fields["ssl_key_file"] = pairs["ssl.keystore.location"]
    if "sasl.jaas.config" in pairs:
        fields |= _login(pairs["sasl.jaas.config"])
    return fields, extra


def _login(text: str) -> dict[str, str]:
    try:
        options = jaas.parse(text)
    except ValueError as error:
        raise ClientError(
            f"sasl.jaas.config cannot be read: {error}",
            'write: sasl.jaas.config=CLASS required username="..." password="...";',
        ) from error
    found = {f"sasl_{name}": options[name] for name in ("username", "password") if name in options}
    if options.get("tokenauth", "").lower() == "true":
        found["sasl_token"] = "true"
    return found
