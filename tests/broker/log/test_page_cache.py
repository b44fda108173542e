"""What is in the page cache is given at once, the rest is not waited for; no hole goes unseen where pages are counted."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from neuraxis.broker.log import page_cache as module
from neuraxis.broker.log.page_cache import STRETCH, PageCache

SIZE = 8 * STRETCH


@pytest.fixture
def fd(tmp_path: Path) -> Any:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    fd = os.open(path, os.O_RDWR)
    yield fd
    os.close(fd)


class Device:
    """Stands for the system: pages that are cold, and calls that do not exist."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cold: set[int] = set()
        self.code = 0
        self._preadv = os.preadv
        monkeypatch.setattr(os, "preadv", self.preadv)
        monkeypatch.setattr(module, "_page_counter", lambda: self.count)
        self.counts = True

    def preadv(self, fd: int, buffers: Any, position: int, flags: int = 0) -> int:
        if not flags & os.RWF_NOWAIT:
            return self._preadv(fd, buffers, position, flags)
        if self.code:
            raise OSError(self.code, os.strerror(self.code))
        length = sum(len(each) for each in buffers)
        for page in range(position // 4096, (position + length - 1) // 4096 + 1):
            if page in self.cold:
                start = page * 4096
                if start <= position:
                    raise BlockingIOError(errno.EAGAIN, "not now")
                return self._preadv(fd, [memoryview(buffers[0])[: start - position]], position, 0)
        return self._preadv(fd, buffers, position, 0)

    def count(self, fd: int, position: int, length: int) -> int | None:
        pages = range(position // 4096, (position + length - 1) // 4096 + 1)
        return sum(page not in self.cold for page in pages) if self.counts else None


def test_a_read_gives_all_of_it_or_nothing(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    device, cache = Device(monkeypatch), PageCache()
    assert cache.read(fd, 3, 10) == bytes(range(3, 13))
    device.cold = {1}
    assert cache.read(fd, 4090, 20) is None
    assert cache.read(fd, 5000, 20) is None
    assert cache.read(fd, 0, 4096) is not None
    assert cache.read(fd, SIZE - 5, 20) == bytes(range(251, 256)), "fewer only at the end of the file"
    assert cache.read(fd, SIZE, 20) == b""


def test_a_range_is_held_only_if_all_its_pages_are(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    device, cache = Device(monkeypatch), PageCache()
    assert cache.holds(fd, 100, SIZE - 100)
    for page in (0, 7, 50, SIZE // 4096 - 1):
        device.cold = {page}
        assert not cache.holds(fd, 100, SIZE - 100), page
    device.cold = {2}
    assert cache.holds(fd, 3 * 4096, 4096)
    assert not cache.holds(fd, 3 * 4096 - 1, 4096)


def test_where_pages_cannot_be_counted_one_in_a_stretch_is_asked_for(
    fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, cache = Device(monkeypatch), PageCache()
    device.counts = False
    assert cache.holds(fd, 0, SIZE)
    device.cold = set(range(20, 40))
    assert not cache.holds(fd, 0, SIZE)


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_the_system_cannot_tell_reads_wait_and_nothing_is_held(
    fd: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, cache = Device(monkeypatch), PageCache()
    device.code = code
    assert not cache.holds(fd, 0, 10)
    assert cache.read(fd, 0, 3) == b"\0\1\2"
    device.code = 0
    device.cold = {0}
    assert cache.read(fd, 0, 3) == b"\0\1\2", "it is not asked again"


def test_another_error_is_an_error(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    device, cache = Device(monkeypatch), PageCache()
    device.code = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        cache.read(fd, 0, 1)
    with pytest.raises(OSError, match="Input/output"):
        cache.holds(fd, 0, 1)


def test_the_systems_own_count_is_that_of_the_file(fd: int) -> None:
    count = module._page_counter()(fd, 0, SIZE)
    # None where there is no such call: an older kernel, a sandbox, another system.
    assert count in (None, SIZE // os.sysconf("SC_PAGE_SIZE"))
