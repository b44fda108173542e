"""The same contract for every file system: on disk, in memory, simulated; then what only the real one can show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neuraxis.broker.log.failures import DirectoryInUse
from neuraxis.broker.log.fs import DiskFs, Fs
from neuraxis.broker.log.memory import MemoryFs
from tests.simulation.disk import SimFs


@pytest.fixture(params=["disk", "memory", "simulated"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Fs:
    if request.param == "disk":
        return DiskFs(str(tmp_path / "data"))
    return MemoryFs() if request.param == "memory" else SimFs()


def test_descriptors_stay_within_their_bound_and_pins_hold_theirs(tmp_path: Path) -> None:
    fs = DiskFs(str(tmp_path), most_descriptors=16)
    before = len(os.listdir("/proc/self/fd"))
    files = [fs.open(f"f{i}", create=True) for i in range(200)]
    files[3].pin()
    for turn in range(3):
        for i, file in enumerate(files):
            fs.write(file, turn, bytes([i]))
    assert len(os.listdir("/proc/self/fd")) - before <= 17
    assert files[3].fd >= 0
    assert all(fs.read(file, 0, 9) == bytes([i]) * 3 for i, file in enumerate(files))
    assert len(os.listdir("/proc/self/fd")) - before <= 17
    fs.close()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_second_process_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    first = DiskFs(str(tmp_path))
    first.lock()
    with pytest.raises(DirectoryInUse, match=f"in use by process {os.getpid()}.*--data-dir"):
        DiskFs(str(tmp_path)).lock()
    first.close()
    again = DiskFs(str(tmp_path))
    again.lock()
    again.close()


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs = DiskFs(str(tmp_path))
    file = fs.open("x", create=True)
    pwrite, pwritev = os.pwrite, os.pwritev
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, memoryview(data)[:2], at))
    monkeypatch.setattr(os, "pwritev", lambda fd, parts, at: pwritev(fd, [memoryview(parts[0])[:1]], at))
    fs.write(file, 0, b"abcdefg")
    fs.write_parts(file, 7, [b"hij", b"kl", b"m"])
    monkeypatch.undo()
    assert fs.read(file, 0, 99) == b"abcdefghijklm"
    fs.close()


def test_allocated_space_reads_as_zeros_and_keeps_what_is_there(tmp_path: Path) -> None:
    fs = DiskFs(str(tmp_path))
    file = fs.open("x", create=True)
    fs.write(file, 0, b"abc")
    fs.allocate(file, 10_000)
    assert fs.size(file) == 10_000
    assert fs.read(file, 0, 5) == b"abc\0\0"
    fs.close()
