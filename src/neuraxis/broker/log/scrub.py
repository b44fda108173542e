"""The scrub: closed segments are read again in the background, every batch proved by its checksum, and bit rot gets a name.

A round visits every closed segment once, a slice at a time at the set rate; between rounds there is one alarm and nothing else.
What was found is kept in a file, so that a restart does not serve it again; the next look at the segment may clear it.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.log.damage import Damage
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.scan import first_header, valid_batches
from neuraxis.broker.work import Prove, Replace
from neuraxis.wire.crc import crc32c

if TYPE_CHECKING:
    from neuraxis.broker.log.filesystem import File, Fs
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.segment import Segment
    from neuraxis.broker.log.store import LogStore
    from neuraxis.broker.work import Now
    from neuraxis.wire.batch import BatchHeader

logger = logging.getLogger("neuraxis.broker")

STATE = "neuraxis-scrub"
SLICE_BYTES = 1 << 20
"""Read by one work: it holds a background thread for a few milliseconds."""
LEAST_RATE = 1 << 20
"""Bytes a second for what must be looked at although the scrub is off: segments that were marked as damaged before."""
SAVE_MS = 60_000
"""How often the place of a round is written down: what a restart reads again at most."""
MOST_DAMAGES = 1_000
"""Kept of one segment; with more than that, it is damaged to its end."""


@dataclass(slots=True)
class Slice:
    """A stretch of a closed segment to be proved on a worker thread; `run` leads it forward and notes what it found."""

    segment_base: int
    file: File
    limit: int  # the segment's size
    following: int  # the base of the next segment
    gapless: bool  # compaction leaves gaps between batches
    position: int = 0
    expected: int = 0  # the offset that comes next, or a later one where there are gaps
    last: tuple[int, int] = (0, 0)  # position and expected offset of the batch before
    candidates: list[int] | None = None  # where batches begin behind damage, by the index
    stuck: str = ""  # damage whose end only the index can tell
    found: list[Damage] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether all of the segment was looked at."""
        return self.position >= self.limit

    def run(self, fs: Fs) -> None:
        """Prove the next batches, some SLICE_BYTES of them."""
        end = self.position + SLICE_BYTES
        if self.stuck:
            self._resume(fs)
        while self.position < min(end, self.limit) and not self.stuck:
            reason = self._prove(fs, end)
            if reason:
                self._hop(fs, reason)

    def _prove(self, fs: Fs, end: int) -> str:
        """Go over good batches; why it went no further ("": it reached `end`)."""
        try:
            for position, header, _ in valid_batches(fs, self.file, self.position, self.limit):
                wrong = header.base_offset != self.expected if self.gapless else False
                if wrong or header.next_offset > self.following:
                    return f"a batch has offset {header.base_offset}, where {self.expected} belongs"
                if header.base_offset < self.expected:  # one of the two is wrong, and no checksum tells which
                    self.position, self.expected = self.last
                    return f"offset {header.base_offset} comes again"
                self.last = position, self.expected
                self.position, self.expected = position + header.size, header.next_offset
                if self.position >= end:
                    return ""
        except OSError as error:
            return f"it cannot be read ({error.strerror or error})"
        return "" if self.ended else "a batch whose checksum is wrong"

    def _hop(self, fs: Fs, reason: str) -> None:
        """The damage ends where its batch says it ends, if a good batch begins there."""
        try:
            header = first_header(fs, self.file, self.position)
            following = self.position + header.size if header is not None else self.limit
            if header is not None and header.size > 0:
                claimed = self.expected + header.next_offset - header.base_offset
                if self._resumes(fs, following, claimed, reason):
                    return
        except OSError:
            pass
        self.stuck = reason

    def _resume(self, fs: Fs) -> None:
        """Behind damage, at the first of the candidates at which a good batch begins; else the damage has no end."""
        reason, self.stuck = self.stuck, ""
        for position in self.candidates or ():
            try:
                if position > self.position and self._resumes(fs, position, -1, reason):
                    return
            except OSError:
                continue
        self._note(self.limit, self.following, reason)

    def _resumes(self, fs: Fs, position: int, claimed: int, reason: str) -> bool:
        """End the damage at `position` or behind, if it can be; `claimed`: the offset that follows by what is damaged.

        No checksum covers a batch's own offset. Where batches leave no gaps it is believed if what was before it or what
        comes after it says the same; one that nobody confirms is damaged as well.
        """
        if position > self.limit:
            return False
        for start, header, _ in valid_batches(fs, self.file, position, self.limit):
            is_possible = self.expected < header.base_offset < header.next_offset <= self.following
            if not self.gapless and not is_possible:
                return False
            if is_possible and (not self.gapless or self._is_confirmed(fs, start, header, claimed)):
                self._note(start, header.base_offset, reason)
                return True
            position = start + header.size
            claimed += header.next_offset - header.base_offset if claimed >= 0 else 0
        if position == self.limit:
            self._note(position, self.following, reason)
            return True
        return False

    def _is_confirmed(self, fs: Fs, start: int, header: BatchHeader, claimed: int) -> bool:
        """Whether a neighbour of the batch at `start` says the same of its offset."""
        if header.base_offset == claimed:
            return True
        end = start + header.size
        following = first_header(fs, self.file, end) if end < self.limit else None
        return header.next_offset == (self.following if following is None else following.base_offset)

    def _note(self, position: int, offset: int, reason: str) -> None:
        if len(self.found) >= MOST_DAMAGES:
            position, offset = self.limit, self.following
        self.found.append(Damage(self.segment_base, self.position, position, self.expected, offset, reason))
        self.position, self.expected = position, offset
        self.last = position, offset


