"""What a log knows about its producers and leader epochs: the fold over its batch headers. Pure; formats are Kafka's.

`check` reads, `update` writes and never refuses.
"""

from __future__ import annotations

from bisect import bisect_right
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.wire.crc import crc32c
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from neuraxis.broker.work import Now
    from neuraxis.wire.batch import BatchHeader

WINDOW = 5  # batches a producer may have in flight (max.in.flight.requests.per.connection), so may repeat
MOST_PRODUCERS = 100_000  # per log, some 50 MB; beyond, the longest silent are forgotten first
_MAX_SEQUENCE = 2**31 - 1

_SNAPSHOT_VERSION = 1
_SNAPSHOT_HEAD = Struct(">hIi")  # version, crc (of what follows it), number of entries
_SNAPSHOT_ENTRY = Struct(">qhiqiqiq")


class Duplicate(NamedTuple):
    """A batch that the log already holds: its first offset, and the time it was appended (ms)."""

    base_offset: int
    timestamp: int


class SentBatch(NamedTuple):
    """One remembered batch of a producer."""

    first_sequence: int
    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp: int


class Producer:
    """A producer as one log knows it."""

    __slots__ = ("batches", "coordinator_epoch", "epoch", "timestamp", "transaction_start")

    def __init__(self, epoch: int, timestamp: int) -> None:
        self.epoch = epoch
        self.batches: list[SentBatch] = []
        self.timestamp = timestamp
        self.coordinator_epoch = -1
        self.transaction_start = -1  # first offset of the open transaction

    @property
    def last_sequence(self) -> int:
        """The newest sequence number of this epoch; -1 before the first."""
        return self.batches[-1].last_sequence if self.batches else -1


