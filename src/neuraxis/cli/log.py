"""`neuraxis log`: looking into a data directory without a broker."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from neuraxis.cli.output import table

if TYPE_CHECKING:
    from neuraxis.broker.log.examination import Report

GROUP_EPILOG = """
\b
Examples:
  neuraxis log check /var/lib/neuraxis          every batch of every log, by its checksum
"""

CHECK_EPILOG = """
\b
Examples:
  neuraxis log check DIR
  neuraxis log check DIR --records              every record is decompressed and read, too
  neuraxis log check DIR --json | jq .findings

\b
Nothing is changed. What is found is one of:
  damage   data that was durable does not read as it was written
  tail     what a crash left behind; the next start repairs it, and nothing acknowledged is lost
  note     worth knowing

\b
Exit codes: 0 no damage, 1 damage (or the directory cannot be read), 2 wrong usage.
"""


@click.group(epilog=GROUP_EPILOG)
def command() -> None:
    """Look into a data directory without a broker."""


@command.command(epilog=CHECK_EPILOG)
@click.argument("directory", type=click.Path(exists=True, file_okay=False))
@click.option("--records", is_flag=True, help="Decompress and read every record as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(directory: str, records: bool, as_json: bool) -> None:
    """Check every file of a data directory and say exactly what was found. Stop its broker first."""
    from neuraxis.broker.log.examination import Examination
    from neuraxis.broker.log.failures import DirectoryInUse, FormatTooNew
    from neuraxis.broker.log.fs import DiskFs

    fs = DiskFs(directory)
    try:
        fs.lock()
        with click.progressbar(
            length=1000, label="Checking", file=sys.stderr, hidden=as_json or not sys.stderr.isatty()
        ) as bar:

            def progress(done: int, whole: int) -> None:
                bar.update(1000 * done // max(1, whole) - bar.pos)

            report = Examination(fs, progress).run(records=records)
    except (DirectoryInUse, FormatTooNew, OSError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        fs.close()
    click.echo(
        json.dumps({**asdict(report), "damaged": report.damaged}, indent=2) if as_json else _text(report)
    )
    if report.damaged:
        sys.exit(1)


def _text(report: Report) -> str:
    heads = ("topic", "partition", "segments", "bytes", "batches", "records", "start", "end")
    rows = [
        (
            log.topic,
            log.partition,
            log.segments,
            log.size_bytes,
            log.batches,
            log.records,
            log.start_offset,
            log.end_offset,
        )
        for log in report.logs
    ]
    lines = [table(heads, rows)] if rows else ["There is no log in this directory."]
    lines.append("")
    lines += [f"{each.severity:<7}{each.where}: {each.text}" for each in report.findings]
    batches = sum(log.batches for log in report.logs)
    stopped = "stopped cleanly" if report.clean else "did not stop cleanly"
    verdict = "There is damage, see above." if report.damaged else "No damage."
    lines.append(
        f"{verdict} {batches} batches in {len(report.logs)} logs read well; the broker {stopped}, "
        f"{report.journal_frames} frames of the journal wait for the next start."
    )
    return "\n".join(lines)
