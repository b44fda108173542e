"""A compacted log beside a model of what every reader must still find in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

from neuraxis.broker.log.settings import LogSettings
from neuraxis.wire.batch import ControlType, build_control_batch, read_header, set_offset
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.records import Record, build_batch, iter_records
from tests.broker.log.harness import World

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Log

DAY_MS = 24 * 3600 * 1000
COMPACT = LogSettings(
    flush_messages=1,
    segment_bytes=900,
    index_interval_bytes=200,
    file_delete_delay_ms=0,
    delete=False,
    compact=True,
    min_cleanable_dirty_ratio=0.0,
    delete_retention_ms=DAY_MS,
)


@dataclass
class Model:
    """Every record ever written, in order: (offset, key, value, transaction), and how transactions ended."""

    records: list[tuple[int, bytes | None, bytes | None, int]] = field(default_factory=list)
    ended: dict[int, bool] = field(default_factory=dict)
    open: dict[int, int] = field(default_factory=dict)  # transaction number by producer id
    ends: list[int] = field(default_factory=list)  # log end after each batch
    transactions: int = 0

    def cut(self, end: int) -> None:
        """Records from `end` on were lost."""
        self.records = [record for record in self.records if record[0] < end]

    def newest(self, limit: int) -> dict[bytes, tuple[int, bytes | None]]:
        """Of each key the newest record below an offset that a reader of committed records may see."""
        found: dict[bytes, tuple[int, bytes | None]] = {}
        for offset, key, value, transaction in self.records:
            if key is not None and offset < limit and (not transaction or self.ended.get(transaction)):
                found[key] = offset, value
        return found


class CompactedWorld(World):
    """A store with one compacted log, and its model."""

    def begin(self, settings: LogSettings = COMPACT) -> None:
        self.model = Model()
        self.settings_now = settings
        self.start()
        self.create("a", settings)
        self.histories.clear()  # of batches that change there is no history

    def again(self) -> None:
        """Start after a crash."""
        self.start()
        if self.store.logs:
            self.it.configure(self.settings_now)
            self.model.cut(self.it.log_end_offset)

    @property
    def it(self) -> Log:
        return self.log("a")

    def write(
        self,
        *pairs: tuple[bytes | None, bytes | None],
        producer_id: int = -1,
        codec: CompressionType = CompressionType.NONE,
    ) -> None:
        """Append one batch; of a producer with an open transaction it is part of that."""
        log, model = self.it, self.model
        base = log.log_end_offset
        transaction = model.open.get(producer_id, 0)
        records = [Record(i, self.now.wall_ms + i, key, value, ()) for i, (key, value) in enumerate(pairs)]
        view = memoryview(
            build_batch(
                records,
                compression=codec,
                producer_id=producer_id,
                producer_epoch=0 if producer_id >= 0 else -1,
                base_sequence=base if producer_id >= 0 else -1,
                transactional=bool(transaction),
            )
        )
        set_offset(view, base, log.leader_epoch)
        # Before the write: a crash in the middle of it may leave it in the log.
        model.records += [(base + i, key, value, transaction) for i, (key, value) in enumerate(pairs)]
        log.append(view, read_header(view), self.now)

    def open(self, producer_id: int) -> None:
        self.model.transactions += 1
        self.model.open[producer_id] = self.model.transactions

    def end(self, producer_id: int, *, commit: bool) -> None:
        log = self.it
        kind = ControlType.COMMIT if commit else ControlType.ABORT
        base = log.log_end_offset
        marker = build_control_batch(kind, producer_id, 0, 0, self.now.wall_ms, base_offset=base)
        view = memoryview(marker)
        self.model.ended[self.model.open.pop(producer_id)] = commit
        log.append(view, read_header(view), self.now)

    def pass_time(self, ms: int = 60_000) -> None:
        """Let a checkpoint be made, and what it makes possible."""
        self.settle()
        self.store.next_deadline()
        self.tick(ms)
        self.settle()

    # What a reader finds

    def committed(self) -> list[Record]:
        """What a reader of committed records gets from the beginning, by the aborted lists that Fetch gives."""
        log = self.it
        found: list[Record] = []
        offset = log.log_start_offset
        limit = log.last_stable_offset
        while offset < limit:
            piece = log.read(offset, 1 << 20, limit)
            if piece is None:
                break
            aborted = log.aborted_between(offset, piece, limit)
            data = memoryview(piece.read())
            piece.release()
            position, barred = 0, set[int]()
            while position < len(data):
                header = read_header(data, position)
                view = data[position : position + header.size]
                position += header.size
                while aborted and aborted[0][1] <= header.last_offset:
                    barred.add(aborted.pop(0)[0])
                if header.is_control:
                    barred.discard(header.producer_id)
                elif not (header.is_transactional and header.producer_id in barred):
                    found += [record for record in iter_records(view) if record.offset >= offset]
                offset = header.next_offset
        return found

    def check_compacted(self, *, all_there: bool = True) -> None:
        """Nothing is found that was not written; of each key the newest is found, unless it is a tombstone."""
        log, model = self.it, self.model
        limit = log.last_stable_offset
        written = {offset: (key, value) for offset, key, value, _ in model.records}
        found = self.committed()
        offsets = [record.offset for record in found]
        assert offsets == sorted(set(offsets)), "an offset twice, or out of order"
        last: dict[bytes, tuple[int, bytes | None]] = {}
        for record in found:
            assert written[record.offset] == (record.key, record.value), "not what was written there"
            if record.key is not None:
                last[record.key] = record.offset, record.value
        for key, (offset, value) in model.newest(limit).items():
            if value is None:
                assert last.get(key, (offset, None))[1] is None, f"{key!r} lives again"
            elif all_there:
                assert last[key] == (offset, value), f"{key!r} is lost"
        self._check_reads(offsets, limit)

    def _check_reads(self, offsets: list[int], limit: int) -> None:
        """From every offset, present or not, a read begins with the batch that holds the next record."""
        log = self.it
        log.hints.clear()
        assert log.size == sum(segment.size for segment in log.segments)
        for segment in log.segments:
            assert log.fs.size(segment.file) == segment.size
            index = segment.index(200)
            for number in range(len(index)):
                offset, position = index.entry(number)
                assert read_header(log.fs.read(segment.file, position, 61)).last_offset == offset
        for offset in range(log.log_start_offset, limit):
            piece = log.read(offset, 1, limit)
            following = [each for each in offsets if each >= offset]
            if piece is None:
                assert not following
                continue
            header = read_header(piece.read())
            piece.release()
            assert header.last_offset >= offset
            assert not following or header.base_offset <= following[0]


def random_act(world: CompactedWorld, rng: Random) -> None:
    """Something that can happen to a compacted log."""
    draw = rng.random()
    keys = [b"k%d" % number for number in range(8)] + [b"a long key, longer than its digest"]
    if draw < 0.55:
        producer_id = rng.choice([-1, -1, 3, 4])
        pairs = [
            (rng.choice(keys), rng.choice([None, rng.randbytes(rng.randint(1, 60))]))
            for _ in range(rng.randint(1, 4))
        ]
        world.write(
            *pairs, producer_id=producer_id, codec=rng.choice([CompressionType.NONE, CompressionType.GZIP])
        )
    elif draw < 0.68:
        producer_id = rng.choice([3, 4])
        if producer_id in world.model.open:
            world.end(producer_id, commit=rng.random() < 0.6)
        else:
            world.open(producer_id)
    elif draw < 0.9:
        world.take()
        for _ in range(rng.randint(1, 4)):
            if world.works:
                world.step(rng.randrange(len(world.works)))
    elif draw < 0.97:
        world.store.next_deadline()
        world.tick(rng.choice([1, 60_000, 400_000, DAY_MS]))
    elif draw < 0.98 and world.it.durable_offset > world.it.log_start_offset:
        pass
    else:
        world.settle()


SMALL = replace(COMPACT, segment_bytes=400)
