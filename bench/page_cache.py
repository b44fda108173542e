"""Measure as on a server that has run for an hour: with a full page cache.

On a virtual machine the memory that nobody uses belongs to the host. Whoever is first to write a file into such memory pays for
getting it back, 2.4 ms per MB against 0.25 for memory in use (measured); who that is depends on the size of its writes
and on its turn. So before each question free memory is filled with the pages of a sparse file, which the system gives
away again as soon as somebody writes.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEFT_FREE_MB = 1_500
"""What stays free for the programs themselves: the tools' Java processes start and end during the run."""
MOST_MB = 64_000
"""No more than this is filled: a larger machine does not write as much in the whole run."""
_STEP = 1 << 20


def free_mb() -> int:
    """Memory that nobody uses, MB."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemFree"):
            return int(line.split()[1]) // 1024
    raise OSError("/proc/meminfo has no line MemFree")


@contextlib.contextmanager
def filler(directory: Path) -> Iterator[Callable[[], int]]:
    """A function that fills the page cache and returns the MB it took; the file is gone at the end."""
    path = directory / "filler.bin"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    buffer = bytearray(_STEP)

    def fill() -> int:
        before = free_mb()
        size = os.fstat(descriptor).st_size
        for position in range(0, size, _STEP):  # what was given away since
            if free_mb_every(position) < LEFT_FREE_MB:
                return before - free_mb()
            os.preadv(descriptor, [buffer], position)
        missing = min(free_mb() - LEFT_FREE_MB, MOST_MB - (size >> 20))
        os.ftruncate(descriptor, size + max(0, missing) * _STEP)
        for position in range(size, size + max(0, missing) * _STEP, _STEP):
            os.preadv(descriptor, [buffer], position)
        return before - free_mb()

    try:
        yield fill
    finally:
        os.close(descriptor)
        path.unlink()


def free_mb_every(position: int) -> int:
    """Free memory, looked up for each 64 MB only: the rest of the time plenty."""
    return MOST_MB if position % (64 << 20) else free_mb()
