"""The data directory on a disk: the only file of the log that opens files or asks the operating system.

`DiskFs` is the real thing; `memory.MemoryFs` serves `--ephemeral`, and the simulator brings its own.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import threading
from typing import TYPE_CHECKING

from neuraxis.broker.log.failures import DirectoryInUse, StorageFailed
from neuraxis.broker.log.filesystem import Buffer, File, Fs
from neuraxis.broker.log.open_files import OpenFiles
from neuraxis.broker.log.page_cache import PageCache

if TYPE_CHECKING:
    from builtins import list as List  # `list` is a method below
    from collections.abc import Iterable, Sequence

    from neuraxis.broker.log.compaction import Plan

__all__ = ["Buffer", "DirectoryInUse", "DiskFs", "File", "Fs", "StorageFailed"]


# Half of the process's limit is left to sockets; of 20,000 the logs get what 10,000 connections and a spare of 128 leave.
MOST_DESCRIPTORS = 9872
# Descriptors that files of the log leave free: workers need one for each directory or small file that they sync.
KEPT_DESCRIPTORS = 16
# What some systems lack (macOS): a sync that may leave out metadata, and space that is reserved.
_sync_data = getattr(os, "fdatasync", os.fsync)
_reserve = getattr(os, "posix_fallocate", None)
LOCK_NAME = ".lock"
MOST_LOOKED_AHEAD = (
    1 << 20
)  # so far at once a range is looked for: what is there now is there in a few milliseconds


class DiskFs(Fs):
    """The data directory on a disk.

    Descriptors sit behind a bound (`open_files`); they are closed only on the thread that writes and opens.
    """

    def __init__(self, data_dir: str, most_descriptors: int | None = None) -> None:
        self.data_dir = data_dir
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.most_descriptors = most_descriptors or max(16, min(soft // 2, MOST_DESCRIPTORS))
        self._files: dict[str, File] = {}
        self._open = OpenFiles(self.most_descriptors)
        self._mutex = threading.RLock()
        self._lock_fd = -1
        # The thread that writes: it alone closes descriptors, so that it needs no lock to use one.
        self._owner = 0
        self._lost: OSError | None = None  # a sync that failed: no later one may say that all is there
        self._page_cache = PageCache()
        self._held: tuple[File | None, int, int] = (None, 0, 0)  # a range that was in the page cache just now
        os.makedirs(data_dir, exist_ok=True)

    def _where(self, path: str) -> str:
        return f"{self.data_dir}/{path}" if path else self.data_dir

    # Descriptors

    def _descriptor(self, file: File, flags: int = 0) -> int:
        """The file's descriptor, opened if need be; call with the mutex held."""
        if file.fd < 0:
            if file.removed:
                raise FileNotFoundError(errno.ENOENT, "the file was removed", file.path)
            file.fd = self._open_near_limit(self._where(file.path), os.O_RDWR | os.O_CLOEXEC | flags)
            self._open.add(file)
        file.used = True
        return file.fd

    def _reopen(self, file: File) -> int:
        with self._mutex:
            self._owner = threading.get_ident()
            self._evict()
            return self._descriptor(file)

    def _evict(self) -> None:
        """Close descriptors, so that one more keeps within the bound; where all files are pinned, one is synced first."""
        self._close_each(self._open.surplus())
        self.crowded = self._open.crowded

    def _open_near_limit(self, where: str, flags: int) -> int:
        """Open; where descriptors run out, the logs give some back first. Numbers are given lowest first, so one tells."""
        owned = threading.get_ident() == self._owner
        try:
            fd = os.open(where, flags, 0o644)
        except OSError as error:
            if error.errno != errno.EMFILE or not owned or not self._shed():
                raise
            return os.open(where, flags, 0o644)
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if owned and fd >= soft - min(KEPT_DESCRIPTORS, soft // 8):
            self._shed()
        return fd

    def _shed(self) -> int:
        """Close half of the descriptors, how many; pinned ones too: what is in them is synced first, so no error is missed."""
        idle = self._open.closable()
        self._close_each(idle[: max(1, len(idle) // 2)])
        return len(idle)

    def _close_each(self, files: Iterable[File]) -> None:
        for file in files:
            if file.pins:
                self._sync_before_closing(file)
            self._close(file)

    def _sync_before_closing(self, file: File) -> None:
        """The system tells of lost pages once: who hears of it here may be a reader, so every later sync says it again."""
        try:
            os.fsync(file.fd)
        except OSError as error:
            self._lost = error
            raise
        file.shrunk = False

    def _close(self, file: File) -> None:
        if file.fd >= 0:
            self._open.discard(file)
            os.close(file.fd)
            file.fd = -1

    def _take(self, file: File) -> int:
        """A descriptor to be given back; another thread than the owner, which may close none, gets one for this call alone."""
        with self._mutex:
            owned = threading.get_ident() == self._owner
            if file.fd < 0 and owned:
                self._evict()
            file.busy += 1
            try:
                if owned or file.fd >= 0 or file.removed:
                    return self._descriptor(file)
                return self._open_near_limit(self._where(file.path), os.O_RDWR | os.O_CLOEXEC)
            except OSError:
                file.busy -= 1
                raise

    def _give(self, file: File, fd: int) -> None:
        with self._mutex:
            if fd != file.fd:
                os.close(fd)
            file.busy -= 1
            if file.removed and not file.pins and not file.busy:
                self._close(file)

    # Files

    def list(self, directory: str) -> list[str]:
        return sorted(os.listdir(self._where(directory)))

    def open(self, path: str, create: bool = False) -> File:
        with self._mutex:
            self._owner = threading.get_ident()
            file = self._files.get(path)
            if file is None:
                file = File(self, path)
                file.turn = threading.Lock()
                if create:
                    self._evict()
                    self._descriptor(file, os.O_CREAT)
                else:
                    os.stat(self._where(path))
                self._files[path] = file
            return file

    def size(self, file: File) -> int:
        with self._mutex:
            return os.fstat(file.fd).st_size if file.fd >= 0 else os.stat(self._where(file.path)).st_size

    def read(self, file: File, position: int, length: int) -> bytes:
        fd = self._take(file)
        try:
            return os.pread(fd, length, position)
        finally:
            self._give(file, fd)

    def clean(self, plan: Plan) -> None:
        from neuraxis.broker.log import child  # most brokers never compact: a start need not load it

        size = sum(source.size for target in plan.targets for source in target.sources)
        if size < child.WORTH_BYTES:
            super().clean(plan)
        else:
            child.clean_apart(self, plan)

    def read_now(self, file: File, position: int, length: int) -> bytes | bytearray | None:
        fd = self._take(file)
        try:
            return self._page_cache.read(fd, position, length)
        finally:
            self._give(file, fd)

    def send(self, socket_fd: int, file: File, position: int, length: int, most: int) -> int | None:
        fd = self._take(file)
        try:
            known, start, end = self._held
            if known is not file or not start <= position < end:
                end = position + min(length, MOST_LOOKED_AHEAD)
                if not self._page_cache.holds(fd, position, end - position):
                    return None
                self._held = file, position, end
            return os.sendfile(socket_fd, fd, position, min(length, end - position, most))
        finally:
            self._give(file, fd)

    def write(self, file: File, position: int, data: Buffer) -> None:
        fd = file.fd
        if fd < 0:
            fd = self._reopen(file)
        file.used = True
        written = os.pwrite(fd, data, position)
        if written != len(data):
            self._write_rest(fd, position + written, memoryview(data)[written:])

    def write_parts(self, file: File, position: int, parts: Sequence[Buffer]) -> None:
        fd = file.fd
        if fd < 0:
            fd = self._reopen(file)
        file.used = True
        written = os.pwritev(fd, parts, position)
        for part in parts:
            size = len(part)
            if written < size:
                self._write_rest(fd, position + written, memoryview(part)[written:])
                written = size
            position += size
            written -= size

    def _write_rest(self, fd: int, position: int, data: memoryview) -> None:
        """Complete a short write; a disk that takes nothing says why (ENOSPC) on the next call."""
        while data:
            written = os.pwrite(fd, data, position)
            if not written:
                raise OSError(errno.EIO, "the device takes no more bytes")
            position += written
            data = data[written:]

    def allocate(self, file: File, length: int) -> None:
        fd = self._take(file)
        try:
            if _reserve is None:
                os.ftruncate(fd, max(length, os.fstat(fd).st_size))
            else:
                _reserve(fd, 0, length)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
            os.ftruncate(fd, max(length, os.fstat(fd).st_size))
        finally:
            self._give(file, fd)

    def truncate(self, file: File, length: int) -> None:
        fd = self._take(file)
        try:
            os.ftruncate(fd, length)
            file.shrunk = True
        finally:
            self._give(file, fd)

    def sync(self, file: File) -> None:
        fd = self._take(file)
        try:
            with file.turn:  # who fails has said so before the next sync of the file begins
                self._sync(file, fd)
        finally:
            self._give(file, fd)

    def _sync(self, file: File, fd: int) -> None:
        if self._lost is not None:
            raise self._lost
        try:
            if file.shrunk:  # POSIX lets fdatasync leave out a length that no read needs
                file.shrunk = False
                os.fsync(fd)
            else:
                _sync_data(fd)
        except OSError as error:
            self._lost = error  # told once by the system: a work beside this one would find that all is well
            raise

    # Names

    def _under(self, path: str) -> List[File]:
        file = self._files.get(path)
        if file is not None:
            return [file]
        if "/" in path:  # directories are one level deep, so this is a file that is not open
            return []
        return [file for name, file in self._files.items() if name.startswith(path + "/")]

    def rename(self, path: str, target: str) -> None:
        with self._mutex:
            self._lose(self._files.get(target))
            os.rename(self._where(path), self._where(target))
            for file in self._under(path):
                del self._files[file.path]
                file.path = target + file.path[len(path) :]
                self._files[file.path] = file

    def _lose(self, file: File | None) -> None:
        """The name of a file is about to go: a pinned or busy one keeps its content through an open descriptor."""
        if file is None:
            return
        if file.pins or file.busy:
            self._descriptor(file)
        else:
            self._close(file)
        file.removed = True
        del self._files[file.path]

    def remove(self, path: str) -> None:
        with self._mutex:
            for file in self._under(path):
                self._lose(file)
        where = self._where(path)
        try:
            os.unlink(where)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            for name in os.listdir(where):
                self.remove(f"{path}/{name}")
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(where)

    def forget(self, file: File) -> None:
        with self._mutex:
            if not file.busy:
                self._close(file)

    def unpinned(self, file: File) -> None:
        with self._mutex:
            self._open.unpinned(file)

    def make_dir(self, path: str) -> None:
        os.makedirs(self._where(path), exist_ok=True)

    def sync_dir(self, path: str) -> None:
        fd = os.open(self._where(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def write_out(self) -> None:
        import ctypes  # Python has no name for it, and few brokers ever need it

        write_out = getattr(ctypes.CDLL(None), "syncfs", None)  # Linux alone
        if write_out is not None:
            fd = os.open(self.data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                write_out(fd)  # what fails is told again by the sync of the file that it befell
            finally:
                os.close(fd)

    def replace(self, path: str, data: bytes) -> None:
        temporary = self._where(path) + ".tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            self._write_rest(fd, 0, memoryview(data))
            os.fsync(fd)
        finally:
            os.close(fd)
        if self._lost is not None:  # what this says was synced may not be there
            raise self._lost
        self.rename(path + ".tmp", path)
        self.sync_dir(path.rpartition("/")[0])

    def space(self) -> int:
        status = os.statvfs(self.data_dir)
        return status.f_bavail * status.f_frsize

    def lock(self) -> None:
        fd = os.open(self._where(LOCK_NAME), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise DirectoryInUse(self.data_dir, holder) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._lock_fd = fd

    def close(self) -> None:
        with self._mutex:
            for file in self._open.all():
                self._close(file)
            self._files.clear()
            if self._lock_fd >= 0:
                os.close(self._lock_fd)
                self._lock_fd = -1
