from __future__ import annotations

import hashlib
import json
from pathlib import Path

from neuraxis.broker.security.scram import keys
from neuraxis.cli import secure
from neuraxis.client import Settings


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_everything_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "security"
    first = secure.prepare(directory, ["broker.example"], "broker.example:9092")
    assert first.new_admin
    assert mode(directory) == 0o700
    assert {path.name: mode(path) for path in directory.iterdir()} == dict.fromkeys(
        ("ca.key", "ca.pem", "server.pem", "client.properties", "client.json"), 0o600
    )
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    second = secure.prepare(directory, ["broker.example"], "broker.example:9092")
    assert not second.new_admin
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_another_host_gets_another_certificate_of_the_same_authority(tmp_path: Path) -> None:
    secure.prepare(tmp_path, ["a.example"], "a.example:9092")
    authority, server = (tmp_path / "ca.pem").read_bytes(), (tmp_path / "server.pem").read_bytes()
    found = secure.prepare(tmp_path, ["b.example"], "b.example:9092")
    assert (tmp_path / "ca.pem").read_bytes() == authority
    assert (tmp_path / "server.pem").read_bytes() != server
    assert "b.example:9092" in found.client_file.read_text()


def test_the_client_files_are_what_java_librdkafka_and_our_commands_take(tmp_path: Path) -> None:
    found = secure.prepare(tmp_path, ["127.0.0.1"], "127.0.0.1:9092")
    settings = Settings.load(found.client_file, environment={})
    for_python = json.loads((tmp_path / "client.json").read_text())
    assert settings.librdkafka() | {"client.id": ""} == for_python | {"client.id": ""}
    assert (settings.bootstrap, settings.protocol) == ("127.0.0.1:9092", "SASL_SSL")


def test_what_the_broker_keeps_proves_the_password_and_does_not_hold_it(tmp_path: Path) -> None:
    found = secure.prepare(tmp_path, ["127.0.0.1"], "127.0.0.1:9092")
    password = Settings.load(found.client_file, environment={}).sasl_password
    assert password
    assert len(found.users) == 2
    for fact in found.users:
        kept = fact.credential
        assert kept is not None
        hash_name = {1: "sha256", 2: "sha512"}[fact.mechanism]
        salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), kept.salt, kept.iterations)
        assert (kept.stored_key, kept.server_key) == keys(salted, hash_name)
    assert password not in repr(found)


def test_the_screen_says_how_to_connect(tmp_path: Path) -> None:
    found = secure.prepare(tmp_path, ["127.0.0.1"], "127.0.0.1:9092")
    shown = "\n".join(secure.explain(found))
    assert f"--command-config {found.client_file}" in shown
