"""Examining a data directory that no broker has open: what is in it, and exactly what of it is damaged. Changes nothing.

A finding is a sentence about one place. `damage` means that data which was durable does not read as it was written;
`tail` is what a crash leaves behind and the next start repairs; `note` is worth knowing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.log import checkpoint as files
from neuraxis.broker.log import identity, swap, transactions
from neuraxis.broker.log.compaction import Damaged, Source, whole_batches
from neuraxis.broker.log.failures import FormatTooNew
from neuraxis.broker.log.index import OFFSET_ENTRY_SIZE, OffsetIndex
from neuraxis.broker.log.journal import Replay
from neuraxis.broker.log.segment import name_of
from neuraxis.broker.log.tail_state import ProducerStates
from neuraxis.wire.batch import HEADER_SIZE, read_control_marker
from neuraxis.wire.errors import Refused
from neuraxis.wire.records import iter_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neuraxis.broker.log.checkpoint import Checkpoint, Entry
    from neuraxis.broker.log.fs import Fs
    from neuraxis.wire.batch import BatchHeader

DAMAGE, TAIL, NOTE = "damage", "tail", "note"
_PARTITION = re.compile(r"(.+)-(\d+)")
MOST_BATCH_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth a sentence: where it is (a path in the data directory), how bad, and what it means."""

    where: str
    severity: str
    text: str


@dataclass(slots=True)
class LogReport:
    """One partition's log as it was found."""

    topic: str
    partition: int
    segments: int = 0
    size_bytes: int = 0
    batches: int = 0
    records: int = 0
    start_offset: int = -1
    end_offset: int = -1


