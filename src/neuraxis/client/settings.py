"""Where the cluster is and how to reach it: one frozen value, read from arguments, environment and a file.

The rule of the file: an argument beats the environment, the environment beats the file, the file beats the
default. Nothing else in the package reads a `NEURAXIS_*` variable for the connection.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from neuraxis.client import properties
from neuraxis.client.errors import ClientError

DEFAULT_BOOTSTRAP = "127.0.0.1:9092"
ENVIRONMENT_PREFIX = "NEURAXIS_"

# Our field -> librdkafka's configuration name. Only what is set is passed on, so librdkafka's defaults stay its own.
_LIBRDKAFKA_NAMES = {
    "bootstrap": "bootstrap.servers",
    "client_id": "client.id",
    "security_protocol": "security.protocol",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_username": "sasl.username",
    "sasl_password": "sasl.password",
    "ssl_ca_file": "ssl.ca.location",
    "ssl_certificate_file": "ssl.certificate.location",
    "ssl_key_file": "ssl.key.location",
    "ssl_key_password": "ssl.key.password",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach a cluster. Secrets never show in `repr`.

    `sasl_token` is "true" when user name and password are a delegation token's id and HMAC. `extra` holds any further
    librdkafka setting by its own name and wins over everything else.
    """

    bootstrap: str = DEFAULT_BOOTSTRAP
    client_id: str = "neuraxis"
    security_protocol: str | None = None
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    sasl_token: str | None = None
    ssl_ca_file: str | None = None
    ssl_certificate_file: str | None = None
    ssl_key_file: str | None = None
    ssl_key_password: str | None = field(default=None, repr=False)
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def load(
        cls,
        file: str | Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        **arguments: str | None,
    ) -> Settings:
        """Merge defaults, file, environment and arguments (None means "not given").

        The file is `file` or `$NEURAXIS_SETTINGS`. TOML: its top-level keys are the fields of this class, its table
        `[extra]` holds librdkafka settings. Or a property file as Kafka's own tools take it (`client.properties`).
        Raises ClientError naming the key and the file when one is unknown or not a string.
        """
        environment = os.environ if environment is None else environment
        names = {one.name for one in fields(cls)} - {"extra"}
        path = file or environment.get(f"{ENVIRONMENT_PREFIX}SETTINGS")
        values, extra = _read_file(Path(path), names) if path else ({}, {})
        for name in names:
            given = environment.get(ENVIRONMENT_PREFIX + name.upper())
            if given:
                values[name] = given
        unknown = sorted(arguments.keys() - names)
        if unknown:
            raise TypeError(f"Settings has no {', '.join(unknown)}; it has {', '.join(sorted(names))}")
        values.update({name: value for name, value in arguments.items() if value is not None})
        return cls(extra=extra, **values)

    @property
    def protocol(self) -> str:
        """The security protocol: the one given, else what was given says it: a user name is SASL, a CA or certificate TLS."""
        if self.security_protocol is not None:
            return self.security_protocol.upper()
        tls = self.ssl_ca_file is not None or self.ssl_certificate_file is not None
        if self.sasl_mechanism is not None or self.sasl_username is not None:
            return "SASL_SSL" if tls else "SASL_PLAINTEXT"
        return "SSL" if tls else "PLAINTEXT"

    @property
    def mechanism(self) -> str:
        """The SASL mechanism: the one given, else SCRAM-SHA-256."""
        return (self.sasl_mechanism or "SCRAM-SHA-256").upper()

    def librdkafka(self) -> dict[str, str]:
        """Return the librdkafka configuration of these settings (connection and security only)."""
        config = {
            name: str(value)
            for ours, name in _LIBRDKAFKA_NAMES.items()
            if (value := getattr(self, ours)) is not None
        }
        if self.security_protocol is None and self.protocol != "PLAINTEXT":
            config["security.protocol"] = self.protocol
        if self.protocol.startswith("SASL"):
            config.setdefault("sasl.mechanism", self.mechanism)
        if self.sasl_token == "true":
            raise ClientError(
                "librdkafka, which this command speaks with, cannot log in with a delegation token",
                "log in with a user's password, or use a Java client",
            )
        return config | dict(self.extra)


def _read_file(path: Path, names: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return (fields, extra) of a settings file; every refusal names the file and what to write instead."""
    try:
        text = path.read_text(encoding="utf-8")
        if _is_property_file(path, text):
            return properties.as_settings(properties.parse(text))
        content = tomllib.loads(text)
    except OSError as error:
        raise ClientError(
            f"cannot read the settings file {path}: {error.strerror}",
            f"create it with one line, for example:  bootstrap = '{DEFAULT_BOOTSTRAP}'",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClientError(
            f"{path} is not TOML: {error}", f"write lines such as:  bootstrap = '{DEFAULT_BOOTSTRAP}'"
        ) from error
    extra = content.pop("extra", {})
    unknown = sorted(content.keys() - names)
    if unknown or not isinstance(extra, dict):
        raise ClientError(
            f"{path} has an unknown key: {', '.join(unknown) or 'extra is not a table'}",
            f"use {', '.join(sorted(names))}, or put librdkafka's own names under [extra]",
        )
    for name, value in content.items():
        if not isinstance(value, str):
            raise ClientError(
                f"{name} in {path} is not a string", f"put its value in quotes: {name} = '{value}'"
            )
    return dict(content), {str(name): _as_text(value) for name, value in extra.items()}


def _is_property_file(path: Path, text: str) -> bool:
    """By its name; a file with another ending than .toml also by being none."""
    if path.suffix in (".properties", ".toml"):
        return path.suffix == ".properties"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return any(line.startswith(_PROPERTY_STARTS) for line in text.splitlines())
    return False


_PROPERTY_STARTS = ("bootstrap.servers", "security.protocol", "sasl.", "ssl.", "client.id")


def _as_text(value: object) -> str:
    """TOML has booleans and numbers; librdkafka takes text, and spells booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)
