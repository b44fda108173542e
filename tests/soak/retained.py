"""Topics that forget: by age, by size and by DeleteRecords; read whole again and again, and the judge.

What must hold in every reading: the log's start only moves forward; what stands above it is whole, offset by offset, up to
the newest acknowledged record, and is what was sent; what was deleted stays deleted; and nothing is forgotten too early.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from neuraxis.testing.history.verdict import Draft, Verdict
from neuraxis.testing.verify.actor import told_offset
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import delete_records as dr
from tests.soak.compacted import finish
from tests.soak.link import EARLIEST, RETRIABLE, bytes_of, next_offset_of, records_of
from tests.soak.scene import Scene, Worker

RETENTION_MS = 6_000
RETENTION_BYTES = 60_000
COMMON = {"segment.ms": "2000", "file.delete.delay.ms": "500"}
AGED, SIZED, TRIMMED = "aged", "sized", "trimmed"
CONFIGS: Mapping[str, Mapping[str, str]] = {
    AGED: {**COMMON, "retention.ms": str(RETENTION_MS)},
    SIZED: {**COMMON, "retention.ms": "-1", "retention.bytes": str(RETENTION_BYTES)},
    TRIMMED: {**COMMON, "retention.ms": "-1"},
}
VALUE_BYTES = 700


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a log: (offset, value) of every record, and the bytes of all batches. Times in Unix milliseconds."""

    start: int
    start_after: int
    end: int
    records: tuple[tuple[int, int], ...]
    size: int
    read_ms: int


@dataclass
class Account:
    """What was written to one log and told of it."""

    kind: str
    number: int = 0
    sent_ms: list[int] = field(default_factory=list)
    values: dict[int, int] = field(default_factory=dict)  # acknowledged: offset -> value
    newest: int = -1
    trimmed: int = 0  # DeleteRecords was acknowledged up to here
    trimming: int = 0  # and asked for up to here
    start: int = 0
    moved: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, sent_ms: int) -> int:
        """The next value."""
        with self.lock:
            self.sent_ms.append(sent_ms)
            self.number += 1
            return self.number - 1

    def acknowledged(self, value: int, offset: int | None) -> None:
        """A value has its offset; None: the broker did not say."""
        with self.lock:
            if offset is not None:
                self.values[offset] = value
                self.newest = max(self.newest, offset)

    def judge(self, reading: Reading, newest: int, trimmed: int, draft: Draft) -> None:
        """Judge one reading; `newest` and `trimmed` were acknowledged when it began."""
        draft.checked += len(reading.records)
        name = self.kind
        if reading.start < self.start or reading.start_after < reading.start:
            draft.finding(f"{name}: the log's start went back from @{self.start} to @{reading.start}")
        if reading.start < trimmed:
            draft.finding(
                f"{name}: records below @{trimmed} were deleted, but the log starts at @{reading.start}"
            )
        if reading.end <= newest:
            draft.finding(f"{name}: @{newest} was acknowledged, but the log ends at @{reading.end}")
        self._is_whole(reading, draft)
        self._is_not_early(reading, draft)
        self.moved += reading.start_after > self.start
        self.start = max(self.start, reading.start_after)
        with self.lock:
            for offset in [each for each in self.values if each < self.start]:
                del self.values[offset]

    def _is_whole(self, reading: Reading, draft: Draft) -> None:
        expected = None
        for offset, value in reading.records:
            if expected is not None and offset != expected:
                draft.finding(f"{self.kind}: behind @{expected - 1} stands @{offset}")
            expected = offset + 1
            if value >= self.number:
                draft.finding(f"{self.kind}: @{offset} holds {value}, which nobody sent")
            known = self.values.get(offset, value)
            if known != value:
                draft.finding(f"{self.kind}: @{offset} holds {value}, and was acknowledged for {known}")
        if reading.records:
            if reading.records[0][0] > reading.start_after:
                draft.finding(
                    f"{self.kind}: the log starts at @{reading.start_after}, its first record is @{reading.records[0][0]}"
                )
            if expected != reading.end:
                draft.finding(
                    f"{self.kind}: the log ends at @{reading.end}, its last record is @{(expected or 0) - 1}"
                )
        elif reading.start_after < reading.end:
            draft.finding(f"{self.kind}: nothing was read from @{reading.start_after} to @{reading.end}")

    def _is_not_early(self, reading: Reading, draft: Draft) -> None:
        if self.kind == TRIMMED:
            if reading.start_after > self.trimming:
                draft.finding(
                    f"{self.kind}: starts at @{reading.start_after}, nobody deleted beyond @{self.trimming}"
                )
            return
        if self.kind == SIZED:
            if 0 < reading.start == reading.start_after and reading.size < RETENTION_BYTES:
                draft.finding(f"{self.kind}: {reading.size} bytes are left, {RETENTION_BYTES} are to be kept")
            return
        youngest = self.values.get(reading.start_after - 1)
        if youngest is not None and reading.read_ms - self.sent_ms[youngest] < RETENTION_MS:
            age_ms = reading.read_ms - self.sent_ms[youngest]
            draft.finding(f"{self.kind}: @{reading.start_after - 1} is gone at an age of at most {age_ms} ms")


