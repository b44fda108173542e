"""Putting cleaned segments in the place of others, so that a crash leaves the old ones or the new ones, never a mixture.

The new files lie beside the old ones under `.cleaned` until all of them are durable. Then one small file, written durably,
says which take whose place; from that moment on the exchange counts as done, and a start finishes what a crash cut short.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.log import transactions
from neuraxis.broker.log.checkpoint import BURIED
from neuraxis.broker.log.segment import name_of
from neuraxis.wire.crc import crc32c

if TYPE_CHECKING:
    from neuraxis.broker.log.fs import Fs

SWAP = "neuraxis-swap"
CLEANED = ".cleaned"
SUFFIXES = (".index", ".timeindex", transactions.SUFFIX, ".log")
"""In the order of their exchange: the data comes last, so that no index describes data that is not there."""


class Exchange(NamedTuple):
    """One new segment: the bases of those it replaces (the first is its own), and which of SUFFIXES it has."""

    bases: tuple[int, ...]
    suffixes: tuple[str, ...]


def to_bytes(exchanges: list[Exchange]) -> bytes:
    """The file, with a checksum in its last line."""
    body = json.dumps([[list(each.bases), list(each.suffixes)] for each in exchanges]).encode() + b"\n"
    return body + f"{crc32c(body):08x}\n".encode()


def parse(data: bytes) -> list[Exchange]:
    """The exchanges of a file; none if it is damaged (it was replaced atomically, so then it never counted)."""
    body, checksum = data[:-9], data[-9:]
    if f"{crc32c(body):08x}\n".encode() != checksum:
        return []
    return [Exchange(tuple(bases), tuple(suffixes)) for bases, suffixes in json.loads(body)]


def carry_out(fs: Fs, directory: str, exchange: Exchange) -> list[str]:
    """Do the renames of one exchange, from whatever point on; the paths that are left to be removed."""
    buried: list[str] = []
    base = exchange.bases[0]
    for suffix in SUFFIXES:
        for old in exchange.bases[1:]:
            _bury(fs, f"{directory}/{name_of(old, suffix)}", buried)
        path = f"{directory}/{name_of(base, suffix)}"
        if suffix not in exchange.suffixes:
            _bury(fs, path, buried)
            continue
        if not _exists(fs, path + CLEANED):
            continue  # it has its name already
        _bury(fs, path, buried)
        fs.rename(path + CLEANED, path)
    return buried


def _bury(fs: Fs, path: str, buried: list[str]) -> None:
    if _exists(fs, path):
        fs.rename(path, path + BURIED)
        buried.append(path + BURIED)


def _exists(fs: Fs, path: str) -> bool:
    try:
        fs.open(path)
    except FileNotFoundError:
        return False
    return True


def finish_at_start(fs: Fs, directory: str, content: list[str]) -> bool:
    """Recovery: finish the exchanges that were decided, remove what belongs to none. Whether anything changed.

    The names are durable when this returns.
    """
    changed = False
    if SWAP in content:
        file = fs.open(f"{directory}/{SWAP}")
        for exchange in parse(fs.read(file, 0, fs.size(file))):
            for path in carry_out(fs, directory, exchange):
                fs.remove(path)
        fs.sync_dir(directory)
        fs.remove(f"{directory}/{SWAP}")
        changed = True
    for name in fs.list(directory) if changed else content:
        if name.endswith(CLEANED):
            fs.remove(f"{directory}/{name}")
            changed = True
    if changed:
        fs.sync_dir(directory)
    return changed