class Scrubber:
    """The scrub of one store."""

    def __init__(self, store: LogStore) -> None:
        self.store = store
        self.segments = 0  # looked at since the start
        self.rounds = 0
        self._rate = store.options.scrub_bytes_per_second
        self._round_ms = 0  # wall: when the round began; 0: there was none
        self._round: deque[tuple[bytes, int]] = deque()  # logs that are still to come
        self._log: Log | None = None  # the one that is being visited
        self._after = -1  # and the base of its segment that was looked at last
        self._urgent: deque[tuple[Log, int]] = deque()  # segments to look at before all others
        self._busy = False
        self._stopped = False
        self._saved_ms = 0

    @property
    def damaged(self) -> dict[Log, list[Damage]]:
        """What is known to be damaged, by log."""
        return self.store.ledger.damaged

    # Life

    def load(self, now: Now) -> None:
        """Start: take up what was known, look at it again soon, and plan the next round."""
        done: tuple[bytes, int] | None = None
        try:
            file = self.store.fs.open(STATE)
        except FileNotFoundError:
            pass
        else:
            done = self._parse(self.store.fs.read(file, 0, self.store.fs.size(file)))
        if self._urgent:
            self._continue_at(now.mono_ms)
        if not self._rate:
            return
        if done is not None:
            self._round.extend(key for key in sorted(self.store.logs) if key > done)
            self._continue_at(now.mono_ms)
        else:
            if (
                not self._round_ms
            ):  # a new directory: the interval counts from now on, however often the broker restarts
                self._round_ms = now.wall_ms
                self._save(now)
            self._plan_round(now)

    def stop(self) -> None:
        """The broker is to stop: a work that is under way may be done twice, and then says nothing."""
        self._stopped = True

    def hurry(self, log: Log, segment_base: int, now: Now) -> None:
        """Somebody found a segment damaged: look at it before all others."""
        self._urgent.append((log, segment_base))
        self._continue_at(now.mono_ms)

    def _plan_round(self, now: Now) -> None:
        """The next round begins an interval after the last one began."""
        interval = self.store.options.scrub_interval_ms
        delay = min(max(self._round_ms + interval - now.wall_ms, 0), interval)
        self.store.ledger.alarm(now.mono_ms + delay, self._begin_round)

    def _begin_round(self, now: Now) -> None:
        self._round_ms = now.wall_ms
        self._round.extend(sorted(self.store.logs))
        if self._round:
            self._go_on(now)
        else:
            self._plan_round(now)

    # One segment after another

    def _continue_at(self, mono_ms: int) -> None:
        if not self._busy:
            self._busy = True
            self.store.ledger.alarm(mono_ms, self._alarmed)

    def _alarmed(self, now: Now) -> None:
        self._busy = False
        self._go_on(now)

    def _go_on(self, now: Now) -> None:
        """Begin with the next segment, if there is one and none is being read."""
        if self._busy:
            return
        in_round = bool(self._round) or self._log is not None
        found = self._next()
        if found is not None:
            self._begin(*found)
        elif in_round:
            self.rounds += 1
            self._save(now)
            self._plan_round(now)

    def _next(self) -> tuple[Log, Segment, int] | None:
        """(log, segment, base of the next one) to look at now."""
        while self._urgent:
            log, base = self._urgent.popleft()
            for segment, following in closed(log):
                if segment.base_offset == base:
                    return log, segment, following
        while True:
            if self._log is not None:
                for segment, following in closed(self._log):
                    if segment.base_offset > self._after:
                        self._after = segment.base_offset
                        return self._log, segment, following
                self._log = None
            if not self._round:
                return None
            self._log, self._after = self.store.logs.get(self._round.popleft()), -1

    def _begin(self, log: Log, segment: Segment, following: int) -> None:
        gapless = not log.settings.compact and log.cleaned_to < 0
        piece = Slice(segment.base_offset, segment.file, segment.size, following, gapless)
        piece.expected = segment.base_offset
        piece.last = 0, segment.base_offset
        segment.file.pin()
        self._busy = True
        self._read(log, segment, piece)

    def _read(self, log: Log, segment: Segment, piece: Slice) -> None:
        before = piece.position
        self.store.start("scrub", [Prove(piece)], lambda now: self._proved(log, segment, piece, before, now))

    def _proved(self, log: Log, segment: Segment, piece: Slice, before: int, now: Now) -> None:
        if not self._stopped:
            self.store.ledger.cold.run(lambda at: self._take(log, segment, piece, before, at), now)

    def _take(self, log: Log, segment: Segment, piece: Slice, before: int, now: Now) -> None:
        if piece.stuck and not log.gone:
            try:
                index = segment.index(log.settings.index_interval_bytes)
            except OSError as error:
                raise StorageFailed(f"reading the index of {segment.file.path}", error) from error
            piece.candidates = [index.entry(number)[1] for number in range(len(index))]
            log.ledger.indexes.touch(segment)
        ended = log.gone or (piece.ended and not piece.stuck)
        if ended:
            segment.file.unpin()
            self._finish(log, segment, piece, now)
        delay = 1000 * (piece.position - before) // (self._rate or LEAST_RATE)

        def go_on(later: Now) -> None:
            if ended:
                self._busy = False
                self._go_on(later)
            else:
                self._read(log, segment, piece)

        self.store.ledger.alarm(now.mono_ms + delay, go_on)

    # What was found

    def _finish(self, log: Log, segment: Segment, piece: Slice, now: Now) -> None:
        """A segment was looked at: what is known of it is replaced by what was found."""
        self.segments += 1
        known = self.damaged.get(log, [])
        before = [damage for damage in known if damage.segment_base == segment.base_offset]
        if log.gone or segment not in log.segments:
            piece.found.clear()
        others = [
            each
            for each in known
            if each.segment_base != segment.base_offset and each.segment_base in log.bases
        ]
        self._mark(log, others + piece.found)
        for damage in piece.found:
            if damage not in before:
                _tell(log, segment, damage)
        if before and not piece.found:
            logger.warning("%s reads as it was written again: it is served", segment.file.path)
        if before != piece.found or now.mono_ms - self._saved_ms >= SAVE_MS:
            self._save(now)

    def _mark(self, log: Log, damages: list[Damage]) -> None:
        if damages and not log.gone:
            self.damaged[log] = sorted(damages)
            self.store.cleaner.uncleanable.setdefault(log, "a segment is damaged")
        elif self.damaged.pop(log, None) is not None:
            self.store.cleaner.uncleanable.pop(log, None)

    # The file

    def _save(self, now: Now) -> None:
        self._saved_ms = now.mono_ms
        state = {
            "round_ms": self._round_ms,
            # The log that is being visited is visited again.
            "next": [self._round[0][0].hex(), self._round[0][1]] if self._round else None,
            "visiting": None if self._log is None else [self._log.topic_id.hex(), self._log.partition],
            "damaged": [
                [log.topic_id.hex(), log.partition, *damage]
                for log, damages in self.damaged.items()
                for damage in damages
                if not log.gone
            ],
        }
        body = json.dumps(state).encode() + b"\n"
        self.store.start("scrubbed", [Replace(STATE, body + f"{crc32c(body):08x}\n".encode())])

    def _parse(self, data: bytes) -> tuple[bytes, int] | None:
        """Take up a file's content; the log after which its round goes on. A damaged file says nothing."""
        body, checksum = data[:-9], data[-9:]
        if f"{crc32c(body):08x}\n".encode() != checksum:
            return None
        state = json.loads(body)
        self._round_ms = state["round_ms"]
        for topic_id, partition, *fields in state["damaged"]:
            log = self.store.logs.get((bytes.fromhex(topic_id), partition))
            if log is not None and fields[0] in log.bases:
                damage = Damage(*fields)
                self.damaged.setdefault(log, []).append(damage)
                if (log, damage.segment_base) not in self._urgent:
                    self._urgent.append((log, damage.segment_base))
        place = state["visiting"] or state["next"]
        # Just before the log that comes next: topic ids are 16 bytes, so nothing lies between.
        return None if place is None else (bytes.fromhex(place[0]), place[1] - 1)


def closed(log: Log) -> list[tuple[Segment, int]]:
    """The log's closed segments that are durable, each with the base of the one that follows."""
    if log.gone:
        return []
    pairs = zip(log.segments, log.bases[1:], strict=False)
    return [(segment, following) for segment, following in pairs if not segment.unchecked]


def _tell(log: Log, segment: Segment, damage: Damage) -> None:
    logger.error(
        "%s is damaged: bytes %d to %d, offsets %d to %d: %s. Fetches of these offsets are refused (KAFKA_STORAGE_ERROR), "
        "all others are served. Stop the broker and put the file back from a backup (neuraxis restore), or let go of "
        "the records before offset %d (kafka-delete-records).",
        segment.file.path,
        damage.position,
        damage.end_position,
        damage.first_offset,
        damage.end_offset - 1,
        damage.reason,
        damage.end_offset,
    )
