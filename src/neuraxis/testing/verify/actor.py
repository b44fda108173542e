"""A client of the run in a thread of its own: works until told to stop, and never dies in silence.

Errors sort into two: a refusal that proves the record was not written, and everything else, which is unknown.
"""

from __future__ import annotations

import threading

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from neuraxis.testing.history import Log, Record
from neuraxis.testing.history.events import Stage as Outcome
from neuraxis.testing.verify.plan import Stage

REFUSALS = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_TOPIC,
    }
)
"""The record was not written, whatever was tried before. A purged or timed-out record may have been."""


def error_of(exception: KafkaException) -> KafkaError | None:
    """The KafkaError inside a KafkaException."""
    error = exception.args[0] if exception.args else None
    return error if isinstance(error, KafkaError) else None


def outcome_of(error: KafkaError | None) -> Outcome:
    """What a delivery report says of a send."""
    if error is None:
        return "ok"
    return "fail" if error.code() in REFUSALS else "unknown"


def told_offset(message: Message) -> int | None:
    """The offset of a delivery report; None if the broker did not say (an old duplicate has none)."""
    offset = message.offset()
    return offset if offset is not None and offset >= 0 else None


class Actor(threading.Thread):
    """One client; `process` gets a new name in each life, because a new client starts from nothing."""

    def __init__(self, stage: Stage, name: str) -> None:
        super().__init__(name=f"verify-{name}", daemon=True)
        self.stage = stage
        self.role = name
        self.life = 0
        self.process = name
        self.halt = threading.Event()

    def run(self) -> None:
        """Live until told to stop; a client that can go no further is replaced by a new one."""
        while not self.halt.is_set():
            self.process = f"{self.role}.{self.life}"
            self.life += 1
            try:
                self.live()
            except KafkaException as exception:
                self.stage.complain(self.process, exception)
                self.halt.wait(0.2)  # a cluster that is away would otherwise see a storm of new clients

    def live(self) -> None:
        """One life, from a new client until `halt` or a KafkaException."""
        raise NotImplementedError


class Sender(Actor):
    """An idempotent producer that spreads unique values over all logs and never resends one itself.

    Its records never time out: when one does, librdkafka bumps the epoch and numbers the others anew, also those that the
    broker may have already, and no broker can tell such a second time from a first.
    """

    FLUSH_S = 60.0  # as long as a cluster may take to come back; what is not told by then is unknown

    fatal: KafkaError | None = None

    def live(self) -> None:
        """Send at the planned rate; then wait until the fate of every record is told."""
        plan = self.stage.plan
        self.fatal = None
        producer = Producer(
            self.stage.configuration(
                {
                    "client.id": self.process,
                    "enable.idempotence": True,
                    "linger.ms": 1,
                    "message.timeout.ms": 0,
                }
            )
        )
        logs = self.stage.logs
        pause_s = len(logs) / plan.sends_per_s
        try:
            while not self._finished():
                for log in logs:
                    self._send(producer, log)
                producer.poll(0)
                self.halt.wait(pause_s)
        finally:
            if producer.flush(self.FLUSH_S):  # a fatal error fails what is queued, so that is quick then
                producer.purge()  # what is left is reported as purged: unknown
                producer.flush(1.0)
        if self.fatal is not None:
            raise KafkaException(self.fatal)

    def _finished(self) -> bool:
        return self.halt.is_set() or self.fatal is not None

    def _send(self, producer: Producer, log: Log) -> None:
        process, recorder = self.process, self.stage.recorder
        record = Record(log, self.stage.value(log))
        number = recorder.invoke("send", process, sends=(record,))

        def told(error: KafkaError | None, message: Message) -> None:
            if error is None:
                sends = (record._replace(offset=told_offset(message)),)
                recorder.complete(number, "ok", "send", process, sends=sends)
                return
            if error.fatal():
                self.fatal = error
            recorder.complete(number, outcome_of(error), "send", process, error=error.name())

        try:
            producer.produce(log.topic, str(record.value).encode(), partition=log.partition, on_delivery=told)
        except BufferError:
            recorder.complete(number, "fail", "send", process, error="the client's queue is full")
            producer.poll(0.1)
        except KafkaException as exception:  # refused by the client itself: it never left
            recorder.complete(number, "fail", "send", process, error=str(exception))
            raise
