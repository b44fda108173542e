"""A client that reads and writes in transactions: polls, sends, commits its offsets with them, or aborts on purpose.

The outcome is `ok` when the commit was acknowledged, `fail` when an abort was, and `unknown` in every other case.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from neuraxis.testing.history import Log, Record
from neuraxis.testing.history.events import Stage as Outcome
from neuraxis.testing.verify.actor import error_of, told_offset
from neuraxis.testing.verify.plan import TRANSACTIONS, Stage
from neuraxis.testing.verify.readers import Reader

TRANSACTION_TIMEOUT_MS = 10_000
"""Longer than the faults last; short, because readers wait for a transaction that is left open."""
CALL_TIMEOUT_S = 10.0
"""How long one attempt of a transactional call may take, and half of how long it is tried again."""
IDLE_MS = 2_000
"""librdkafka's send_offsets_to_transaction ignores its timeout and waits for a connection to change (its issue 5456): an
idle connection that is closed is such a change, and wakes it."""
JOIN_S = 30.0
"""How long a transactor may need to end; one that a call of the library keeps is left alone, its transaction unknown."""
SENDS = 4
READS = 50


def transactional_producer(stage: Stage, name: str) -> Producer:
    """A producer with the transactional id `name` of this run, not yet initialised."""
    return Producer(
        stage.configuration(
            {
                "client.id": name,
                "transactional.id": f"{stage.prefix}-{name}",
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "message.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "linger.ms": 1,
                "connections.max.idle.ms": IDLE_MS,
            }
        )
    )


@dataclass
class Attempt:
    """A transaction in the making."""

    number: int
    sends: dict[tuple[Log, int], int | None] = field(default_factory=dict)
    ending_ns: int | None = None

    def records(self) -> tuple[Record, ...]:
        """What was sent, with the offsets that were told."""
        return tuple(Record(log, value, offset) for (log, value), offset in self.sends.items())


class Transactor(Reader):
    """One transactional id and one member of the transactions' group."""

    def __init__(self, stage: Stage, name: str, seed: int) -> None:
        super().__init__(stage, name, TRANSACTIONS)
        self.random = random.Random(seed)

    def live(self) -> None:
        """Transactions until told to stop, or until the producer is fenced or in doubt."""
        producer = transactional_producer(self.stage, self.role)
        patiently(lambda: producer.init_transactions(CALL_TIMEOUT_S))
        consumer = self.consumer()
        try:
            self.subscribe(consumer)
            while not self.halt.is_set():
                self._transact(producer, consumer)
                self.halt.wait(self.random.uniform(*self.stage.plan.transactions_pause_s))
        finally:
            self.settle()
            consumer.close()
            producer.purge()
            producer.flush(1.0)

    def _transact(self, producer: Producer, consumer: Consumer) -> None:
        recorder = self.stage.recorder
        producer.begin_transaction()
        attempt = Attempt(recorder.invoke("txn", self.process, group=self.group))
        outcome: Outcome = "unknown"
        trouble: str | None = None
        try:
            self.gather(consumer, READS, 0.05)
            # A rebalance within the poll has settled the earlier ones: they are no longer this member's to commit.
            outcome = self._finish(producer, consumer, attempt, self.gathered)
        except KafkaException as exception:
            trouble = str(exception)
            outcome = self._abort_after(producer, exception)
            if outcome == "unknown":
                raise
        finally:
            polls, self.gathered = tuple(self.gathered), []
            recorder.complete(
                attempt.number, outcome, "txn", self.process, sends=attempt.records(), polls=polls,
                group=self.group, ending_ns=attempt.ending_ns, error=trouble,
            )  # fmt: skip

    def _finish(
        self, producer: Producer, consumer: Consumer, attempt: Attempt, polls: list[Record]
    ) -> Outcome:
        """Send, then commit or abort; what was acknowledged."""
        for _ in range(self.random.randint(1, SENDS)):
            self._send(producer, self.random.choice(self.stage.logs), attempt)
        latest = {record.log: (record.offset or 0) + 1 for record in polls}
        if latest:
            offsets = [TopicPartition(*log, offset) for log, offset in latest.items()]
            member = consumer.consumer_group_metadata()
            patiently(lambda: producer.send_offsets_to_transaction(offsets, member, CALL_TIMEOUT_S))
        producer.flush(CALL_TIMEOUT_S)
        if self.random.random() < self.stage.plan.abort_share:
            patiently(lambda: producer.abort_transaction(CALL_TIMEOUT_S))
            return "fail"
        attempt.ending_ns = self.stage.recorder.clock_ns()
        patiently(lambda: producer.commit_transaction(CALL_TIMEOUT_S))
        return "ok"

    def _send(self, producer: Producer, log: Log, attempt: Attempt) -> None:
        value = self.stage.value(log)
        attempt.sends[log, value] = None

        def told(error: KafkaError | None, message: Message) -> None:
            if error is None:
                attempt.sends[log, value] = told_offset(message)

        producer.produce(log.topic, str(value).encode(), partition=log.partition, on_delivery=told)

    def _abort_after(self, producer: Producer, exception: KafkaException) -> Outcome:
        """Abort if the client says that this is the way out; an acknowledged abort is a certain failure."""
        error = error_of(exception)
        if error is None or error.fatal() or not error.txn_requires_abort():
            return "unknown"
        try:
            patiently(lambda: producer.abort_transaction(CALL_TIMEOUT_S))
        except KafkaException as second:
            self.stage.complain(self.process, second)
            return "unknown"
        return "fail"


def patiently(call: Callable[[], object], for_s: float = 2 * CALL_TIMEOUT_S) -> None:
    """Make a transactional call again while the client says it may be, for `for_s`: twice its own timeout."""
    deadline = time.monotonic() + for_s
    while True:
        try:
            call()
            return
        except KafkaException as exception:
            error = error_of(exception)
            if error is None or not error.retriable() or time.monotonic() > deadline:
                raise
            time.sleep(0.05)  # the broker is starting or busy with the same transaction
