"""A store on a simulated disk, driven as the core and its shell drive it, beside a model of what was promised."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

from neuraxis.broker.log.log import Log
from neuraxis.broker.log.settings import Durability, LogSettings, StoreOptions
from neuraxis.broker.log.store import LogStore, RecoveryReport
from neuraxis.broker.work import Now, Work, perform_step
from neuraxis.wire.batch import read_header, scan_headers, set_offset
from neuraxis.wire.records import Record, build_batch
from tests.simulation.disk import SimFs

SYNC = LogSettings(flush_messages=1, segment_bytes=2_000, index_interval_bytes=300, file_delete_delay_ms=0)
OS = LogSettings(segment_bytes=2_000, index_interval_bytes=300, file_delete_delay_ms=0)
INTERVAL = LogSettings(flush_ms=100, segment_bytes=2_000, index_interval_bytes=300, file_delete_delay_ms=0)
WALL = 1_700_000_000_000
OPTIONS = StoreOptions(
    boot_id="boot-1", journal_segment_bytes=8_000, checkpoint_bytes=1 << 40, unsynced_bytes=1 << 40
)


def batch(
    number: int, size: int = 20, records: int = 2, producer_id: int = 9, sequence: int | None = None
) -> bytearray:
    """A batch whose bytes are unlike every other's."""
    noise = Random(number).randbytes(size)
    return bytearray(
        build_batch(
            [Record(i, WALL + number * 10 + i, b"%d" % number, noise) for i in range(records)],
            producer_id=producer_id,
            producer_epoch=0,
            base_sequence=number * records if sequence is None else sequence,
        )
    )


@dataclass
class History:
    """What was appended to one log, and what of it was promised."""

    topic: str
    topic_id: bytes
    partition: int
    settings: LogSettings
    batches: list[bytes] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # log end offset after each batch
    order: list[int] = field(default_factory=list)  # number of each append in the broker's history
    modes: list[Durability] = field(default_factory=list)
    promised: int = 0  # offset below which everything was acknowledged as durable
    written: int = 0  # offset below which every append has returned
    start: int = 0
    mode_ticket: int = 0  # a change to sync is in force once this is durable

    @property
    def key(self) -> tuple[bytes, int]:
        return self.topic_id, self.partition


