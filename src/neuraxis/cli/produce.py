"""`neuraxis produce`: send lines from a file or standard input to a topic on any Kafka cluster."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import click

from neuraxis.cli.output import parse_pairs, plural, progress
from neuraxis.cli.session import Session, connects
from neuraxis.client.errors import ClientError

EXAMPLES = """
\b
Examples:
  echo hello | neuraxis produce drives
  neuraxis produce drives --file readings.txt --key-separator :     key:value per line
  neuraxis produce drives --header source=test --partition 0 < readings.txt
  neuraxis consume drives --exit --json | neuraxis produce copy --format json

\b
A line of --format json is an object as `neuraxis consume --json` prints it: value, and optionally key, timestamp_ms
and headers (an object or [[name, value], ...]); its topic, partition and offset are ignored. An object or array as
value is sent as JSON text, {"base64": "..."} as those bytes, null as a tombstone.
Records are acknowledged by all in-sync replicas; a failure makes the exit code 1.
"""


@click.command(epilog=EXAMPLES)
@connects
@click.argument("topic")
@click.option(
    "-f", "--file", "path", type=click.Path(path_type=Path), help="Read this file, not standard input."
)
@click.option("-k", "--key-separator", metavar="TEXT", help="What stands before the first TEXT is the key.")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header on every record."
)
@click.option("-p", "--partition", type=click.IntRange(min=0), help="Send to this partition only.")
@click.option("--format", "form", type=click.Choice(["lines", "json"]), default="lines", show_default=True)
def command(
    session: Session,
    topic: str,
    path: Path | None,
    key_separator: str | None,
    headers: tuple[str, ...],
    partition: int | None,
    form: str,
) -> None:
    """Send every line to TOPIC as one record."""
    from neuraxis.client import Producer

    common = parse_pairs(headers, "--header")
    session.admin().topic_names()  # names an absent broker in seconds, where a producer would keep trying
    started = time.monotonic()
    with contextlib.ExitStack() as held:
        source = held.enter_context(_open(path)) if path else sys.stdin.buffer
        size = path.stat().st_size if path else 0
        advance = held.enter_context(progress(f"Producing to {topic}", size or 1))
        producer = held.enter_context(Producer(session.settings))
        for number, line in enumerate(source, 1):
            text = line.rstrip(b"\r\n")
            if form == "json":
                record = _from_json(text, number) if text.strip() else None
            else:
                record = _from_line(text, key_separator, number)
            if record is not None:
                given = record.pop("headers", None) or {}
                if partition is not None:
                    record["partition"] = partition
                producer.send(topic, **record, headers={**common, **given})
            advance(len(line))
    seconds = time.monotonic() - started
    value = {"topic": topic, "records": producer.delivered, "seconds": round(seconds, 3)}
    session.show(
        value, f"{plural(producer.delivered, 'record')} to {topic}, all acknowledged, in {seconds:.2f} s"
    )


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ClientError(
            f"cannot read {path}: {error.strerror}", "check the path, or pipe the lines into the command"
        ) from error


def _from_line(
    text: bytes, separator: str | None, number: int
) -> dict[str, Any]:  # Any: keyword arguments of send
    if separator is None:
        return {"value": text}
    key, found, value = text.partition(separator.encode())
    if not found:
        raise ClientError(
            f"line {number} has no {separator!r}: nothing after it was sent",
            "put the separator between key and value, or leave out --key-separator",
        )
    return {"key": key, "value": value}


def _from_json(text: bytes, number: int) -> dict[str, Any]:  # Any: keyword arguments of send
    wrong = ClientError(
        f"line {number} is not a JSON object with a value: nothing after it was sent",
        'write lines such as {"key": "car-1", "value": {"speed": 50}}',
    )
    try:
        content = json.loads(text)
    except ValueError:
        raise wrong from None
    if not isinstance(content, dict) or "value" not in content:
        raise wrong
    given = content.get("headers") or {}
    pairs = given.items() if isinstance(given, dict) else given
    return {
        "value": _as_bytes(content["value"]),
        "key": _as_bytes(content.get("key")),
        "headers": {str(name): _as_bytes(value) or b"" for name, value in pairs},
        "timestamp_ms": content.get("timestamp_ms"),
    }


def _as_bytes(value: object) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, dict) and value.keys() == {"base64"}:
        return base64.b64decode(str(value["base64"]))
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()
