"""A simulated disk behind the log's `Fs`: it tears, loses, reorders and fails, the same way for the same seed.

Three states are kept apart: what the process sees (page cache and names), what is durable, and the ordered list of changes in
between. `power_loss` decides the fate of each change; `kill` keeps them all. Nothing here asks for time or randomness itself.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.log.fs import DirectoryInUse, File, Fs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from neuraxis.broker.log.fs import Buffer

SECTOR = 512


class SimCrash(BaseException):
    """The process dies here. Not an `Exception`: nothing may catch it on the way."""


@dataclass(eq=False)
class Inode:
    """A file's content: as seen, as durable, and the changes in between."""

    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[str, int, bytes]] = field(default_factory=list)


@dataclass(eq=False)
class Folder:
    """A directory's names: as seen, as durable, and the changes in between."""

    seen: dict[str, Inode | Folder] = field(default_factory=dict)
    durable: dict[str, Inode | Folder] = field(default_factory=dict)
    pending: list[tuple[str, str, Inode | Folder | str | None]] = field(default_factory=list)


class SimFile(File):
    """An open file: it stays with its inode, whatever happens to the name."""

    __slots__ = ("inode", "lost")

    def __init__(self, fs: Fs, path: str, inode: Inode) -> None:
        super().__init__(fs, path)
        self.inode = inode
        self.lost = False  # removed while nobody had it pinned: a pin that comes later does not bring it back


def put(content: bytearray, position: int, data: bytes) -> None:
    """Write into a byte array as into a file: a gap becomes zeros."""
    if position > len(content):
        content += bytes(position - len(content))
    content[position : position + len(data)] = data


def cut(content: bytearray, length: int) -> None:
    """Truncate a byte array as a file."""
    if length <= len(content):
        del content[length:]
    else:
        content += bytes(length - len(content))


