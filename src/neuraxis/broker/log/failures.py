"""What the log raises: storage that failed, directories that cannot be used, offsets that are not there."""

from __future__ import annotations

import errno

from neuraxis.wire.errors import ErrorCode, Refused

NEXT_STEPS = {
    errno.ENOSPC: "Free some space on the disk of the data directory (df -h)",
    errno.EDQUOT: "Free some space or raise the quota of this user (quota)",
    errno.EROFS: "The disk is read-only: see why (dmesg), then mount it for writing (mount -o remount,rw)",
    errno.EACCES: "Let this user write in the data directory (ls -ld, chown)",
    errno.EPERM: "Let this user write in the data directory (ls -ld, lsattr)",
    errno.EMFILE: "Allow the process more open files (ulimit -n; systemd: LimitNOFILE)",
    errno.ENFILE: "Allow the machine more open files (sysctl fs.file-max)",
    errno.ENOMEM: "Give the process more memory (ulimit -v; systemd: MemoryMax)",
}
"""What a person does about an error of the operating system; about any other one, check the disk."""


class StorageFailed(Exception):
    """A write or a sync failed: the broker stops, and recovery decides at the next start what is there."""

    def __init__(self, doing: str, error: BaseException | None = None) -> None:
        reason = f": {error}" if error is not None else ""
        number = error.errno if isinstance(error, OSError) else None
        step = NEXT_STEPS.get(number or 0, "Check the disk (dmesg, df)")
        super().__init__(
            f"storage failed while {doing}{reason}. The broker stops, so that nothing is acknowledged that may be "
            f"lost. {step}, then start it again: it recovers from its journal."
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


class IdentityDamaged(ValueError):
    """The file that says whose directory this is and which format it has cannot be read."""

    def __init__(self, path: str, found: str) -> None:
        super().__init__(
            f"{path} in the data directory does not say which format the directory has (format.version: {found!r}). "
            "Nothing was touched: put the file back from a backup, or choose another directory (--data-dir)."
        )


class OffsetOutOfRange(Refused):
    """An offset outside [log_start_offset, log_end_offset]."""

    def __init__(self, offset: int, start: int, end: int) -> None:
        super().__init__(ErrorCode.OFFSET_OUT_OF_RANGE, f"offset {offset} is outside [{start}, {end}]")
