"""`neuraxis up --secure` from nothing to a second user who writes and reads, with nothing but what it prints."""

from __future__ import annotations

import signal
from pathlib import Path

from neuraxis.client import Settings
from tests.cli.support import process
from tests.cli.test_up import PATIENCE_S, started, wait_for_screen


def test_one_command_makes_a_secured_broker_and_a_client_file_that_works(tmp_path: Path) -> None:
    data, directory = tmp_path / "data", tmp_path / "data-security"
    arguments = ("--data-dir", str(data), "--secure", "--listener", "SASL_SSL://127.0.0.1:0")
    with started(*arguments) as broker:
        screen = wait_for_screen(broker)
        port = next(line.split()[1].rpartition(":")[2] for line in screen.splitlines() if "clients" in line)
        admin = directory / "client.properties"
        assert f"--command-config {admin}" in screen
        known = ("--command-config", str(admin), "--bootstrap", f"127.0.0.1:{port}")
        assert process(*known, "topic", "create", "drives").returncode == 0
        made = process(*known, "user", "add", "ann", "--password-file", "-", stdin="pencil")
        assert made.returncode == 0, made.stderr
        shown = process(*known, "clients")
        assert "User:admin" in shown.stdout, shown.stderr
        ann = tmp_path / "ann.toml"
        ann.write_text(
            f"bootstrap = '127.0.0.1:{port}'\nsasl_username = 'ann'\nsasl_password = 'pencil'\n"
            f"ssl_ca_file = '{directory / 'ca.pem'}'\n"
        )
        assert (
            "AUTHORIZATION" in process("--settings", str(ann), "produce", "drives", stdin="x").stderr.upper()
        )
        assert process(*known, "produce", "drives", stdin="hello").returncode == 0
        assert "hello" in process(*known, "consume", "drives", "--max", "1").stdout
        wrong = tmp_path / "wrong.toml"
        wrong.write_text(ann.read_text().replace("pencil", "pen"))
        assert process("--settings", str(wrong), "topic", "list").returncode == 1
        assert process("--bootstrap", f"127.0.0.1:{port}", "topic", "list").returncode == 1
        broker.send_signal(signal.SIGTERM)
        assert broker.wait(PATIENCE_S) == 0
    password = Settings.load(admin, environment={}).sasl_password
    with started(*arguments) as broker:
        wait_for_screen(broker)
        assert Settings.load(admin, environment={}).sasl_password == password
        broker.send_signal(signal.SIGTERM)
        assert broker.wait(PATIENCE_S) == 0
    for path in data.rglob("*"):
        assert path.is_dir() or (password or "").encode() not in path.read_bytes(), path


def test_secure_without_a_listener_that_is_says_which_to_give(tmp_path: Path) -> None:
    found = process("up", "--secure", "--data-dir", str(tmp_path / "data"), "--listener", "127.0.0.1:0")
    assert found.returncode == 2
    assert "SASL_SSL" in found.stderr
    assert not (tmp_path / "data-security").exists()
