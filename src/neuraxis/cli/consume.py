"""`neuraxis consume`: read a topic of any Kafka cluster, alone or as a member of a group."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from neuraxis.cli.output import iso_time, parse_time_ms, plural, progress
from neuraxis.cli.session import Session, connects
from neuraxis.client.errors import ClientError

if TYPE_CHECKING:
    from confluent_kafka import Message, TopicPartition

    from neuraxis.client import Consumer

EXAMPLES = """
\b
Examples:
  neuraxis consume drives                         everything, then wait for more (Ctrl-C stops)
  neuraxis consume drives --exit                  everything there is now
  neuraxis consume drives --from end              only what is new
  neuraxis consume drives --from -5 --exit        the last 5 records of every partition
  neuraxis consume drives --from -10m             the last ten minutes (s, m, h, d)
  neuraxis consume drives --from 2026-11-24T08:30:00Z --max 100
  neuraxis consume drives --group dashboard       as a member of a group; commits what it printed

\b
A line of --json is {"topic", "partition", "offset", "timestamp_ms", "key", "headers", "value"}; bytes that are not
UTF-8 text become {"base64": ...}.
"""

BATCH = 500  # records per call: large enough for 500,000 records/s, small enough that --max is exact


@click.command(epilog=EXAMPLES)
@connects
@click.argument("topic")
@click.option("--from", "start", metavar="WHERE", help="beginning, end, an offset, -N (last N), or a time.")
@click.option("-g", "--group", metavar="NAME", help="Read as a member of this group, from its offsets.")
@click.option("-n", "--max", "most", type=click.IntRange(min=1), help="Stop after this many records.")
@click.option(
    "-p", "--partition", "partitions", type=int, multiple=True, help="Only this partition; repeatable."
)
@click.option("-e", "--exit", "stop_at_end", is_flag=True, help="Stop at the end of what exists now.")
@click.option("-v", "--verbose", is_flag=True, help="Print time, partition, offset and key before the value.")
def command(
    session: Session,
    topic: str,
    start: str | None,
    group: str | None,
    most: int | None,
    partitions: tuple[int, ...],
    stop_at_end: bool,
    verbose: bool,
) -> None:
    """Read TOPIC from its beginning (with --group: from where the group is) and print the values."""
    from neuraxis.client import Consumer

    if group and (start or partitions):
        raise click.UsageError(
            f"a group reads from its own offsets; move them first: neuraxis group reset {group} --topic {topic} --help"
        )
    found = session.admin().topics([topic])[0]
    numbers = [one.id for one in found.partitions]
    absent = sorted(set(partitions) - set(numbers))
    if absent:
        raise ClientError(
            f"topic {topic} has no partition {absent[0]}",
            f"see its partitions: neuraxis topic describe {topic}",
        )
    with Consumer([topic] if group else [], group=group, settings=session.settings) as consumer:
        ends = {number: consumer.watermarks(topic, number)[1] for number in numbers}
        if not group:
            starts = _starts(consumer, topic, partitions or tuple(numbers), start or "beginning")
            consumer.assign(starts)
            ends = {one.partition: ends[one.partition] for one in starts if ends[one.partition] > one.offset}
        count = 0
        with contextlib.suppress(KeyboardInterrupt):  # the usual way to stop
            count = _read(session, consumer, ends, most, stop_at_end, verbose, bool(group))
        if sys.stdout.isatty():
            session.note(f"{plural(count, 'record')} read")


def _read(
    session: Session,
    consumer: Consumer,
    ends: dict[int, int],
    most: int | None,
    stop_at_end: bool,
    verbose: bool,
    in_group: bool,
) -> int:
    """Print records until the limit, the end or Ctrl-C; returns how many."""
    count = 0
    idle = 0
    ends = {number: end for number, end in ends.items() if end > 0}
    shows_progress = most is not None and not sys.stdout.isatty()
    with progress("Reading", most if shows_progress else 1) as advance:
        while most is None or count < most:
            if stop_at_end and not in_group and not ends:
                break
            batch = consumer.records(min(BATCH, most - count) if most else BATCH, timeout_s=0.2)
            for message in batch:
                click.echo(_json_line(message) if session.json else _text_line(message, verbose))
                if (message.offset() or 0) + 1 >= ends.get(message.partition() or 0, 0):
                    ends.pop(message.partition() or 0, None)
            count += len(batch)
            advance(len(batch))
            if in_group and batch:
                consumer.commit(batch)
            # A group's share of the partitions is not ours to know: it is at the end when nothing came for two
            # seconds after it had partitions.
            idle = 0 if batch or (in_group and not consumer.raw.assignment()) else idle + 1
            if stop_at_end and in_group and idle >= 10:
                break
    return count


def _starts(consumer: Consumer, topic: str, partitions: tuple[int, ...], start: str) -> list[TopicPartition]:
    """Return every partition with the absolute offset `start` means there."""
    from confluent_kafka import TopicPartition

    marks = {number: consumer.watermarks(topic, number) for number in partitions}
    if start == "beginning":
        offsets = {number: low for number, (low, _) in marks.items()}
    elif start == "end":
        offsets = {number: high for number, (_, high) in marks.items()}
    elif re.fullmatch(r"-\d+", start):
        offsets = {number: max(low, high + int(start)) for number, (low, high) in marks.items()}
    elif start.isdigit():
        offsets = {number: min(max(int(start), low), high) for number, (low, high) in marks.items()}
    else:
        at = parse_time_ms(start)
        asked = [TopicPartition(topic, number, at) for number in partitions]
        answers = consumer.raw.offsets_for_times(asked, timeout=10.0)
        offsets = {
            one.partition: one.offset if one.offset >= 0 else marks[one.partition][1] for one in answers
        }
    return [TopicPartition(topic, number, offset) for number, offset in offsets.items()]


def _json_line(message: Message) -> str:
    pairs: list[Any] = list(
        message.headers() or []
    )  # Any: confluent-kafka allows a mapping here, and gives pairs
    headers = [[name, _plain(value)] for name, value in pairs]
    value = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp_ms": message.timestamp()[1],
        "key": _plain(message.key()),
        "headers": headers,
        "value": _plain(message.value()),
    }
    return json.dumps(value, ensure_ascii=False)


def _text_line(message: Message, verbose: bool) -> str:
    value = _text(message.value())
    if not verbose:
        return value
    place = f"{iso_time(message.timestamp()[1])}  {message.partition()}:{message.offset()}"
    return f"{place}  {_text(message.key())}  {value}"


def _plain(
    value: Any,
) -> Any:  # Any: confluent-kafka's keys and values are bytes here, str where it was told to
    if value is None or isinstance(value, str):
        return value
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        import base64

        return {"base64": base64.b64encode(bytes(value)).decode()}


def _text(value: Any) -> str:  # Any: as for _plain
    if value is None:
        return "-"
    return value if isinstance(value, str) else bytes(value).decode(errors="replace")
