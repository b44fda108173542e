"""The checkpoint: up to where each log is durable in its segments, and from where on the journal is needed. Text with a CRC.

Kafka's own checkpoint files name topics only; ours names topic ids, so that a topic made anew is never taken for the old one.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.log.settings import Durability
from neuraxis.wire.crc import crc32c

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Log

CHECKPOINT = "neuraxis-checkpoint"
EPOCHS = "leader-epoch-checkpoint"
BURIED = ".deleted"  # Kafka's suffix of files that are to be removed
METADATA = "partition.metadata"
KAFKA_RECOVERY_POINTS = "recovery-point-offset-checkpoint"
KAFKA_LOG_STARTS = "log-start-offset-checkpoint"
KAFKA_CLEAN = ".kafka_cleanshutdown"
_MAGIC = "neuraxis checkpoint 1"


class Entry(NamedTuple):
    """One log at a checkpoint. Its segments are durable up to `position` in the segment that begins at `segment_base`."""

    topic_id: bytes
    partition: int
    durability: Durability
    log_start_offset: int
    recovery_point: int
    segment_base: int
    position: int
    first_timestamp: int
    max_timestamp: int
    max_timestamp_offset: int
    snapshot_offset: int
    index_bytes: int
    time_index_bytes: int
    topic: str

    def line(self) -> str:
        """The entry as one line of text."""
        return f"{self.topic_id.hex()} {' '.join(str(int(value)) for value in self[1:-1])} {self.topic}"


@dataclass(slots=True)
class Checkpoint:
    """The whole file."""

    journal_position: int = 0
    clean: bool = False
    unclean_boots: int = 0  # how often a machine went down under a running broker: a floor for leader epochs
    boot_id: str = ""
    known: bool = False  # read from a file: what it does not name was made later
    entries: dict[tuple[bytes, int], Entry] = field(default_factory=dict)


def entry_of(log: Log) -> Entry:
    """What a checkpoint that begins now will say about a log."""
    segment = log.active
    return Entry(
        log.topic_id,
        log.partition,
        Durability.SYNC if log.durability is Durability.SYNC else Durability.OS,
        max(log.log_start_offset, log.ledger.retiring.get(log, 0)),
        log.log_end_offset,
        segment.base_offset,
        segment.size,
        segment.first_timestamp,
        segment.sure_max_timestamp,
        segment.max_timestamp_offset,
        log.snapshot_offset,
        *segment.written_index_bytes,
        log.topic,
    )


def entry_from(line: str) -> Entry:
    """The entry of a line."""
    topic_id, partition, durability, *numbers, topic = line.split(" ")
    fields = bytes.fromhex(topic_id), int(partition), Durability(int(durability)), *map(int, numbers), topic
    return Entry._make(fields)


def to_bytes(checkpoint: Checkpoint, lines: list[str]) -> bytes:
    """The file: a head, the entries' lines, a checksum over all before it."""
    head = (
        f"{_MAGIC}\n{checkpoint.journal_position} {int(checkpoint.clean)} {checkpoint.unclean_boots} "
        f"{checkpoint.boot_id or '-'}\n"
    )
    body = (head + "".join(f"{line}\n" for line in lines)).encode()
    return body + f"{crc32c(body):08x}\n".encode()


def parse(data: bytes) -> Checkpoint | None:
    """The checkpoint in a file's bytes; None if it is damaged."""
    body, checksum = data[:-9], data[-9:]
    if f"{crc32c(body):08x}\n".encode() != checksum:
        return None
    magic, head, *lines = body.decode().split("\n")
    if magic != _MAGIC:
        return None
    position, clean, boots, boot_id = head.split(" ")
    result = Checkpoint(
        int(position), clean == "1", int(boots), "" if boot_id == "-" else boot_id, known=True
    )
    for line in lines:
        if line:
            entry = entry_from(line)
            result.entries[entry.topic_id, entry.partition] = entry
    return result


def parse_kafka_checkpoint(data: bytes) -> dict[tuple[str, int], int]:
    """Offsets by topic and partition from Kafka's text form; {} if it is damaged (it only ever saves work)."""
    found: dict[tuple[str, int], int] = {}
    try:
        version, count, *lines = data.decode().split("\n")
        if version != "0" or int(count) != len([line for line in lines if line]):
            return {}
        for line in lines:
            if line:
                topic, partition, offset = line.split(" ")
                found[topic, int(partition)] = int(offset)
    except ValueError:
        return {}
    return found


def kafka_checkpoint(offsets: list[tuple[str, int, int]]) -> bytes:
    """Kafka's text form of (topic, partition, offset)."""
    lines = [
        "0",
        str(len(offsets)),
        *(f"{topic} {partition} {offset}" for topic, partition, offset in offsets),
    ]
    return ("\n".join(lines) + "\n").encode()


def partition_metadata(topic_id: bytes) -> bytes:
    """Kafka's partition.metadata."""
    return b"version: 0\ntopic_id: " + urlsafe_b64encode(topic_id).rstrip(b"=") + b"\n"


def parse_partition_metadata(data: bytes) -> bytes | None:
    """The topic id in a partition.metadata; None if it is damaged."""
    for line in data.split(b"\n"):
        if line.startswith(b"topic_id: "):
            try:
                topic_id = urlsafe_b64decode(line[10:].strip() + b"==")
            except ValueError:
                return None
            return topic_id if len(topic_id) == 16 else None
    return None


def snapshot_path(log: Log, offset: int) -> str:
    """The path of a log's producer snapshot at an offset."""
    return f"{log.directory}/{offset:020d}.snapshot"
