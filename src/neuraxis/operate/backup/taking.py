"""Taking a backup: the running broker says what its files are at one moment and holds them; they are copied by piece.

Rule of the file: the manifest is written last, after the broker has confirmed that the files were held to the end.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neuraxis.client.direct import ask
from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.catalogue import Catalogue
from neuraxis.operate.backup.manifest import FileCopy, LogCopy, Manifest, name_of, piece_name, to_bytes
from neuraxis.operate.backup.signs import PRUNING, TAKING, Sign
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.begin_backup import BeginBackupRequest, BeginBackupResponse, HeldLog
from neuraxis.wire.messages.hold_backup import HoldBackupRequest

if TYPE_CHECKING:
    from neuraxis.client.settings import Settings
    from neuraxis.operate.backup.depots import Depot

Progress = Callable[[int, int], None]

PIECE_BYTES = 8 << 20
"""A file is kept in pieces of this size: what a growing file costs again each time, and what is in memory at once."""
HOLD_MS = 120_000
"""How long the broker holds its files without a sign of life: a slow object store may take that long for one piece."""
RENEW_S = 20.0
IDENTITY_FILES = ("neuraxis.properties", "meta.properties")
WHOLE = -1
"""A length that the broker leaves to the file: it does not change any more."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to be copied: where it is within its partition's directory, and how much of it."""

    name: str
    length: int


class Taking:
    """One backup being taken."""

    def __init__(
        self, settings: Settings, depot: Depot, progress: Progress = lambda done, whole: None
    ) -> None:
        self._settings = settings
        self._depot = depot
        self._progress = progress
        self._known: set[str] = set()
        self._before: dict[tuple[str, int, str], FileCopy] = {}
        self._hold_id = 0
        self._renewed = 0.0
        self._sign = Sign(depot, TAKING)
        self._done = self._all = self._copied = 0

    def run(self) -> Manifest:
        """Take the backup. Raises ClientError; what was copied by then is used by the next backup."""
        self._sign.hoist((PRUNING,))
        try:
            return self._take()
        finally:
            self._sign.lower()

    def _take(self) -> Manifest:
        newest = Catalogue(self._depot).newest_whole()
        if newest is not None:
            self._known = {piece for each in newest.all_files for piece in each.pieces}
            self._before = {
                (log.topic_id, log.partition, each.path.partition("/")[2]): each
                for log in newest.logs
                for each in log.files
            }
        held = ask(self._settings, BeginBackupRequest(hold_ms=HOLD_MS), 0)
        if held.error_code:
            raise ClientError(
                f"the broker makes no backup: {held.error_message or ErrorCode(held.error_code).name}",
                "a backup needs a broker with a data directory, and the right to ALTER the cluster",
            )
        self._hold_id, self._renewed = held.hold_id, time.monotonic()
        try:
            manifest = self._copy(held)
            self._let_go()
        except BaseException:
            self._let_go_quietly()
            raise
        self._depot.settle()
        self._sign.renew()  # what others may have pruned, a manifest must not name
        self._depot.put(name_of(manifest.id), to_bytes(manifest))
        self._depot.settle()
        return manifest

    # The hold

    def _keep(self) -> None:
        """A sign of life, now and then, to the broker and in the depot."""
        self._sign.renew()
        if time.monotonic() - self._renewed >= RENEW_S:
            self._speak(HOLD_MS)
            self._renewed = time.monotonic()

    def _let_go(self) -> None:
        self._speak(0)

    def _let_go_quietly(self) -> None:
        try:
            self._speak(0)
        except ClientError:
            return  # the hold ends by itself

    def _speak(self, hold_ms: int) -> None:
        answer = ask(self._settings, HoldBackupRequest(hold_id=self._hold_id, hold_ms=hold_ms), 0)
        if answer.error_code:
            raise ClientError(
                f"the backup was not finished: {answer.error_message or ErrorCode(answer.error_code).name}",
                "take it again; what was copied is not copied twice",
            )

    # Copying

    def _copy(self, held: BeginBackupResponse) -> Manifest:
        root = _local(held)
        self._all = sum(each.log_bytes for log in held.logs for each in log.segments)
        logs = tuple(self._copy_log(root, log) for log in held.logs)
        files = tuple(
            self._keep_bytes(name, (root / name).read_bytes())
            for name in IDENTITY_FILES
            if (root / name).exists()
        )
        return Manifest(
            id=_id_of(held.time_ms),
            time_ms=held.time_ms,
            cluster_id=held.cluster_id,
            directory_id=held.directory_id,
            node_id=held.node_id,
            journal_position=held.journal_position,
            unclean_boots=held.unclean_boots,
            logs=logs,
            files=files,
            copied_bytes=self._copied,
        )

    def _copy_log(self, root: Path, log: HeldLog) -> LogCopy:
        """A partition's files, from its directory or, if its topic was deleted meanwhile, from where that is now."""
        name = f"{log.topic}-{log.partition}"
        retired = root / f"{name}.{log.topic_id.hex()}-delete"
        done = self._done
        try:
            if retired.exists():
                raise FileNotFoundError
            files = self._copy_files(root / name, name, log)
            if retired.exists():  # the name may belong to another topic since: what was read may be of that
                raise FileNotFoundError
        except FileNotFoundError:
            self._done = done
            try:
                files = self._copy_files(retired, name, log)
            except FileNotFoundError as error:
                raise ClientError(
                    f"a file of {name} is gone while it was held: {error}",
                    "is this the data directory of that broker? Take the backup again",
                ) from error
        return LogCopy(
            topic=log.topic,
            topic_id=log.topic_id.hex(),
            partition=log.partition,
            log_start_offset=log.log_start_offset,
            log_end_offset=log.log_end_offset,
            leader_epoch=log.leader_epoch,
            cleaned_to=log.cleaned_to,
            entry=log.entry,
            files=files,
        )

    def _copy_files(self, source: Path, name: str, log: HeldLog) -> tuple[FileCopy, ...]:
        copies = []
        for wanted in _files_of(log):
            copied = self._copy_file(source / wanted.name, f"{name}/{wanted.name}", wanted.length, log)
            if copied is not None:
                copies.append(copied)
            if wanted.name.endswith(".log"):
                self._done += wanted.length
                self._progress(self._done, self._all)
        if log.producers:
            copies.append(self._keep_bytes(f"{name}/{log.log_end_offset:020d}.snapshot", log.producers))
        copies.append(self._keep_bytes(f"{name}/leader-epoch-checkpoint", log.epochs))
        return tuple(copies)

    def _copy_file(self, source: Path, path: str, length: int, log: HeldLog) -> FileCopy | None:
        """One file up to its length; None for an index that is not there."""
        try:
            file = open(source, "rb", buffering=0)  # noqa: SIM115 - closed by the `with` that follows
        except FileNotFoundError:
            if length == WHOLE:
                return None
            raise
        with file:
            status = os.fstat(file.fileno())
            identity = status.st_ino, status.st_size, status.st_mtime_ns
            length = status.st_size if length == WHOLE else length
            before = self._before.get((log.topic_id.hex(), log.partition, source.name))
            if before is not None and before.length == length and before.identity == identity:
                return FileCopy(path, length, before.pieces, identity)
            if status.st_size < length:
                raise ClientError(
                    f"{source} has {status.st_size} bytes, {length} were written",
                    "look at it with `neuraxis log check`",
                )
            pieces = []
            for at in range(0, length, PIECE_BYTES):
                pieces.append(self._keep_piece(_read(file.fileno(), at, min(PIECE_BYTES, length - at))))
        return FileCopy(path, length, tuple(pieces), identity)

    def _keep_bytes(self, path: str, data: bytes) -> FileCopy:
        return FileCopy(path, len(data), (self._keep_piece(data),) if data else ())

    def _keep_piece(self, data: bytes) -> str:
        self._keep()
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._known:
            name = piece_name(digest)
            if not self._depot.has(name):
                self._depot.put(name, data)
                self._copied += len(data)
            self._known.add(digest)
        return digest


