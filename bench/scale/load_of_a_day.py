"""Steady load for a broker's core on a clock that we move: everything that comes and goes on a broker, again and again.

The rule of the file: what a step leaves behind must be gone some time later, so every expiry is short; a day of it leaves what
an hour did. No luck: each run is the same.
"""

from __future__ import annotations

from typing import Any  # Any: requests and answers, one class for each API

from bench.scale.client import check
from bench.scale.questions import commit
from neuraxis.broker.log.filesystem import Fs
from neuraxis.broker.log.settings import StoreOptions
from neuraxis.wire.messages.alter_client_quotas import AlterClientQuotasRequest
from neuraxis.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest
from neuraxis.wire.messages.heartbeat import HeartbeatRequest
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from neuraxis.wire.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from neuraxis.wire.messages.leave_group import LeaveGroupRequest, MemberIdentity
from neuraxis.wire.messages.sync_group import SyncGroupRequest
from neuraxis.wire.records import Record, build_batch
from tests.broker.harness import CoreHarness, Peer, fetch_request
from tests.broker.scripts.quotas import change, entry
from tests.broker.transactional import Client

STEP_MS = 10_000
EXPIRY_MINUTES = 10
EXPIRY_MS = EXPIRY_MINUTES * 60_000
KEYS = 50
PLAIN, STATE, READ = "plain", "state", "read"
NOW_AND_THEN, SELDOM, RARELY = 6, 30, 60
"""Each minute, each five minutes, each ten minutes, in steps."""
KNOWN_CLIENTS = 1000
"""What a broker remembers of clients that left; a table that is full from the beginning cannot be taken for a leak."""
SETTINGS = {
    "offsets.retention.minutes": str(EXPIRY_MINUTES),
    "offsets.retention.check.interval.ms": "60000",
    "transactional.id.expiration.ms": str(EXPIRY_MS),
    "transaction.remove.expired.transaction.cleanup.interval.ms": "60000",
    "group.initial.rebalance.delay.ms": "0",
    "max.incremental.fetch.session.cache.slots": "20",
    "offsets.topic.segment.bytes": str(1 << 20),
    "transaction.state.log.segment.bytes": str(1 << 20),
    "log.cleaner.min.cleanable.ratio": "0.2",
    "log.cleaner.delete.retention.ms": "60000",
    "neuraxis.busy.poll.us": "0",
}
OPTIONS = StoreOptions(
    cluster_id="a-day",
    journal_segment_bytes=1 << 20,
    checkpoint_bytes=1 << 20,
    unsynced_bytes=4 << 20,
    producer_expiration_ms=EXPIRY_MS,
)


def accepted(answer: Any) -> Any:
    """Return the answer, which must have no error in it."""
    check(answer)
    return answer


class Member:
    """A classic member in a group of its own."""

    def __init__(self, peer: Peer, group: str) -> None:
        self.peer, self.group = peer, group
        protocols = [JoinGroupRequestProtocol("range", b"\0\0\0\0\0\0\xff\xff\xff\xff")]
        request = JoinGroupRequest(group, 30_000, 30_000, "", None, "consumer", protocols)
        request.member_id = peer.request(request, 5).member_id
        joined = accepted(peer.request(request, 5))
        self.who = (joined.generation_id, joined.member_id)
        accepted(peer.request(SyncGroupRequest(group, *self.who, None, None, None, []), 3))

    def live(self, number: int) -> None:
        """Send a heartbeat and commit a position."""
        accepted(self.peer.request(HeartbeatRequest(self.group, *self.who), 4))
        generation, member = self.who
        accepted(self.peer.request(*commit(self.group, (PLAIN, 0), number, generation, member)))

    def leave(self) -> None:
        """Leave the group."""
        accepted(self.peer.request(LeaveGroupRequest(self.group, "", [MemberIdentity(self.who[1])]), 4))


class NewMember:
    """A member of the newer protocol in a group of its own."""

    def __init__(self, peer: Peer, group: str) -> None:
        self.peer, self.group, self.name = peer, group, f"member-of-{group}"
        request = ConsumerGroupHeartbeatRequest(
            group, self.name, 0, None, None, 30_000, [PLAIN], None, None, []
        )
        self.epoch = accepted(peer.request(request, 1)).member_epoch

    def live(self, number: int) -> None:
        """Send a heartbeat and commit a position."""
        answer = self.peer.request(ConsumerGroupHeartbeatRequest(self.group, self.name, self.epoch), 1)
        self.epoch = accepted(answer).member_epoch
        request, _ = commit(self.group, (PLAIN, 0), number, self.epoch, self.name)
        accepted(self.peer.request(request, 9))

    def leave(self) -> None:
        """Leave the group."""
        accepted(self.peer.request(ConsumerGroupHeartbeatRequest(self.group, self.name, -1), 1))


