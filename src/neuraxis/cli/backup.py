"""`neuraxis backup`: consistent copies of a running broker, in a directory or an object store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from neuraxis.cli.output import byte_progress, iso_time, table
from neuraxis.cli.session import Session, connects

if TYPE_CHECKING:
    from neuraxis.operate.backup.manifest import Manifest

GROUP_EPILOG = """
\b
Examples:
  neuraxis backup create /backups/drives        a consistent copy of the broker that runs here
  neuraxis backup create /backups/drives        the next one copies what is new
  neuraxis backup list /backups/drives
  neuraxis backup prune /backups/drives --keep 14
  neuraxis restore /backups/drives /var/lib/neuraxis

\b
A backup is one moment of the whole broker: topics and their ids, configurations, records, group offsets,
transactions, users, access rules and quotas. The broker goes on serving while it is copied.
"""

CREATE_EPILOG = """
\b
Examples:
  neuraxis backup create /backups/drives
  neuraxis backup create s3://company-backups/drives      pip install 'neuraxis[backup]'; credentials from the environment
  neuraxis --bootstrap 127.0.0.1:9093 backup create /backups/other --json

\b
Run it on the broker's machine, as a user who may read the data directory and may ALTER the cluster.
Files that have not changed since the last backup in DEST are not read again; what is in DEST already is not
copied again. A backup that was cut short leaves all earlier ones whole, and the next one uses what it copied.
"""

LIST_EPILOG = """
\b
Examples:
  neuraxis backup list /backups/drives
  neuraxis backup list s3://company-backups/drives --json
"""

PRUNE_EPILOG = """
\b
Examples:
  neuraxis backup prune /backups/drives --keep 14 --dry-run      what would go
  neuraxis backup prune /backups/drives --keep 14

\b
Backups share what has not changed, so letting go of one frees only what no later one needs. Pieces that a cut-short
backup left behind go, too. It refuses to run while a backup is being taken in the same place, and the other way round.
"""


@click.group(epilog=GROUP_EPILOG)
def command() -> None:
    """Take, list and let go of consistent copies of a running broker."""


@command.command(epilog=CREATE_EPILOG)
@connects
@click.argument("dest")
def create(session: Session, dest: str) -> None:
    """Take a backup of the broker that runs on this machine into DEST, a directory or a URL."""
    from neuraxis.operate.backup.depots import open_depot
    from neuraxis.operate.backup.taking import Taking

    depot = open_depot(dest)
    with byte_progress("Copying", hidden=session.json) as progress:
        manifest = Taking(session.settings, depot, progress).run()
    session.show(
        _value(manifest),
        f"Backup {manifest.id}: {len(manifest.logs)} logs, {manifest.total_bytes:,} bytes, of which "
        f"{manifest.copied_bytes:,} are new in {dest}.\nRestore it with: neuraxis restore {dest} DIR --backup {manifest.id}",
    )


@command.command("list", epilog=LIST_EPILOG)
@connects
@click.argument("dest")
def list_backups(session: Session, dest: str) -> None:
    """List the backups in DEST, oldest first."""
    from neuraxis.operate.backup.catalogue import Catalogue
    from neuraxis.operate.backup.depots import open_depot

    catalogue = Catalogue(open_depot(dest))
    manifests = [catalogue.read(backup_id) for backup_id in catalogue.ids()]
    rows = [
        (each.id, iso_time(each.time_ms), len(each.logs), each.total_bytes, each.copied_bytes)
        for each in manifests
    ]
    text = (
        table(("backup", "moment", "logs", "bytes", "new bytes"), rows)
        if rows
        else "There is no backup here."
    )
    session.show({"backups": [_value(each) for each in manifests]}, text)


@command.command(epilog=PRUNE_EPILOG)
@connects
@click.argument("dest")
@click.option(
    "--keep", type=click.IntRange(min=1), required=True, help="How many of the newest backups stay."
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def prune(session: Session, dest: str, keep: int, dry_run: bool) -> None:
    """Let go of all but the newest backups in DEST, and of what only they need."""
    from neuraxis.operate.backup.depots import open_depot
    from neuraxis.operate.backup.pruning import prune as let_go

    with byte_progress("Removing", hidden=session.json or dry_run) as progress:
        pruned = let_go(open_depot(dest), keep, dry_run=dry_run, progress=progress)
    value = {
        "removed": list(pruned.backups),
        "kept": list(pruned.kept),
        "pieces": pruned.pieces,
        "bytes": pruned.bytes,
        "dry_run": dry_run,
    }
    went = "would go" if dry_run else "are gone"
    count = len(pruned.backups)
    text = (
        f"{count} backup{'s' * (count != 1)} and {pruned.bytes:,} bytes in {pruned.pieces} pieces {went}; "
        f"{len(pruned.kept)} stay{'s' * (len(pruned.kept) == 1)}."
    )
    session.show(value, "\n".join([*(f"  {each}" for each in pruned.backups), text]))


def _value(manifest: Manifest) -> dict[str, object]:
    return {
        "id": manifest.id,
        "moment": iso_time(manifest.time_ms),
        "cluster_id": manifest.cluster_id,
        "logs": len(manifest.logs),
        "bytes": manifest.total_bytes,
        "new_bytes": manifest.copied_bytes,
    }