class ProducerStates:
    """Every producer that wrote to one log lately, each with a window of its last five batches."""

    __slots__ = ("by_id", "changed", "ongoing")

    def __init__(self) -> None:
        self.by_id: dict[int, Producer] = {}
        self.ongoing: dict[
            int, int
        ] = {}  # first offset of each open transaction by producer id, in rising order
        self.changed = False  # since the last snapshot

    def check(self, header: BatchHeader, now: Now) -> Duplicate | None:
        """The batch the log already holds, or None if this one may be appended; raises Refused with Kafka's code.

        An unknown producer may begin at any sequence.
        """
        del now  # expiry happens in ticks: a producer still known is still protected
        producer = self.by_id.get(header.producer_id)
        if producer is None or header.producer_id < 0:
            return None
        epoch, first, last = header.producer_epoch, header.base_sequence, header.last_sequence
        if epoch < producer.epoch:
            raise Refused(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"Producer {header.producer_id} has epoch {epoch}, but epoch {producer.epoch} has written since.",
            )
        if epoch > producer.epoch:
            if first > 0:  # a coordinator's own records have no sequence: -1
                raise Refused(
                    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                    f"Producer {header.producer_id} begins epoch {epoch} at sequence {first}; it must begin at 0.",
                )
            self._check_kind(producer, header)
            return None
        if first < 0:
            return None
        for batch in producer.batches:
            if batch.first_sequence == first and batch.last_sequence == last:
                return Duplicate(batch.last_offset - batch.offset_delta, batch.timestamp)
        expected = producer.last_sequence + 1 if producer.last_sequence < _MAX_SEQUENCE else 0
        if first != expected:
            raise Refused(
                ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                f"Producer {header.producer_id} sent sequence {first}; the log expects {expected}.",
            )
        self._check_kind(producer, header)
        return None

    def _check_kind(self, producer: Producer, header: BatchHeader) -> None:
        if producer.transaction_start >= 0 and not header.is_transactional:
            raise Refused(
                ErrorCode.INVALID_TXN_STATE,
                f"Producer {header.producer_id} has a transaction open, but this batch is not part of it.",
            )

    def has_open_transaction(self, producer_id: int, epoch: int) -> bool:
        """Whether this producer, in this epoch, has written to a transaction that has not ended here."""
        return producer_id in self.ongoing and self.by_id[producer_id].epoch == epoch

    def update(self, header: BatchHeader, timestamp: int) -> None:
        """Take one appended batch of data into account; `timestamp` is the wall time of the append (ms)."""
        producer = self._producer(header, timestamp)
        if header.is_transactional and producer.transaction_start < 0:
            producer.transaction_start = self.ongoing[header.producer_id] = header.base_offset
        if header.base_sequence < 0:
            return
        batches = producer.batches
        if len(batches) >= WINDOW:
            del batches[0]
        batches.append(
            SentBatch(
                header.base_sequence,
                header.last_sequence,
                header.base_offset + header.last_offset_delta,
                header.last_offset_delta,
                timestamp,
            )
        )

    def _producer(self, header: BatchHeader, timestamp: int) -> Producer:
        """The producer of a batch, in the epoch of the batch: a new epoch begins with an empty window."""
        producer = self.by_id.get(header.producer_id)
        if producer is None:
            if len(self.by_id) >= MOST_PRODUCERS:
                self._forget_oldest()
            producer = self.by_id[header.producer_id] = Producer(header.producer_epoch, timestamp)
        elif header.producer_epoch != producer.epoch:
            producer.epoch = header.producer_epoch
            producer.batches = []
        producer.timestamp = timestamp
        self.changed = True
        return producer

    def check_marker(self, producer_id: int, epoch: int, coordinator_epoch: int, *, must_rise: bool) -> None:
        """Raise Refused with Kafka's code if a marker comes too late; `must_rise`: each transaction has an epoch."""
        producer = self.by_id.get(producer_id)
        if producer is None:
            return
        if epoch < producer.epoch or (must_rise and epoch == producer.epoch):
            raise Refused(
                ErrorCode.INVALID_PRODUCER_EPOCH,
                f"The marker of producer {producer_id} has epoch {epoch}; the log is at epoch {producer.epoch}.",
            )
        if coordinator_epoch < producer.coordinator_epoch:
            raise Refused(
                ErrorCode.TRANSACTION_COORDINATOR_FENCED,
                f"The marker is of coordinator epoch {coordinator_epoch}; {producer.coordinator_epoch} has written since.",
            )

    def end_transaction(self, header: BatchHeader, coordinator_epoch: int, timestamp: int) -> int:
        """Take an appended marker into account; the first offset of the transaction it ends, -1 if none was open."""
        producer = self._producer(header, timestamp)
        producer.coordinator_epoch = coordinator_epoch
        producer.transaction_start = -1
        return self.ongoing.pop(header.producer_id, -1)

    def clear(self) -> None:
        """Forget everything."""
        self.by_id, self.ongoing = {}, {}
        self.changed = True

    def expire(self, now: Now, after_ms: int) -> None:
        """Forget producers silent for `after_ms` that have no open transaction."""
        limit = now.wall_ms - after_ms
        gone = [id for id, p in self.by_id.items() if p.timestamp < limit and p.transaction_start < 0]
        for producer_id in gone:
            del self.by_id[producer_id]
        self.changed = self.changed or bool(gone)

    def _forget_oldest(self) -> None:
        """Make room: a tenth goes at once, so that the sort is rare."""
        ids = sorted(
            self.by_id, key=lambda id: (self.by_id[id].transaction_start >= 0, self.by_id[id].timestamp)
        )
        for producer_id in ids[: MOST_PRODUCERS // 10]:
            del self.by_id[producer_id]
            self.ongoing.pop(producer_id, None)

    def snapshot(self) -> bytes:
        """Kafka's producer snapshot, version 1.

        Kafka keeps one batch per producer. We write one entry for each batch of the window, oldest first: a reader that
        knows one entry per producer ends with the newest, and our window survives a restart.
        """
        entries = bytearray()
        count = 0
        for producer_id, producer in self.by_id.items():
            for batch in producer.batches or [SentBatch(-1, -1, -1, 0, producer.timestamp)]:
                entries += _SNAPSHOT_ENTRY.pack(
                    producer_id,
                    producer.epoch,
                    batch.last_sequence,
                    batch.last_offset,
                    batch.offset_delta,
                    batch.timestamp,
                    producer.coordinator_epoch,
                    producer.transaction_start,
                )
                count += 1
        tail = count.to_bytes(4, "big") + entries
        return _SNAPSHOT_VERSION.to_bytes(2, "big") + crc32c(tail).to_bytes(4, "big") + tail

    def restore(self, data: bytes) -> bool:
        """Become what a snapshot says; False (and nothing known) if it is damaged."""
        self.by_id, self.ongoing = {}, {}
        self.changed = False
        try:
            version, checksum, count = _SNAPSHOT_HEAD.unpack_from(data)
        except StructError:
            return False
        if version != _SNAPSHOT_VERSION or crc32c(memoryview(data)[6:]) != checksum:
            return False
        if len(data) != _SNAPSHOT_HEAD.size + count * _SNAPSHOT_ENTRY.size:
            return False
        for entry in _SNAPSHOT_ENTRY.iter_unpack(memoryview(data)[_SNAPSHOT_HEAD.size :]):
            producer_id, epoch, sequence, last_offset, delta, timestamp, coordinator_epoch, start = entry
            producer = self.by_id.get(producer_id)
            if producer is None or producer.epoch != epoch:
                producer = self.by_id[producer_id] = Producer(epoch, timestamp)
            producer.timestamp = max(producer.timestamp, timestamp)
            producer.coordinator_epoch = coordinator_epoch
            producer.transaction_start = start
            if sequence >= 0:
                first = (sequence - delta) & _MAX_SEQUENCE
                producer.batches.append(SentBatch(first, sequence, last_offset, delta, timestamp))
                del producer.batches[:-WINDOW]
        opened = [(p.transaction_start, id) for id, p in self.by_id.items() if p.transaction_start >= 0]
        self.ongoing = {producer_id: start for start, producer_id in sorted(opened)}
        return True


class LeaderEpochs:
    """Which leader epoch began at which offset; Kafka's `leader-epoch-checkpoint`."""

    __slots__ = ("changed", "entries")

    def __init__(self) -> None:
        self.entries: list[tuple[int, int]] = []  # (epoch, first offset), both rising
        self.changed = False

    @property
    def latest(self) -> int:
        """The newest epoch; 0 if none began."""
        return self.entries[-1][0] if self.entries else 0

    def begin(self, epoch: int, offset: int) -> None:
        """An epoch begins at an offset; older ones that would begin there or later never held anything."""
        if self.entries and epoch <= self.entries[-1][0]:
            return
        while self.entries and self.entries[-1][1] >= offset:
            self.entries.pop()
        self.entries.append((epoch, offset))
        self.changed = True

    def end_offset(self, epoch: int, log_end_offset: int) -> tuple[int, int]:
        """(the largest epoch not above `epoch`, where it ended); (-1, -1) if nothing is known of it."""
        if not self.entries:
            return (epoch, log_end_offset) if epoch == 0 else (-1, -1)
        index = bisect_right(self.entries, epoch, key=lambda entry: entry[0])
        if epoch > self.latest:
            return -1, -1
        if index == 0:
            return epoch, self.entries[0][1]
        end = self.entries[index][1] if index < len(self.entries) else log_end_offset
        return self.entries[index - 1][0], end

    def epoch_at(self, offset: int) -> int:
        """The epoch an offset was written in."""
        index = bisect_right(self.entries, offset, key=lambda entry: entry[1])
        return self.entries[index - 1][0] if index else 0

    def cut_start(self, offset: int) -> None:
        """The log now starts at `offset`."""
        while len(self.entries) > 1 and self.entries[1][1] <= offset:
            del self.entries[0]
            self.changed = True
        if self.entries and self.entries[0][1] < offset:
            self.entries[0] = (self.entries[0][0], offset)
            self.changed = True

    def cut_end(self, offset: int) -> None:
        """The log now ends at `offset`."""
        while self.entries and self.entries[-1][1] > offset:
            self.entries.pop()
            self.changed = True

    def to_text(self) -> bytes:
        """The checkpoint file: version 0, the number of entries, one `epoch offset` per line."""
        lines = ["0", str(len(self.entries)), *(f"{epoch} {offset}" for epoch, offset in self.entries)]
        return ("\n".join(lines) + "\n").encode()

    def restore(self, data: bytes) -> bool:
        """Become what a checkpoint file says; False (and nothing known) if it is damaged."""
        self.entries = []
        self.changed = False
        try:
            version, count, *lines = data.decode("ascii").split("\n")
            entries = [(int(a), int(b)) for a, b in (line.split() for line in lines if line)]
            if int(version) != 0 or int(count) != len(entries):
                return False
        except ValueError:
            return False
        self.entries = entries
        return True