class Feeder(Worker):
    """An idempotent producer of all three topics."""

    RATE_S = 0.06

    def __init__(self, scene: Scene, topics: Mapping[str, str], accounts: Mapping[str, Account]) -> None:
        super().__init__(scene, "feeder")
        self.topics = topics
        self.accounts = accounts
        self.fatal: KafkaError | None = None

    def live(self) -> None:
        """The life of one producer."""
        self.fatal = None
        producer = Producer(
            self.scene.stage.configuration(
                {
                    "client.id": self.role,
                    "enable.idempotence": True,
                    "linger.ms": 1,
                    "message.timeout.ms": 0,
                }
            )
        )
        try:
            while not self.halt.is_set() and self.fatal is None:
                for kind, topic in self.topics.items():
                    self._send(producer, kind, topic)
                producer.poll(0)
                self.halt.wait(self.RATE_S)
        except KafkaException as exception:
            self.scene.stage.complain(self.role, exception)
        finally:
            finish(producer)

    def _send(self, producer: Producer, kind: str, topic: str) -> None:
        account = self.accounts[kind]
        value = account.write(int(time.time() * 1000))

        def told(error: KafkaError | None, message: Message) -> None:
            if error is None:
                account.acknowledged(value, told_offset(message))
                self.scene.count("records to forget written")
            elif error.fatal():
                self.fatal = error

        producer.produce(topic, f"{value}:".encode().ljust(VALUE_BYTES, b"."), partition=0, on_delivery=told)


class Forgetter(Worker):
    """Reads the three logs again and again, judges each reading, and deletes records of one of them."""

    PAUSE_S = (2.0, 6.0)

    def __init__(self, scene: Scene, topics: Mapping[str, str], accounts: Mapping[str, Account]) -> None:
        super().__init__(scene, "forgetter")
        self.topics = topics
        self.accounts = accounts
        self.draft = Draft("retained", "records of readings of logs that forget")

    def live(self) -> None:
        """One reading of each, and one deletion."""
        self.read()
        self._trim()
        self.halt.wait(self.random.uniform(*self.PAUSE_S))

    def read(self) -> None:
        """Read and judge. Raises Lost."""
        for kind, topic in self.topics.items():
            account = self.accounts[kind]
            newest, trimmed = account.newest, account.trimmed
            reading = self._reading(topic)
            if reading is not None:
                account.judge(reading, newest, trimmed, self.draft)
                self.scene.count("readings of logs that forget")

    def _reading(self, topic: str) -> Reading | None:
        """None if the broker was not ready, or forgot what was just being read."""
        code, start = self.link.offset(topic, 0, EARLIEST)
        position, size, end = start, 0, -1
        found: list[tuple[int, int]] = []
        while not code:
            data = self.link.fetch(topic, 0, position)
            self.scene.count("answers")
            code = data.error_code
            if code:
                break
            size += len(bytes_of(data))
            end = max(end, data.high_watermark)
            found += [
                (each.offset, int(bytes(each.value or b"").split(b":")[0]))
                for each in records_of(data, position)
            ]
            following = next_offset_of(data, position)
            if following >= end or following == position:
                code, start_after = self.link.offset(topic, 0, EARLIEST)
                if code:
                    break
                return Reading(start, start_after, following, tuple(found), size, int(time.time() * 1000))
            position = following
        if code not in RETRIABLE | {ErrorCode.OFFSET_OUT_OF_RANGE}:
            self.scene.surprise(self.role, f"reading {topic}: {ErrorCode(code).name}")
        return None

    def _trim(self) -> None:
        account = self.accounts[TRIMMED]
        room = account.newest - account.trimmed
        if room < 20:
            return
        offset = account.trimmed + self.random.randint(1, room // 2)
        account.trimming = max(account.trimming, offset)
        asked = dr.DeleteRecordsTopic(self.topics[TRIMMED], [dr.DeleteRecordsPartition(0, offset)])
        answer: Any = self.ask(dr.DeleteRecordsRequest([asked], 5_000), 2)
        told = answer.topics[0].partitions[0]
        if told.error_code == 0:
            self.scene.count("deletions of records")
            if told.low_watermark < offset:
                self.scene.surprise(self.role, f"deleted below {offset}, low watermark {told.low_watermark}")
            account.trimmed = max(account.trimmed, offset)
        elif told.error_code not in RETRIABLE:
            self.scene.surprise(self.role, f"DeleteRecords: {ErrorCode(told.error_code).name}")

    def judge(self) -> Verdict:
        """After the last reading."""
        idle = [kind for kind, account in self.accounts.items() if not account.moved]
        for kind, account in self.accounts.items():
            self.draft.labels[f"moves of the start, {kind}"] = account.moved
        question = f"the start of {', '.join(idle)} never moved" if idle else None
        return self.draft.done("nothing was read", open_question=question)


def accounts_of(kinds: Sequence[str]) -> dict[str, Account]:
    """An account for each kind."""
    return {kind: Account(kind) for kind in kinds}
