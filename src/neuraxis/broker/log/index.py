"""Sparse indexes of a segment in Kafka's formats: offset to position, timestamp to offset. Both can be rebuilt.

`.index` holds (int32 relative offset, int32 position): the last offset of a batch and where that batch begins. `.timeindex`
holds (int64 timestamp, int32 relative offset): the largest timestamp so far and the last offset of the batch that has it.
"""

from __future__ import annotations

from collections import OrderedDict
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuraxis.broker.log.segment import Segment

_OFFSET_ENTRY = Struct(">ii")
_TIME_ENTRY = Struct(">qi")
OFFSET_ENTRY_SIZE = _OFFSET_ENTRY.size
TIME_ENTRY_SIZE = _TIME_ENTRY.size


class OffsetIndex:
    """Offset -> position of a batch at or before it."""

    __slots__ = ("base_offset", "data")

    def __init__(self, base_offset: int, data: bytes = b"") -> None:
        self.base_offset = base_offset
        self.data = bytearray(data)

    def __len__(self) -> int:
        return len(self.data) // OFFSET_ENTRY_SIZE

    def entry(self, number: int) -> tuple[int, int]:
        """(offset, position) of an entry; negative numbers count from the end."""
        relative, position = _OFFSET_ENTRY.unpack_from(self.data, (number % len(self)) * OFFSET_ENTRY_SIZE)
        return self.base_offset + relative, position

    def append(self, offset: int, position: int) -> None:
        """Add the entry of a batch: its last offset, where it begins."""
        self.data += _OFFSET_ENTRY.pack(offset - self.base_offset, position)

    def floor(self, offset: int) -> int:
        """The position of the last indexed batch that ends at or before `offset`; 0 if there is none."""
        found = self._count_up_to(0, offset - self.base_offset)
        return self.entry(found - 1)[1] if found else 0

    def position_floor(self, position: int) -> int:
        """The last indexed position that is not above `position`; 0 if there is none."""
        found = self._count_up_to(1, position)
        return self.entry(found - 1)[1] if found else 0

    def offset_at(self, position: int) -> int | None:
        """The last offset of the first indexed batch that begins at or after `position`; None if there is none."""
        count = self._count_up_to(1, position - 1)
        return self.entry(count)[0] if count < len(self) else None

    def _count_up_to(self, column: int, value: int) -> int:
        """How many entries have at most `value` in a column (both rise)."""
        low, high, data = 0, len(self), self.data
        while low < high:
            middle = (low + high) // 2
            if _OFFSET_ENTRY.unpack_from(data, middle * OFFSET_ENTRY_SIZE)[column] <= value:
                low = middle + 1
            else:
                high = middle
        return low

    def is_sound(self, size: int) -> bool:
        """Whether this looks like the index of a segment of `size` bytes: sampled entries rise and lie inside."""
        if len(self.data) % OFFSET_ENTRY_SIZE:
            return False
        last_offset = self.base_offset - 1
        last_position = 0  # no interval has passed at the first batch
        for number in sample(len(self)):
            offset, position = self.entry(number)
            if offset <= last_offset or not last_position < position < size:
                return False
            last_offset, last_position = offset, position
        return True


class TimeIndex:
    """Timestamp -> the last offset of the batch in which the segment's largest timestamp reached it."""

    __slots__ = ("base_offset", "data")

    def __init__(self, base_offset: int, data: bytes = b"") -> None:
        self.base_offset = base_offset
        self.data = bytearray(data)

    def __len__(self) -> int:
        return len(self.data) // TIME_ENTRY_SIZE

    def entry(self, number: int) -> tuple[int, int]:
        """(timestamp, offset) of an entry; negative numbers count from the end."""
        timestamp, relative = _TIME_ENTRY.unpack_from(self.data, (number % len(self)) * TIME_ENTRY_SIZE)
        return timestamp, self.base_offset + relative

    def append(self, timestamp: int, offset: int) -> None:
        """Add an entry, if both its parts are beyond the last one's."""
        if timestamp < 0:
            return
        if self.data:
            last_timestamp, last_offset = self.entry(-1)
            if timestamp <= last_timestamp or offset <= last_offset:
                return
        self.data += _TIME_ENTRY.pack(timestamp, offset - self.base_offset)

    def floor(self, timestamp: int) -> int:
        """An offset before which nothing has a timestamp of `timestamp` or more; the segment's base if unknown."""
        low, high, data = 0, len(self), self.data
        while low < high:
            middle = (low + high) // 2
            if _TIME_ENTRY.unpack_from(data, middle * TIME_ENTRY_SIZE)[0] < timestamp:
                low = middle + 1
            else:
                high = middle
        return self.entry(low - 1)[1] if low else self.base_offset

    def is_sound(self) -> bool:
        """Whether sampled entries rise."""
        if len(self.data) % TIME_ENTRY_SIZE:
            return False
        last_timestamp, last_offset = -1, self.base_offset - 1
        for number in sample(len(self)):
            timestamp, offset = self.entry(number)
            if timestamp <= last_timestamp or offset <= last_offset:
                return False
            last_timestamp, last_offset = timestamp, offset
        return True


def sample(count: int) -> list[int]:
    """The numbers of at most 66 entries to look at, the first and the last among them."""
    if not count:
        return []
    return [*range(0, count - 1, max(1, count // 64)), count - 1]


class IndexCache:
    """The indexes of closed segments that are in memory, bounded in bytes; the longest unused go first."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._bytes = 0
        self._segments: OrderedDict[Segment, int] = OrderedDict()

    @property
    def used_bytes(self) -> int:
        """The bytes of the indexes in memory."""
        return self._bytes

    def touch(self, segment: Segment) -> None:
        """A closed segment's indexes were used."""
        if segment in self._segments:
            self._segments.move_to_end(segment)
            return
        size = segment.index_bytes
        self._segments[segment] = size
        self._bytes += size
        while self._bytes > self.most_bytes and len(self._segments) > 1:
            oldest, size = self._segments.popitem(last=False)
            self._bytes -= size
            oldest.drop_indexes()

    def forget(self, segment: Segment) -> None:
        """A segment is gone."""
        self._bytes -= self._segments.pop(segment, 0)
