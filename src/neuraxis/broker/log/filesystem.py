"""The file system as the log sees it: an interface, without any of the operating system in it.

Paths are relative to the data directory ("" is the directory itself) and use "/". Every fault is an `OSError`.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from neuraxis.broker.log.cold import Attempt
    from neuraxis.broker.log.compaction import Plan

Buffer = bytes | bytearray | memoryview
_FREE = nullcontext()


class File:
    """A file of the log. It outlives its descriptor: a file system opens and closes that behind it.

    A pinned file (counted) keeps its content readable through rename and removal; pins are taken and given back on the
    thread that owns the log.
    """

    __slots__ = ("busy", "fd", "fs", "held", "path", "pins", "place", "removed", "shrunk", "turn", "used")

    def __init__(self, fs: Fs, path: str) -> None:
        self.fs = fs
        self.path = path
        self.pins = 0
        self.fd = -1  # stays -1 where a file system has no descriptors
        self.busy = 0
        self.used = False
        self.removed = False
        self.held = False  # the file system keeps it open for its pins
        self.place = 0  # among the open ones
        self.shrunk = False  # truncated since its last sync
        self.turn: AbstractContextManager[object] = _FREE  # for what must not happen twice at a time

    def pin(self) -> None:
        """Keep the content readable, whatever happens to the name."""
        self.pins += 1

    def unpin(self) -> None:
        """Give one pin back."""
        self.pins -= 1
        if not self.pins and (self.removed or self.held):
            if self.removed:
                self.fs.forget(self)
            else:
                self.fs.unpinned(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path!r}>"


class Fs:
    """What the log asks of a file system. Calls but `write*`, `truncate`, `allocate` and `open` may come from any thread."""

    most_descriptors = 0
    """How many file descriptors it may have open at a time."""
    crowded = False
    """Whether so many files are kept open until they are synced that a checkpoint should come now."""
    attempt: Attempt | None = None
    """What is being tried on the loop and would rather be parked than wait for the disk (`cold.py`)."""

    def list(self, directory: str) -> list[str]:
        """Names in a directory, sorted; FileNotFoundError if there is none."""
        raise NotImplementedError

    def open(self, path: str, create: bool = False) -> File:
        """The file at a path (the same object while it is known); created empty if asked for."""
        raise NotImplementedError

    def size(self, file: File) -> int:
        """Length in bytes."""
        raise NotImplementedError

    def read(self, file: File, position: int, length: int) -> bytes:
        """Bytes from a position; fewer only at the end of the file."""
        raise NotImplementedError

    def clean(self, plan: Plan) -> None:
        """Do a pass of compaction, now."""
        from neuraxis.broker.log.compaction import clean

        clean(self, plan)

    def read_now(self, file: File, position: int, length: int) -> bytes | bytearray | None:
        """As `read`, but None if the bytes would have to come from the device."""
        return self.read(file, position, length)

    def look(self, file: File, position: int, length: int) -> Buffer:
        """As `read`, on the thread that owns the log; what is being tried there gets WouldWait instead of waiting."""
        attempt = self.attempt
        return self.read(file, position, length) if attempt is None else attempt.read(file, position, length)

    def send(self, socket_fd: int, file: File, position: int, length: int, most: int) -> int | None:
        """Send a range to a socket without copying it, at most so much now; the bytes sent.

        None: it would wait or cannot be done, read it.

        Raises BlockingIOError for a socket that takes nothing now.
        """
        del socket_fd, file, position, length, most
        return None

    def write(self, file: File, position: int, data: Buffer) -> None:
        """Write all of `data` at a position (into the page cache); OSError if not all of it could be written."""
        raise NotImplementedError

    def write_parts(self, file: File, position: int, parts: Sequence[Buffer]) -> None:
        """As `write`, for several pieces in a row, without joining them."""
        raise NotImplementedError

    def allocate(self, file: File, length: int) -> None:
        """Give the file at least this length, reserving the blocks where that is possible."""
        raise NotImplementedError

    def truncate(self, file: File, length: int) -> None:
        """Cut the file to a length, or extend it with zeros."""
        raise NotImplementedError

    def sync(self, file: File) -> None:
        """Make the content durable."""
        raise NotImplementedError

    def rename(self, path: str, target: str) -> None:
        """Rename a file (over an older one) or a directory; durable after `sync_dir` of the parent."""
        raise NotImplementedError

    def remove(self, path: str) -> None:
        """Remove a file, or a directory and the files in it; absent is fine."""
        raise NotImplementedError

    def make_dir(self, path: str) -> None:
        """Make a directory; an existing one is fine."""
        raise NotImplementedError

    def sync_dir(self, path: str) -> None:
        """Make the entries of a directory durable."""
        raise NotImplementedError

    def write_out(self) -> None:
        """Write out all that is in the page cache, if the system can; nothing is durable before its own sync says so."""

    def replace(self, path: str, data: bytes) -> None:
        """Put `data` at a path, durably: after a crash there is the old content or the new, never a mixture."""
        raise NotImplementedError

    def space(self) -> int:
        """Free bytes."""
        raise NotImplementedError

    def lock(self) -> None:
        """Take the data directory for this process; DirectoryInUse if another one has it."""
        raise NotImplementedError

    def close(self) -> None:
        """Close every descriptor and give the lock back."""
        raise NotImplementedError

    def unpinned(self, file: File) -> None:
        """The last pin of a file that was kept open for its pins was given back."""

    def forget(self, file: File) -> None:
        """Drop what is kept for a removed file whose last pin has gone."""