class Day:
    """A broker and its steady load; `step` lets ten seconds pass."""

    def __init__(self, fs: Fs | None = None) -> None:
        """`fs`: where the broker keeps its data; in memory by default."""
        self.broker = CoreHarness("sync", fs=fs, options=OPTIONS, **SETTINGS)
        self.steps = 0
        broker = self.broker
        broker.create_topic(PLAIN, 2, retention_ms=str(EXPIRY_MS), segment_ms="60000")
        broker.create_topic(STATE, cleanup_policy="compact", segment_ms="60000", delete_retention_ms="60000")
        broker.create_topic(READ, retention_ms=str(EXPIRY_MS), segment_ms="60000")
        self.producer = broker.connect()
        accepted(self.producer.request(self._quota(), 1))
        self.groups = [Member(broker.connect(), "steady"), NewMember(broker.connect(), "steadier")]
        self.reader = broker.connect()
        self.position = 0
        self.transactions: Client | None = None
        for number in range(KNOWN_CLIENTS):
            self.pass_by(f"was here before {number}")

    @staticmethod
    def _quota() -> AlterClientQuotasRequest:
        """A quota that nobody reaches: everybody is counted."""
        return change(entry({"client-id": None}, {"producer_byte_rate": 1e9, "consumer_byte_rate": 1e9}))

    def step(self) -> None:
        """Ten seconds of a steady life."""
        self.steps += 1
        number = self.steps
        for index in (0, 1):
            self.write(PLAIN, index)
        self.write_state()
        self.read()
        for group in self.groups:
            group.live(number)
        if number % NOW_AND_THEN == 1:
            self.pass_by(f"stranger {number}")
            self.abandon_a_session()
            self.write_once_with_an_id()
        if number % 3 == 0:
            self.transact(commits=number % 2 == 0)
        if number % SELDOM == 1:
            self.groups_that_end(number)
            if self.transactions is not None:
                self.transactions.peer.disconnect()
            self.transactions = Client(self.broker, f"transactions since {number}")
            assert self.transactions.init() == 0
        if number % RARELY == 1:
            self.topic_that_ends(number)
        self.broker.advance(STEP_MS)
        self._write_nothing()

    def _write_nothing(self) -> None:
        """Do what a shell does with sessions that have something to write: here everybody has read it already."""
        core = self.broker.core
        for session in core.ready:
            session.listed = False
        core.ready.clear()

    def write(
        self, topic: str, index: int, key: bytes | None = None, value: bytes | None = b"v" * 100
    ) -> None:
        """Write a few records."""
        records = [Record(at, self.broker.now.wall_ms, key, value) for at in range(5)]
        assert self.producer.produce(topic, build_batch(records), index).error_code == 0

    def write_state(self) -> None:
        """Write a key that comes again, its tombstone now and then, and one that comes once and is deleted at once."""
        number = self.steps
        self.write(STATE, 0, b"key %d" % (number % KEYS), None if number % 7 == 0 else b"w" * 100)
        self.write(STATE, 0, b"once %d" % number)
        self.write(STATE, 0, b"once %d" % number, None)

    def read(self) -> None:
        """Wait for records, be woken by them, read them."""
        request = fetch_request({READ: {0: self.position}}, max_wait_ms=STEP_MS // 2)
        self.reader.send(request, 12)
        self.write(READ, 0)
        ((_, answer),) = self.reader.answers()
        accepted(answer)
        self.position += 5

    def pass_by(self, name: str) -> None:
        """Come in, ask in a version of long ago, be refused."""
        peer = self.broker.connect()
        peer.session.software_name = name
        frame = b"\0\1\0\1\0\0\0\1" + len(name).to_bytes(2, "big") + name.encode()
        peer.send_frame(frame + bytes(20))
        assert peer.session.closing is not None
        peer.disconnect()

    def abandon_a_session(self) -> None:
        """Begin a fetch session and leave without ending it."""
        peer = self.broker.connect()
        request = fetch_request({PLAIN: {0: 0, 1: 0}}, max_wait_ms=0, max_bytes=1)
        request.session_epoch = 0
        peer.request(request, 12)  # whatever retention has left of it
        peer.disconnect()

    def write_once_with_an_id(self) -> None:
        """Take a producer id, write with it once, never come again."""
        peer = self.broker.connect()
        who = accepted(peer.request(InitProducerIdRequest(None, 60_000), 4))
        records = [Record(0, self.broker.now.wall_ms, None, b"v" * 100)]
        batch = build_batch(
            records, producer_id=who.producer_id, producer_epoch=who.producer_epoch, base_sequence=0
        )
        assert peer.produce(PLAIN, batch).error_code == 0
        peer.disconnect()

    def transact(self, *, commits: bool) -> None:
        """Write and commit a position in a transaction, and end it."""
        if self.transactions is None:
            return
        assert self.transactions.write(b"v" * 100, topic=PLAIN) == 0
        self.transactions.ask_to_end(commits)
        ((_, ended),) = self.transactions.peer.answers()
        accepted(ended)
        self.transactions.who = (ended.producer_id, ended.producer_epoch)
        self.transactions.sequences = {}

    def groups_that_end(self, number: int) -> None:
        """Groups of both kinds that live for a moment."""
        for kind in (Member, NewMember):
            peer = self.broker.connect()
            member = kind(peer, f"{kind.__name__} {number}")
            member.live(number)
            member.leave()
            peer.disconnect()

    def topic_that_ends(self, number: int) -> None:
        """A topic that is written and deleted."""
        name = f"for a moment {number}".replace(" ", "-")
        self.broker.create_topic(name, 3)
        self.write(name, 2)
        accepted(self.producer.request(DeleteTopicsRequest([], [name], 1000), 5))