class World:
    """One machine, one store at a time."""

    def __init__(self, seed: int = 0, fs: SimFs | None = None, options: StoreOptions = OPTIONS) -> None:
        self.rng = Random(seed)
        self.fs = fs or SimFs()
        self.options = options
        self.histories: dict[tuple[bytes, int], History] = {}
        self.deleted: set[tuple[bytes, int]] = set()
        self.appends = 0
        self.now = Now(1_000, WALL)
        self.works: list[tuple[Work, int]] = []
        self.store: LogStore
        self.report: RecoveryReport

    # What the core and its shell do

    def start(self) -> RecoveryReport:
        self.works = []
        boot_id = self.options.boot_id and f"{self.options.boot_id}/{getattr(self.fs, 'boots', 0)}"
        self.store = LogStore(self.fs, replace(self.options, boot_id=boot_id))
        self.report = self.store.recover(self.now)
        return self.report

    def configure_all(self) -> None:
        for key, history in self.histories.items():
            if key in self.store.logs:
                self.configure(self.store.logs[key], history.settings)

    def create(self, topic: str, settings: LogSettings, partition: int = 0, generation: int = 0) -> Log:
        topic_id = f"{topic}{generation}".encode().ljust(16, b"\0")
        history = History(topic, topic_id, partition, settings)
        self.histories[history.key] = history
        return self.store.create_log(topic, topic_id, partition, settings, self.now)

    def log(self, topic: str, partition: int = 0) -> Log:
        return next(
            log for log in self.store.logs.values() if log.topic == topic and log.partition == partition
        )

    def append(self, log: Log, size: int = 20, records: int = 2) -> int:
        history = self.histories[log.topic_id, log.partition]
        producer = (-1, -1) if history.topic in "bd" else (9, log.log_end_offset)
        data = batch(len(history.batches), size, records, *producer)
        view = memoryview(data)
        set_offset(view, log.log_end_offset, log.leader_epoch)
        header = read_header(view)
        assert log.producers.check(header, self.now) is None
        history.batches.append(bytes(data))
        history.ends.append(header.next_offset)
        history.order.append(self.appends)
        in_force = self.store.durable_ticket >= history.mode_ticket
        history.modes.append(log.durability if in_force else Durability.OS)
        self.appends += 1
        ticket = log.append(view, header, self.now)
        history.written = header.next_offset
        return ticket

    def configure(self, log: Log, settings: LogSettings) -> None:
        history = self.histories[log.topic_id, log.partition]
        history.settings = settings
        before = log.durability
        log.configure(settings)
        if before is not Durability.SYNC and log.durability is Durability.SYNC:
            history.mode_ticket = self.store.last_ticket

    def delete(self, log: Log) -> None:
        self.deleted.add((log.topic_id, log.partition))
        self.store.delete_log(log, self.now)

    def advance_start(self, log: Log, offset: int) -> None:
        log.advance_start(offset, self.now)
        self.histories[log.topic_id, log.partition].start = max(
            self.histories[log.topic_id, log.partition].start, offset
        )

    def observe(self) -> None:
        """Remember what clients were promised."""
        self.store.next_deadline()
        for log in self.store.ledger.advanced:
            assert log.durable_offset <= log.log_end_offset
        self.store.ledger.advanced = []
        for key, log in self.store.logs.items():
            history = self.histories.get(key)
            in_force = history is not None and self.store.durable_ticket >= history.mode_ticket
            if history is not None and log.durability is Durability.SYNC and in_force:
                history.promised = max(history.promised, log.durable_offset)

    def take(self) -> None:
        self.works += [(work, 0) for work in self.store.take_work()]

    def step(self, number: int = 0) -> None:
        """Do one step of one work that is under way."""
        work, done = self.works[number]
        if done < len(work.steps):
            try:
                perform_step(self.fs, work.steps[done])
            except OSError as error:
                del self.works[number]
                self.store.done(work.id, None, error, self.now)
                return
        if done + 1 < len(work.steps):
            self.works[number] = (work, done + 1)
            return
        del self.works[number]
        self.store.done(work.id, None, None, self.now)
        self.observe()

    def settle(self) -> None:
        """Do all works until there are none."""
        self.take()
        while self.works:
            self.step()
            self.take()
        self.observe()

    def tick(self, ms: int = 0) -> None:
        self.now = Now(self.now.mono_ms + ms, self.now.wall_ms + ms)
        self.store.tick(self.now)

    def checkpoint(self) -> None:
        """Let a minute pass."""
        self.store.next_deadline()
        self.tick(60_000)
        self.settle()

    # What must hold after a restart

    def check(self, power: bool) -> None:
        """Compare every log with what was promised; then forget what was lost."""
        counts: dict[tuple[bytes, int], int] = {}
        for key, history in self.histories.items():
            if key in self.deleted:
                continue
            log = self.store.logs.get(key)
            if log is None:
                assert not history.promised, f"{history.topic} is gone"
                assert power or not history.batches, f"{history.topic} is gone"
                counts[key] = 0
                continue
            counts[key] = self._check_log(log, history, power)
        self._check_one_history(counts)
        for key, count in counts.items():
            history = self.histories[key]
            if key not in self.store.logs:
                history.batches, history.ends, history.order, history.modes = [], [], [], []
            del history.batches[count:], history.ends[count:], history.order[count:], history.modes[count:]
            end = history.written = history.ends[-1] if history.ends else 0
            log = self.store.logs.get(key)
            # After a kill nothing more of an unsynced log need be on the disk than before it.
            synced = power or log is None or log.durability is Durability.SYNC
            history.promised = end if synced else min(history.promised, end)

    def _check_log(self, log: Log, history: History, power: bool) -> int:
        found = [bytes(view) for view in log.batches_from(log.log_start_offset)]
        first = 0
        if found:
            first = next(i for i, end in enumerate(history.ends) if end > log.log_start_offset)
        expected = history.batches[first : first + len(found)]
        assert found == expected, f"{log}: the bytes differ from what was written"
        count = first + len(found)
        end = history.ends[count - 1] if count else 0
        if found or not history.start:
            assert log.log_end_offset in (end, log.log_start_offset), log
        assert log.log_end_offset >= history.promised, f"{log}: acknowledged {history.promised}"
        if not power:
            assert log.log_end_offset >= history.written, f"{log}: written {history.written}"
        assert log.durable_offset == log.log_end_offset
        if found:
            check_reads(log)
        if log.log_end_offset != end:
            return history.ends.index(log.log_end_offset) + 1
        return count

    def _check_one_history(self, counts: dict[tuple[bytes, int], int]) -> None:
        """Of all appends under `sync`, a prefix is there, across logs."""
        present, absent = [-1], [self.appends]
        for key, count in counts.items():
            history = self.histories[key]
            for i, order in enumerate(history.order):
                if history.modes[i] is Durability.SYNC:
                    (present if i < count else absent).append(order)
        assert max(present) < min(absent), "not a prefix of the broker's history"


def check_reads(log: Log) -> None:
    """Every way to a batch finds the same batch, indexes and producers agree with a full scan."""
    headers = []
    for view in log.batches_from(log.log_start_offset):
        headers += [header for _, header in scan_headers(view)]
    assert headers[0].base_offset <= log.log_start_offset <= headers[0].last_offset
    for before, after in pairwise(headers):
        assert after.base_offset == before.next_offset, "a hole"
    log.recent_offsets, log.recent_positions = log.recent_offsets[:0], log.recent_positions[:0]
    log.hints.clear()
    for header in headers:
        for offset in {max(header.base_offset, log.log_start_offset), header.last_offset}:
            found = log.read(offset, 1, log.log_end_offset)
            assert found is not None
            assert read_header(found.read()) == header
            assert found.length == header.size
            found.release()
    for segment in log.segments:
        index = segment.index(log.settings.index_interval_bytes)
        for number in range(len(index)):
            offset, position = index.entry(number)
            header = read_header(log.fs.read(segment.file, position, 61))
            assert header.last_offset == offset, "the index differs from the log"
        assert log.fs.size(segment.file) == segment.size
        times = [h.max_timestamp for h in headers if segment.base_offset <= h.base_offset]
        if segment is log.active and times:
            assert segment.known_max_timestamp(1) == max(times)
    assert log.size == sum(segment.size for segment in log.segments)
    producer = log.producers.by_id.get(9)
    mine = [header for header in headers if header.producer_id == 9]
    if mine:
        assert producer is not None
        known = [(b.first_sequence, b.last_offset) for b in producer.batches]
        wanted = [(h.base_sequence, h.last_offset) for h in mine[-5:]]
        assert known[-len(wanted) :] == wanted, "the producer's window differs from the log"
