"""A consumer with the defaults we stand for: from the beginning when there is no offset, and you say when to commit.

The rule of the file: an error a retry cannot mend is an exception; the others (a broker restarting) are librdkafka's
to ride out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

import confluent_kafka
from confluent_kafka import KafkaException, Message, TopicPartition

from neuraxis.client.configuration import librdkafka
from neuraxis.client.errors import explain
from neuraxis.client.settings import Settings

DEFAULTS: Mapping[str, str | int | bool] = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "enable.partition.eof": False,
    "partition.assignment.strategy": "cooperative-sticky",
}
# Without a group librdkafka still wants a group id; one that never commits leaves no trace on the cluster.
NO_GROUP = "neuraxis-no-group"
_PASSING = {"_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE", "_TIMED_OUT"}  # librdkafka reconnects by itself

Rebalanced = Callable[[list[TopicPartition]], None]


class Consumer:
    """Read records, in a group (`topics` and `group`) or from assigned partitions (`assign`)."""

    def __init__(
        self,
        topics: Sequence[str] = (),
        *,
        group: str | None = None,
        settings: Settings | None = None,
        on_assign: Rebalanced | None = None,
        on_revoke: Rebalanced | None = None,
        on_lost: Rebalanced | None = None,
        overrides: Mapping[str, str | float | bool] | None = None,
    ) -> None:
        """Subscribe to `topics` as a member of `group`; without topics, call `assign`.

        The callbacks receive the partitions that came or went and run inside `records`. `overrides` are librdkafka
        settings; dots may be written as underscores (`session_timeout_ms`).
        """
        own = {name.replace("_", "."): value for name, value in (overrides or {}).items()}
        config = librdkafka(settings or Settings.load(), {**DEFAULTS, "group.id": group or NO_GROUP, **own})
        self._consumer = confluent_kafka.Consumer(config)
        self._subject = topics[0] if topics else "NAME"
        if topics:
            handlers = {"on_assign": on_assign, "on_revoke": on_revoke, "on_lost": on_lost}
            given = {name: _without_consumer(handler) for name, handler in handlers.items() if handler}
            self._consumer.subscribe(list(topics), **given)

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read exactly these partitions from their offsets; no group, no rebalance."""
        if partitions:
            self._subject = partitions[0].topic
        self._consumer.assign(list(partitions))

    def records(self, max_records: int = 500, timeout_s: float = 1.0) -> list[Message]:
        """Return up to `max_records` records, fewer (or none) when `timeout_s` ends first.

        Raises ClientError for what a retry cannot mend (an unknown topic, no permission).
        """
        messages = self._consumer.consume(max_records, timeout=timeout_s)
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            elif error.name() == "_PARTITION_EOF":
                continue  # only seen when the caller asked for it; `at_end` is the plainer way
            elif error.fatal() or error.name() not in _PASSING:
                raise explain(error, f"read from {message.topic() or self._subject}", self._subject)
        return good

    def commit(self, messages: Sequence[Message] = (), *, wait: bool = True) -> None:
        """Commit the positions after `messages`, or of everything read so far; `wait` for the answer or not."""
        try:
            if messages:
                newest: dict[tuple[str, int], int] = {}
                for message in messages:
                    topic, partition, offset = message.topic(), message.partition(), message.offset()
                    if topic is not None and partition is not None and offset is not None:
                        newest[topic, partition] = max(offset + 1, newest.get((topic, partition), 0))
                offsets = [TopicPartition(topic, number, at) for (topic, number), at in newest.items()]
                if wait:
                    self._consumer.commit(offsets=offsets, asynchronous=False)
                else:
                    self._consumer.commit(offsets=offsets)
            elif wait:
                self._consumer.commit(asynchronous=False)
            else:
                self._consumer.commit()
        except KafkaException as error:
            if error.args[0].name() != "_NO_OFFSET":  # nothing read yet: nothing to commit
                raise explain(error, "commit", self._subject) from error

    def watermarks(self, topic: str, partition: int, timeout_s: float = 10.0) -> tuple[int, int]:
        """Return (first offset, next offset to be written) of a partition, asked from the broker."""
        try:
            low, high = self._consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=timeout_s
            )
        except KafkaException as error:
            raise explain(error, f"read the offsets of {topic}", topic) from error
        return low, high

    @property
    def raw(self) -> confluent_kafka.Consumer:
        """The confluent-kafka consumer underneath, for what this wrapper leaves out."""
        return self._consumer

    def __iter__(self) -> Iterator[Message]:
        while True:
            yield from self.records()

    def close(self) -> None:
        """Leave the group and close; safe to call twice."""
        with contextlib.suppress(RuntimeError):  # librdkafka's answer to closing a closed consumer
            self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _without_consumer(
    handler: Rebalanced,
) -> Callable[[confluent_kafka.Consumer, list[TopicPartition]], None]:
    """Adapt our callbacks (partitions) to librdkafka's (consumer, partitions)."""

    def adapted(_consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]) -> None:
        handler(partitions)

    return adapted
