"""Settings: what wins, what is refused, what reaches librdkafka."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuraxis.client import ClientError, Settings


def load(tmp_path: Path, text: str, environment: dict[str, str] | None = None, **arguments: str) -> Settings:
    file = tmp_path / "cluster.toml"
    file.write_text(text)
    return Settings.load(file, environment=environment or {}, **arguments)


def test_without_anything_the_broker_is_the_local_one() -> None:
    assert Settings.load(environment={}).bootstrap == "127.0.0.1:9092"


def test_an_argument_beats_the_environment_and_the_environment_beats_the_file(tmp_path: Path) -> None:
    file = "bootstrap = 'file:1'\nclient_id = 'file'\nsasl_username = 'file'"
    environment = {"NEURAXIS_BOOTSTRAP": "env:1", "NEURAXIS_CLIENT_ID": "env"}
    settings = load(tmp_path, file, environment, bootstrap="argument:1")
    assert (settings.bootstrap, settings.client_id, settings.sasl_username) == ("argument:1", "env", "file")


def test_the_file_can_come_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text("bootstrap = 'file:1'")
    assert Settings.load(environment={"NEURAXIS_SETTINGS": str(file)}).bootstrap == "file:1"


def test_a_user_name_means_sasl_and_a_certificate_authority_means_tls() -> None:
    plain = Settings(sasl_username="u", sasl_password="p").librdkafka()
    assert (plain["security.protocol"], plain["sasl.mechanism"]) == ("SASL_PLAINTEXT", "SCRAM-SHA-256")
    assert Settings(sasl_username="u", ssl_ca_file="ca.pem").librdkafka()["security.protocol"] == "SASL_SSL"
    assert Settings(ssl_ca_file="ca.pem").librdkafka()["security.protocol"] == "SSL"
    assert "security.protocol" not in Settings().librdkafka()


def test_librdkafka_settings_in_extra_win_and_keep_their_spelling(tmp_path: Path) -> None:
    settings = load(tmp_path, "[extra]\n'socket.keepalive.enable' = true\n'client.id' = 'x'\n'retries' = 3")
    config = settings.librdkafka()
    assert (config["socket.keepalive.enable"], config["client.id"], config["retries"]) == ("true", "x", "3")


def test_secrets_are_not_in_the_representation() -> None:
    settings = Settings(sasl_password="hunter2", ssl_key_password="hunter3", extra={"x": "hunter4"})
    assert "hunter" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bootstrap = ", "is not TOML"),
        ("bootstraps = 'x'", "unknown key: bootstraps"),
        ("bootstrap = 9092", "is not a string"),
        ("extra = 'x'", "extra is not a table"),
    ],
)
def test_a_wrong_file_is_refused_with_the_next_step(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ClientError, match=said) as refused:
        load(tmp_path, text)
    assert refused.value.next_step


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ClientError, match=r"no-such\.toml"):
        Settings.load("no-such.toml", environment={})