def _local(held: BeginBackupResponse) -> Path:
    """The broker's data directory, if it is on this machine."""
    root = Path(held.data_dir)
    try:
        lines = (root / IDENTITY_FILES[0]).read_text().splitlines()
    except OSError as error:
        raise ClientError(
            f"the broker's data directory {root} cannot be read here: {error.strerror}",
            "run the backup on the broker's machine, as a user who may read the directory",
        ) from error
    if f"directory.id={held.directory_id}" not in lines:
        raise ClientError(
            f"{root} on this machine is not the data directory of the broker that answered",
            "run the backup on the broker's machine",
        )
    return root


def _id_of(time_ms: int) -> str:
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(time_ms // 1000)) + f"{time_ms % 1000:03d}Z"


def _files_of(log: HeldLog) -> list[_Wanted]:
    found = []
    for segment in log.segments:
        for suffix, length in (
            (".index", segment.index_bytes),
            (".timeindex", segment.time_index_bytes),
            (".txnindex", segment.aborted_bytes),
            (".log", segment.log_bytes),
        ):
            if length or suffix == ".log":
                found.append(_Wanted(f"{segment.base_offset:020d}{suffix}", length))
    return found


def _read(fd: int, position: int, length: int) -> bytes:
    data = os.pread(fd, length, position)
    while len(data) < length:
        more = os.pread(fd, length - len(data), position + len(data))
        if not more:
            raise ClientError("a file ended while it was read", "look at it with `neuraxis log check`")
        data += more
    return data
