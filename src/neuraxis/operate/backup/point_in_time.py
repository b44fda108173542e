"""Cutting a restored log at a time: it ends before the first batch that holds a record with a later timestamp.

Batches are never taken apart. The catalogue is not cut: topics, their configurations, users and rules are those of the backup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.log.scan import headers
from neuraxis.broker.log.segment import name_of
from neuraxis.broker.node import CATALOGUE_TOPIC

if TYPE_CHECKING:
    from neuraxis.broker.log.checkpoint import Entry
    from neuraxis.broker.log.fs import DiskFs

_SUFFIXES = (".log", ".index", ".timeindex", ".txnindex")


def cut(fs: DiskFs, entry: Entry, until_ms: int) -> Entry:
    """Cut the log; its entry as it is now (the same one if nothing of it is later)."""
    if entry.topic == CATALOGUE_TOPIC:
        return entry
    directory = f"{entry.topic}-{entry.partition}"
    names = fs.list(directory)
    bases = sorted(int(name[:-4]) for name in names if name.endswith(".log"))
    for base in bases:
        file = fs.open(f"{directory}/{name_of(base, '.log')}")
        end, newest, newest_offset, first = base, -1, -1, -1
        for position, header in headers(fs, file, 0, fs.size(file)):
            if header.max_timestamp > until_ms:
                fs.truncate(file, position)
                fs.sync(file)
                _remove_later(fs, directory, names, base)
                return entry._replace(
                    log_start_offset=min(entry.log_start_offset, end),
                    recovery_point=end,
                    segment_base=base,
                    position=position,
                    first_timestamp=first,
                    max_timestamp=newest,
                    max_timestamp_offset=newest_offset,
                    # There is no such file: recovery makes the producers' state anew from the log.
                    snapshot_offset=end if entry.snapshot_offset >= 0 else -1,
                    index_bytes=0,
                    time_index_bytes=0,
                )
            first = header.max_timestamp if first < 0 else first
            end = header.next_offset
            if header.max_timestamp > newest:
                newest, newest_offset = header.max_timestamp, header.last_offset
    return entry


def _remove_later(fs: DiskFs, directory: str, names: list[str], base: int) -> None:
    """Remove what tells of anything behind the cut: later segments, indexes of the cut one, the producers' snapshot."""
    for name in names:
        stem, dot, suffix = name.partition(".")
        if not stem.isdigit():
            continue
        is_later = f".{suffix}" in _SUFFIXES and int(stem) > base
        is_index = int(stem) == base and suffix in ("index", "timeindex")
        if is_later or is_index or (dot and suffix == "snapshot"):
            fs.remove(f"{directory}/{name}")
