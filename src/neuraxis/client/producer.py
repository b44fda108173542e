"""A producer with the defaults we stand for: idempotent, acknowledged by all, nothing lost silently.

The rule of the file: a record that was not delivered is an exception, at the latest when the producer closes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, Message

from neuraxis.client.configuration import librdkafka
from neuraxis.client.errors import ClientError, explain
from neuraxis.client.settings import Settings

DEFAULTS: Mapping[str, str | int | bool] = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 5,  # long enough to fill a batch under load, too short to notice for a single record
    "delivery.timeout.ms": 120_000,  # Kafka's default; outlives a broker restart by far
    "compression.type": "none",  # the application knows its data; we do not spend its CPU unasked
}
FLUSH_TIMEOUT_S = 130.0  # a little more than delivery.timeout.ms: by then every record has an answer

Delivered = Callable[[KafkaError | None, Message], None]


class Producer:
    """Send records; use it as a context manager so that leaving the block means everything is delivered."""

    def __init__(
        self, settings: Settings | None = None, overrides: Mapping[str, str | float | bool] | None = None
    ) -> None:
        """`overrides` are librdkafka settings; dots may be written as underscores (`linger_ms`)."""
        own = {name.replace("_", "."): value for name, value in (overrides or {}).items()}
        self._producer = confluent_kafka.Producer(
            librdkafka(settings or Settings.load(), {**DEFAULTS, **own})
        )
        self._first_failure: ClientError | None = None
        self.delivered = 0  # records acknowledged so far
        self.failed = 0  # records given up so far

    def send(
        self,
        topic: str,
        value: bytes | str | None,
        key: bytes | str | None = None,
        *,
        headers: Mapping[str, bytes | str] | None = None,
        timestamp_ms: int | None = None,
        partition: int | None = None,
        on_delivery: Delivered | None = None,
    ) -> None:
        """Queue one record; waits while the local queue is full (back-pressure) and raises if a delivery failed before.

        `timestamp_ms` is the event time (default: now). `on_delivery(error, message)` runs inside a later call.
        """

        def report(error: KafkaError | None, message: Message) -> None:
            self._count(error, message)
            if on_delivery is not None:
                on_delivery(error, message)

        while True:
            try:
                self._producer.produce(
                    topic,
                    value=value,
                    key=key,
                    headers=dict(headers) if headers else None,
                    timestamp=timestamp_ms or 0,
                    partition=-1 if partition is None else partition,
                    on_delivery=report,
                )
            except BufferError:
                self._producer.poll(0.05)  # the queue is full: let acknowledgements free some of it
                continue
            except KafkaException as error:
                raise explain(error, f"produce to {topic}", topic) from error
            break
        self._producer.poll(0)
        if self._first_failure is not None:
            raise self._first_failure

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> None:
        """Wait until everything queued is acknowledged; raises ClientError if something was not."""
        left = self._producer.flush(timeout_s)
        if self._first_failure is not None:
            raise self._first_failure
        if left:
            raise ClientError(
                f"{left} records were still unacknowledged after {timeout_s:.0f} s",
                "check that the broker answers: `neuraxis topic list`; then flush again",
            )

    def __len__(self) -> int:
        """Records queued or in flight."""
        return len(self._producer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
        else:
            self._producer.purge()  # the block failed: do not keep its error waiting for a broker that may be gone

    def _count(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.delivered += 1
            return
        self.failed += 1
        if self._first_failure is None:
            topic = message.topic() or "NAME"
            self._first_failure = explain(error, f"deliver a record to {topic}", topic)
