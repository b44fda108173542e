"""Every failure tells the user what to do next."""

from __future__ import annotations

import errno

import pytest

from neuraxis.broker.log.failures import DirectoryInUse, FormatTooNew, OffsetOutOfRange, StorageFailed
from neuraxis.wire.errors import ErrorCode


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "ls -ld"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_a_failed_disk_says_the_step_that_fits_its_error(number: int, step: str) -> None:
    assert step in str(StorageFailed("writing a-0", OSError(number, "no")))
    assert "Check the disk" in str(StorageFailed("waiting"))


def test_failures_say_what_happened_and_what_to_do() -> None:
    failed = str(StorageFailed("writing a-0", OSError(28, "No space left on device")))
    assert "while writing a-0: [Errno 28] No space left on device" in failed
    assert "start it again" in failed
    assert "Stop that broker first" in str(DirectoryInUse("/data", "17"))
    assert "start it with the newer version" in str(FormatTooNew(3, 1))
    assert OffsetOutOfRange(5, 0, 4).code is ErrorCode.OFFSET_OUT_OF_RANGE