class SimFs(Fs):
    """The disk of one simulated machine. After `kill` or `power_loss` the next process uses the same object."""

    def __init__(self, capacity: int = 1 << 40) -> None:
        self.root = Folder()
        self.capacity = capacity
        self.operations = 0
        self.crash_at: int | None = None  # the number of the operation in which the process dies
        self.crash_how = "before"  # or "after", or "half" (of a write)
        self.fault: Callable[[str, str, int], OSError | None] | None = None  # (operation, path, number)
        self.trace: list[str] = []
        self.boots = 1  # of the machine
        self._lost: OSError | None = (
            None  # a sync failed: as with the real one, no later sync of the process succeeds
        )
        self._files: dict[str, SimFile] = {}
        self._locked = False

    # Faults from outside

    def kill(self) -> None:
        """The process is gone; the page cache is not."""
        self._files = {}
        self._locked = False
        self.crash_at = None
        self.fault = None
        self._lost = None

    def power_loss(self, rng: Random) -> None:
        """The machine is gone: what was not synced is kept, lost or torn, each change for itself."""
        self.kill()
        self.boots += 1
        self._lose_folder(self.root, rng)

    def drop_caches(self) -> None:
        """Clean pages are read from the disk again: what a failed sync lost is now seen to be lost."""
        for inode in self._inodes(self.root):
            inode.seen = bytearray(inode.durable)
            for change in inode.pending:
                _apply(inode.seen, change)

    def flip(self, path: str, position: int, bit: int = 0) -> None:
        """Bit rot at rest."""
        inode = self._node(path)
        assert isinstance(inode, Inode)
        inode.seen[position] ^= 1 << bit
        if position < len(inode.durable):
            inode.durable[position] ^= 1 << bit

    def content(self, path: str) -> bytearray:
        """What the process sees at a path; changes to it are invisible to the model of durability."""
        inode = self._node(path)
        assert isinstance(inode, Inode)
        return inode.seen

    def settle(self) -> None:
        """Everything becomes durable, as after a long quiet time."""

        def walk(folder: Folder) -> None:
            folder.durable, folder.pending = dict(folder.seen), []
            for node in folder.seen.values():
                if isinstance(node, Folder):
                    walk(node)
                else:
                    node.durable, node.pending = bytearray(node.seen), []

        walk(self.root)

    def _lose_folder(self, folder: Folder, rng: Random) -> None:
        changes = folder.pending
        if rng.random() < 0.5:  # a journaling file system keeps a prefix; POSIX promises no order at all
            kept = changes[: rng.randint(0, len(changes))]
        else:
            kept = [change for change in changes if rng.random() < 0.5]
        for action, name, target in kept:
            names = folder.durable
            if action == "link" and name not in names:
                assert isinstance(target, Inode | Folder)
                names[name] = target
            elif action == "unlink":
                names.pop(name, None)
            elif action == "rename" and name in names:
                assert isinstance(target, str)
                names[target] = names.pop(name)
        folder.pending = []
        folder.seen = dict(folder.durable)
        for _, node in sorted(folder.seen.items()):
            if isinstance(node, Folder):
                self._lose_folder(node, rng)
            else:
                _lose_content(node, rng)

    def _inodes(self, folder: Folder) -> list[Inode]:
        found: list[Inode] = []
        for _, node in sorted(folder.seen.items()):
            found += self._inodes(node) if isinstance(node, Folder) else [node]
        return found

    # Bookkeeping

    def _step(self, operation: str, path: str) -> bool:
        """Count an operation; True if the process dies right after it. Raises SimCrash or the planned fault."""
        self.operations += 1
        number = self.operations
        self.trace.append(f"{number} {operation} {path}")
        if self.fault is not None:
            error = self.fault(operation, path, number)
            if error is not None:
                raise error
        if number == self.crash_at:
            if self.crash_how == "before":
                raise SimCrash(self.trace[-1])
            return True
        return False

    def _die(self, dies: bool) -> None:
        if dies:
            raise SimCrash(self.trace[-1])

    def _node(self, path: str) -> Inode | Folder:
        node: Inode | Folder = self.root
        for name in path.split("/") if path else []:
            if not isinstance(node, Folder):
                raise NotADirectoryError(errno.ENOTDIR, "not a directory", path)
            if name not in node.seen:
                raise FileNotFoundError(errno.ENOENT, "no such file or directory", path)
            node = node.seen[name]
        return node

    def _folder(self, path: str) -> Folder:
        node = self._node(path)
        if not isinstance(node, Folder):
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", path)
        return node

    def _parent(self, path: str) -> tuple[Folder, str]:
        parent, _, name = path.rpartition("/")
        return self._folder(parent), name

    def _inode(self, file: File) -> Inode:
        assert isinstance(file, SimFile)
        if file.removed and (file.lost or not file.pins):
            raise FileNotFoundError(errno.ENOENT, "the file was removed", file.path)
        return file.inode

    # Fs: files

    def list(self, directory: str) -> list[str]:
        return sorted(self._folder(directory).seen)

    def open(self, path: str, create: bool = False) -> File:
        file = self._files.get(path)
        if file is not None:
            return file
        folder, name = self._parent(path)
        node = folder.seen.get(name)
        if node is None:
            if not create:
                raise FileNotFoundError(errno.ENOENT, "no such file", path)
            dies = self._step("create", path)
            node = folder.seen[name] = Inode()
            folder.pending.append(("link", name, node))
            self._die(dies)
        if not isinstance(node, Inode):
            raise IsADirectoryError(errno.EISDIR, "is a directory", path)
        file = self._files[path] = SimFile(self, path, node)
        return file

    def size(self, file: File) -> int:
        return len(self._inode(file).seen)

    def read(self, file: File, position: int, length: int) -> bytes:
        if self.fault is not None:
            error = self.fault("read", file.path, self.operations)
            if error is not None:
                raise error
        return bytes(memoryview(self._inode(file).seen)[position : position + length])

    def write(self, file: File, position: int, data: Buffer) -> None:
        inode = self._inode(file)
        whole = bytes(data)
        try:
            dies = self._step("write", file.path)
        except OSError:  # a short write: some of it arrived
            self._put(inode, position, whole[: len(whole) // 2])
            raise
        if dies and self.crash_how == "half":
            whole = whole[: len(whole) // 2]
        grown = position + len(whole) - len(inode.seen)
        if grown > 0 and grown > self.space():
            self._put(inode, position, whole[: max(0, len(whole) - grown + self.space())])
            raise OSError(errno.ENOSPC, "no space left on device", file.path)
        self._put(inode, position, whole)
        self._die(dies)

    def _put(self, inode: Inode, position: int, data: bytes) -> None:
        if data:
            put(inode.seen, position, data)
            inode.pending.append(("write", position, data))

    def write_parts(self, file: File, position: int, parts: Sequence[Buffer]) -> None:
        self.write(file, position, b"".join(parts))

    def allocate(self, file: File, length: int) -> None:
        inode = self._inode(file)
        dies = self._step("allocate", file.path)
        if length - len(inode.seen) > self.space():
            raise OSError(errno.ENOSPC, "no space left on device", file.path)
        if length > len(inode.seen):
            cut(inode.seen, length)
            inode.pending.append(("truncate", length, b""))
        self._die(dies)

    def truncate(self, file: File, length: int) -> None:
        inode = self._inode(file)
        dies = self._step("truncate", file.path)
        cut(inode.seen, length)
        inode.pending.append(("truncate", length, b""))
        self._die(dies)

    def sync(self, file: File) -> None:
        inode = self._inode(file)
        if self._lost is not None:
            raise self._lost
        try:
            dies = self._step("sync", file.path)
        except OSError as error:
            self._lost = error
            inode.pending = []  # the kernel calls the pages clean now; they are seen, and they are not on the disk
            raise
        for change in inode.pending:
            _apply(inode.durable, change)
        inode.pending = []
        self._die(dies)

    # Fs: names

    def rename(self, path: str, target: str) -> None:
        folder, name = self._parent(path)
        if name not in folder.seen:
            raise FileNotFoundError(errno.ENOENT, "no such file or directory", path)
        target_folder, target_name = self._parent(target)
        assert folder is target_folder, "the log renames within a directory"
        dies = self._step("rename", f"{path} -> {target}")
        self._lose(target)
        folder.seen[target_name] = folder.seen.pop(name)
        folder.pending.append(("rename", name, target_name))
        for old in [old for old in self._files if old == path or old.startswith(path + "/")]:
            file = self._files.pop(old)
            file.path = target + old[len(path) :]
            self._files[file.path] = file
        self._die(dies)

    def _lose(self, path: str) -> None:
        file = self._files.pop(path, None)
        if file is not None:
            file.removed = True
            file.lost = not file.pins

    def forget(self, file: File) -> None:
        if isinstance(file, SimFile):
            file.lost = True

    def remove(self, path: str) -> None:
        try:
            folder, name = self._parent(path)
        except FileNotFoundError:
            return
        node = folder.seen.get(name)
        if node is None:
            return
        if isinstance(node, Folder):
            for child in sorted(node.seen):
                self.remove(f"{path}/{child}")
        dies = self._step("unlink", path)
        self._lose(path)
        del folder.seen[name]
        folder.pending.append(("unlink", name, None))
        self._die(dies)

    def make_dir(self, path: str) -> None:
        folder, name = self._parent(path)
        if name in folder.seen:
            return
        dies = self._step("mkdir", path)
        node = folder.seen[name] = Folder()
        folder.pending.append(("link", name, node))
        self._die(dies)

    def sync_dir(self, path: str) -> None:
        folder = self._folder(path)
        dies = self._step("sync_dir", path)
        folder.durable = dict(folder.seen)
        folder.pending = []
        self._die(dies)

    def replace(self, path: str, data: bytes) -> None:
        temporary = self.open(path + ".tmp", create=True)
        self.truncate(temporary, 0)
        self.write(temporary, 0, data)
        self.sync(temporary)  # fails too where another one has: so the name stays
        self.rename(path + ".tmp", path)
        self.sync_dir(path.rpartition("/")[0])

    def space(self) -> int:
        return self.capacity - sum(len(inode.seen) for inode in self._inodes(self.root))

    def lock(self) -> None:
        if self._locked:
            raise DirectoryInUse("simulated", "1")
        self._locked = True

    def close(self) -> None:
        self._files = {}
        self._locked = False


def _apply(content: bytearray, change: tuple[str, int, bytes]) -> None:
    action, number, data = change
    if action == "write":
        put(content, number, data)
    else:
        cut(content, number)


def _lose_content(inode: Inode, rng: Random) -> None:
    """Each change is kept, lost or torn; a lost extension may still have reached the file's length."""
    fate = rng.random()
    for change in inode.pending:
        action, position, data = change
        draw = rng.random()
        if fate < 0.2 or draw < 0.35:  # some files come out whole
            _apply(inode.durable, change)
        elif action == "write" and draw < 0.6:
            start = 0
            while start < len(data):
                end = min(len(data), (position + start) // SECTOR * SECTOR + SECTOR - position)
                if rng.random() < 0.5:
                    put(inode.durable, position + start, data[start:end])
                start = end
        elif action == "write" and draw < 0.7 and position + len(data) > len(inode.durable):
            cut(inode.durable, position + len(data))
    inode.pending = []
    inode.seen = bytearray(inode.durable)
