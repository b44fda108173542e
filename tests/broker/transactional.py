"""A transactional client for tests of the core: the old protocol or the new one, over one connection."""

from __future__ import annotations

from typing import Any

from neuraxis.wire.batch import read_control_type, scan_headers
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from neuraxis.wire.messages.add_partitions_to_txn import AddPartitionsToTxnRequest, AddPartitionsToTxnTopic
from neuraxis.wire.messages.describe_transactions import DescribeTransactionsRequest
from neuraxis.wire.messages.end_txn import EndTxnRequest
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from neuraxis.wire.messages.offset_fetch import OffsetFetchRequest, OffsetFetchRequestTopic
from neuraxis.wire.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
)
from tests.broker.harness import CoreHarness, batch_of, produce_request, values_of

OLD, NEW = "old", "new"


class Client:
    """A transactional producer that speaks the old or the new protocol, over one connection."""

    def __init__(self, broker: CoreHarness, name: str = "payments", protocol: str = NEW) -> None:
        self.peer = broker.connect()
        self.name = name
        self.new = protocol == NEW
        self.who = (-1, -1)
        self.sequences: dict[tuple[str, int], int] = {}

    def init(self, timeout_ms: int = 60_000) -> int:
        answer = self.peer.request(InitProducerIdRequest(self.name, timeout_ms), 4)
        self.who = (answer.producer_id, answer.producer_epoch)
        self.sequences = {}
        code: int = answer.error_code
        return code

    def add(self, topic: str, index: int = 0) -> int:
        topics = [AddPartitionsToTxnTopic(topic, [index])]
        answer = self.peer.request(AddPartitionsToTxnRequest([], self.name, *self.who, topics), 3)
        code: int = answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
        return code

    def write(self, *values: bytes, topic: str = "t", index: int = 0) -> int:
        if not self.new and (code := self.add(topic, index)):
            return code
        first = self.sequences.get((topic, index), 0)
        batch = batch_of(
            *values,
            producer_id=self.who[0],
            producer_epoch=self.who[1],
            base_sequence=first,
            transactional=True,
        )
        request = produce_request(topic, batch, index)
        request.transactional_id = self.name
        answer = self.peer.request(request, 12 if self.new else 9)
        code: int = answer.responses[0].partition_responses[0].error_code
        if not code:
            self.sequences[topic, index] = first + len(values)
        return code

    def offset(self, offset: int, group: str = "g") -> int:
        if not self.new:
            assert self.peer.request(AddOffsetsToTxnRequest(self.name, *self.who, group), 3).error_code == 0
        topics = [
            TxnOffsetCommitRequestTopic("t", bytes(16), [TxnOffsetCommitRequestPartition(0, offset, -1, "")])
        ]
        request = TxnOffsetCommitRequest(self.name, group, *self.who, -1, "", None, topics)
        answer = self.peer.request(request, 5 if self.new else 3)
        code: int = answer.topics[0].partitions[0].error_code
        return code

    def ask_to_end(self, commit: bool) -> None:
        self.peer.send(EndTxnRequest(self.name, *self.who, commit), 5 if self.new else 3)

    def end(self, commit: bool = True) -> int:
        self.ask_to_end(commit)
        return self.ended()

    def ended(self) -> int:
        ((_, answer),) = self.peer.answers()
        if self.new and not answer.error_code:
            self.who = (answer.producer_id, answer.producer_epoch)
            self.sequences = {}
        code: int = answer.error_code
        return code

    def state(self) -> tuple[str, int]:
        (found,) = self.peer.request(DescribeTransactionsRequest([self.name]), 0).transaction_states
        return found.transaction_state, found.producer_epoch


def committed(broker: CoreHarness, topic: str = "t", index: int = 0) -> list[bytes | None]:
    """What a reader of committed data makes of a partition: it skips what the list of aborted transactions says."""
    peer = broker.connect()
    data = peer.fetch(topic, 0, index, isolation_level=1)
    assert data.error_code == 0
    return visible(data)


def visible(data: Any) -> list[bytes | None]:
    view = memoryview(data.records or b"")
    waiting = [(each.first_offset, each.producer_id) for each in data.aborted_transactions or []]
    assert waiting == sorted(waiting), "not in the order of offsets"
    skipped: set[int] = set()
    values: list[bytes | None] = []
    for position, header in scan_headers(view):
        while waiting and waiting[0][0] <= header.last_offset:
            skipped.add(waiting.pop(0)[1])
        if header.is_control:
            if read_control_type(view, position) == 0:
                skipped.discard(header.producer_id)
        elif not (header.is_transactional and header.producer_id in skipped):
            values += values_of(view[position : position + header.size])
    return values


def position(broker: CoreHarness, group: str = "g", *, stable: bool = True) -> int:
    """The committed position of the group; -88 while it is unstable."""
    topics = [OffsetFetchRequestTopic("t", [0])]
    answer = broker.connect().request(OffsetFetchRequest(group, topics, [], stable), 7)
    (found,) = answer.topics[0].partitions
    if found.error_code:
        assert found.error_code == ErrorCode.UNSTABLE_OFFSET_COMMIT
        return -88
    offset: int = found.committed_offset
    return offset
