"""The same contract for every file system: on disk, in memory, simulated; then what only the real one can show."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import threading
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


def test_where_descriptors_run_out_pinned_files_are_synced_and_give_theirs_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More files are written than the process may have open, all of them pinned as until a checkpoint; none is lost."""
    probes = [os.open(os.devnull, os.O_RDONLY) for _ in range(40)]
    room = max(probes) + 1
    for probe in probes:
        os.close(probe)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (room, room))
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    fs = DiskFs(str(tmp_path), most_descriptors=room * 2)
    files = [fs.open(f"f{i}", create=True) for i in range(100)]
    for turn in range(2):
        for i, file in enumerate(files):
            fs.write(file, turn, bytes([i]))
            if not turn:
                file.pin()
    assert synced
    assert max(file.fd for file in files) < room
    assert all(fs.read(file, 0, 9) == bytes([i]) * 2 for i, file in enumerate(files))
    fs.close()


def test_an_open_that_finds_no_descriptor_is_tried_again_once_the_logs_gave_some_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = DiskFs(str(tmp_path))
    first = fs.open("first", create=True)
    fs.write(first, 0, b"1")
    really, refused = os.open, []

    def open_when_the_first_is_closed(path: str, flags: int, mode: int = 0o777) -> int:
        if first.fd >= 0:
            refused.append(path)
            raise OSError(errno.EMFILE, "Too many open files")
        return really(path, flags, mode)

    monkeypatch.setattr(os, "open", open_when_the_first_is_closed)
    second = fs.open("second", create=True)
    fs.write(second, 0, b"2")
    assert len(refused) == 1
    assert (fs.read(first, 0, 1), fs.read(second, 0, 1)) == (b"1", b"2")
    fs.close()


def test_an_open_that_finds_no_descriptor_and_nothing_to_give_back_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = DiskFs(str(tmp_path))
    none_left = OSError(errno.EMFILE, "Too many open files")

    def refuse(*_: object) -> int:
        raise none_left

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            fs.open("first", create=True)
    fs.close()


