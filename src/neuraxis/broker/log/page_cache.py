"""What of a file is in the page cache: read at once or not at all, and whether a range is there whole.

Rule of the file: nothing in here waits for the device, and a wrong answer costs time, never bytes.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STRETCH = 64 << 10
"""Where the system cannot count pages, one in so many bytes is asked for: it drops and reads them in longer runs."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_CACHESTAT = 451  # the number of cachestat(2), Linux 6.5 and later, on every architecture but Alpha
_SILENT = (errno.EOPNOTSUPP, errno.ENOSYS)


class PageCache:
    """The page cache of the machine, asked by descriptor."""

    def __init__(self) -> None:
        self._can_tell = hasattr(os, "RWF_NOWAIT")
        self._count_pages: Callable[[int, int, int], int | None] | None = None
        self._byte = [bytearray(1)]

    def read(self, fd: int, position: int, length: int) -> bytes | bytearray | None:
        """Bytes (fewer only at the end of the file), None if they are not all in memory."""
        if not self._can_tell:
            return os.pread(fd, length, position)
        data = bytearray(length)
        try:
            count = os.preadv(fd, [data], position, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            if error.errno not in _SILENT:
                raise
            self._can_tell = False  # tmpfs, old kernels: a plain read does not wait long there
            return os.pread(fd, length, position)
        if count == length:
            return data
        if position + count < os.fstat(fd).st_size:
            return None
        del data[count:]
        return data

    def holds(self, fd: int, position: int, length: int) -> bool:
        """Whether a range is in memory. Its ends are read, since pages count as soon as the device is asked for them."""
        if not (self._can_tell and self._has(fd, position) and self._has(fd, position + length - 1)):
            return False
        if self._count_pages is None:
            self._count_pages = _page_counter()
        count = self._count_pages(fd, position, length)
        if count is not None:
            return count > (position + length - 1) // _PAGE - position // _PAGE
        return all(self._has(fd, position + at) for at in range(STRETCH, length, STRETCH))

    def _has(self, fd: int, position: int) -> bool:
        try:
            return os.preadv(fd, self._byte, position, os.RWF_NOWAIT) == 1
        except OSError as error:
            if error.errno != errno.EAGAIN and error.errno not in _SILENT:
                raise
            return False


def _page_counter() -> Callable[[int, int, int], int | None]:
    """A function that counts the cached pages of (fd, position, length); it gives None where the system does not tell."""
    if sys.platform != "linux":
        return lambda fd, position, length: None
    import ctypes  # only now: a broker without large fetches does not need it

    class Stretch(ctypes.Structure):
        _fields_ = (("position", ctypes.c_uint64), ("length", ctypes.c_uint64))

    class Pages(ctypes.Structure):
        _fields_ = tuple(
            (name, ctypes.c_uint64) for name in ("cached", "dirty", "writeback", "evicted", "lately")
        )

    syscall = ctypes.CDLL(None).syscall
    stretch, pages = Stretch(), Pages()
    arguments = ctypes.byref(stretch), ctypes.byref(pages), 0

    def count(fd: int, position: int, length: int) -> int | None:
        stretch.position, stretch.length = position, length
        if syscall(_CACHESTAT, fd, *arguments):
            return None  # an older kernel, or a sandbox that does not let it pass
        cached: int = pages.cached
        return cached

    return count
