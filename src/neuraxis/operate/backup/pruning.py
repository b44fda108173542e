"""Letting go of old backups: their manifests, then the pieces that no backup refers to any more.

Rule of the file: a manifest is gone durably before a piece of it goes, so a backup that is listed is always whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.catalogue import Catalogue
from neuraxis.operate.backup.manifest import name_of, piece_name
from neuraxis.operate.backup.signs import PRUNING, TAKING, Sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from neuraxis.operate.backup.depots import Depot

    Progress = Callable[[int, int], None]

FOLDERS = tuple(f"pieces/{number:02x}/" for number in range(256))


@dataclass(frozen=True, slots=True)
class Pruned:
    """What went (or would go): backups by id, oldest first, and pieces; and what stays."""

    backups: tuple[str, ...]
    pieces: int
    bytes: int
    kept: tuple[str, ...]


def prune(
    depot: Depot,
    keep: int,
    *,
    dry_run: bool = False,
    progress: Progress = lambda done, whole: None,
) -> Pruned:
    """Keep the newest `keep` backups, remove the others and what only they need. Raises ClientError, with nothing removed."""
    if keep < 1:
        raise ClientError(
            "no backup would be left", "keep at least one; to let go of all, remove the place itself"
        )
    sign = Sign(depot, PRUNING)
    if not dry_run:
        sign.hoist((TAKING, PRUNING))
    try:
        return _prune(depot, keep, sign, progress, dry_run=dry_run)
    finally:
        if not dry_run:
            sign.lower()


def _prune(depot: Depot, keep: int, sign: Sign, progress: Progress, *, dry_run: bool) -> Pruned:
    catalogue = Catalogue(depot)
    ids = catalogue.ids()
    gone, kept = ids[:-keep], ids[-keep:]
    # A manifest that cannot be read may need any piece: `read` refuses before anything is removed.
    needed = {
        piece_name(piece)
        for backup_id in kept
        for file in catalogue.read(backup_id).all_files
        for piece in file.pieces
    }
    pieces = {
        name: size for folder in FOLDERS for name, size in depot.sizes(folder).items() if name not in needed
    }
    whole = sum(pieces.values())
    if not dry_run:
        for backup_id in gone:
            sign.renew()
            depot.remove(name_of(backup_id))
        depot.settle()
        done = 0
        for name, size in pieces.items():
            sign.renew()
            depot.remove(name)
            done += size
            progress(done, whole)
        depot.settle()
    return Pruned(tuple(gone), len(pieces), whole, tuple(kept))
