"""Bringing a backup back: every piece is proved, the directory is examined, and only then it gets its name.

A broker that starts on it raises its leader epochs and skips producer ids, so clients notice what is gone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from neuraxis.broker.log import checkpoint as checkpoints
from neuraxis.broker.log import identity
from neuraxis.broker.log.cleaner import CHECKPOINT as CLEANER_CHECKPOINT
from neuraxis.broker.log.examination import DAMAGE, Examination
from neuraxis.broker.log.fs import DiskFs
from neuraxis.broker.log.settings import StoreOptions
from neuraxis.broker.log.store import LogStore
from neuraxis.broker.work import Now
from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.catalogue import Catalogue
from neuraxis.operate.backup.depots import sync_directory
from neuraxis.operate.backup.manifest import piece_name
from neuraxis.operate.backup.point_in_time import cut

if TYPE_CHECKING:
    from neuraxis.operate.backup.depots import Depot
    from neuraxis.operate.backup.manifest import FileCopy, Manifest

Progress = Callable[[int, int], None]
UNFINISHED = ".restoring"
"""What the directory is called until all of it is there and proved."""


@dataclass(slots=True)
class Cut:
    """A log that was cut at a time: it ended at `from_offset`, now at `to_offset`."""

    topic: str
    partition: int
    from_offset: int
    to_offset: int


@dataclass(slots=True)
class Restored:
    """What was restored."""

    manifest: Manifest
    directory: str
    leader_epoch: int  # of all logs, once a broker starts
    cuts: list[Cut] = field(default_factory=list)


def restore(
    depot: Depot,
    directory: str,
    backup_id: str | None = None,
    until_ms: int | None = None,
    progress: Progress = lambda done, whole: None,
) -> Restored:
    """Make `directory` what the broker's was at the backup (the newest unless told), or at `until_ms` as far as records tell.

    Raises ClientError; then there is no such directory, only one named `.restoring` that the next try removes.
    """
    target = Path(directory)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ClientError(
            f"{directory} is not empty", "restore into a new directory; nothing is ever written over"
        )
    catalogue = Catalogue(depot)
    manifest = catalogue.newest() if backup_id is None else catalogue.read(backup_id)
    if until_ms is not None and until_ms > manifest.time_ms:
        raise ClientError(
            f"the backup {manifest.id} ends before the time asked for",
            "choose a later backup, or an earlier time",
        )
    unfinished = target.with_name(target.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    _Restoring(depot, manifest, unfinished, progress).write()
    restored = Restored(manifest, directory, catalogue.latest_epoch(manifest) + 1)
    _write(
        unfinished / identity.RESTORED,
        f"backup={manifest.id}\nleader.epoch={restored.leader_epoch}\n".encode(),
    )
    _write_checkpoint(unfinished, manifest, [log.entry for log in manifest.logs])
    if until_ms is not None:
        restored.cuts = _cut_all(unfinished, manifest, until_ms)
    _prove(unfinished)
    for folder, _, _ in os.walk(unfinished):
        sync_directory(Path(folder))
    os.replace(unfinished, target)
    sync_directory(target.absolute().parent)
    return restored


class _Restoring:
    """Writing a backup's files."""

    def __init__(self, depot: Depot, manifest: Manifest, root: Path, progress: Progress) -> None:
        self._depot = depot
        self._manifest = manifest
        self._root = root
        self._progress = progress
        self._done = 0

    def write(self) -> None:
        for log in self._manifest.logs:
            (self._root / log.directory).mkdir()
            metadata = checkpoints.partition_metadata(bytes.fromhex(log.topic_id))
            _write(self._root / log.directory / checkpoints.METADATA, metadata)
        for each in self._manifest.all_files:
            self._write_file(each)
        cleaned = [
            (log.topic, log.partition, log.cleaned_to) for log in self._manifest.logs if log.cleaned_to >= 0
        ]
        _write(self._root / CLEANER_CHECKPOINT, checkpoints.kafka_checkpoint(cleaned))

    def _write_file(self, copy: FileCopy) -> None:
        with open(self._root / copy.path, "wb") as file:
            for digest in copy.pieces:
                try:
                    data = self._depot.get(piece_name(digest))
                except FileNotFoundError:
                    data = b""
                if hashlib.sha256(data).hexdigest() != digest:
                    raise ClientError(
                        f"the piece {digest} of {copy.path} is missing or damaged in the backup",
                        "restore another backup (--backup), or the same from another copy of the depot",
                    )
                file.write(data)
                self._done += len(data)
                self._progress(self._done, self._manifest.total_bytes)
            if file.tell() != copy.length:
                raise ClientError(
                    f"{copy.path} would have {file.tell()} bytes instead of {copy.length}",
                    "restore another backup (--backup)",
                )
            file.flush()
            os.fsync(file.fileno())


def _write_checkpoint(root: Path, manifest: Manifest, entries: list[str]) -> None:
    """The checkpoint of a clean stop at the backup's moment: a start reads no batch."""
    state = checkpoints.Checkpoint(
        manifest.journal_position, clean=True, unclean_boots=manifest.unclean_boots
    )
    _write(root / checkpoints.CHECKPOINT, checkpoints.to_bytes(state, entries))


def _cut_all(root: Path, manifest: Manifest, until_ms: int) -> list[Cut]:
    """Cut every log but the catalogue, then let the broker's own recovery make what depends on their ends."""
    cuts, entries = [], []
    fs = DiskFs(str(root))
    for log in manifest.logs:
        before = checkpoints.entry_from(log.entry)
        after = cut(fs, before, until_ms)
        entries.append(after.line())
        if after.recovery_point != before.recovery_point:
            cuts.append(Cut(log.topic, log.partition, before.recovery_point, after.recovery_point))
    fs.close()
    _write_checkpoint(root, manifest, entries)
    now = Now(0, time.time_ns() // 1_000_000)
    store = LogStore(DiskFs(str(root)), StoreOptions(node_id=manifest.node_id))
    store.recover(now)
    store.close(now)
    (root / ".lock").unlink(missing_ok=True)
    return cuts


def _prove(root: Path) -> None:
    fs = DiskFs(str(root))
    try:
        report = Examination(fs).run()
    finally:
        fs.close()
    damage = [f"{each.where}: {each.text}" for each in report.findings if each.severity == DAMAGE]
    if damage:
        raise ClientError(
            f"the backup holds damaged data, as the broker's directory did when it was taken: {'; '.join(damage[:5])}",
            f"restore an older backup (--backup); what was restored is in {root}",
        )


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
