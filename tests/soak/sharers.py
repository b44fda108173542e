"""Members of a share group (KIP-932), what they were given and said of it, and the judge of that.

They accept most records, give some back, reject some, and forget some until the locks end. A record that was accepted or
rejected, and acknowledged as such, never comes again; no record is lost; nobody is given what another one holds.
"""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuraxis.testing.history import Log
from neuraxis.testing.history.events import Stage as Outcome
from neuraxis.testing.history.verdict import Draft, Verdict
from neuraxis.wire.batch import scan_headers
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import incremental_alter_configs as ia
from neuraxis.wire.messages import share_acknowledge as sa
from neuraxis.wire.messages import share_fetch as sf
from neuraxis.wire.messages import share_group_heartbeat as sh
from neuraxis.wire.records import iter_records
from tests.soak.link import RETRIABLE, Lost, bytes_of
from tests.soak.scene import Scene, Worker, now_ns

GAP, ACCEPT, RELEASE, REJECT = range(4)
GROUP = "shared"
LEAVE = -1
GROUP_RESOURCE, SET = 32, 0
LOCK_MS = 4_000
"""Short, so that locks end while a soak watches; longer than any pause between a delivery and its verdict."""
DELIVERIES = 10
"""The most that Kafka's defaults allow: a record is given up after so many, however they ended."""
BEAT_NS = 1_000_000_000
MOST = 40
FINAL = frozenset({ACCEPT, REJECT})
OUT = frozenset({ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.GROUP_ID_NOT_FOUND})
SESSION_IS_OVER = frozenset(
    {ErrorCode.SHARE_SESSION_NOT_FOUND, ErrorCode.INVALID_SHARE_SESSION_EPOCH, ErrorCode.UNKNOWN_SERVER_ERROR}
)
"""The last is what Kafka says, and so do we, when the member is no member."""


@dataclass(slots=True)
class Delivery:
    """A record that was acquired. `held_until_ns`: so long, and surely no longer than it can prove, it was this member's."""

    log: Log
    offset: int
    value: int
    member: str
    asked_ns: int
    got_ns: int
    count: int
    held_until_ns: int
    verdict: int = 0
    told: Outcome | None = None
    told_ns: int = 0


