"""A data directory that cannot be used: refused with its name and what to do, and not a byte of it changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.harness import FaultyBroker, Ledger
from tests.faults.private_disk import PrivateDisk


def content(directory: Path) -> dict[str, bytes]:
    """Every file by its name, with its bytes."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def written(tmp_path: Path) -> tuple[FaultyBroker, Ledger]:
    """A stopped broker with records in its directory."""
    broker = FaultyBroker(tmp_path)
    with broker:
        ledger = Ledger(broker)
        ledger.send(50)
    return broker, ledger


def test_a_directory_in_use_is_refused_and_its_broker_does_not_notice(tmp_path: Path) -> None:
    with FaultyBroker(tmp_path) as broker:
        ledger = Ledger(broker)
        ledger.send(50)
        second = FaultyBroker(tmp_path)
        said = second.refusal()
        assert f"in use by process {broker.pid}" in said
        assert str(tmp_path / "data") in said
        assert "--data-dir" in said
        ledger.send(50)
        ledger.check()


def test_a_newer_format_is_refused_and_left_as_it_was_byte_for_byte(
    written: tuple[FaultyBroker, Ledger],
) -> None:
    broker, ledger = written
    data = broker.directory / "data"
    identity = data / "neuraxis.properties"
    ours = identity.read_text()
    identity.write_text(ours.replace("format.version=1", "format.version=2"))
    (data / "drives-0" / "something.new").write_bytes(b"of a later version")
    before = content(data)
    said = broker.refusal()
    assert "format version 2" in said
    assert str(data) in said
    assert "newer version" in said
    after = content(data)
    assert after.pop(".lock", b"") is not None
    before.pop(".lock", b"")
    assert after == before
    identity.write_text(ours)
    broker.start()
    ledger.check()
    broker.terminate()


@pytest.mark.parametrize("text", ["format.version=abc\n", ""])
def test_an_identity_that_cannot_be_read_is_refused_by_its_name(
    written: tuple[FaultyBroker, Ledger], text: str
) -> None:
    broker, _ = written
    identity = broker.directory / "data" / "neuraxis.properties"
    identity.write_text(text)
    before = content(broker.directory / "data")
    said = broker.refusal()
    assert identity.name in said
    assert str(identity.parent) in said
    after = content(broker.directory / "data")
    before.pop(".lock", b"")
    after.pop(".lock", b"")
    assert after == before


def test_a_file_in_the_place_of_the_directory_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a directory")
    said = FaultyBroker(tmp_path).refusal()
    assert str(tmp_path / "data") in said
    assert "--data-dir" in said
    assert (tmp_path / "data").read_text() == "not a directory"


def test_a_directory_that_cannot_be_made_is_refused_by_its_name(tmp_path: Path) -> None:
    with PrivateDisk(tmp_path / "disk", "tmpfs", 16) as disk:
        disk.read_only()
        broker = FaultyBroker(tmp_path, disk)
        broker.data = disk.mount_point / "data"
        said = broker.refusal()
        assert str(disk.mount_point / "data") in said
        assert "--data-dir" in said


def test_what_is_not_a_log_is_left_alone_and_said(written: tuple[FaultyBroker, Ledger]) -> None:
    broker, ledger = written
    data = broker.directory / "data"
    (data / "notes.txt").write_text("mine")
    (data / "photos").mkdir()
    (data / "photos" / "one.jpg").write_bytes(b"\xff\xd8")
    (data / "strange-7").mkdir()
    (data / "strange-7" / "00000000000000000000.log").write_bytes(b"garbage" * 100)
    (data / "a-3").write_text("a file with the name of a partition")
    broker.start()
    ledger.check()
    broker.terminate()
    assert "strange-7" in broker.said
    assert (data / "notes.txt").read_text() == "mine"
    assert (data / "photos" / "one.jpg").read_bytes() == b"\xff\xd8"
    assert (data / "a-3").read_text() == "a file with the name of a partition"
    assert (data / "strange-7" / "00000000000000000000.log").read_bytes() == b"garbage" * 100