@dataclass(slots=True)
class Report:
    """The whole directory."""

    clean: bool = False
    journal_frames: int = 0
    logs: list[LogReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def damaged(self) -> bool:
        """Whether anything that was durable does not read well."""
        return any(finding.severity == DAMAGE for finding in self.findings)


class Examination:
    """One look at a data directory. `progress(done_bytes, all_bytes)` is called now and then."""

    def __init__(self, fs: Fs, progress: Callable[[int, int], None] = lambda done, whole: None) -> None:
        self.fs = fs
        self.report = Report()
        self._progress = progress
        self._done = self._all = 0

    def run(self, *, records: bool = False) -> Report:
        """Examine everything; with `records`, every record is decompressed and read as well.

        Raises FormatTooNew, and OSError for what cannot be read at all.
        """
        self._identity()
        checkpoint = self._checkpoint()
        self._journal(checkpoint)
        names = [name for name in self.fs.list("") if _PARTITION.fullmatch(name) and self._is_directory(name)]
        self._all = sum(self._size_of(name) for name in names)
        by_name = {(entry.topic, entry.partition): entry for entry in checkpoint.entries.values()}
        for name in names:
            topic, _, number = name.rpartition("-")
            self._log(name, topic, int(number), by_name.pop((topic, int(number)), None), records=records)
        for topic, partition in by_name:
            self.find(
                f"{topic}-{partition}",
                DAMAGE,
                "the checkpoint names this log, but its directory is not there",
            )
        return self.report

    def find(self, where: str, severity: str, text: str) -> None:
        """Add a finding."""
        self.report.findings.append(Finding(where, severity, text))

    def _is_directory(self, name: str) -> bool:
        try:
            self.fs.list(name)
        except NotADirectoryError:
            return False
        return True

    def _size_of(self, directory: str) -> int:
        paths = [f"{directory}/{name}" for name in self.fs.list(directory) if name.endswith(".log")]
        return sum(self.fs.size(self.fs.open(path)) for path in paths)

    # The files of the whole directory

    def _identity(self) -> None:
        ours = identity.read_properties(self.fs, identity.IDENTITY)
        if ours is None:
            self.find(
                identity.IDENTITY, NOTE, "there is none: no Neuraxis broker has served this directory yet"
            )
            return
        version = int(ours.get("format.version", "0"))
        if version > identity.FORMAT_VERSION:
            raise FormatTooNew(version, identity.FORMAT_VERSION)

    def _checkpoint(self) -> Checkpoint:
        try:
            file = self.fs.open(files.CHECKPOINT)
        except FileNotFoundError:
            self.find(files.CHECKPOINT, NOTE, "there is none: a start will scan every log from its beginning")
            return files.Checkpoint()
        checkpoint = files.parse(self.fs.read(file, 0, self.fs.size(file)))
        if checkpoint is None:
            self.find(
                files.CHECKPOINT,
                DAMAGE,
                "its checksum is wrong: a start will scan every log from its beginning",
            )
            return files.Checkpoint()
        self.report.clean = checkpoint.clean
        if not checkpoint.clean:
            self.find(
                files.CHECKPOINT,
                TAIL,
                "the broker did not stop cleanly: the next start replays the journal's end",
            )
        return checkpoint

    def _journal(self, checkpoint: Checkpoint) -> None:
        replay = Replay(self.fs, checkpoint.journal_position)
        self.report.journal_frames = sum(1 for _ in replay)
        if replay.reason == "a frame is cut or damaged":
            self.find(
                "journal",
                TAIL,
                f"it ends at position {replay.position} in a frame that is cut: never acknowledged",
            )

    # One log

    def _log(self, name: str, topic: str, partition: int, entry: Entry | None, *, records: bool) -> None:
        report = LogReport(topic, partition)
        self.report.logs.append(report)
        content = self.fs.list(name)
        if swap.SWAP in content:
            self.find(
                f"{name}/{swap.SWAP}",
                TAIL,
                "an exchange of segments was cut short: the next start finishes it",
            )
            return
        bases = sorted(int(each[:-4]) for each in content if each.endswith(".log") and each[:-4].isdigit())
        if entry is not None and entry.segment_base not in bases:
            self.find(
                f"{name}/{name_of(entry.segment_base, '.log')}",
                DAMAGE,
                "this segment was durable and is not there",
            )
        end = bases[0] if bases else 0
        report.start_offset = max(end, entry.log_start_offset if entry is not None else end)
        for base in bases:
            report.segments += 1
            following = next((each for each in bases if each > base), None)
            end = _Segment(self, name, base, following, entry, report).examine(end, records=records)
        report.end_offset = end
        if entry is not None and end < entry.recovery_point:
            self.find(
                name, DAMAGE, f"offsets {end} to {entry.recovery_point - 1} were durable and do not read well"
            )
        self._snapshot(name, entry, content)

    def _snapshot(self, name: str, entry: Entry | None, content: list[str]) -> None:
        if entry is None or entry.snapshot_offset < 0:
            return
        path = f"{entry.snapshot_offset:020d}.snapshot"
        if path not in content:
            self.find(
                f"{name}/{path}",
                DAMAGE,
                "the producers' snapshot is missing: it will be rebuilt from the log",
            )
            return
        file = self.fs.open(f"{name}/{path}")
        if not ProducerStates().restore(self.fs.read(file, 0, self.fs.size(file))):
            self.find(
                f"{name}/{path}",
                DAMAGE,
                "the producers' snapshot is damaged: it will be rebuilt from the log",
            )

    def advance(self, count: int) -> None:
        """So many more bytes were examined."""
        self._done += count
        self._progress(self._done, self._all)


class _Segment:
    """One segment file and its indexes."""

    def __init__(
        self,
        examination: Examination,
        directory: str,
        base: int,
        following: int | None,
        entry: Entry | None,
        report: LogReport,
    ) -> None:
        self.examination = examination
        self.fs = examination.fs
        self.directory = directory
        self.base = base
        self.following = following
        self.entry = entry
        self.report = report
        self.file = self.fs.open(self.path(".log"))
        self.size = self.fs.size(self.file)
        self._starts: dict[int, BatchHeader] = {}
        self._markers: set[int] = set()

    def path(self, suffix: str) -> str:
        return f"{self.directory}/{name_of(self.base, suffix)}"

    @property
    def durable_bytes(self) -> int:
        """How much of the file was durable at the last checkpoint."""
        if self.entry is None or self.base > self.entry.segment_base:
            return 0
        return self.entry.position if self.base == self.entry.segment_base else self.size

    def find(self, severity: str, text: str, suffix: str = ".log") -> None:
        self.examination.find(self.path(suffix), severity, text)

    def examine(self, end: int, *, records: bool) -> int:
        """Walk over the batches; the offset after the last good one."""
        end = max(end, self.base)
        position = 0
        try:
            for header, view in self._batches():
                if header.base_offset < end:
                    self.find(DAMAGE, f"byte {position}: offset {header.base_offset} comes after {end - 1}")
                    break
                if self.following is not None and header.last_offset >= self.following:
                    self.find(
                        DAMAGE, f"byte {position}: offset {header.last_offset} belongs to the next segment"
                    )
                    break
                end = header.next_offset
                self._note(position, header, view, records=records)
                position += header.size
        except Damaged:
            self._bad_batch(position, end)
        except Refused as refused:
            self.find(DAMAGE, f"byte {position}, offset {end}: {refused}")
        self.report.size_bytes += position
        self._examine_index()
        self._examine_aborted()
        return end

    def _batches(self) -> Iterator[tuple[BatchHeader, memoryview]]:
        for header, view in whole_batches(self.fs, Source(self.base, self.file, self.size)):
            self.examination.advance(header.size)
            yield header, view

    def _note(self, position: int, header: BatchHeader, view: memoryview, *, records: bool) -> None:
        self.report.batches += 1
        self.report.records += header.record_count
        self._starts[position] = header
        if header.is_control and read_control_marker(view) is not None:
            self._markers.add(header.base_offset)
        elif records:
            for _ in iter_records(view, MOST_BATCH_BYTES):
                pass

    def _bad_batch(self, position: int, end: int) -> None:
        rest = self.size - position
        durable = self.durable_bytes
        zeros = rest < HEADER_SIZE or not any(self.fs.read(self.file, position, min(rest, 1 << 16)))
        if position < durable:
            self.find(
                DAMAGE,
                f"byte {position}: no good batch for offset {end}, though {durable} bytes were durable; "
                "restore the file from a backup",
            )
        elif self.following is not None:
            self.find(DAMAGE, f"byte {position}: no good batch for offset {end}, and another segment follows")
        else:
            what = "zeros" if zeros else "no whole batch"
            self.find(
                TAIL, f"the last {rest} bytes hold {what}: never acknowledged, the next start cuts them off"
            )

    def _examine_index(self) -> None:
        """Every entry must point at the batch it names."""
        try:
            file = self.fs.open(self.path(".index"))
        except FileNotFoundError:
            return
        size = self.fs.size(file)
        if self.entry is not None and self.base == self.entry.segment_base:
            size = min(size, self.entry.index_bytes)
        elif self.entry is None or self.base > self.entry.segment_base:
            return  # a start makes it anew
        index = OffsetIndex(self.base, self.fs.read(file, 0, size - size % OFFSET_ENTRY_SIZE))
        for number in range(len(index)):
            offset, position = index.entry(number)
            header = self._starts.get(position)
            if header is None or header.last_offset != offset:
                self.find(
                    DAMAGE,
                    f"entry {number} points at no batch that ends at {offset}: rebuilt when read",
                    ".index",
                )
                return

    def _examine_aborted(self) -> None:
        try:
            file = self.fs.open(self.path(transactions.SUFFIX))
        except FileNotFoundError:
            return
        size = self.fs.size(file)
        limit = self.following if self.following is not None else 1 << 62
        entries = transactions.parse(self.fs.read(file, 0, size), self.base, limit)
        durable = self.entry is not None and self.base < self.entry.segment_base
        if durable and len(entries) * transactions.ENTRY_SIZE != size:
            self.find(
                DAMAGE,
                "it holds something else than aborted transactions: rebuilt at start",
                transactions.SUFFIX,
            )
        for entry in entries:
            if durable and entry.last_offset not in self._markers:
                self.find(
                    DAMAGE, f"no marker at offset {entry.last_offset}, which it names", transactions.SUFFIX
                )
                return
