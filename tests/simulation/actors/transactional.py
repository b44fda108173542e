"""Transactional producers of both protocols, their zombies, and a reader of committed data that holds them to account.

Every transaction writes one value into each partition of a topic of its own and commits one position. The bank remembers what
its producer knows of it: whoever was told "committed" must find it everywhere, and nobody may ever see the others.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from neuraxis.wire import batch as batches
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from neuraxis.wire.messages.add_partitions_to_txn import AddPartitionsToTxnRequest, AddPartitionsToTxnTopic
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from neuraxis.wire.messages.end_txn import EndTxnRequest
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from neuraxis.wire.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
)
from neuraxis.wire.records import Record, build_batch, iter_records
from tests.simulation.actors.script import Ask, Pause, ScriptedActor
from tests.simulation.story import Violation

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any  # Any: responses of many APIs

    from tests.simulation.world import World

    Life = Generator[Pause | Ask, Any, Any]

TOPIC = "money"
PARTITIONS = 2
OPEN, ENDING, COMMITTED, ABORTED, UNKNOWN = "open", "being committed", "committed", "aborted", "unknown"
NO_ID = bytes(16)


class Bank:
    """What is known of every transaction, by its value."""

    def __init__(self) -> None:
        self.state: dict[bytes, str] = {}

    def check_seen(self, value: bytes, where: str) -> None:
        """A reader of committed data was shown this value."""
        state = self.state.get(value)
        if state is None:
            raise Violation(f"{where}: nobody wrote {value!r}")
        if state in (OPEN, ABORTED):
            raise Violation(f"{where}: {value!r} is shown as committed, and it is {state}")


class TransactionalProducer(ScriptedActor):
    """Transaction after transaction; after an error it begins anew, and its older self may still try something."""

    def __init__(self, world: World, name: str, bank: Bank) -> None:
        super().__init__(world, name)
        self.bank = bank
        self.new = self.rng.random() < 0.5
        self.group = f"group-of-{name}"
        self.who = (-1, -1)
        self.sequence = 0
        self.number = 0
        self.last_committed = -1
        self.may_be_committed: set[int] = set()

    def live(self) -> Life:
        yield from self._make_topic()
        while not self.world.healed:
            if self.who[0] < 0:
                yield from self._begin()
            else:
                yield from self._transaction()
            yield Pause(self.rng.randint(1, 3 * self.world.plan.pace_ms))
        while self.who[0] >= 0 or (yield from self._begin()) is None:  # the last of it is aborted
            self.who = (-1, -1)
            yield Pause(50)

    def _make_topic(self) -> Life:
        while True:
            topic = CreatableTopic(TOPIC, PARTITIONS, 1, [], [])
            reply = yield Ask(CreateTopicsRequest([topic], 1_000), 5)
            if reply is not None and reply.topics[0].error_code in (0, ErrorCode.TOPIC_ALREADY_EXISTS):
                return
            yield Pause(50)

    def _begin(self) -> Life:
        """A new epoch; True once it is there."""
        reply = yield Ask(InitProducerIdRequest(self.name, self.rng.choice((1_500, 60_000))), 4)
        if reply is None or reply.error_code:
            yield Pause(self.rng.randint(1, 50))
            return None
        self.who, self.sequence = (reply.producer_id, reply.producer_epoch), 0
        return True

    def _transaction(self) -> Life:
        number, self.number = self.number, self.number + 1
        value = f"{self.name}/{number}".encode()
        self.bank.state[value] = OPEN
        commit = self.rng.random() < 0.7
        fine = (yield from self._write(value)) and (yield from self._commit_position(number))
        if not fine:
            stale, self.who = self.who, (-1, -1)
            if not self.world.healed and self.rng.random() < 0.5:
                while (yield from self._begin()) is None and not self.world.healed:
                    pass
                if self.who[0] >= 0:
                    yield from self._haunt(stale)
            return
        if commit:
            self.bank.state[value] = ENDING
            self.may_be_committed.add(number)
        yield from self._end(value, number, commit=commit)

    def _end(self, value: bytes, number: int, *, commit: bool) -> Life:
        for attempt in range(8):
            reply = yield Ask(EndTxnRequest(self.name, *self.who, commit), 5 if self.new else 3, 2_000)
            if reply is None or reply.error_code == ErrorCode.CONCURRENT_TRANSACTIONS:
                yield Pause(self.rng.randint(1, 60))
                continue
            if reply.error_code == 0:
                if self.new:
                    self.who, self.sequence = (reply.producer_id, reply.producer_epoch), 0
                else:
                    self.sequence += 1
                self.bank.state[value] = COMMITTED if commit else ABORTED
                if commit:
                    self.last_committed = number
                return
            if attempt == 0 and commit:
                # Refused at once: it never ended by us.
                self.bank.state[value] = ABORTED
            elif commit:
                self.bank.state[value] = UNKNOWN
            break
        else:
            if commit:
                self.bank.state[value] = UNKNOWN
        if not commit:
            self.bank.state[value] = ABORTED
        self.who = (-1, -1)

    def _write(self, value: bytes) -> Life:
        """The value into every partition; whether it was taken."""
        if not self.new:
            topics = [AddPartitionsToTxnTopic(TOPIC, list(range(PARTITIONS)))]
            reply = yield Ask(AddPartitionsToTxnRequest([], self.name, *self.who, topics), 3)
            if reply is None or any(
                each.partition_error_code
                for topic in reply.results_by_topic_v3_and_below
                for each in topic.results_by_partition
            ):
                return False
        reply = yield Ask(self._produce(value, self.who, self.sequence), 12 if self.new else 9)
        return reply is not None and not codes_of(reply)

    def _produce(self, value: bytes, who: tuple[int, int], sequence: int) -> ProduceRequest:
        data = bytes(
            build_batch(
                [Record(0, self.world.wall_ms, b"k", value)],
                producer_id=who[0],
                producer_epoch=who[1],
                base_sequence=sequence,
                transactional=True,
            )
        )
        partitions = [PartitionProduceData(index, data) for index in range(PARTITIONS)]
        return ProduceRequest(self.name, -1, 1_000, [TopicProduceData(TOPIC, NO_ID, partitions)])

    def _commit_position(self, number: int) -> Life:
        if not self.new:
            reply = yield Ask(AddOffsetsToTxnRequest(self.name, *self.who, self.group), 3)
            if reply is None or reply.error_code:
                return False
        asked = [TxnOffsetCommitRequestPartition(0, number, -1, "")]
        topics = [TxnOffsetCommitRequestTopic(TOPIC, NO_ID, asked)]
        request = TxnOffsetCommitRequest(self.name, self.group, *self.who, -1, "", None, topics)
        reply = yield Ask(request, 5 if self.new else 3)
        return reply is not None and not reply.topics[0].partitions[0].error_code

    def _haunt(self, stale: tuple[int, int]) -> Life:
        """A zombie with an epoch that is over: nothing of what it tries may work."""
        self.world.injected["zombie"] += 1
        if self.rng.random() < 0.5:
            reply = yield Ask(self._produce(b"zombie", stale, 0), 12 if self.new else 9)
            if reply is not None and len(codes_of(reply)) < PARTITIONS:
                raise Violation(
                    f"{self.name}: a zombie with {stale} wrote although {self.who} was handed out"
                )
        else:
            version = 5 if self.new else 3
            reply = yield Ask(EndTxnRequest(self.name, *stale, self.rng.random() < 0.5), version)
            if reply is not None and not reply.error_code:
                raise Violation(f"{self.name}: a zombie with {stale} ended a transaction of {self.who}")


class CommittedReader(ScriptedActor):
    """Reads committed data again and again; at the end everything must be as the bank says, exactly once."""

    def __init__(self, world: World, name: str, bank: Bank, producers: list[TransactionalProducer]) -> None:
        super().__init__(world, name)
        self.bank = bank
        self.producers = producers
        self.positions = [0] * PARTITIONS

    def live(self) -> Life:
        while not self.world.finished:
            for index in range(PARTITIONS):
                yield from self._fetch(index)
            yield Pause(self.rng.randint(1, 60))

    def _fetch(self, index: int) -> Life:
        asked = FetchPartition(
            partition=index,
            fetch_offset=self.positions[index],
            partition_max_bytes=self.rng.choice((150, 1_000, 1 << 20)),
        )
        request = FetchRequest(
            max_wait_ms=self.rng.choice((0, 200)),
            min_bytes=1,
            max_bytes=1 << 20,
            isolation_level=1,
            topics=[FetchTopic(TOPIC, NO_ID, [asked])],
        )
        reply = yield Ask(request, self.rng.randint(4, 12), 6_000)
        if reply is None:
            return
        (data,) = reply.responses[0].partitions
        where = f"{TOPIC}-{index}"
        if data.error_code == ErrorCode.OFFSET_OUT_OF_RANGE:
            self.positions[index] = 0  # a power cut took what came after the last decided transaction
        if data.error_code:
            return
        aborted = [(each.first_offset, each.producer_id) for each in data.aborted_transactions or []]
        if aborted != sorted(aborted):
            raise Violation(f"{where}: the aborted transactions are not in the order of offsets: {aborted}")
        for value in shown(data.records or b"", aborted):
            self.bank.check_seen(value, where)
        ends = [header.next_offset for _, header in batches.scan_headers(memoryview(data.records or b""))]
        if ends and ends[-1] > data.last_stable_offset:
            raise Violation(f"{where}: shown up to {ends[-1]}, stable is {data.last_stable_offset}")
        self.positions[index] = max([self.positions[index], *ends])
        if self.rng.random() < 0.05:
            self.positions[index] = 0

    def content(self) -> bool:
        if not self.world.host.up:
            return False
        node = self.world.host.core.node
        if node.topics.get(TOPIC) is None:
            return not self.bank.state
        logs = [partition.log for partition in node.topics[TOPIC].partitions]
        if any(log.last_stable_offset < log.log_end_offset for log in logs):
            return False
        if any(state == ENDING for state in self.bank.state.values()):
            return False
        self._check_everything()
        return True

    def complaint(self) -> str:
        return f"transactions: {Counter(self.bank.state.values())}"

    def _check_everything(self) -> None:
        node = self.world.host.core.node
        found = [Counter(committed_in(partition)) for partition in node.topics[TOPIC].partitions]
        for value, state in self.bank.state.items():
            counts = [each[value] for each in found]
            if counts not in ([0] * PARTITIONS, [1] * PARTITIONS):
                raise Violation(f"{value!r} ({state}) is there {counts} times: neither whole nor absent")
            if counts[0] != (state == COMMITTED) and state != UNKNOWN:
                raise Violation(f"{value!r} is {state} and there {counts} times")
        for producer in self.producers:
            self._check_position(producer, found[0])

    def _check_position(self, producer: TransactionalProducer, found: Counter[bytes]) -> None:
        numbers = [
            number for number in producer.may_be_committed if found[f"{producer.name}/{number}".encode()]
        ]
        expected = max(numbers, default=-1)
        node = self.world.host.core.node
        position = -1
        for shard in node.group_shards:
            group = shard.state.groups.get(producer.group)
            stored = None if group is None else group.offsets.get(TOPIC, {}).get(0)
            position = position if stored is None else stored.offset
        if position != expected:
            raise Violation(
                f"{producer.group} is at {position}; its last committed transaction is {expected}"
            )


def codes_of(reply: Any) -> list[int]:
    """The error codes of a Produce answer that are not 0."""
    return [
        each.error_code for topic in reply.responses for each in topic.partition_responses if each.error_code
    ]


def shown(records: bytes, aborted: list[tuple[int, int]]) -> list[bytes]:
    """The values a client of committed data takes from a fetch, given the list of aborted transactions."""
    waiting, skipped, values = list(aborted), set(), []
    view = memoryview(records)
    for position, header in batches.scan_headers(view):
        while waiting and waiting[0][0] <= header.last_offset:
            skipped.add(waiting.pop(0)[1])
        if header.is_control:
            if batches.read_control_type(view, position) is batches.ControlType.ABORT:
                skipped.discard(header.producer_id)
        elif header.producer_id not in skipped:
            values += [
                bytes(each.value or b"") for each in iter_records(view[position : position + header.size])
            ]
    return values


def committed_in(partition: Any) -> list[bytes]:
    """The committed values of a partition by its log alone: what a commit marker follows."""
    open_values: dict[int, list[bytes]] = {}
    values: list[bytes] = []
    for view in partition.log.batches_from(partition.log.log_start_offset):
        header = batches.read_header(view)
        if header.is_control:
            mine = open_values.pop(header.producer_id, [])
            if batches.read_control_type(view) is batches.ControlType.COMMIT:
                values += mine
        else:
            mine = [bytes(each.value or b"") for each in iter_records(view)]
            open_values.setdefault(header.producer_id, []).extend(mine)
    return values
