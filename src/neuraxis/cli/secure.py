"""`neuraxis up --secure`: the authority, the broker's certificate, the first user and a ready client file, made once.

Rule of the file: everything lies in one directory that only its owner may enter, every file is 0600; what is there is
kept, so that clients stay valid. The broker keeps no password; the client file does, as it must.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from neuraxis.broker.coordinators.topics.cluster_facts import ScramCredential, ScramFact
from neuraxis.broker.security.scram import HASHES, ITERATIONS, NUMBERS, keys
from neuraxis.client import properties

ADMIN = "admin"
MECHANISM = "SCRAM-SHA-512"
AUTHORIZER = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
"""Kafka's name for deciding by access rules: who is not the admin may do what a rule says, and nothing else."""
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
AUTHORITY_KEY, AUTHORITY, SERVER = "ca.key", "ca.pem", "server.pem"
CLIENT, CLIENT_JSON = "client.properties", "client.json"


@dataclass(frozen=True, slots=True)
class Secured:
    """What the broker is started with, and what people are shown. `new_admin`: the admin's password was made just now."""

    directory: Path
    configs: Mapping[str, str]
    users: tuple[ScramFact, ...]
    new_admin: bool
    fingerprint: str

    @property
    def client_file(self) -> Path:
        """The file that clients and our commands take."""
        return self.directory / CLIENT


def prepare(directory: Path, hosts: Sequence[str], bootstrap: str) -> Secured:
    """Make what is missing in the directory; `hosts` are what clients call this broker. Raises click.UsageError, OSError."""
    try:
        from cryptography import x509  # noqa: F401  # only to know that it is there

        from neuraxis.cli import certificates
    except ImportError as error:
        raise click.UsageError(
            "--secure makes certificates and needs: pip install 'neuraxis[security]'"
        ) from error
    directory = directory.absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    now = datetime.datetime.now(datetime.UTC)
    if not (directory / AUTHORITY).exists():
        made = certificates.make_authority(f"Neuraxis authority of {socket.gethostname()}"[:64], now)
        write_secret(directory / AUTHORITY_KEY, made.key)
        write_secret(directory / AUTHORITY, made.certificate)
    names = list(dict.fromkeys([*hosts, *LOCAL_HOSTS, socket.gethostname()]))
    server = directory / SERVER
    if not server.exists() or not certificates.serves(_certificate(server.read_bytes()), names, now):
        authority = certificates.Pair(
            (directory / AUTHORITY_KEY).read_bytes(), (directory / AUTHORITY).read_bytes()
        )
        pair = certificates.make_certificate(authority, names[0][:64], names, now)
        write_secret(server, pair.key + pair.certificate + authority.certificate)
    password = _known_password(directory / CLIENT)
    new_admin = password is None
    if password is None:
        password = secrets.token_urlsafe(24)
    _write_client_files(directory, bootstrap, password)
    return Secured(
        directory,
        {
            "ssl.keystore.location": str(server),
            "ssl.keystore.type": "PEM",
            "ssl.truststore.location": str(directory / AUTHORITY),
            "ssl.truststore.type": "PEM",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
            "authorizer.class.name": AUTHORIZER,
            "super.users": f"User:{ADMIN}",
        },
        credentials(ADMIN, password),
        new_admin,
        certificates.fingerprint((directory / AUTHORITY).read_bytes()),
    )


def credentials(user: str, password: str) -> tuple[ScramFact, ...]:
    """What the broker keeps of a password: a salted hash for each SCRAM mechanism."""
    facts = []
    for mechanism, hash_name in HASHES.items():
        salt = secrets.token_bytes(24)
        salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, ITERATIONS)
        credential = ScramCredential(salt, *keys(salted, hash_name), ITERATIONS)
        facts.append(ScramFact(user, NUMBERS[mechanism], credential))
    return tuple(facts)


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read: under another name first, so that nobody sees half of it."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _certificate(pem: bytes) -> bytes:
    return pem[pem.index(b"-----BEGIN CERTIFICATE") :]


def _known_password(path: Path) -> str | None:
    if not path.exists():
        return None
    fields, _ = properties.as_settings(properties.parse(path.read_text(encoding="utf-8")))
    return fields.get("sasl_password")


def _write_client_files(directory: Path, bootstrap: str, password: str) -> None:
    authority = str(directory / AUTHORITY)
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    lines = [
        "# For Kafka's own tools and Java clients (--command-config), and for neuraxis (--command-config). Keep it secret.",
        f"bootstrap.servers={bootstrap}",
        "security.protocol=SASL_SSL",
        f"sasl.mechanism={MECHANISM}",
        f'sasl.jaas.config={module} required username="{ADMIN}" password="{password}";',
        f"ssl.truststore.location={authority}",
        "ssl.truststore.type=PEM",
    ]
    write_secret(directory / CLIENT, ("\n".join(lines) + "\n").encode())
    python = {
        "bootstrap.servers": bootstrap,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": MECHANISM,
        "sasl.username": ADMIN,
        "sasl.password": password,
        "ssl.ca.location": authority,
    }
    write_secret(directory / CLIENT_JSON, (json.dumps(python, indent=2) + "\n").encode())


def explain(secured: Secured) -> list[str]:
    """Lines for the start screen: where things are and how to connect."""
    return [
        f"  secured    TLS and passwords; everything is in {secured.directory} (keep it secret)",
        f"             authority SHA-256 {secured.fingerprint}",
        "",
        "  Connect:",
        f"    neuraxis --command-config {secured.client_file} topic list",
        f"    kafka-topics.sh --command-config {secured.client_file} --bootstrap-server HOST:PORT --list",
        f"    Producer(json.load(open('{secured.directory / CLIENT_JSON}')))   # confluent-kafka",
        f"    neuraxis --command-config {secured.client_file} user add ann      # the next user",
    ]
