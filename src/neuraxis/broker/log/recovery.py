"""Start-up: from what a crash left to a state that was promised. Idempotent: it may crash at any point and run again.

The journal's frames are written into the segments (never trusting what is cached there), `os` and `interval` logs keep the
valid batches after their recovery point. Then everything is synced, and a new checkpoint lets the old journal go: at once, or,
if only the process was killed, after the broker serves again (`deferral`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.log import checkpoint as files
from neuraxis.broker.log import deferral, identity, swap
from neuraxis.broker.log.checkpoint import Checkpoint, Entry
from neuraxis.broker.log.journal import DIRECTORY, Frame, Kind, Replay, bases_of, file_name
from neuraxis.broker.log.log import Log
from neuraxis.broker.log.restoring import Restored
from neuraxis.broker.log.settings import Durability, LogSettings

if TYPE_CHECKING:
    from neuraxis.broker.log.store import LogStore
    from neuraxis.broker.work import Now

# What frames may wait to be written in one go: enough that a thousand logs get some each, little beside the rest of a broker.
_GATHERED_BYTES = 16 << 20
_PARTITION = re.compile(r"(.+)-(\d+)")
_RETIRED = re.compile(r"(.+)-(\d+)\.([0-9a-f]{32})-(delete|stray)")


@dataclass(slots=True)
class RecoveryReport:
    """What recovery found and did."""

    unclean: bool = False  # the last stop was not a clean one
    restored: bool = False  # from a backup: what clients were shown since is gone
    other_boot: bool = False  # the machine was started again since
    # Durable; above every leader epoch shown before. Logs that may have lost something rise to it if both hold.
    next_epoch: int = 0
    unparsed: list[str] = field(default_factory=list)  # directories that were left alone
    notes: list[str] = field(default_factory=list)  # sentences for the operator
    frames: int = 0  # frames of the journal that were replayed
    lossy: set[tuple[bytes, int]] = field(
        default_factory=set
    )  # logs of which a power cut may have taken something


class Recovery:
    """One run of it."""

    def __init__(self, store: LogStore, now: Now) -> None:
        self.store = store
        self.fs = store.fs
        self.now = now
        self.report = RecoveryReport()
        self.restored: dict[tuple[bytes, int], Restored] = {}
        self.created: dict[tuple[bytes, int], str] = {}  # where the journal says that logs began
        self.deleted: dict[tuple[bytes, int], int] = {}  # the positions at which it says that they ended
        self.removable: list[str] = []
        self.journal_end = 0

    def run(self) -> RecoveryReport:
        """Do all of it."""
        self.fs.lock()
        identity.adopt(self.store)
        checkpoint = self._read_checkpoint()
        self._look_ahead(checkpoint)
        self._sort_directories(checkpoint)
        self._open_directories(checkpoint)
        self._replay(checkpoint)
        for restored in self.restored.values():
            restored.finish()
            lossy = self.report.unclean and self.report.other_boot and restored.may_have_lost
            if lossy or self.report.restored:
                restored.log.raise_epoch(self.report.next_epoch)  # durable with the checkpoint that follows
                self.report.lossy.add((restored.log.topic_id, restored.log.partition))
            self.report.notes += restored.notes
        self._make_durable(checkpoint)
        return self.report

    def _read_checkpoint(self) -> Checkpoint:
        try:
            file = self.fs.open(files.CHECKPOINT)
        except FileNotFoundError:
            checkpoint: Checkpoint | None = Checkpoint(clean=True, boot_id=self.store.options.boot_id)
        else:
            checkpoint = files.parse(self.fs.read(file, 0, self.fs.size(file)))
        if checkpoint is None:
            self.report.notes.append(
                f"{files.CHECKPOINT} is damaged: every log is scanned from its beginning."
            )
            checkpoint = Checkpoint(journal_position=min(bases_of(self.fs), default=0))
        self.report.unclean = not checkpoint.clean
        self.report.other_boot = checkpoint.boot_id != self.store.options.boot_id
        if self.report.unclean and self.report.other_boot:
            checkpoint.unclean_boots += 1
        self._notice_backup(checkpoint)
        self.report.next_epoch = checkpoint.unclean_boots
        return checkpoint

    def _notice_backup(self, checkpoint: Checkpoint) -> None:
        """A directory from a backup: its logs go on in an epoch that no client has seen."""
        marker = identity.read_properties(self.fs, identity.RESTORED)
        if marker is not None:
            self.report.restored = True
            checkpoint.unclean_boots = max(checkpoint.unclean_boots, int(marker["leader.epoch"]))

    # Directories

    def _look_ahead(self, checkpoint: Checkpoint) -> None:
        """Which logs began and ended in the journal. The frames of one that ended are not worth applying."""
        for frame in Replay(self.fs, checkpoint.journal_position, (Kind.CREATED, Kind.DELETED)):
            key = frame.topic_id, frame.partition
            if frame.kind == Kind.CREATED:
                self.created[key] = f"{bytes(frame.payload[1:]).decode()}-{frame.partition}"
            elif frame.kind == Kind.DELETED:
                self.deleted[key] = frame.position

    def _sort_directories(self, checkpoint: Checkpoint) -> None:
        """Make the directories' names say what the journal says, as far as it is known yet."""
        for name in self.fs.list(""):
            retired = _RETIRED.fullmatch(name)
            if not retired:
                continue
            key = bytes.fromhex(retired[3]), int(retired[2])
            lives = key not in self.deleted and (key in checkpoint.entries or key in self.created)
            if lives and self._topic_id(f"{retired[1]}-{retired[2]}") == key[0]:
                # It was set aside before the catalogue said that it lives: it was made anew, and that one counts.
                if retired[4] == "delete":
                    self.removable.append(name)
            elif lives:  # the rename is here, but the frame that says so is lost
                self._bring_back(name, f"{retired[1]}-{retired[2]}")
            elif retired[4] == "delete":
                self.removable.append(name)
        for name in self.fs.list("") if self.deleted else []:
            if _PARTITION.fullmatch(name) and not _RETIRED.fullmatch(name):
                topic_id = self._topic_id(name)
                key = topic_id or b"", int(name.rpartition("-")[2])
                if key in self.deleted:
                    self._retire(name, key[0])

    def _bring_back(self, retired: str, name: str) -> None:
        if name in self.fs.list(""):
            self._retire(name, self._topic_id(name) or bytes(16))
        self.fs.rename(retired, name)
        self.store.ledger.new_dirs = True

    def _retire(self, name: str, topic_id: bytes) -> None:
        """A directory whose log is not of this history."""
        target = f"{name}.{topic_id.hex()}-delete"
        self.fs.remove(target)
        self.fs.rename(name, target)
        self.store.ledger.new_dirs = True
        self.removable.append(target)

    def _topic_id(self, name: str) -> bytes | None:
        try:
            file = self.fs.open(f"{name}/{files.METADATA}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        return files.parse_partition_metadata(self.fs.read(file, 0, 4096))

    def _open_directories(self, checkpoint: Checkpoint) -> None:
        by_name = {(entry.topic, entry.partition): entry for entry in checkpoint.entries.values()}
        for name in self.fs.list(""):
            matched = _PARTITION.fullmatch(name)
            if matched and not _RETIRED.fullmatch(name):
                self._open_directory(name, matched[1], int(matched[2]), checkpoint, by_name)

    def _open_directory(
        self,
        name: str,
        topic: str,
        partition: int,
        checkpoint: Checkpoint,
        by_name: dict[tuple[str, int], Entry],
    ) -> None:
        try:
            content = self.fs.list(name)
        except NotADirectoryError:
            return
        known = by_name.get((topic, partition))
        # After a clean stop the checkpoint is right about every name; otherwise only the directory itself can tell.
        topic_id = known.topic_id if known is not None and checkpoint.clean else self._topic_id(name)
        repair = topic_id is None
        if topic_id is None:
            if known is None or (known.topic_id, partition) in self.deleted:
                self.report.unparsed.append(name)
                return
            topic_id = known.topic_id
        key = topic_id, partition
        if key in self.restored:
            self.report.unparsed.append(name)
            return
        if checkpoint.known and key not in checkpoint.entries and key not in self.created:
            # It was made after the checkpoint, and the journal does not reach that far: nothing of it was promised.
            target = f"{name}.{topic_id.hex()}-stray"
            self.fs.remove(target)
            self.fs.rename(name, target)
            self.store.ledger.new_dirs = True
            self.report.notes.append(f"{name} is not of this broker's history: it was set aside as {target}.")
            return
        if swap.finish_at_start(self.fs, name, content):
            content = self.fs.list(name)
        log = Log(self.store.ledger, topic, topic_id, partition, LogSettings(), name)
        gaps = not checkpoint.known
        restored = Restored(log, checkpoint.entries.get(key), content, self.now, gaps=gaps)
        if repair:
            self.store.make_directory(log)
        self.restored[key] = restored

    # The journal

    def _replay(self, checkpoint: Checkpoint) -> None:
        """Apply the frames up to the first that cannot be; then those of logs that were deleted after that point."""
        stopped, position = "", checkpoint.journal_position
        gathered_from = position
        for frame in Replay(self.fs, checkpoint.journal_position):
            if (frame.topic_id, frame.partition) not in self.deleted:
                stopped = self._apply(frame)
                if stopped:
                    self.report.notes.append(f"The journal ends at {position}: {stopped}.")
                    break
            position = frame.end
            self.report.frames += 1
            if position - gathered_from > _GATHERED_BYTES:
                gathered_from = position
                for restored in self.restored.values():
                    restored.flush()
        self.journal_end = position
        revived = {key for key, at in self.deleted.items() if at >= position}
        if revived:
            self._revive(revived, checkpoint)

    def _revive(self, keys: set[tuple[bytes, int]], checkpoint: Checkpoint) -> None:
        """Logs whose end lies beyond the end of history: they are as they were there."""
        for key in keys:
            del self.deleted[key]
        self._sort_directories(checkpoint)
        self.removable = [name for name in self.removable if name in self.fs.list("")]
        by_name = {(entry.topic, entry.partition): entry for entry in checkpoint.entries.values()}
        for name in self.fs.list(""):
            matched = _PARTITION.fullmatch(name)
            if matched and (self._topic_id(name), int(matched[2])) in keys:
                self._open_directory(name, matched[1], int(matched[2]), checkpoint, by_name)
        for frame in Replay(self.fs, checkpoint.journal_position):
            if frame.position >= self.journal_end:
                return
            if (frame.topic_id, frame.partition) in keys:
                stopped = self._apply(frame)
                if stopped:
                    self.report.notes.append(f"A deleted log ends early: {stopped}.")
                    return

    def _apply(self, frame: Frame) -> str:
        """Do what a frame says; or why the history ends before it ("" if it does not)."""
        restored = self.restored.get((frame.topic_id, frame.partition))
        if frame.kind == Kind.CREATED:
            self._create(frame, restored)
            return ""
        if restored is None or restored.damaged:
            return ""
        if frame.kind == Kind.MODE:
            restored.set_mode(frame.base_offset, Durability(frame.payload[0]))
            return ""
        return restored.apply(frame)

    def _create(self, frame: Frame, restored: Restored | None) -> None:
        """A log began there. What its directory holds of later segments is worth nothing without the first."""
        if restored is not None and restored.entry is not None:
            return
        mode, topic = Durability(frame.payload[0]), bytes(frame.payload[1:]).decode()
        directory = f"{topic}-{frame.partition}"
        if restored is None and directory in self.fs.list(""):
            self._give_way(directory, frame.topic_id)
        log = Log(self.store.ledger, topic, frame.topic_id, frame.partition, LogSettings(), directory)
        if restored is None:
            self.store.make_directory(log)
        else:
            _discard(restored.log)
            self._adopt_metadata(log)
        restored = Restored(log, None, self.fs.list(directory), self.now, born=True)
        restored.set_mode(0, mode)
        self.restored[frame.topic_id, frame.partition] = restored

    def _adopt_metadata(self, log: Log) -> None:
        """The file that says whose directory it is need not be durable yet; only rewritten it is sure to become so."""
        metadata = self.fs.open(f"{log.directory}/{files.METADATA}")
        self.fs.write(metadata, 0, files.partition_metadata(log.topic_id))
        log.new_files.append(metadata)

    def _give_way(self, directory: str, topic_id: bytes) -> None:
        """Another directory has the name: its own metadata was lost, or it is of another history."""
        if directory in self.report.unparsed:
            self.report.unparsed.remove(directory)
        found = self._topic_id(directory)
        assert found != topic_id, directory
        if found is not None:
            other = self.restored.pop((found, int(directory.rpartition("-")[2])), None)
            if other is not None:
                _discard(other.log)
        # Without metadata nothing tells whose files these are. What was promised of a log is durable with its metadata.
        self._retire(directory, found or bytes(16))

    # The end

    def _make_durable(self, checkpoint: Checkpoint) -> None:
        """Sync what was written, put the checkpoint in its place, then let the old journal go; or see to that later."""
        store, checkpointer = self.store, self.store.checkpointer
        store.logs = {key: restored.log for key, restored in self.restored.items()}
        checkpointer.state = checkpoint
        checkpoint.boot_id = store.options.boot_id
        for key, log in store.logs.items():
            entry = self.restored[key].entry
            if entry is not None:
                log.checked_base = entry.segment_base
            if not log.changed and entry is not None:
                checkpointer.lines[key] = entry.line()
            elif not log.changed:
                log.mark_changed()
        self.fs.make_dir(DIRECTORY)
        self.fs.remove(files.KAFKA_CLEAN)
        if deferral.is_possible(self):
            deferral.begin(self, checkpoint)
            return
        bases = bases_of(self.fs)
        ends = [base + self.fs.size(self.fs.open(file_name(base))) for base in bases]
        store.journal.open_at(max([checkpoint.journal_position, self.journal_end, *ends]))
        store.ledger.new_dirs = True
        checkpointer.perform(self.now, clean=False)
        for base in bases:
            self.fs.remove(file_name(base))
        for path in self.removable:
            self.fs.remove(path)


def _discard(log: Log) -> None:
    """Another log takes the place of this one: nothing more is done about it."""
    log.gone = True
    for segment in log.unchecked:
        segment.file.unpin()
    log.unchecked = []
