"""Where backups are kept: a directory, or an object store through obstore (the extra `backup`).

Rule of the file: a name holds all of its bytes or does not exist, and what `settle` has returned for survives a power cut.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Protocol

from neuraxis.client.errors import ClientError


class Depot(Protocol):
    """Named bytes that are written once, and may go."""

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` under a name."""
        ...

    def get(self, name: str) -> bytes:
        """The bytes of a name; FileNotFoundError if there are none."""
        ...

    def has(self, name: str) -> bool:
        """Whether the name exists."""
        ...

    def names(self, prefix: str) -> list[str]:
        """The names in a folder (`prefix` ends with "/"), sorted."""
        ...

    def sizes(self, prefix: str) -> dict[str, int]:
        """The names in a folder (`prefix` ends with "/") and how many bytes each has."""
        ...

    def remove(self, name: str) -> None:
        """Let go of a name; one that does not exist is fine."""
        ...

    def settle(self) -> None:
        """Return when all that was put, and removed, is durable."""
        ...


class DirectoryDepot:
    """A directory on this machine, or one that is mounted here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._touched: set[Path] = set()

    def put(self, name: str, data: bytes) -> None:
        """See Depot."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        self._touched.update((path.parent, path.parent.parent, self.root))

    def get(self, name: str) -> bytes:
        """See Depot."""
        return (self.root / name).read_bytes()

    def has(self, name: str) -> bool:
        """See Depot."""
        return (self.root / name).exists()

    def names(self, prefix: str) -> list[str]:
        """See Depot."""
        return list(self.sizes(prefix))

    def sizes(self, prefix: str) -> dict[str, int]:
        """See Depot."""
        folder = self.root / prefix
        if not folder.is_dir():
            return {}
        found = sorted(each for each in folder.iterdir() if each.is_file() and each.suffix != ".tmp")
        return {prefix + each.name: each.stat().st_size for each in found}

    def remove(self, name: str) -> None:
        """See Depot."""
        path = self.root / name
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            self._touched.add(path.parent)

    def settle(self) -> None:
        """See Depot."""
        for folder in sorted(self._touched):
            sync_directory(folder)
        self._touched.clear()


class ObjectDepot:
    """A bucket, or a folder of one, that obstore can reach."""

    def __init__(self, store: Any) -> None:  # Any: one of obstore's stores
        self._store = store

    def put(self, name: str, data: bytes) -> None:
        """See Depot; object stores keep all of an object or nothing."""
        import obstore

        obstore.put(self._store, name, data)

    def get(self, name: str) -> bytes:
        """See Depot."""
        import obstore

        return bytes(obstore.get(self._store, name).bytes())

    def has(self, name: str) -> bool:
        """See Depot."""
        import obstore

        try:
            obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def names(self, prefix: str) -> list[str]:
        """See Depot."""
        return list(self.sizes(prefix))

    def sizes(self, prefix: str) -> dict[str, int]:
        """See Depot."""
        import obstore

        found = {each["path"]: each["size"] for batch in obstore.list(self._store, prefix) for each in batch}
        return dict(sorted(found.items()))

    def remove(self, name: str) -> None:
        """See Depot."""
        import obstore

        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, name)

    def settle(self) -> None:
        """What an object store has answered for is durable."""


def open_depot(where: str) -> Depot:
    """The depot at a path or a URL (`s3://bucket/folder`, `gs://`, `az://`, `file:///`). Raises ClientError."""
    scheme, colon, rest = where.partition("://")
    if not colon:
        return DirectoryDepot(Path(where))
    if scheme == "file":
        return DirectoryDepot(Path(rest))
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise ClientError(
            f"{where} is an object store, and what reaches it is not installed",
            "pip install 'neuraxis[backup]'",
        ) from error
    try:
        return ObjectDepot(from_url(where, client_options={"allow_http": True}))
    except Exception as error:  # obstore's errors have no common class of their own
        raise ClientError(
            f"{where} cannot be used: {error}",
            "write s3://BUCKET/FOLDER, gs://BUCKET/FOLDER, az://CONTAINER/FOLDER or a directory; credentials come from the "
            "environment (AWS_ACCESS_KEY_ID, ...)",
        ) from error


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
