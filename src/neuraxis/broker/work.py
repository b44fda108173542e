"""Work values: what the shell does for the core because it may wait, one step after another.

The core emits `Work`, the shell calls `perform` for it (on a thread) and hands the result back through `Core.done`. The
simulator performs the steps one by one, in an order and at a time of its own choosing, or never.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuraxis.broker.log.compaction import Plan
    from neuraxis.broker.log.fs import File, Fs
    from neuraxis.broker.log.loading import IndexLoad
    from neuraxis.broker.log.scrub import Slice


class Now(NamedTuple):
    """The two clocks of the broker: `mono_ms` for durations, `wall_ms` for timestamps (Unix time)."""

    mono_ms: int
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Sync:
    """Make the content of `file` durable (fdatasync)."""

    file: File

    @property
    def files(self) -> tuple[File, ...]:
        """What has to stay until it is done."""
        return (self.file,)


class Owner(Protocol):
    """Who has a directory that may be renamed (once, when it is deleted) while a work waits for it."""

    directory: str
    former_directory: str
    gone: bool


@dataclass(frozen=True, slots=True)
class SyncDir:
    """Make the directory entries of `path` durable, or those of the directory that `owner` has when it is done."""

    path: str
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class Replace:
    """Write `data` to a temporary file, sync it, rename it over `path` and sync the directory: old or new, never torn."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class WriteOut:
    """Let the system write out all that it holds, in one go: many syncs that follow then find little to do."""


@dataclass(frozen=True, slots=True)
class Rename:
    """Rename a file or directory; durable only after `SyncDir` of its parent."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file, or a directory with the files in it; absent is fine."""

    path: str


@dataclass(frozen=True, slots=True)
class Read:
    """Read a range (a cold read); the result of the work is the bytes."""

    file: File
    position: int
    length: int

    @property
    def files(self) -> tuple[File, ...]:
        """What has to stay until it is done."""
        return (self.file,)


@dataclass(frozen=True, slots=True)
class LoadIndexes:
    """Load the indexes of a segment that are not in the page cache. The load holds the result."""

    load: IndexLoad

    @property
    def files(self) -> tuple[File, ...]:
        """What has to stay until it is done."""
        return self.load.files


@dataclass(frozen=True, slots=True)
class Clean:
    """Do one pass of compaction: read the sources, write the targets. The plan holds the result."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Prove:
    """Read a stretch of a segment again and prove its batches. The slice holds the result."""

    piece: Slice


@dataclass(frozen=True, slots=True)
class Derive:
    """Salt a password (PBKDF2); the result is the key. Milliseconds on purpose, so it is work. Never shown: secrets."""

    hash_name: str
    password: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    iterations: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get a small document from a URL (`file:`, `http:` or `https:`); the result is its bytes."""

    url: str


Step = (
    Sync
    | SyncDir
    | WriteOut
    | Replace
    | Rename
    | Remove
    | Read
    | LoadIndexes
    | Clean
    | Prove
    | Derive
    | Fetch
)


def files_of(steps: Sequence[Step]) -> list[File]:
    """The files that have to keep their content until the steps are done."""
    return [file for step in steps if isinstance(step, Sync | Read | LoadIndexes) for file in step.files]


@dataclass(frozen=True, slots=True)
class Work:
    """Steps to be done in order; the first that fails fails the whole work."""

    id: int
    kind: str
    steps: Sequence[Step]


def perform_step(fs: Fs, step: Step) -> bytes | None:
    """Do one step; OSError escapes to the caller, which reports it through `done`."""
    if isinstance(step, Sync):
        fs.sync(step.file)
    elif isinstance(step, SyncDir | WriteOut):
        _sync_more(fs, step)
    elif isinstance(step, Replace):
        if "/" not in step.path:
            fs.replace(step.path, step.data)
            return None
        with suppress(FileNotFoundError):  # a partition's directory, renamed since: its topic was deleted
            fs.replace(step.path, step.data)
    elif isinstance(step, Rename):
        fs.rename(step.path, step.target)
    elif isinstance(step, Remove):
        fs.remove(step.path)
    elif isinstance(step, Read):
        return fs.read(step.file, step.position, step.length)
    elif isinstance(step, LoadIndexes):
        step.load.run(fs, patient=True)
    elif isinstance(step, Clean):
        fs.clean(step.plan)
    elif isinstance(step, Prove):
        step.piece.run(fs)
    elif isinstance(step, Derive):
        return hashlib.pbkdf2_hmac(step.hash_name, step.password, step.salt, step.iterations)
    else:
        from neuraxis.broker.security.fetching import fetch

        return fetch(step.url)
    return None


def _sync_more(fs: Fs, step: SyncDir | WriteOut) -> None:
    if isinstance(step, WriteOut):
        fs.write_out()
        return
    owner = step.owner
    if owner is None:
        fs.sync_dir(step.path)
        return
    # The rename may happen on another thread at any point in between: the new name, the old one, the new one again.
    for path in (owner.directory, owner.former_directory, owner.directory):
        try:
            fs.sync_dir(path)
        except FileNotFoundError:
            continue
        return
    if not owner.gone:
        raise FileNotFoundError(2, "the directory is gone", owner.directory)


def perform(fs: Fs, work: Work) -> bytes | None:
    """Do all steps of a work; the result is the last read's bytes, or None."""
    result: bytes | None = None
    for step in work.steps:
        result = perform_step(fs, step)
    return result
