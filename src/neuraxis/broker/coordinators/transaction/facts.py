"""What the transaction coordinator keeps: one kind of fact, and its form as a record of `__transaction_state` (Kafka's own)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from neuraxis.wire.facts import decode_fact as decode_value
from neuraxis.wire.facts import decode_key, encode_fact
from neuraxis.wire.facts.transaction_log import PartitionsSchema, TransactionLogKey, TransactionLogValue

NO_PRODUCER_ID = -1
NO_EPOCH = -1
LARGEST_EPOCH = 32_767
NO_TIME = -1
VALUE_VERSION = 1

Partition = tuple[str, int]
"""A partition by topic name and number."""


class Phase(IntEnum):
    """Kafka's states of a transaction, by Kafka's numbers. Dead and PrepareEpochFence are never written."""

    EMPTY = 0
    ONGOING = 1
    PREPARE_COMMIT = 2
    PREPARE_ABORT = 3
    COMPLETE_COMMIT = 4
    COMPLETE_ABORT = 5
    DEAD = 6
    PREPARE_EPOCH_FENCE = 7

    @property
    def title(self) -> str:
        """The name that Kafka's answers use."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def is_prepared(self) -> bool:
        """Whether the end is decided, and not done everywhere yet."""
        return self in (Phase.PREPARE_COMMIT, Phase.PREPARE_ABORT)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Everything that is known of a transactional id.

    Attributes:
        previous_producer_id: the producer id before the last change, for retries across an exhausted epoch.
        next_producer_id: what follows when the transaction is complete, because the epochs of this id are used up.
        partitions: sorted; empty unless a transaction is going on or being ended.
        start_timestamp_ms: when the transaction began (wall clock); -1: there was none yet.
        client_version: the transaction protocol by which it was changed last: 2 when each transaction has its epoch.
    """

    producer_id: int
    producer_epoch: int
    timeout_ms: int
    phase: Phase
    update_timestamp_ms: int
    start_timestamp_ms: int = NO_TIME
    partitions: tuple[Partition, ...] = ()
    previous_producer_id: int = NO_PRODUCER_ID
    next_producer_id: int = NO_PRODUCER_ID
    client_version: int = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether the producer id has no epoch left for another producer (the last one is kept for fencing)."""
        return self.producer_epoch >= LARGEST_EPOCH - 1


@dataclass(frozen=True, slots=True)
class TransactionFact:
    """The state of a transactional id is this; None: the id is forgotten."""

    transactional_id: str
    metadata: Metadata | None


def encode(fact: TransactionFact) -> tuple[bytes, bytes | None]:
    """Key and value of the record that keeps the fact."""
    key = encode_fact(TransactionLogKey(fact.transactional_id))
    metadata = fact.metadata
    if metadata is None:
        return key, None
    by_topic: dict[str, list[int]] = {}
    for topic, partition in metadata.partitions:
        by_topic.setdefault(topic, []).append(partition)
    partitions = [PartitionsSchema(topic, numbers) for topic, numbers in by_topic.items()]
    value = TransactionLogValue(
        producer_id=metadata.producer_id,
        previous_producer_id=metadata.previous_producer_id,
        next_producer_id=metadata.next_producer_id,
        producer_epoch=metadata.producer_epoch,
        transaction_timeout_ms=metadata.timeout_ms,
        transaction_status=metadata.phase,
        transaction_partitions=None if metadata.phase is Phase.EMPTY else partitions,
        transaction_last_update_timestamp_ms=metadata.update_timestamp_ms,
        transaction_start_timestamp_ms=metadata.start_timestamp_ms,
        client_transaction_version=metadata.client_version,
    )
    return key, encode_fact(value, VALUE_VERSION)


def decode(key: bytes, value: bytes | None) -> TransactionFact:
    """The fact of a record. Raises `UnknownFact` for what a newer release wrote."""
    transactional_id = decode_key({0: TransactionLogKey}, key).transactional_id
    if value is None:
        return TransactionFact(transactional_id, None)
    stored = decode_value(TransactionLogValue, value)
    partitions = tuple(
        (group.topic, partition)
        for group in stored.transaction_partitions or ()
        for partition in group.partition_ids
    )
    metadata = Metadata(
        producer_id=stored.producer_id,
        producer_epoch=stored.producer_epoch,
        timeout_ms=stored.transaction_timeout_ms,
        phase=Phase(stored.transaction_status),
        update_timestamp_ms=stored.transaction_last_update_timestamp_ms,
        start_timestamp_ms=stored.transaction_start_timestamp_ms,
        partitions=partitions,
        previous_producer_id=stored.previous_producer_id,
        next_producer_id=stored.next_producer_id,
        client_version=stored.client_transaction_version,
    )
    return TransactionFact(transactional_id, metadata)
