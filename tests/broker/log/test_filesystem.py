"""The same contract for every file system: on disk, in memory, simulated."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuraxis.broker.log.fs import DiskFs, Fs
from neuraxis.broker.log.memory import MemoryFs
from tests.simulation.disk import SimFs


@pytest.fixture(params=["disk", "memory", "simulated"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Fs:
    if request.param == "disk":
        return DiskFs(str(tmp_path / "data"))
    return MemoryFs() if request.param == "memory" else SimFs()


def test_bytes_are_read_where_they_were_written(fs: Fs) -> None:
    fs.make_dir("a")
    file = fs.open("a/x", create=True)
    fs.write(file, 0, b"hello")
    fs.write_parts(file, 5, [b" ", memoryview(b"wide"), bytearray(b" world")])
    fs.write(file, 0, b"J")
    assert fs.read(file, 0, 100) == b"Jello wide world"
    assert fs.read(file, 6, 4) == b"wide"
    assert bytes(fs.read_now(file, 0, 5) or b"") == b"Jello"
    assert fs.size(file) == 16
    fs.truncate(file, 5)
    assert fs.read(file, 0, 100) == b"Jello"
    fs.truncate(file, 7)
    assert fs.read(file, 0, 100) == b"Jello\0\0"
    fs.write(file, 9, b"!")
    assert fs.read(file, 0, 100) == b"Jello\0\0\0\0!"
    fs.sync(file)
    fs.sync_dir("a")


def test_names_appear_move_and_go(fs: Fs) -> None:
    fs.make_dir("a-0")
    fs.make_dir("a-0")
    with pytest.raises(FileNotFoundError):
        fs.open("a-0/x")
    file = fs.open("a-0/x", create=True)
    fs.open("a-0/y", create=True)
    assert fs.open("a-0/x") is file
    assert fs.list("a-0") == ["x", "y"]
    assert "a-0" in fs.list("")
    fs.write(file, 0, b"1")
    fs.rename("a-0", "b-0")
    assert fs.read(file, 0, 1) == b"1"
    fs.write(file, 1, b"2")
    assert fs.read(fs.open("b-0/x"), 0, 9) == b"12"
    assert "a-0" not in fs.list("")
    fs.remove("b-0/y")
    fs.remove("b-0/y")
    assert fs.list("b-0") == ["x"]
    fs.remove("b-0")
    assert "b-0" not in fs.list("")
    with pytest.raises(FileNotFoundError):
        fs.list("b-0")


def test_a_replaced_file_has_the_new_bytes(fs: Fs) -> None:
    fs.replace("x", b"old and long")
    fs.replace("x", b"new")
    file = fs.open("x")
    assert fs.read(file, 0, 99) == b"new"
    assert fs.space() > 0


@pytest.mark.parametrize("kind", ["disk", "simulated"])
def test_a_pinned_file_can_be_read_after_its_removal(kind: str, tmp_path: Path) -> None:
    fs: Fs = DiskFs(str(tmp_path)) if kind == "disk" else SimFs()
    fs.make_dir("a")
    file = fs.open("a/x", create=True)
    fs.write(file, 0, b"still here")
    file.pin()
    fs.rename("a", "b")
    fs.remove("b")
    assert fs.read(file, 0, 99) == b"still here"
    file.unpin()
    with pytest.raises(FileNotFoundError):
        fs.read(file, 0, 99)
