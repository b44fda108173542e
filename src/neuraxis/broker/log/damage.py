"""Where segments are known to be damaged, and what that forbids: such bytes are never served as if they were whole.

Rule of the file: an offset within damage is refused, everything before and behind it is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from neuraxis.broker.log.log import Log
    from neuraxis.broker.log.segment import Segment


class Damage(NamedTuple):
    """A stretch of a segment file that does not read as it was written: its bytes, and the offsets that were in them."""

    segment_base: int
    position: int
    end_position: int
    first_offset: int
    end_offset: int
    reason: str


def refuse(log: Log, offset: int) -> None:
    """Raise Refused (KAFKA_STORAGE_ERROR) for an offset that lies within damage."""
    for damage in log.ledger.damaged.get(log, ()):
        if damage.first_offset <= offset < damage.end_offset:
            raise Refused(
                ErrorCode.KAFKA_STORAGE_ERROR,
                f"{log.directory}: offsets {damage.first_offset} to {damage.end_offset - 1} are damaged: {damage.reason}",
            )


def clip(log: Log, segment: Segment, position: int, end: int) -> int:
    """Where a range that begins at `position` must end; raises Refused where the damage begins right there."""
    for damage in log.ledger.damaged.get(log, ()):
        if damage.segment_base == segment.base_offset and damage.end_position > position:
            if damage.position <= position:
                refuse(log, damage.first_offset)
            end = min(end, damage.position)
    return end


def beyond(log: Log, segment: Segment, offset: int, position: int) -> int:
    """From where to look for `offset`, at `position` or later: no search leads through damage that lies before it."""
    for damage in log.ledger.damaged.get(log, ()):
        if damage.segment_base == segment.base_offset and damage.end_offset <= offset:
            position = max(position, damage.end_position)
    return position