def test_a_sync_that_fails_while_descriptors_are_given_back_fails_every_later_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read may have needed the descriptor: whoever waits for a sync must hear of the pages that are lost, too."""
    fs = DiskFs(str(tmp_path), most_descriptors=16)
    kept, other = fs.open("kept", create=True), fs.open("other", create=True)
    fs.write(kept, 0, b"k")
    kept.pin()
    with monkeypatch.context() as patched:

        def lose(_: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        patched.setattr(os, "fsync", lose)
        fs._close(other)
        with pytest.raises(OSError, match="Input/output"):
            fs._shed()
    with pytest.raises(OSError, match="Input/output"):
        fs.sync(other)
    kept.unpin()
    fs.close()


def test_a_sync_that_failed_fails_every_later_sync_and_keeps_a_checkpoint_from_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = DiskFs(str(tmp_path))
    file = fs.open("one", create=True)
    fs.write(file, 0, b"record")
    fs.replace("checkpoint", b"before")

    def lose(fd: int) -> None:
        raise OSError(errno.EIO, "pages were lost")

    with monkeypatch.context() as patched:
        patched.setattr("neuraxis.broker.log.fs._sync_data", lose)
        with pytest.raises(OSError, match="pages were lost"):
            fs.sync(file)

    with pytest.raises(OSError, match="pages were lost"):  # the system itself would say that all is well
        fs.sync(file)
    with pytest.raises(OSError, match="pages were lost"):
        fs.replace("checkpoint", b"after")
    assert (tmp_path / "checkpoint").read_bytes() == b"before"
    fs.close()


def test_two_syncs_of_a_file_go_one_after_the_other_and_the_second_hears_that_the_first_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = DiskFs(str(tmp_path))
    file, other = fs.open("one", create=True), fs.open("two", create=True)
    inside, go_on = threading.Event(), threading.Event()
    heard: list[str] = []

    def slow(fd: int) -> None:
        if fd == file.fd and not inside.is_set():
            inside.set()
            assert go_on.wait(10)
            raise OSError(errno.EIO, "pages were lost")

    def sync() -> None:
        try:
            fs.sync(file)
        except OSError as error:
            heard.append(str(error))
        else:
            heard.append("synced")

    monkeypatch.setattr("neuraxis.broker.log.fs._sync_data", slow)
    threads = [threading.Thread(target=sync) for _ in range(2)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    fs.sync(other)  # files do not wait for each other
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert heard == ["[Errno 5] pages were lost"] * 2
    fs.close()


def test_another_thread_opens_a_closed_file_for_itself_alone(tmp_path: Path) -> None:
    """Only the owner closes descriptors: what a thread left open would stay, and ten thousand of them would be too many."""
    fs = DiskFs(str(tmp_path), most_descriptors=16)
    files = [fs.open(f"f{i}", create=True) for i in range(64)]
    for i, file in enumerate(files):
        fs.write(file, 0, bytes([i]))
    before = len(os.listdir("/proc/self/fd"))
    read: list[bytes] = []

    def work() -> None:
        for file in files:
            read.append(fs.read(file, 0, 1))
            fs.sync(file)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert read == [bytes([i]) for i in range(64)]
    assert len(os.listdir("/proc/self/fd")) == before
    fs.close()


def test_many_pinned_files_ask_for_a_checkpoint_and_are_synced_at_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    fs = DiskFs(str(tmp_path), most_descriptors=16)
    before = len(os.listdir("/proc/self/fd"))
    files = []
    for i in range(100):
        files.append(fs.open(f"f{i}", create=True))
        fs.write(files[i], 0, bytes([i]))
        files[i].pin()
        assert bool(synced) == (i >= 16)
    assert fs.crowded
    assert len(os.listdir("/proc/self/fd")) - before <= 16
    for file in files:
        file.unpin()
    fs.open("another", create=True)
    assert not fs.crowded
    assert [fs.read(file, 0, 1) for file in files] == [bytes([i]) for i in range(100)]
    assert len(os.listdir("/proc/self/fd")) - before <= 16
    fs.close()


def test_a_range_with_a_hole_in_the_page_cache_is_not_sent_from_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first, the last and the page in the middle may be there although others are not."""
    fs = DiskFs(str(tmp_path))
    file = fs.open("segment", create=True)
    content = os.urandom(3 << 20)
    fs.write(file, 0, content)
    looked: list[int] = []

    def holds(fd: int, position: int, length: int) -> bool:
        looked.append(length)
        return position + length <= 1 << 20

    monkeypatch.setattr(fs._page_cache, "holds", holds)
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        assert fs.send(left.fileno(), file, 1 << 20, 100, 1 << 20) is None
        position = 0
        while position < 1 << 20:  # what was found to be there is not looked for again
            sent = fs.send(left.fileno(), file, position, len(content) - position, 64 << 10)
            assert sent is not None
            assert 0 < sent <= 64 << 10
            assert right.recv(sent, socket.MSG_WAITALL) == content[position : position + sent]
            position += sent
        assert looked == [100, 1 << 20]
        assert fs.send(left.fileno(), file, position, len(content) - position, 64 << 10) is None
    fs.close()


@pytest.mark.parametrize("known", [True, False])
def test_all_is_written_out_where_the_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    written_out: list[str] = []

    class Library:
        def __init__(self, name: None) -> None:
            if known:
                self.syncfs = lambda fd: written_out.append(os.readlink(f"/proc/self/fd/{fd}"))

    monkeypatch.setattr(ctypes, "CDLL", Library)
    fs = DiskFs(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    fs.write_out()
    assert written_out == ([str(tmp_path)] if known else [])
    assert len(os.listdir("/proc/self/fd")) == before
    fs.close()
