"""Whose data directory this is and which format it has. A newer or unreadable one is refused untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log.failures import FormatTooNew, IdentityDamaged

if TYPE_CHECKING:
    from neuraxis.broker.log.fs import Fs
    from neuraxis.broker.log.store import LogStore

IDENTITY = "neuraxis.properties"
KAFKA_IDENTITY = "meta.properties"
RESTORED = "neuraxis-restored"
"""There while a directory that came from a backup was not served yet: clients may have seen what is no longer in it."""
FORMAT_VERSION = 1


def read_properties(fs: Fs, path: str) -> dict[str, str] | None:
    """A file of `name=value` lines; None if there is none."""
    try:
        file = fs.open(path)
    except FileNotFoundError:
        return None
    text = fs.read(file, 0, fs.size(file)).decode("utf-8", "replace")
    lines = (line.partition("=") for line in text.split("\n") if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in lines}


def adopt(store: LogStore) -> None:
    """Take the identity of an existing directory, or write that of a new one. Raises FormatTooNew, IdentityDamaged."""
    fs, options = store.fs, store.options
    ours = read_properties(fs, IDENTITY)
    if ours is not None:
        found = ours.get("format.version", "")
        if not found.isdecimal():
            fs.close()
            raise IdentityDamaged(IDENTITY, found)
        if int(found) > FORMAT_VERSION:
            fs.close()
            raise FormatTooNew(int(found), FORMAT_VERSION)
    kafkas = read_properties(fs, KAFKA_IDENTITY) or {}
    known = ours or kafkas
    store.cluster_id = known.get("cluster.id", options.cluster_id)
    store.directory_id = known.get("directory.id", options.directory_id)
    identity = (
        f"cluster.id={store.cluster_id}\nnode.id={options.node_id}\ndirectory.id={store.directory_id}\n"
    )
    if not kafkas:
        fs.replace(KAFKA_IDENTITY, f"version=1\n{identity}".encode())
    if ours is None:
        fs.replace(IDENTITY, f"format.version={FORMAT_VERSION}\n{identity}".encode())
