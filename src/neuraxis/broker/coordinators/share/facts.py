"""What the log keeps of share partitions: Kafka's ShareSnapshot and ShareUpdate records, as facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from neuraxis.broker.coordinators.share.runs import Batch, Delivery
from neuraxis.wire.codec import decode
from neuraxis.wire.facts import decode_fact, encode_fact
from neuraxis.wire.facts.share_state import (
    ShareSnapshotKey,
    ShareSnapshotValue,
    ShareUpdateKey,
    ShareUpdateValue,
    StateBatch,
)

SNAPSHOT_KEY, UPDATE_KEY = 0, 1


class ShareKey(NamedTuple):
    """A share partition: a partition of a topic as one share group reads it."""

    group_id: str
    topic_id: bytes
    partition: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is kept of a share partition. `start_offset` is -1 while nobody has said where it begins."""

    snapshot_epoch: int
    state_epoch: int
    leader_epoch: int
    start_offset: int
    delivery_complete_count: int
    create_timestamp_ms: int
    write_timestamp_ms: int
    batches: tuple[Batch, ...] = ()


@dataclass(frozen=True, slots=True)
class SnapshotFact:
    """A share partition is this; None: it is forgotten."""

    key: ShareKey
    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True)
class UpdateFact:
    """These offsets of a share partition are in another state now, and it begins at `start_offset` (-1: where it did)."""

    key: ShareKey
    snapshot_epoch: int
    leader_epoch: int
    start_offset: int
    delivery_complete_count: int
    batches: tuple[Batch, ...] = ()


ShareFact = SnapshotFact | UpdateFact


def encode_share_fact(fact: ShareFact) -> tuple[bytes, bytes | None]:
    """Key and value of the record that keeps the fact."""
    if isinstance(fact, UpdateFact):
        update = ShareUpdateValue(
            fact.snapshot_epoch,
            fact.leader_epoch,
            fact.start_offset,
            fact.delivery_complete_count,
            [StateBatch(*batch) for batch in fact.batches],
        )
        return encode_fact(ShareUpdateKey(*fact.key)), encode_fact(update)
    key = encode_fact(ShareSnapshotKey(*fact.key))
    snapshot = fact.snapshot
    if snapshot is None:
        return key, None
    value = ShareSnapshotValue(
        snapshot.snapshot_epoch,
        snapshot.state_epoch,
        snapshot.leader_epoch,
        snapshot.start_offset,
        snapshot.delivery_complete_count,
        snapshot.create_timestamp_ms,
        snapshot.write_timestamp_ms,
        [StateBatch(*batch) for batch in snapshot.batches],
    )
    return key, encode_fact(value)


def decode_share_fact(key: bytes, value: bytes | None) -> ShareFact | None:
    """The fact of a record; None for a kind of record that is not known here."""
    kind = int.from_bytes(key[:2], "big", signed=True)
    if kind == SNAPSHOT_KEY:
        named = decode(ShareSnapshotKey, 0, key, 2)[0]
        share_key = ShareKey(named.group_id, named.topic_id, named.partition)
        return SnapshotFact(share_key, None if value is None else _snapshot(value))
    if kind == UPDATE_KEY and value is not None:
        updated = decode(ShareUpdateKey, 0, key, 2)[0]
        update = decode_fact(ShareUpdateValue, value)
        return UpdateFact(
            ShareKey(updated.group_id, updated.topic_id, updated.partition),
            update.snapshot_epoch,
            update.leader_epoch,
            update.start_offset,
            update.delivery_complete_count,
            _batches(update.state_batches),
        )
    return None


def _snapshot(value: bytes) -> Snapshot:
    found = decode_fact(ShareSnapshotValue, value)
    return Snapshot(
        found.snapshot_epoch,
        found.state_epoch,
        found.leader_epoch,
        found.start_offset,
        found.delivery_complete_count,
        found.create_timestamp,
        found.write_timestamp,
        _batches(found.state_batches),
    )


def _batches(batches: list[StateBatch]) -> tuple[Batch, ...]:
    return tuple(
        Batch(batch.first_offset, batch.last_offset, Delivery(batch.delivery_state), batch.delivery_count)
        for batch in batches
    )
