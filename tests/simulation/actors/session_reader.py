"""A reader with a fetch session (KIP-227): says once what it reads, then only what changes; begins anew after an error.

Sometimes it forgets a topic for a while, ends its session, or uses one that is not there, or an epoch that is not next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic, ForgottenTopic
from tests.simulation.actors.reader import Reader
from tests.simulation.actors.script import Ask, Pause
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses

    from tests.simulation.model import TopicTruth
    from tests.simulation.world import World

Key = tuple[bytes, int]
IDS_SINCE = 13


class SessionReader(Reader):
    """`known` is what the broker was told that it reads; empty without a session."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.session_id = 0
        self._begin()

    def _begin(self) -> None:
        self.epoch = 0
        self.by_id = self.rng.random() < 0.6
        self.known: dict[Key, FetchPartition] = {}

    def fetch(self, served: list[TopicTruth]) -> Generator[Pause | Ask, Any, None]:
        """One fetch in the session, or one that begins it."""
        if not self.world.healed and self.rng.random() < 0.04:
            yield from self.misbehave()
        truths = {
            truth.topic_id: truth
            for truth in served
            if (self.by_id or not truth.plan.volatile) and (self.world.healed or self.rng.random() < 0.93)
        }
        wanted = {
            (topic_id, index): self._asks(topic_id, index)
            for topic_id, truth in truths.items()
            for index in range(truth.plan.partitions)
        }
        if not wanted or (
            self.world.healed and not self.by_id
        ):  # by names, no topic that is made anew is read
            self._lost(keep_id=True)
            self.by_id = True
            return
        request = self._request(wanted)
        began = self.epoch == 0
        reply = yield Ask(request, self.rng.randint(13, 18) if self.by_id else self.rng.randint(7, 12), 6_000)
        if reply is None:
            self._lost(keep_id=self.rng.random() < 0.5)
        elif reply.error_code:
            self._refused(reply.error_code, began=began)
        else:
            if not began and reply.session_id != self.session_id:
                raise Violation(f"{self.name}: session {self.session_id} went on as {reply.session_id}")
            self.session_id = reply.session_id
            self.epoch = self.epoch + 1 if reply.session_id else 0
            yield from self._read(reply, wanted)
            if not reply.session_id:
                self._begin()  # there was no room for one

    def _asks(self, topic_id: bytes, index: int) -> FetchPartition:
        before = self.known.get((topic_id, index))
        asked = FetchPartition(
            partition=index,
            fetch_offset=self.positions.get((topic_id, index), 0),
            partition_max_bytes=self.rng.choice((100, 1_000, 1 << 20)),
        )
        if before is not None and (self.world.healed or self.rng.random() < 0.9):
            asked.partition_max_bytes = before.partition_max_bytes
        return asked

    def _request(self, wanted: dict[Key, FetchPartition]) -> FetchRequest:
        topics: dict[bytes, FetchTopic] = {}
        forgotten: dict[bytes, ForgottenTopic] = {}
        for (topic_id, index), asked in wanted.items():
            if self.known.get((topic_id, index)) != asked:
                name = self.world.model.topics[topic_id].plan.name
                topics.setdefault(topic_id, FetchTopic(name, topic_id, [])).partitions.append(asked)
        for topic_id, index in self.known:
            if (topic_id, index) not in wanted:
                name = self.world.model.topics[topic_id].plan.name
                forgotten.setdefault(topic_id, ForgottenTopic(name, topic_id, [])).partitions.append(index)
        self.known = wanted
        calm = self.world.healed
        return FetchRequest(
            max_wait_ms=100 if calm else self.rng.choice((0, 100, 1_500)),
            min_bytes=1 if calm else self.rng.choice((1, 1, 1, 700)),
            max_bytes=1 << 20 if calm else self.rng.choice((1, 500, 1 << 20)),
            isolation_level=self.rng.choice((0, 0, 0, 1)),
            session_id=self.session_id,
            session_epoch=self.epoch,
            topics=list(topics.values()),
            forgotten_topics_data=list(forgotten.values()),
        )

    def _lost(self, *, keep_id: bool) -> None:
        """Begin anew; a client that keeps the id ends the session that it had."""
        self._begin()
        if not keep_id:
            self.session_id = 0

    def _refused(self, code: int, *, began: bool) -> None:
        if began or code != ErrorCode.FETCH_SESSION_ID_NOT_FOUND:
            raise Violation(f"{self.name}: epoch {self.epoch} of a session was refused with {code}")
        self._lost(keep_id=False)

    def _read(self, reply: Any, wanted: dict[Key, FetchPartition]) -> Generator[Pause | Ask, Any, None]:
        for topic in reply.responses:
            truth = (
                self.world.model.topics[topic.topic_id]
                if self.by_id
                else self.world.model.served(topic.topic)
            )
            for data in topic.partitions:
                asked = wanted.get((truth.topic_id, data.partition_index)) if truth is not None else None
                if truth is None or asked is None:
                    raise Violation(f"{self.name} did not ask for {topic.topic}-{data.partition_index}")
                yield from self._take(truth, data, asked)

    def misbehave(self) -> Generator[Pause | Ask, Any, None]:
        """End the session, or use one that is not, or an epoch that is not next."""
        self.world.injected["member or session left, died or slept"] += 1
        kind = self.rng.randrange(4)
        if kind == 0:
            self.client.hang_up()
            self._lost(keep_id=True)
            return
        if kind == 1:
            session_id, epoch, expected = self.session_id, -1, 0
        elif kind == 2:
            session_id, epoch, expected = 77, 5, ErrorCode.FETCH_SESSION_ID_NOT_FOUND
        elif self.epoch > 0:
            session_id, epoch = self.session_id, self.epoch + 3
            expected = ErrorCode.INVALID_FETCH_SESSION_EPOCH
        else:
            return
        request = FetchRequest(max_wait_ms=0, min_bytes=0, session_id=session_id, session_epoch=epoch)
        reply = yield Ask(request, 13)
        if reply is None:
            self._lost(keep_id=False)
        elif reply.error_code not in (expected, ErrorCode.FETCH_SESSION_ID_NOT_FOUND):
            raise Violation(f"{self.name}: epoch {epoch} of session {session_id}: error {reply.error_code}")
        elif kind == 1 or (kind == 3 and reply.error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND):
            self._lost(keep_id=False)
