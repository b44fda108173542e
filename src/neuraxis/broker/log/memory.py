"""The file system of `--ephemeral`: everything in memory, nothing survives the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log.filesystem import File, Fs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neuraxis.broker.log.filesystem import Buffer

# What `space` answers: more than any reserve, so that an ephemeral broker is never "full" by this measure.
PLENTY = 1 << 40


class MemoryFile(File):
    """A file and its bytes."""

    __slots__ = ("content",)

    def __init__(self, fs: Fs, path: str) -> None:
        super().__init__(fs, path)
        self.content = bytearray()


class MemoryFs(Fs):
    """Files as byte arrays; used by one thread at a time or under the interpreter's lock."""

    def __init__(self) -> None:
        self._files: dict[str, MemoryFile] = {}
        self._dirs: set[str] = {""}

    def list(self, directory: str) -> list[str]:
        if directory not in self._dirs:
            raise FileNotFoundError(2, "no such directory", directory)
        prefix = f"{directory}/" if directory else ""
        paths = [*self._files, *self._dirs]
        return sorted(
            {p[len(prefix) :].split("/")[0] for p in paths if p.startswith(prefix) and p != directory}
        )

    def open(self, path: str, create: bool = False) -> File:
        file = self._files.get(path)
        if file is None:
            if not create or path.rpartition("/")[0] not in self._dirs:
                raise FileNotFoundError(2, "no such file", path)
            file = self._files[path] = MemoryFile(self, path)
        return file

    def size(self, file: File) -> int:
        return len(_content(file))

    def read(self, file: File, position: int, length: int) -> bytes:
        return bytes(memoryview(_content(file))[position : position + length])

    def write(self, file: File, position: int, data: Buffer) -> None:
        content = _content(file)
        if position == len(content):
            content += data
            return
        if position > len(content):
            content += bytes(position - len(content))
        content[position : position + len(data)] = data

    def write_parts(self, file: File, position: int, parts: Sequence[Buffer]) -> None:
        for part in parts:
            self.write(file, position, part)
            position += len(part)

    def allocate(self, file: File, length: int) -> None:
        del file, length  # reserving would only cost memory

    def truncate(self, file: File, length: int) -> None:
        content = _content(file)
        if length < len(content):
            del content[length:]
        else:
            content += bytes(length - len(content))

    def sync(self, file: File) -> None:
        del file

    def rename(self, path: str, target: str) -> None:
        if path in self._files:
            file = self._files.pop(path)
            file.path = target
            self._files[target] = file
            return
        if path not in self._dirs:
            raise FileNotFoundError(2, "no such file or directory", path)
        self._dirs.remove(path)
        self._dirs.add(target)
        for name in [name for name in self._files if name.startswith(path + "/")]:
            self.rename(name, target + name[len(path) :])

    def remove(self, path: str) -> None:
        self._files.pop(path, None)
        self._dirs.discard(path)
        for name in [name for name in self._files if name.startswith(path + "/")]:
            del self._files[name]

    def make_dir(self, path: str) -> None:
        self._dirs.add(path)

    def sync_dir(self, path: str) -> None:
        del path

    def replace(self, path: str, data: bytes) -> None:
        file = self.open(path, create=True)
        _content(file)[:] = data

    def space(self) -> int:
        return PLENTY

    def lock(self) -> None:
        """Nobody else can reach this memory."""

    def close(self) -> None:
        self._files.clear()


def _content(file: File) -> bytearray:
    assert isinstance(file, MemoryFile)
    return file.content
