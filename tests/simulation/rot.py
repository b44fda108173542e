"""Bit rot: bits that flip in closed segments, and what must hold then.

A client may meet a flipped bit before the scrub has, and its own checksum tells it; from the moment on at which the scrub has
named the place, it is refused. All else stays what it was: the checkers look at the disk `as_written`, with each bit put back.
The four bytes of a batch's leader epoch are left alone: no checksum of Kafka's format covers them.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.broker.log.scan import headers
from neuraxis.broker.log.scrub import closed
from neuraxis.wire import batch as batches
from neuraxis.wire.errors import ErrorCode, Refused
from tests.simulation.disk import Inode, SimFile
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.log.damage import Damage
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.segment import Segment
    from neuraxis.wire.batch import BatchHeader
    from tests.simulation.world import World

EPOCH_AT, EPOCH_END = 12, 16
SHARE_OF_PLACES = (
    0.2  # of the flips hit the first twelve bytes, which no checksum covers either, but the scrub proves
)
RETRY_MS = 40
NAMED = ("is damaged: bytes", "is not compacted any more", "is damaged: offset")


@dataclass(slots=True, eq=False)
class Spot:
    """A flipped bit, and the batch that it is in: `size` bytes from `start` on."""

    key: tuple[bytes, int]
    inode: Inode
    start: int
    size: int
    position: int
    bit: int
    first_offset: int
    end_offset: int


class Rot:
    """The flipped bits of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.fork("rot")
        self.spots: list[Spot] = []

    # ---- what goes wrong -----------------------------------------------------------------------------------------

    def strike(self, count: int, inside: bool) -> None:
        """Flip bits in closed segments of topics, or `inside` in the coordinators'; where there are none yet, later."""
        world = self.world
        if world.healed or world.finished:
            return
        found = [each for each in self._candidates() if each[0].topic.startswith("__") == inside]
        if not found:
            world.after(RETRY_MS, self.strike, count, inside)
            return
        for _ in range(count):
            self._flip(*self.rng.choice(found))

    def _candidates(self) -> list[tuple[Log, Segment]]:
        """The closed and durable segments of the topics that the model knows, with or without a broker on them."""
        if self.world.host.life == 0:
            return []
        logs = self.world.host.core.store.logs
        return [
            (log, segment)
            for key, log in sorted(logs.items())
            if log.topic.startswith("__") or self._is_served(key[0])
            for segment, _ in closed(log)
            if segment.size and segment.base_offset < log.checked_base and not segment.file.removed
        ]

    def _is_served(self, topic_id: bytes) -> bool:
        truth = self.world.model.topics.get(topic_id)
        return truth is not None and not truth.doomed

    def _flip(self, log: Log, segment: Segment) -> None:
        with self.as_written():
            found: list[tuple[int, BatchHeader]] = list(headers(log.fs, segment.file, 0, segment.size))
        start, header = self.rng.choice(found)
        key = log.topic_id, log.partition
        if self.at(key, header.base_offset) is not None:
            return  # one bit is enough: two could put each other right
        if self.rng.random() < SHARE_OF_PLACES and not log.settings.compact:
            position = start + self.rng.randrange(EPOCH_AT)
        else:
            position = start + self.rng.randrange(EPOCH_END, header.size)
        assert isinstance(segment.file, SimFile)
        bit, inode = self.rng.randrange(8), segment.file.inode
        spot = Spot(key, inode, start, header.size, position, bit, header.base_offset, header.next_offset)
        self.spots.append(spot)
        self._turn(spot)
        self.world.injected["bit rot in a coordinator's log" if log.settings.compact else "bit rot"] += 1
        self.world.tell(f"fault: bit {spot.bit} of byte {position} of {segment.file.path} flips")

    def put_back(self) -> bool:
        """Do what a refused start asks for: the coordinators' segments come from a backup. False if none of them rots."""
        internal = [spot for spot in self.spots if spot.key[0] not in self.world.model.topics]
        for spot in internal:
            self._turn(spot)
            self.spots.remove(spot)
        self.world.observed["starts that were refused"] += bool(internal)
        self.world.observed["put back from a backup"] += len(internal)
        return bool(internal)

    @staticmethod
    def _turn(spot: Spot) -> None:
        for content in (spot.inode.seen, spot.inode.durable):
            if spot.position < len(content):
                content[spot.position] ^= 1 << spot.bit

    # ---- what is known of it -------------------------------------------------------------------------------------

    @contextmanager
    def as_written(self) -> Iterator[None]:
        """The disk as if no bit had flipped."""
        for spot in self.spots:
            self._turn(spot)
        try:
            yield
        finally:
            for spot in self.spots:
                self._turn(spot)

    def at(self, key: tuple[bytes, int], offset: int) -> Spot | None:
        """The flipped bit in the batch of this offset."""
        for spot in self.spots:
            if spot.key == key and spot.first_offset <= offset < spot.end_offset:
                return spot
        return None

    def refused(self, key: tuple[bytes, int], offset: int) -> int:
        """A fetch at this offset was refused as damaged: where a reader goes on. Raises Violation if nothing rots there."""
        self.world.observed["refused to a client"] += 1
        spot = self.at(key, offset)
        if spot is not None:
            return spot.end_offset
        for damage in self._named(key):
            if damage.first_offset <= offset < damage.end_offset and self._is_of_a_spot(key, damage):
                return damage.end_offset
        if any(spot.key == key and spot.first_offset < offset for spot in self.spots):
            return offset  # no search led through what rots, when this was answered: not before the scrub was there
        raise Violation(
            f"{key[0].hex()}-{key[1]} offset {offset} is refused as damaged, and nothing there rots"
        )

    def _named(self, key: tuple[bytes, int]) -> list[Damage]:
        store = self.world.host.core.store
        log = store.logs.get(key)
        return [] if log is None else store.ledger.damaged.get(log, [])

    def _is_of_a_spot(self, key: tuple[bytes, int], damage: Damage) -> bool:
        return any(
            spot.key == key
            and spot.first_offset < damage.end_offset
            and spot.end_offset > damage.first_offset
            for spot in self.spots
        )

    def shown(self, key: tuple[bytes, int], view: memoryview, wanted: int) -> Spot | None:
        """The flipped bit in the bytes that a client was given where `wanted` belongs, if they begin with such a batch.

        A producer without sequences may send the same twice: a flip of the first one's offset then makes it the second one,
        byte for byte. What is right where it was asked for is not taken for the other.
        """
        for spot in self.spots:
            if spot.key == key and spot.inode.seen[spot.start : spot.start + spot.size].startswith(
                view[: spot.size]
            ):
                header = batches.is_valid_batch(view, 0, len(view))
                is_right = header is not None and header.base_offset <= wanted <= header.last_offset
                if is_right and not spot.first_offset <= wanted < spot.end_offset and self._is_twice(spot):
                    continue
                return spot
        return None

    def _is_twice(self, spot: Spot) -> bool:
        """Whether the log holds the bytes of this batch, as they are now, in another place too."""
        log = self.world.host.core.store.logs.get(spot.key)
        data = bytes(spot.inode.seen[spot.start : spot.start + spot.size])
        files = [segment.file for segment in log.segments] if log is not None else []
        return sum(file.inode.seen.count(data) for file in files if isinstance(file, SimFile)) > 1

    def noticed(self, spot: Spot) -> None:
        """A client's checksum told it."""
        self.world.observed["noticed by the client"] += 1
        self.world.tell(f"a client finds {spot.first_offset} damaged")

    # ---- what must hold ------------------------------------------------------------------------------------------

    def _living(self) -> list[tuple[Log, Spot]]:
        """The flipped bits in segments that are served."""
        logs = self.world.host.core.store.logs
        found = []
        for spot in self.spots:
            log = logs.get(spot.key)
            if log is None or log.gone:
                continue
            for segment in log.segments:
                assert isinstance(segment.file, SimFile)
                if segment.file.inode is spot.inode:
                    found.append((log, spot))
        return found

    def content(self) -> bool:
        """Whether the scrub has named every flipped bit that is still served."""
        return self.world.host.up and all(self._is_named(spot) for _, spot in self._living())

    def _is_named(self, spot: Spot) -> bool:
        return any(
            damage.first_offset <= spot.first_offset and spot.end_offset <= damage.end_offset
            for damage in self._named(spot.key)
        )

    def at_end(self) -> None:
        """Each place is named and refused, everything beside it is served as it was written."""
        living = self._living()
        self.world.observed["named by the scrub"] += len(living)
        self.world.observed["deleted before the end"] += len(self.spots) - len(living)
        for log, spot in living:
            if not self._is_named(spot):
                raise Violation(
                    f"{log.directory}: the scrub has not found the bit that flipped in the batch at {spot.first_offset}"
                )
        for log in dict.fromkeys(log for log, _ in living):
            if not log.settings.compact:
                self._check_served(log)

    def _check_served(self, log: Log) -> None:
        key = log.topic_id, log.partition
        for damage in self._named(key):
            if not self._is_of_a_spot(key, damage):
                raise Violation(f"{log.directory}: nothing rots at {damage}")
        offset = log.log_start_offset
        while offset < log.log_end_offset:
            try:
                found = log.read(offset, 300, log.log_end_offset)
            except Refused as refused:
                if refused.code != ErrorCode.KAFKA_STORAGE_ERROR:
                    raise
                offset = self.refused(key, offset)
                continue
            if found is None:
                raise Violation(f"{log.directory}: nothing is read at offset {offset}")
            data = memoryview(found.read())
            found.release()
            offset = self._check_bytes(log, data, offset)

    def _check_bytes(self, log: Log, data: memoryview, offset: int) -> int:
        """The offset after batches that were read at `offset`; each is what somebody sent."""
        position = 0
        while position < len(data):
            header = batches.is_valid_batch(data, position, len(data))
            if header is None or not header.base_offset <= offset <= header.last_offset:
                raise Violation(
                    f"{log.directory}: what is read at offset {offset} is damaged and was not refused"
                )
            offset, position = header.next_offset, position + header.size
        return offset
