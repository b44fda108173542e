"""What the log raises: storage that failed, directories that cannot be used, offsets that are not there."""

from __future__ import annotations

from neuraxis.wire.errors import ErrorCode, Refused


class StorageFailed(Exception):
    """A write or a sync failed: the broker stops, and recovery decides at the next start what is there."""

    def __init__(self, doing: str, error: BaseException | None = None) -> None:
        reason = f": {error}" if error is not None else ""
        super().__init__(
            f"storage failed while {doing}{reason}. The broker stops, so that nothing is acknowledged that may be "
            "lost; check the disk (dmesg, df), then start it again: it recovers from its journal."
        )


class DirectoryInUse(Exception):
    """Another process holds the lock of the data directory."""

    def __init__(self, directory: str, holder: str) -> None:
        super().__init__(
            f"the data directory {directory} is in use by process {holder}. Stop that broker first, or choose "
            "another directory (--data-dir)."
        )


class FormatTooNew(Exception):
    """The data directory was written by a newer version, in a format this one does not know."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the data directory has format version {found}; this version of neuraxis knows {known}. It was not "
            "touched: start it with the newer version, or choose another directory (--data-dir)."
        )


class OffsetOutOfRange(Refused):
    """An offset outside [log_start_offset, log_end_offset]."""

    def __init__(self, offset: int, start: int, end: int) -> None:
        super().__init__(ErrorCode.OFFSET_OUT_OF_RANGE, f"offset {offset} is outside [{start}, {end}]")
