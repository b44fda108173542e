"""A member of a share group (KIP-932): heartbeats, share fetches, and a verdict on each record it is given.

It accepts most records; some it gives back, rejects, keeps for longer, or forgets until their locks end. Sometimes it dies,
leaves, begins another session or asks with a wrong epoch. What it is given and told goes into the group's register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.wire import batch as batches
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from neuraxis.wire.messages.share_acknowledge import (
    AcknowledgementBatch,
    AcknowledgePartition,
    AcknowledgeTopic,
    ShareAcknowledgeRequest,
)
from neuraxis.wire.messages.share_fetch import (
    AcknowledgementBatch as FetchedBatch,
)
from neuraxis.wire.messages.share_fetch import (
    FetchPartition,
    FetchTopic,
    ForgottenTopic,
    ShareFetchRequest,
)
from neuraxis.wire.messages.share_group_heartbeat import ShareGroupHeartbeatRequest
from neuraxis.wire.records import iter_records
from tests.simulation.actors.member import BUSY
from tests.simulation.actors.script import Ask, Pause, ScriptedActor
from tests.simulation.model import AFTER_CHECKSUM
from tests.simulation.sharing import Delivered, Register
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses

    from tests.simulation.world import World

    Life = Generator[Pause | Ask, Any, Any]

GROUP_RESOURCE, SET = 32, 0
LEAVE = -1
FINAL = -1
GAP, ACCEPT, RELEASE, REJECT, RENEW = range(5)
OUT = (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.GROUP_ID_NOT_FOUND)
SESSION_IS_OVER = (ErrorCode.SHARE_SESSION_NOT_FOUND, ErrorCode.INVALID_SHARE_SESSION_EPOCH)
PARTITION_IS_GONE = (ErrorCode.UNKNOWN_TOPIC_ID, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
NO_MEMBER = ErrorCode.UNKNOWN_SERVER_ERROR  # what Kafka says too when the group does not read the partition

Key = tuple[bytes, int]
Verdicts = dict[Key, dict[int, int]]


class ShareConsumer(ScriptedActor):
    """One member. `held` are the records it has said nothing of."""

    def __init__(self, world: World, name: str, register: Register) -> None:
        super().__init__(world, name)
        self.register = register
        self.group = register.group_id
        self.lives = 0
        self._begin()

    def _begin(self) -> None:
        self.lives += 1
        self.member_id = f"{self.name}-{self.lives}"
        self.epoch = 0
        self.assigned: set[Key] = set()
        self.beat_at = 0
        self._no_session()

    def _no_session(self) -> None:
        self.session_epoch = 0
        self.fetching: set[Key] = set()
        self.held: dict[Key, dict[int, Delivered]] = {}

    # ---- the end -----------------------------------------------------------------------------------------------

    def content(self) -> bool:
        if not self.world.host.up or self.register.left():
            return False
        self.register.check_nothing_is_lost(self.world.checkers.ledger)
        return True

    def complaint(self) -> str:
        left = self.register.left()
        return f"epoch {self.epoch}, session {self.session_epoch}, held {self.held}, left {left}"

    # ---- the life ----------------------------------------------------------------------------------------------

    def live(self) -> Life:
        yield from self._configure()
        yield Pause(self.rng.randint(0, 800))
        while not self.world.finished:
            if not self.world.healed and self.rng.random() < 0.05:
                yield from self.misbehave()
            if self.epoch == 0 or self.world.time_ms >= self.beat_at:
                yield from self.beat()
            if self.epoch > 0 and self.assigned:
                if self.rng.random() < 0.5 and self.session_epoch > 0:
                    yield from self.acknowledge()
                yield from self.fetch()
            yield Pause(self.rng.randint(1, 10) if self.world.healed else self.rng.randint(5, 120))

    def _configure(self) -> Life:
        """The group reads from the beginning."""
        configs = [AlterableConfig("share.auto.offset.reset", SET, "earliest")]
        resources = [AlterConfigsResource(GROUP_RESOURCE, self.group, configs)]
        while True:
            reply = yield Ask(IncrementalAlterConfigsRequest(resources, False), 1)
            if reply is not None and reply.responses[0].error_code == 0:
                return
            yield Pause(50)

    def beat(self) -> Life:
        names = None
        if self.epoch == 0 or self.rng.random() < 0.2:
            names = [plan.name for plan in self.world.plan.topics]
        reply = yield Ask(ShareGroupHeartbeatRequest(self.group, self.member_id, self.epoch, None, names), 1)
        self.beat_at = self.world.time_ms + 300
        if reply is None:
            self._no_session()  # it ended with the connection
            return
        if reply.error_code in OUT:
            self.epoch = 0
        elif reply.error_code == 0:
            self.epoch = reply.member_epoch
            if reply.assignment is not None:
                topics = reply.assignment.topic_partitions
                self.assigned = {
                    (bytes(each.topic_id), index) for each in topics for index in each.partitions
                }
        elif reply.error_code not in BUSY:
            raise Violation(f"{self.name}: a heartbeat was refused with {reply.error_code}")

    def misbehave(self) -> Life:
        """Leave, die, sleep, begin another session, or use a wrong epoch."""
        self.world.injected["member or session left, died or slept"] += 1
        kind = self.rng.randrange(5)
        if kind == 0 and self.epoch > 0:
            request = ShareGroupHeartbeatRequest(self.group, self.member_id, LEAVE, None, None)
            if self.session_epoch > 0 and self.rng.random() < 0.7:
                yield from self.acknowledge(last=True)
            yield Ask(request, 1)
            self._begin()
            yield Pause(self.rng.randint(0, 800))
        elif kind == 1:
            self.client.hang_up()
            self._begin()
            yield Pause(self.rng.randint(0, 3_000))
        elif kind == 2:
            yield Pause(self.rng.randint(0, 2 * self.world.plan.session_ms))
        elif kind == 3:
            self._no_session()
        elif self.session_epoch > 0:
            request = ShareAcknowledgeRequest(self.group, self.member_id, self.session_epoch + 7, False, [])
            reply = yield Ask(request, 1)
            if reply is None:
                self._no_session()
            elif reply.error_code not in SESSION_IS_OVER:
                raise Violation(f"{self.name}: a session took epoch {self.session_epoch + 7}")

    # ---- verdicts ----------------------------------------------------------------------------------------------

    def _judge(self, *, renew: bool, all_of_it: bool) -> Verdicts:
        """What it says of what it has; what it is silent about it forgets."""
        found: Verdicts = {}
        for key, records in self.held.items():
            if not all_of_it and self.rng.random() < 0.2:
                continue
            kinds = {}
            for offset, record in list(records.items()):
                kind = self._kind(renew=renew)
                if kind != GAP:
                    kinds[offset] = kind
                if kind in (ACCEPT, REJECT):
                    self.register.settling(record)
            if kinds:
                found[key] = kinds
            elif not all_of_it:
                records.clear()  # forgotten: its locks will end
        return found

    def _kind(self, *, renew: bool) -> int:
        """GAP stands for: nothing said."""
        if self.world.healed:
            return ACCEPT
        if renew:
            return self.rng.choice((RENEW, RENEW, ACCEPT, GAP))
        return self.rng.choices((ACCEPT, RELEASE, REJECT, GAP), (60, 15, 5, 12))[0]

    def _batches(self, kinds: dict[int, int], make: Any) -> list[Any]:
        """Offsets in a row together, with one type for all of them where they are alike."""
        found: list[Any] = []
        for offset in sorted(kinds):
            if found and found[-1].last_offset == offset - 1 and self.rng.random() < 0.9:
                found[-1].last_offset = offset
                found[-1].acknowledge_types.append(kinds[offset])
            else:
                found.append(make(offset, offset, [kinds[offset]]))
        for each in found:
            if len(set(each.acknowledge_types)) == 1:
                del each.acknowledge_types[1:]
        return found

    def acknowledge(self, *, last: bool = False) -> Life:
        renew = not last and self.rng.random() < 0.2
        verdicts = self._judge(renew=renew, all_of_it=False)
        topics: dict[bytes, AcknowledgeTopic] = {}
        for (topic_id, index), kinds in verdicts.items():
            topic = topics.setdefault(topic_id, AcknowledgeTopic(topic_id, []))
            topic.partitions.append(AcknowledgePartition(index, self._batches(kinds, AcknowledgementBatch)))
        epoch = FINAL if last else self.session_epoch
        request = ShareAcknowledgeRequest(self.group, self.member_id, epoch, renew, list(topics.values()))
        reply = yield Ask(request, 2 if renew else self.rng.randint(1, 2))
        if reply is None or reply.error_code:
            self._session_failed("ShareAcknowledge", reply)
            return
        answers = {
            (bytes(topic.topic_id), each.partition_index): (each.error_code, each.error_message)
            for topic in reply.responses
            for each in topic.partitions
        }
        self._settled(verdicts, answers)
        if last:
            self._no_session()
        else:
            self.session_epoch += 1

    def _session_failed(self, what: str, reply: Any) -> None:
        if reply is not None and reply.error_code not in (*SESSION_IS_OVER, *BUSY):
            raise Violation(f"{self.name}: {what} was refused: {reply.error_code} {reply.error_message}")
        self._no_session()

    def _settled(self, verdicts: Verdicts, answers: dict[Key, tuple[int, str | None]]) -> None:
        for key, kinds in verdicts.items():
            code, message = answers[key]
            records = self.held[key]
            if code in PARTITION_IS_GONE and self._is_doomed(key):
                records.clear()
                continue
            if code not in (0, ErrorCode.INVALID_RECORD_STATE, *BUSY):
                raise Violation(f"{self.name}: its verdicts {kinds} on {key} are refused: {code} {message}")
            for offset, kind in kinds.items():
                if code == 0 and kind == ACCEPT:
                    self.register.was_accepted(records[offset], self.member_id, self.client.life)
                if kind != RENEW:
                    del records[offset]

    def _is_doomed(self, key: Key) -> bool:
        truth = self.world.model.topics.get(key[0])
        return truth is None or truth.doomed

    # ---- fetches -----------------------------------------------------------------------------------------------

    def fetch(self) -> Life:
        first = self.session_epoch == 0
        verdicts = {} if first or self.rng.random() < 0.3 else self._judge(renew=False, all_of_it=True)
        topics: dict[bytes, FetchTopic] = {}
        for topic_id, index in sorted((self.assigned - self.fetching) | verdicts.keys()):
            kinds = verdicts.get((topic_id, index), {})
            asked = FetchPartition(index, self._batches(kinds, FetchedBatch))
            topics.setdefault(topic_id, FetchTopic(topic_id, [])).partitions.append(asked)
        forgotten: dict[bytes, ForgottenTopic] = {}
        for topic_id, index in sorted(self.fetching - self.assigned):
            forgotten.setdefault(topic_id, ForgottenTopic(topic_id, [])).partitions.append(index)
        calm, strict = self.world.healed, self.rng.random() < 0.5
        most = 500 if calm else self.rng.choice((1, 3, 500))
        request = ShareFetchRequest(
            self.group,
            self.member_id,
            self.session_epoch,
            max_wait_ms=50 if calm else self.rng.choice((0, 100, 400)),
            min_bytes=1 if calm else self.rng.choice((0, 1, 1, 300)),
            max_bytes=1 << 20 if calm else self.rng.choice((1, 500, 1 << 20)),
            max_records=most,
            batch_size=self.rng.choice((1, 2, 500)),
            share_acquire_mode=int(strict),
            topics=list(topics.values()),
            forgotten_topics_data=list(forgotten.values()),
        )
        reply = yield Ask(request, 2 if strict else self.rng.randint(1, 2), 6_000)
        if reply is None or reply.error_code:
            self._session_failed("ShareFetch", reply)
            return
        self.session_epoch += 1
        self.fetching = (self.fetching | self.assigned | verdicts.keys()) - (self.fetching - self.assigned)
        answers = {(bytes(topic.topic_id), each.partition_index): each
                   for topic in reply.responses for each in topic.partitions}  # fmt: skip
        self._settled(
            verdicts,
            {
                key: (answers[key].acknowledge_error_code, answers[key].acknowledge_error_message)
                for key in verdicts
            },
        )
        count = sum(self._take(key, data) for key, data in answers.items())
        if strict and count > most:
            raise Violation(f"{self.name} was given {count} records; it asked for {most} at most")

    def _take(self, key: Key, data: Any) -> int:
        """Check what a partition's answer holds, and keep it; the number of acquired records."""
        if data.error_code:
            if data.error_code == NO_MEMBER:
                self.epoch = 0
                self._no_session()
            elif not (data.error_code in PARTITION_IS_GONE and self._is_doomed(key)):
                raise Violation(f"{self.name}: {key} has error {data.error_code} {data.error_message}")
            return 0
        values: dict[int, bytes] = {}
        view = memoryview(data.records or b"")
        for position, header in batches.scan_headers(view):
            batch = view[position : position + header.size]
            if bytes(batch[AFTER_CHECKSUM:]) not in self.world.model.sent:
                raise Violation(f"{self.name}: nobody sent what is shown of {key} at {header.base_offset}")
            values |= {each.offset: bytes(each.value or b"") for each in iter_records(batch)}
        count = 0
        limit = self.world.plan.delivery_limit
        for given in data.acquired_records:
            if not 1 <= given.delivery_count <= limit:
                raise Violation(f"{self.name}: {key} {given} of {limit} deliveries")
            for offset in range(given.first_offset, given.last_offset + 1):
                count += 1
                if offset not in values:
                    raise Violation(f"{self.name} was given {key} offset {offset} without its record")
                record = Delivered(*key, offset, values[offset])
                self.register.delivered(record, self.member_id, self.asked_at, self.client.life)
                self.held.setdefault(key, {})[offset] = record
        return count
