from __future__ import annotations

import pytest

from neuraxis.broker.log.fs import File, Fs
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.work import Read, Remove, Rename, Replace, Sync, SyncDir, Work, perform, perform_step


class RecordingFs(MemoryFs):
    """Notes what is synced; `broken` names the file whose sync fails."""

    def __init__(self) -> None:
        super().__init__()
        self.synced: list[str] = []
        self.broken: str | None = None

    def sync(self, file: File) -> None:
        if file.path == self.broken:
            raise OSError(5, "I/O error", file.path)
        self.synced.append(file.path)

    def sync_dir(self, path: str) -> None:
        self.synced.append(f"directory {path!r}")


def file_of(fs: Fs, path: str, content: bytes) -> File:
    file = fs.open(path, create=True)
    fs.write(file, 0, content)
    return file


def test_each_step_does_what_it_says() -> None:
    fs = RecordingFs()
    file = file_of(fs, "a", b"0123456789")
    assert perform_step(fs, Sync(file)) is None
    assert perform_step(fs, SyncDir("")) is None
    assert fs.synced == ["a", "directory ''"]
    assert perform_step(fs, Read(file, 3, 4)) == b"3456"
    perform_step(fs, Rename("a", "b"))
    assert fs.list("") == ["b"]
    perform_step(fs, Replace("c", b"new"))
    assert fs.read(fs.open("c"), 0, 10) == b"new"
    perform_step(fs, Remove("b"))
    perform_step(fs, Remove("b"))
    assert fs.list("") == ["c"]


def test_the_steps_of_a_work_are_done_in_order_and_its_result_is_the_last_reads() -> None:
    fs = RecordingFs()
    first, second = file_of(fs, "first", b"one"), file_of(fs, "second", b"two")
    work = Work(1, "test", (Sync(second), Sync(first), Read(first, 0, 3), Read(second, 0, 3)))
    assert perform(fs, work) == b"two"
    assert fs.synced == ["second", "first"]


def test_the_first_step_that_fails_ends_the_work() -> None:
    fs = RecordingFs()
    first, second = file_of(fs, "first", b""), file_of(fs, "second", b"")
    fs.broken = "first"
    with pytest.raises(OSError, match="I/O error"):
        perform(fs, Work(1, "test", (Sync(first), Sync(second))))
    assert fs.synced == []