@dataclass
class Deliveries:
    """The journal of a share group, written from many threads."""

    given: list[Delivery] = field(default_factory=list)
    settled: set[tuple[Log, int]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def give(self, delivery: Delivery) -> None:
        """A record came."""
        with self.lock:
            self.given.append(delivery)

    def settle(self, delivery: Delivery, told: Outcome) -> None:
        """What became of the verdict on a record."""
        delivery.told, delivery.told_ns = told, now_ns()
        if delivery.verdict in FINAL and told != "fail":
            with self.lock:
                self.settled.add((delivery.log, delivery.value))

    def judge(self, outcomes: Mapping[tuple[Log, int], Outcome]) -> list[Verdict]:
        """`outcomes` says of each value whether its producer was told that it is there."""
        by_record: dict[tuple[Log, int], list[Delivery]] = defaultdict(list)
        for delivery in self.given:
            by_record[delivery.log, delivery.offset].append(delivery)
        return [self._again(by_record), self._held(by_record), self._lost(outcomes)]

    def _again(self, by_record: Mapping[tuple[Log, int], list[Delivery]]) -> Verdict:
        draft = Draft("share-settled", "share deliveries")
        for (log, offset), deliveries in by_record.items():
            done = [each for each in deliveries if each.told == "ok" and each.verdict in FINAL]
            draft.checked += len(deliveries)
            if not done:
                continue
            first = min(done, key=lambda each: each.told_ns)
            for each in deliveries:
                if each.asked_ns > first.told_ns:
                    draft.finding(
                        f"{log}@{offset} was settled by {first.member}, and {(each.asked_ns - first.told_ns) / 1e6:.1f} "
                        f"ms later given to {each.member}"
                    )
            if len({each.value for each in deliveries}) > 1:
                draft.finding(f"{log}@{offset} was given with different values")
        return draft.done("nothing was delivered")

    def _held(self, by_record: Mapping[tuple[Log, int], list[Delivery]]) -> Verdict:
        draft = Draft("share-held", "records that were delivered more than once")
        for (log, offset), deliveries in by_record.items():
            if len(deliveries) < 2:
                continue
            draft.checked += 1
            deliveries = sorted(deliveries, key=lambda each: each.got_ns)
            until_ns, holder = 0, ""
            for each in deliveries:
                if each.got_ns < until_ns and each.member != holder:
                    draft.finding(f"{log}@{offset} was given to {each.member} while {holder} held it")
                if each.held_until_ns > until_ns:
                    until_ns, holder = each.held_until_ns, each.member
        return draft.done("no record was delivered twice")

    def _lost(self, outcomes: Mapping[tuple[Log, int], Outcome]) -> Verdict:
        draft = Draft("share-complete", "acknowledged records of a share group")
        deliveries: dict[tuple[Log, int], int] = defaultdict(int)
        for each in self.given:
            key = each.log, each.value
            deliveries[key] = max(deliveries[key], each.count)
            if outcomes.get(key, "fail") == "fail":
                draft.finding(
                    f"{each.member} was given {each.value} of {each.log}, which was aborted or never sent"
                )
        for key, outcome in outcomes.items():
            if outcome != "ok":
                continue
            draft.checked += 1
            if key in self.settled:
                continue
            if deliveries.get(key, 0) >= DELIVERIES:
                draft.labels["given up after too many deliveries"] += 1
                continue
            draft.finding(
                f"{key[1]} of {key[0]} was delivered {deliveries.get(key, 0)} times, and never settled"
            )
        return draft.done("nothing was acknowledged")


class Sharer(Worker):
    """One member. `open` are the records in hand."""

    def __init__(
        self, scene: Scene, name: str, deliveries: Deliveries, topic_ids: Mapping[str, bytes]
    ) -> None:
        super().__init__(scene, name)
        self.group = scene.stage.group_id(GROUP)
        self.deliveries = deliveries
        self.topic_ids = topic_ids
        self.names = {topic_id: topic for topic, topic_id in topic_ids.items()}
        self.lives = 0
        self.configured = False
        self._begin()

    def _begin(self) -> None:
        self.lives += 1
        self.process = f"{self.role}.{self.lives}"
        self.member_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self.epoch = 0
        self.beat_at_ns = 0
        self.assigned: set[tuple[bytes, int]] = set()
        self.ends_at_ns = now_ns() + int(self.random.uniform(15, 60) * 1e9)
        self._no_session()

    def _no_session(self) -> None:
        self.session_epoch = 0
        self.session_life = -1
        self.fetching: set[tuple[bytes, int]] = set()
        self.open: list[Delivery] = []
        self.gaps: dict[Log, list[int]] = {}

    def live(self) -> None:
        """One round: tell the group, settle, fetch."""
        try:
            self._round()
        except Lost:
            self._no_session()  # whatever was in hand: the broker ends a session with its connection
            raise

    def _round(self) -> None:
        if not self.configured:
            self._configure()
            return
        if now_ns() >= self.ends_at_ns and not self.scene.draining.is_set():
            self._end()
        if now_ns() >= self.beat_at_ns:
            self._beat()
        if self.epoch and self.assigned:
            self._fetch()
            if self.open or self.gaps:
                self._acknowledge()
        self.halt.wait(0.15)

    def _end(self) -> None:
        if self.epoch and self.random.random() < 0.6:
            self.scene.count("share members left")
            self.ask(sh.ShareGroupHeartbeatRequest(self.group, self.member_id, LEAVE), 1)
        else:
            self.scene.count("share members died")
            self.link.close()
        self._begin()

    def _configure(self) -> None:
        wanted = {"share.auto.offset.reset": "earliest", "share.isolation.level": "read_committed"}
        changes = [ia.AlterableConfig(name, SET, value) for name, value in wanted.items()]
        resource = ia.AlterConfigsResource(GROUP_RESOURCE, self.group, changes)
        answer: Any = self.ask(ia.IncrementalAlterConfigsRequest([resource], False), 1)
        self.configured = answer.responses[0].error_code == 0

    def _beat(self) -> None:
        topics = list(self.scene.stage.topics)
        request = sh.ShareGroupHeartbeatRequest(self.group, self.member_id, self.epoch, None, topics)
        answer: Any = self.ask(request, 1)
        if answer.error_code in OUT:
            self.scene.count("share members fenced")
            self._begin()
            return
        if answer.error_code:
            if answer.error_code not in RETRIABLE:
                self.scene.surprise(
                    self.process, f"ShareGroupHeartbeat: {answer.error_code} {answer.error_message}"
                )
            return
        self.beat_at_ns = now_ns() + BEAT_NS
        self.epoch = answer.member_epoch
        if answer.assignment is not None:
            self.assigned = {
                (bytes(each.topic_id), at)
                for each in answer.assignment.topic_partitions
                for at in each.partitions
            }

    # ---- fetching ----------------------------------------------------------------------------------------------

    def _fetch(self) -> None:
        if self.session_epoch and self.link.life != self.session_life:
            self._no_session()
        topics: dict[bytes, sf.FetchTopic] = {}
        for topic_id, index in sorted(self.assigned - self.fetching):
            topic = topics.setdefault(topic_id, sf.FetchTopic(topic_id, []))
            topic.partitions.append(sf.FetchPartition(index, []))
        forgotten: dict[bytes, sf.ForgottenTopic] = {}
        for topic_id, index in sorted(self.fetching - self.assigned):
            forgotten.setdefault(topic_id, sf.ForgottenTopic(topic_id, [])).partitions.append(index)
        request = sf.ShareFetchRequest(
            self.group,
            self.member_id,
            self.session_epoch,
            max_wait_ms=50,
            min_bytes=1,
            max_bytes=1 << 20,
            max_records=MOST,
            batch_size=MOST,
            share_acquire_mode=1,
            topics=list(topics.values()),
            forgotten_topics_data=list(forgotten.values()),
        )
        asked_ns = now_ns()
        answer: Any = self.ask(request, 2)
        if answer.error_code:
            self._refused("ShareFetch", answer.error_code, answer.error_message)
            return
        self.session_life = self.link.life
        self.session_epoch += 1
        self.fetching = set(self.assigned)
        for topic in answer.responses:
            for data in topic.partitions:
                if data.error_code:
                    self._refused("ShareFetch", data.error_code, data.error_message)
                    return
                self._take(Log(self.names[bytes(topic.topic_id)], data.partition_index), data, asked_ns)

    def _refused(self, what: str, code: int, message: str | None) -> None:
        if code not in SESSION_IS_OVER | RETRIABLE | OUT:
            self.scene.surprise(self.process, f"{what}: {code} {message}")
        self.scene.count("share sessions begun again")
        self.beat_at_ns = 0
        self._no_session()
        self.halt.wait(0.1)

    def _take(self, log: Log, data: sf.PartitionData, asked_ns: int) -> None:
        values: dict[int, bytes] = {}
        view = bytes_of(data)
        for position, header in scan_headers(view):
            if not header.is_control:
                batch = view[position : position + header.size]
                values |= {each.offset: bytes(each.value or b"") for each in iter_records(batch)}
        got_ns = now_ns()
        for given in data.acquired_records:
            for offset in range(given.first_offset, given.last_offset + 1):
                if offset not in values:
                    # Acquired too, as in Kafka: markers, aborted records. Clients say so, or they would come again.
                    self.gaps.setdefault(log, []).append(offset)
                    continue
                delivery = Delivery(
                    log,
                    offset,
                    int(values[offset]),
                    self.process,
                    asked_ns,
                    got_ns,
                    given.delivery_count,
                    got_ns,
                )
                self.deliveries.give(delivery)
                self.open.append(delivery)
                self.scene.count("share records delivered")

    # ---- verdicts ----------------------------------------------------------------------------------------------

    def _acknowledge(self) -> None:
        """Say what becomes of what is in hand; forget some of it, if that can still end in time."""
        self.halt.wait(self.random.uniform(0, 0.1))
        calm = self.scene.draining.is_set()
        chosen = [each for each in self.open if calm or self.random.random() < 0.95]
        gaps, self.open, self.gaps = self.gaps, [], {}
        topics: dict[bytes, sa.AcknowledgeTopic] = {}
        for each in chosen:
            kinds = (ACCEPT,) if calm else (ACCEPT,) * 17 + (RELEASE, RELEASE, REJECT)
            each.verdict = self.random.choice(kinds)
        for log in sorted({each.log for each in chosen} | gaps.keys()):
            verdicts = {each.offset: each.verdict for each in chosen if each.log == log}
            verdicts |= dict.fromkeys(gaps.get(log, ()), GAP)
            batches = [
                sa.AcknowledgementBatch(offset, offset, [kind]) for offset, kind in sorted(verdicts.items())
            ]
            topic_id = self.topic_ids[log.topic]
            topic = topics.setdefault(topic_id, sa.AcknowledgeTopic(topic_id, []))
            topic.partitions.append(sa.AcknowledgePartition(log.partition, batches))
        request = sa.ShareAcknowledgeRequest(
            self.group, self.member_id, self.session_epoch, False, list(topics.values())
        )
        sent_ns = now_ns()
        try:
            answer: Any = self.ask(request, 2)
        except Lost:
            for each in chosen:
                self.deliveries.settle(each, "unknown")
            raise
        if answer.error_code:
            for each in chosen:
                self.deliveries.settle(each, "fail")
            self._refused("ShareAcknowledge", answer.error_code, answer.error_message)
            return
        self.session_epoch += 1
        self._settled(chosen, answer, sent_ns)

    def _settled(self, chosen: list[Delivery], answer: Any, sent_ns: int) -> None:
        codes = {
            Log(self.names[bytes(topic.topic_id)], each.partition_index): each.error_code
            for topic in answer.responses
            for each in topic.partitions
        }
        for each in chosen:
            code = codes[each.log]
            if code == 0:
                self.deliveries.settle(each, "ok")
                # It was this member's until it said what becomes of it: else the broker had refused.
                each.held_until_ns = sent_ns
                self.scene.count(f"share records {('accepted', 'released', 'rejected')[each.verdict - 1]}")
            else:
                self.deliveries.settle(each, "fail")
                if code not in RETRIABLE | {ErrorCode.INVALID_RECORD_STATE}:
                    self.scene.surprise(self.process, f"a verdict was refused: {code}")
