"""Fetch sessions (KIP-227): what a client wants is said once, and a fetch looks only at partitions with news.

Rule of the file: a partition of a session is dirty while a fetch could say something new of it. Appends make it dirty, and so
does a raised log start, which wakes nobody (the session waits at each of its partitions); an answer that says all
there is makes it clean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neuraxis.broker.node import Entropy
    from neuraxis.broker.partition import Partition
    from neuraxis.broker.work import Now
    from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, PartitionData

INITIAL_EPOCH, FINAL_EPOCH = 0, -1
"""Epochs of a full fetch: that begins a session, and that wants none."""
MAX_EPOCH = (1 << 31) - 1
EVICTION_MS = 120_000
"""A session may be put out for another once it is unused, or smaller and established, for so long: Kafka's two minutes."""

TopicKey = str | bytes
Key = tuple[TopicKey, int]
"""A topic's name, or its id from version 13 on, and the partition."""


class Entry:
    """One partition of a session: what is asked of it, and what was told last."""

    __slots__ = ("asked", "high_watermark", "key", "log_start_offset", "partition")

    def __init__(self, key: Key, asked: FetchPartition) -> None:
        self.key = key
        self.asked = asked
        self.partition: Partition | None = None
        self.high_watermark = -1
        self.log_start_offset = -1

    def tells(self, data: PartitionData) -> bool:
        """Whether the answer says something that the client was not told; remembers that it is told now."""
        news = bool(data.records) or data.error_code != 0 or data.diverging_epoch is not None
        news = news or (data.high_watermark, data.log_start_offset) != (
            self.high_watermark,
            self.log_start_offset,
        )
        failed = data.error_code != 0
        self.high_watermark = -1 if failed else data.high_watermark
        self.log_start_offset = data.log_start_offset
        return news


class FetchSession:
    """One session. `epoch` is that of the next request."""

    __slots__ = (
        "by_id",
        "created_ms",
        "dirty",
        "ended",
        "entries",
        "epoch",
        "id",
        "isolation_level",
        "on_end",
        "on_news",
        "used_ms",
    )

    def __init__(self, session_id: int, *, by_id: bool, now: Now) -> None:
        self.id = session_id
        self.by_id = by_id
        self.epoch = 1
        self.created_ms = self.used_ms = now.mono_ms
        self.isolation_level = 0
        self.ended = False
        self.entries: dict[Key, Entry] = {}
        self.dirty: dict[Key, Entry] = {}
        self.on_news: Callable[[Now], None] | None = None
        self.on_end: Callable[[], None] | None = None

    def update(self, request: FetchRequest) -> None:
        """Take what the request names into the session, and what it forgets out of it."""
        if request.isolation_level != self.isolation_level:
            self.isolation_level = request.isolation_level
            self.dirty.update(self.entries)
        for topic in request.topics:
            name: TopicKey = topic.topic_id if self.by_id else topic.topic
            for asked in topic.partitions:
                key = (name, asked.partition)
                entry = self.entries.get(key)
                if entry is None:
                    entry = self.entries[key] = Entry(key, asked)
                entry.asked = asked
                self.dirty[key] = entry
        if request.session_epoch > INITIAL_EPOCH:
            for forgotten in request.forgotten_topics_data:
                name = forgotten.topic_id if self.by_id else forgotten.topic
                for index in forgotten.partitions:
                    self._forget((name, index))

    def _forget(self, key: Key) -> None:
        self.dirty.pop(key, None)
        entry = self.entries.pop(key, None)
        if entry is not None and entry.partition is not None:
            entry.partition.waiting.pop(entry, None)

    def watch(self, entry: Entry, partition: Partition | None) -> None:
        """Be told of the partition's advances; a topic made anew has other partitions than the one before."""
        if self.ended or entry.partition is partition:
            return
        if entry.partition is not None:
            entry.partition.waiting.pop(entry, None)
        entry.partition = partition
        if partition is not None:
            key = entry.key

            def advanced(_: Partition, now: Now) -> None:
                self.dirty[key] = entry
                if self.on_news is not None:
                    self.on_news(now)

            partition.waiting[entry] = advanced

    def settle(self, entry: Entry, *, more: bool, sent: bool) -> None:
        """After an answer: an entry with more to say stays dirty, behind the others when records of it were sent."""
        if not more:
            self.dirty.pop(entry.key, None)
        elif sent:
            self.dirty.pop(entry.key, None)
            self.dirty[entry.key] = entry

    def end(self) -> None:
        """Wait at no partition any more; a call that is parked in the session is answered."""
        self.ended = True
        for entry in self.entries.values():
            if entry.partition is not None:
                entry.partition.waiting.pop(entry, None)
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end()


class FetchSessions:
    """The sessions of this broker, the one used last at the end; as many as `max.incremental.fetch.session.cache.slots`."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.evicted = 0  # sessions that made room for others
        self.sessions: dict[int, FetchSession] = {}

    def open(self, request: FetchRequest, *, by_id: bool, now: Now, entropy: Entropy) -> FetchSession | None:
        """The session that the request begins or goes on with; None when it is to be answered without one.

        Refuses 70 for an unknown session, 71 for another epoch than the next, 106 for ids in a session of names.
        """
        if request.session_epoch in (INITIAL_EPOCH, FINAL_EPOCH):
            self._end(request.session_id)
            if request.session_epoch == FINAL_EPOCH:
                return None
            size = sum(len(topic.partitions) for topic in request.topics)
            if not self._make_room(size, now):
                return None
            session = FetchSession(self._new_id(entropy), by_id=by_id, now=now)
            self.sessions[session.id] = session
            session.update(request)
            return session
        found = self.sessions.get(request.session_id)
        if found is None:
            raise Refused(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
        if found.epoch != request.session_epoch:
            raise Refused(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
        if found.by_id != by_id:
            raise Refused(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
        found.update(request)
        if not found.entries:
            self._end(found.id)
            return None
        found.epoch = 1 if found.epoch == MAX_EPOCH else found.epoch + 1
        found.used_ms = now.mono_ms
        del self.sessions[found.id]
        self.sessions[found.id] = found
        return found

    def drop(self, session: FetchSession) -> None:
        """Forget a session that the client is not told of."""
        self._end(session.id)

    def _end(self, session_id: int) -> None:
        session = self.sessions.pop(session_id, None)
        if session is not None:
            session.end()

    def _make_room(self, size: int, now: Now) -> bool:
        """Kafka's rule: the longest unused one goes, else the smallest of the established, if it is smaller."""
        if len(self.sessions) < self.slots:
            return True
        if not self.sessions:
            return False
        unused = next(iter(self.sessions.values()))
        if now.mono_ms - unused.used_ms > EVICTION_MS:
            self.evicted += 1
            self._end(unused.id)
            return True
        established = [one for one in self.sessions.values() if now.mono_ms - one.created_ms > EVICTION_MS]
        smallest = min(established, key=lambda one: len(one.entries), default=None)
        if smallest is None or len(smallest.entries) >= size:
            return False
        self.evicted += 1
        self._end(smallest.id)
        return True

    def _new_id(self, entropy: Entropy) -> int:
        while True:
            number = int.from_bytes(entropy.token_bytes(4), "big") & 0x7FFF_FFFF
            if number and number not in self.sessions:
                return number


def dirty_entries(session: FetchSession) -> Iterator[Entry]:
    """The entries that a fetch is to look at, in the order in which they are to be answered."""
    yield from list(session.dirty.values())
