"""`neuraxis restore`: a data directory from a backup."""

from __future__ import annotations

import click

from neuraxis.cli.output import byte_progress, iso_time, parse_time_ms, table
from neuraxis.cli.session import Session, connects

EPILOG = """
\b
Examples:
  neuraxis restore /backups/drives /var/lib/neuraxis                      the newest backup
  neuraxis restore /backups/drives DIR --backup 20261125T032310123Z       one of `neuraxis backup list`
  neuraxis restore /backups/drives DIR --until 2026-11-24T08:30:00Z       within a backup, back to a time
  neuraxis up --data-dir DIR                                              serve it

\b
Everything is proved before DIR gets its name: each piece by its SHA-256, each batch by its checksum. DIR must be
empty or absent. --until cuts every log before its first batch that holds a record with a later timestamp: records,
group offsets and transactions go back to that time; topics, configurations, users and rules stay those of the backup.
"""


@click.command(epilog=EPILOG)
@connects
@click.argument("source")
@click.argument("directory", type=click.Path(file_okay=False))
@click.option("--backup", "backup_id", metavar="ID", help="Which backup.  [default: the newest]")
@click.option("--until", metavar="TIME", help="Leave out what is later: an ISO time, @MILLISECONDS, or -10m.")
def command(session: Session, source: str, directory: str, backup_id: str | None, until: str | None) -> None:
    """Make DIRECTORY from a backup in SOURCE (a directory or a URL)."""
    from neuraxis.operate.backup.depots import open_depot
    from neuraxis.operate.backup.restoring import restore

    until_ms = None if until is None else parse_time_ms(until)
    with byte_progress("Restoring", hidden=session.json) as progress:
        restored = restore(open_depot(source), directory, backup_id, until_ms, progress)
    manifest = restored.manifest
    rows = [(each.topic, each.partition, each.from_offset, each.to_offset) for each in restored.cuts]
    cuts = [table(("cut topic", "partition", "ended at", "ends at"), rows), ""] if rows else []
    session.show(
        {
            "backup": manifest.id,
            "moment": iso_time(manifest.time_ms),
            "directory": directory,
            "logs": len(manifest.logs),
            "bytes": manifest.total_bytes,
            "cuts": [
                {"topic": topic, "partition": partition, "from_offset": before, "to_offset": after}
                for topic, partition, before, after in rows
            ],
        },
        "\n".join(
            [
                *cuts,
                f"{directory} is the broker of {iso_time(manifest.time_ms)} (backup {manifest.id}): {len(manifest.logs)} logs, "
                f"{manifest.total_bytes:,} bytes, all proved.",
                f"Serve it with: neuraxis up --data-dir {directory}",
            ]
        ),
    )
