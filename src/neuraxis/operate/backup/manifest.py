"""What a backup consists of: which files, each as a row of pieces named by their content. A JSON document with a checksum.

A manifest is written last, so a backup that has one is whole. Pieces are shared by all backups of a depot.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from neuraxis.client.errors import ClientError

FORMAT = 1
FOLDER = "backups/"
SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class FileCopy:
    """One file: its path in the data directory, its length, the SHA-256 of each piece in order.

    `identity` is (inode, size, mtime in ns) of the source: while it is the same, nothing was written to the file.
    """

    path: str
    length: int
    pieces: tuple[str, ...]
    identity: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class LogCopy:
    """One partition; `entry` is its line of the checkpoint file."""

    topic: str
    topic_id: str
    partition: int
    log_start_offset: int
    log_end_offset: int
    leader_epoch: int
    cleaned_to: int
    entry: str
    files: tuple[FileCopy, ...]

    @property
    def directory(self) -> str:
        """The partition's directory."""
        return f"{self.topic}-{self.partition}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup. `id` is its moment as text, so that ids sort by time."""

    id: str
    time_ms: int
    cluster_id: str
    directory_id: str
    node_id: int
    journal_position: int
    unclean_boots: int
    logs: tuple[LogCopy, ...]
    files: tuple[FileCopy, ...] = ()  # of the data directory itself
    copied_bytes: int = field(default=0)  # what this backup added to the depot
    format: int = FORMAT

    @property
    def all_files(self) -> list[FileCopy]:
        """Every file, those of the directory itself first."""
        return [*self.files, *(each for log in self.logs for each in log.files)]

    @property
    def total_bytes(self) -> int:
        """The length of everything."""
        return sum(each.length for each in self.all_files)

    @property
    def leader_epoch(self) -> int:
        """The newest epoch that a client was shown."""
        return max((log.leader_epoch for log in self.logs), default=0)


def name_of(backup_id: str) -> str:
    """The name of a backup's manifest in the depot."""
    return f"{FOLDER}{backup_id}{SUFFIX}"


def id_of(name: str) -> str:
    """The id of the backup whose manifest has this name."""
    return name.removeprefix(FOLDER).removesuffix(SUFFIX)


def piece_name(digest: str) -> str:
    """The name of a piece in the depot."""
    return f"pieces/{digest[:2]}/{digest}"


def to_bytes(manifest: Manifest) -> bytes:
    """The document and a line with its SHA-256."""
    body = json.dumps(asdict(manifest), separators=(",", ":")).encode() + b"\n"
    return body + hashlib.sha256(body).hexdigest().encode() + b"\n"


def parse(name: str, data: bytes) -> Manifest:
    """The manifest in a document. Raises ClientError if it is damaged or newer than this release."""
    body, _, rest = data.partition(b"\n")
    if hashlib.sha256(body + b"\n").hexdigest().encode() + b"\n" != rest:
        raise ClientError(
            f"the manifest {name} is damaged: its checksum is wrong", "restore an older backup (--backup)"
        )
    found = json.loads(body)
    if found["format"] > FORMAT:
        raise ClientError(
            f"the manifest {name} has format {found['format']}, this release reads up to {FORMAT}",
            "use the release that made the backup, or a later one",
        )
    found["files"] = tuple(_file(each) for each in found["files"])
    found["logs"] = tuple(
        LogCopy(**{**log, "files": tuple(_file(each) for each in log["files"])}) for log in found["logs"]
    )
    return Manifest(**found)


def _file(fields: dict[str, object]) -> FileCopy:
    path, length, pieces, identity = (fields[name] for name in ("path", "length", "pieces", "identity"))
    assert isinstance(path, str)
    assert isinstance(length, int)
    assert isinstance(pieces, list)
    known = tuple(identity) if isinstance(identity, list) else None
    return FileCopy(path, length, tuple(pieces), known)
