"""A compacted topic: keys written over and over, with and without transactions, read whole again and again, and the judge.

What must hold in every reading: the newest acknowledged version of a key is there (or its tombstone was, or a newer one is);
a key's versions stand in the order they were written; every record is one that was sent; and what compaction took away
does not come back.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from neuraxis.testing.history.events import Stage as Outcome
from neuraxis.testing.history.verdict import Draft, Verdict
from neuraxis.testing.verify.actor import error_of, outcome_of
from neuraxis.testing.verify.transactor import CALL_TIMEOUT_S, TRANSACTION_TIMEOUT_MS, patiently
from neuraxis.wire.errors import ErrorCode
from tests.soak.link import EARLIEST, RETRIABLE, next_offset_of, records_of
from tests.soak.scene import Scene, Worker, now_ns

CONFIG = {
    "cleanup.policy": "compact",
    "segment.ms": "2000",
    "min.cleanable.dirty.ratio": "0.2",
    "delete.retention.ms": "2000",
    "max.compaction.lag.ms": "20000",
    "file.delete.delay.ms": "1000",
}
KEYS = 25
PADDING = 300
TOMBSTONES = 0.08
PLAIN, TRANSACTIONAL = 0, 1  # which writer writes which partition


class Version(NamedTuple):
    """One record of a key, as it was read."""

    offset: int
    key: int
    number: int
    is_tombstone: bool


@dataclass(slots=True)
class Written:
    """One record of a key, as it was sent."""

    is_tombstone: bool
    outcome: Outcome = "unknown"
    told_ns: int = 0


@dataclass
class Ledger:
    """All that was written to one partition: of each key its versions, in order."""

    versions: dict[int, list[Written]] = field(default_factory=dict)
    seen: set[tuple[int, int]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, key: int, *, is_tombstone: bool) -> int:
        """A new version of a key; its number."""
        with self.lock:
            known = self.versions.setdefault(key, [])
            known.append(Written(is_tombstone))
            return len(known) - 1

    def told(self, key: int, number: int, outcome: Outcome) -> None:
        """What the producer was told of it."""
        with self.lock:
            written = self.versions[key][number]
            written.outcome, written.told_ns = outcome, now_ns()

    def newest(self) -> dict[int, int]:
        """Of each key the newest version that is acknowledged, now."""
        with self.lock:
            found = {}
            for key, versions in self.versions.items():
                for number in range(len(versions) - 1, -1, -1):
                    if versions[number].outcome == "ok":
                        found[key] = number
                        break
            return found

    def judge(
        self,
        promised: Mapping[int, int],
        reading: Sequence[Version],
        before: Sequence[Version],
        before_end: int,
        draft: Draft,
    ) -> None:
        """Judge one reading: `promised` was acknowledged when it began; `before` is an earlier one, up to `before_end`."""
        last: dict[int, Version] = {}
        for version in reading:
            draft.checked += 1
            earlier = last.get(version.key)
            if earlier is not None and earlier.number >= version.number:
                draft.finding(
                    f"key {version.key}: version {version.number} stands at @{version.offset}, behind version "
                    f"{earlier.number} at @{earlier.offset}"
                )
            last[version.key] = version
            self._was_sent(version, draft)
        for key, number in promised.items():
            self._is_there(key, number, last.get(key), draft)
        known = {version.offset for version in before}
        for version in reading:
            if version.offset < before_end and version.offset not in known:
                draft.finding(
                    f"key {version.key}: version {version.number} is back at @{version.offset}, where it was gone"
                )

    def _was_sent(self, version: Version, draft: Draft) -> None:
        with self.lock:
            known = self.versions.get(version.key, [])
            self.seen.add((version.key, version.number))
            if version.number >= len(known):
                draft.finding(f"key {version.key}: version {version.number} was never sent")
            elif known[version.number].is_tombstone != version.is_tombstone:
                draft.finding(f"key {version.key}: version {version.number} has another value than was sent")

    def _is_there(self, key: int, number: int, last: Version | None, draft: Draft) -> None:
        if last is not None and last.number >= number:
            return
        with self.lock:
            since = self.versions[key][number:]
        if last is None and any(each.is_tombstone and each.outcome != "fail" for each in since):
            return
        shown = "nothing" if last is None else f"version {last.number} at @{last.offset}"
        draft.finding(f"key {key}: version {number} was acknowledged, and {shown} is there")

    def judge_failed(self, draft: Draft) -> None:
        """At the end: nothing that was aborted or refused was ever read."""
        for key, number in sorted(self.seen):
            draft.checked += 1
            versions = self.versions.get(key, [])
            if number < len(versions) and versions[number].outcome == "fail":
                draft.finding(f"key {key}: version {number} was read, though it was aborted or refused")


def value_of(number: int) -> bytes:
    """The value of a version."""
    return f"{number}:".encode().ljust(PADDING, b".")


class KeyWriter(Worker):
    """An idempotent producer of one partition; one that never resends a record itself."""

    RATE_S = 0.04

    def __init__(self, scene: Scene, topic: str, partition: int, ledger: Ledger) -> None:
        super().__init__(scene, f"key-writer-{partition}")
        self.topic = topic
        self.partition = partition
        self.ledger = ledger
        self.lives = 0
        self.fatal: KafkaError | None = None

    def configuration(self) -> dict[str, Any]:
        return {"enable.idempotence": True, "linger.ms": 1, "message.timeout.ms": 0}

    def live(self) -> None:
        """The life of one producer."""
        self.lives += 1
        self.fatal = None
        producer = Producer(
            self.scene.stage.configuration({"client.id": f"{self.role}.{self.lives}", **self.configuration()})
        )
        try:
            self.work(producer)
        except KafkaException as exception:  # fenced, where a transaction lasted too long: another one begins
            self.scene.count("key writers that began again")
            self.scene.stage.complain(self.role, exception)
            self.halt.wait(0.2)
        finally:
            finish(producer)

    def work(self, producer: Producer) -> None:
        """Write until told to stop."""
        while not self.halt.is_set():
            key, number = self.send(producer)
            del key, number
            producer.poll(0)
            if self.fatal is not None:
                raise KafkaException(self.fatal)
            self.halt.wait(self.RATE_S)

    def send(self, producer: Producer, *, is_final: bool = True) -> tuple[int, int]:
        """One more version of some key. `is_final`: its delivery says all there is to know of it."""
        key = self.random.randrange(KEYS)
        is_tombstone = self.random.random() < TOMBSTONES
        number = self.ledger.write(key, is_tombstone=is_tombstone)

        def told(error: KafkaError | None, _: Message) -> None:
            if error is not None and error.fatal():
                self.fatal = error
            if is_final:
                self.ledger.told(key, number, outcome_of(error))
                self.scene.count("keys written", error is None)

        # A tombstone has no value: its number stands in the key's header, as that of the others in their value.
        producer.produce(
            self.topic,
            None if is_tombstone else value_of(number),
            key=str(key).encode(),
            partition=self.partition,
            headers=[("number", str(number).encode())],
            on_delivery=told,
        )
        return key, number


def finish(producer: Producer) -> None:
    """Wait until the fate of every record is told; what a producer that can go no further has left is unknown."""
    try:
        if producer.flush(60):
            producer.purge()
            producer.flush(1.0)
    except KafkaException:
        producer.purge()


class TransactionalKeyWriter(KeyWriter):
    """Writes a few keys in each transaction, and aborts some."""

    def configuration(self) -> dict[str, Any]:
        return {
            "transactional.id": f"{self.scene.stage.prefix}-{self.role}",
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "message.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "linger.ms": 1,
        }

    def work(self, producer: Producer) -> None:
        patiently(lambda: producer.init_transactions(CALL_TIMEOUT_S))
        while not self.halt.is_set():
            sent: list[tuple[int, int]] = []
            outcome: Outcome = "unknown"
            try:
                outcome = self._transact(producer, sent)
            finally:
                for key, number in sent:
                    self.ledger.told(key, number, outcome)
                self.scene.count(f"key transactions {outcome}")
                self.scene.count("keys written", len(sent) if outcome == "ok" else 0)
            self.halt.wait(4 * self.RATE_S)

    def _transact(self, producer: Producer, sent: list[tuple[int, int]]) -> Outcome:
        producer.begin_transaction()
        try:
            for _ in range(self.random.randint(1, 6)):
                sent.append(self.send(producer, is_final=False))
            producer.flush(CALL_TIMEOUT_S)
            if self.random.random() < 0.25:
                patiently(lambda: producer.abort_transaction(CALL_TIMEOUT_S))
                return "fail"
            patiently(lambda: producer.commit_transaction(CALL_TIMEOUT_S))
        except KafkaException as exception:
            error = error_of(exception)
            if error is None or error.fatal() or not error.txn_requires_abort():
                raise
            patiently(lambda: producer.abort_transaction(CALL_TIMEOUT_S))
            return "fail"
        return "ok"


class KeyReader(Worker):
    """Reads both partitions from their beginning, again and again, and judges each reading when it has it."""

    PAUSE_S = (3.0, 9.0)

    def __init__(self, scene: Scene, topic: str, ledgers: Sequence[Ledger]) -> None:
        super().__init__(scene, "key-reader")
        self.topic = topic
        self.ledgers = ledgers
        self.draft = Draft("compacted", "records of readings of compacted logs")
        self.before: list[tuple[list[Version], int]] = [([], 0) for _ in ledgers]
        self.removed = 0

    def live(self) -> None:
        """One reading of everything."""
        self.read()
        self.halt.wait(self.random.uniform(*self.PAUSE_S))

    def read(self) -> None:
        """Read and judge. Raises Lost."""
        for partition, ledger in enumerate(self.ledgers):
            promised = ledger.newest()
            reading, end = self._reading(partition)
            if end < 0:
                continue
            before, before_end = self.before[partition]
            ledger.judge(promised, reading, before, before_end, self.draft)
            gone = {version.offset for version in before} - {version.offset for version in reading}
            self.removed += len(gone)
            self.before[partition] = reading, end
            self.scene.count("readings of compacted logs")

    def _reading(self, partition: int) -> tuple[list[Version], int]:
        """Every record and the offset where the reading ended; -1 if the broker was not ready."""
        code, position = self.link.offset(self.topic, partition, EARLIEST)
        found: list[Version] = []
        stable = -1
        while not code:
            data = self.link.fetch(self.topic, partition, position)
            self.scene.count("answers")
            code = data.error_code
            if code:
                break
            stable = max(stable, data.last_stable_offset)
            following = next_offset_of(data, position)
            found += [version_of(record) for record in records_of(data, position)]
            # Where nothing follows below the last stable offset, compaction has left nothing.
            if following >= stable or following == position:
                return found, following
            position = following
        if code not in RETRIABLE:
            self.scene.surprise(self.role, f"reading {self.topic}-{partition}: {ErrorCode(code).name}")
        return [], -1

    def judge(self) -> Verdict:
        """After the last reading."""
        for ledger in self.ledgers:
            ledger.judge_failed(self.draft)
        if not self.removed:
            return self.draft.done("", open_question="compaction never took a record away")
        self.draft.labels["records taken away between two readings"] = self.removed
        return self.draft.done("nothing was read")


def version_of(record: Any) -> Version:
    """The version in a record."""
    ((_, number),) = record.headers
    return Version(record.offset, int(bytes(record.key)), int(bytes(number)), record.value is None)
