"""Share sessions: which partitions each member fetches, which request comes next. Volatile; they end with their connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

INITIAL_EPOCH = 0
FINAL_EPOCH = -1
LAST_EPOCH = 2**31 - 1

MAX_SESSION_PARTITIONS = 10_000
"""Partitions of one session: every fetch of it looks at each."""

TopicPartition = tuple[bytes, int]


@dataclass(slots=True, eq=False)
class ShareSession:
    """One member's session.

    Attributes:
        epoch: the epoch that its next request must have.
        connection: the id of the connection that it was made on, and ends with.
        partitions: what it fetches, in order; a dict as an ordered set.
        fresh: those of them that no answer has named yet.
    """

    group_id: str
    member_id: str
    connection: int
    epoch: int = 1
    partitions: dict[TopicPartition, None] = field(default_factory=dict)
    fresh: set[TopicPartition] = field(default_factory=set)

    def rotated(self) -> list[TopicPartition]:
        """The partitions, beginning with another one each time: none starves behind the limits of an answer."""
        found = list(self.partitions)
        turn = self.epoch % len(found) if found else 0
        return found[turn:] + found[:turn]

    def add(self, wanted: Iterable[TopicPartition]) -> None:
        """Fetch these too."""
        for each in wanted:
            if each not in self.partitions:
                self.partitions[each] = None
                self.fresh.add(each)
        if len(self.partitions) > MAX_SESSION_PARTITIONS:
            raise Refused(
                ErrorCode.INVALID_REQUEST,
                f"A share session can have {MAX_SESSION_PARTITIONS} partitions: spread them over more members.",
            )

    def remove(self, forgotten: Iterable[TopicPartition]) -> None:
        """Fetch these no more."""
        for each in forgotten:
            self.partitions.pop(each, None)
            self.fresh.discard(each)


class ShareSessions:
    """All share sessions of the node, by group and member."""

    def __init__(self) -> None:
        self.sessions: dict[tuple[str, str], ShareSession] = {}
        self._of_connection: dict[int, dict[tuple[str, str], ShareSession]] = {}

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.sessions)

    def begin(self, group_id: str, member_id: str, connection: int, limit: int) -> ShareSession:
        """A new session; one that the member had before is dropped. Refuses (133) more than `limit`."""
        key = (group_id, member_id)
        self._drop(key)
        if len(self.sessions) >= limit:
            raise Refused(
                ErrorCode.SHARE_SESSION_LIMIT_REACHED,
                f"This node has its {limit} share sessions (group.share.max.share.sessions).",
            )
        session = ShareSession(group_id, member_id, connection)
        self.sessions[key] = session
        self._of_connection.setdefault(connection, {})[key] = session
        return session

    def next(self, group_id: str, member_id: str, epoch: int) -> ShareSession:
        """The session whose turn this epoch is. Refuses: 122 there is none, 123 it is not its turn."""
        session = self._find(group_id, member_id)
        if session.epoch != epoch:
            raise Refused(
                ErrorCode.INVALID_SHARE_SESSION_EPOCH,
                f"The share session is at epoch {session.epoch}, not {epoch}: begin another one with epoch 0.",
            )
        session.epoch = 1 if epoch == LAST_EPOCH else epoch + 1
        return session

    def end(self, group_id: str, member_id: str) -> ShareSession:
        """End a session; it is returned. Refuses (122) if there is none."""
        session = self._find(group_id, member_id)
        self._drop((group_id, member_id))
        return session

    def end_connection(self, connection: int) -> list[ShareSession]:
        """A connection is gone, and its sessions with it; they are returned."""
        found = list(self._of_connection.get(connection, {}).values())
        for session in found:
            self._drop((session.group_id, session.member_id))
        return found

    def _find(self, group_id: str, member_id: str) -> ShareSession:
        session = self.sessions.get((group_id, member_id))
        if session is None:
            raise Refused(
                ErrorCode.SHARE_SESSION_NOT_FOUND,
                f"Member {member_id} of group {group_id} has no share session: begin one with epoch 0.",
            )
        return session

    def _drop(self, key: tuple[str, str]) -> None:
        session = self.sessions.pop(key, None)
        if session is None:
            return
        others = self._of_connection[session.connection]
        del others[key]
        if not others:
            del self._of_connection[session.connection]
