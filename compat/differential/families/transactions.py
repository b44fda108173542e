"""InitProducerId with an id, AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn, and who asks about them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from compat.differential.cases import Scenario, Step, Story
from compat.differential.families.common import KEEP, THREE, batch, list_offsets, topic_steps
from compat.differential.families.offsets import ALL
from compat.differential.world import World
from neuraxis.wire.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from neuraxis.wire.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnTopic,
    AddPartitionsToTxnTransaction,
)
from neuraxis.wire.messages.describe_producers import DescribeProducersRequest, TopicRequest
from neuraxis.wire.messages.describe_transactions import DescribeTransactionsRequest
from neuraxis.wire.messages.end_txn import EndTxnRequest
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from neuraxis.wire.messages.list_transactions import ListTransactionsRequest
from neuraxis.wire.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from neuraxis.wire.messages.txn_offset_commit import (
    TxnOffsetCommitRequest,
    TxnOffsetCommitRequestPartition,
    TxnOffsetCommitRequestTopic,
)
from neuraxis.wire.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
)
from neuraxis.wire.schema import Message

TIMEOUT_MS = 60_000
V1_INIT, V1_ADD, V1_ADD_OFFSETS, V1_END, V1_COMMIT, V1_PRODUCE = 4, 3, 3, 4, 4, 11
V2_END, V2_PRODUCE = 5, 12
STATES = ("Empty", "Ongoing", "PrepareCommit", "CompleteCommit", "CompleteAbort", "Dead", "Nonsense")


def _init(world: World) -> InitProducerIdRequest:
    return InitProducerIdRequest(world.name("txn"), TIMEOUT_MS)


def _learn(world: World, answer: Message) -> None:
    world.learn("producer id", answer.producer_id)  # type: ignore[attr-defined]  # it is an InitProducerIdResponse


def _again(world: World) -> InitProducerIdRequest:
    return InitProducerIdRequest(world.name("txn"), TIMEOUT_MS, world.number("producer id"), 0)


def _add(world: World) -> AddPartitionsToTxnRequest:
    topic = AddPartitionsToTxnTopic(world.name("written"), [0])
    name, producer = world.name("txn"), world.number("producer id")
    new = AddPartitionsToTxnTransaction(name, producer, 0, False, [topic])
    old = AddPartitionsToTxnTopic(world.name("written"), [0])
    return AddPartitionsToTxnRequest([new], name, producer, 0, [old])


def _write(epoch: int, sequence: int, world: World) -> ProduceRequest:
    name = world.name("written")
    records = batch(
        b"v",
        producer_id=world.number("producer id"),
        producer_epoch=epoch,
        base_sequence=sequence,
        transactional=True,
    )
    topic = TopicProduceData(name, world.topic_id(name), [PartitionProduceData(0, records)])
    return ProduceRequest(world.name("txn"), -1, 5_000, [topic])


def _add_offsets(world: World) -> AddOffsetsToTxnRequest:
    return AddOffsetsToTxnRequest(world.name("txn"), world.number("producer id"), 0, world.name("group"))


def _commit_offsets(world: World) -> TxnOffsetCommitRequest:
    partitions = [
        TxnOffsetCommitRequestPartition(0, 3, 0, "note"),
        TxnOffsetCommitRequestPartition(9, 3, 0, None),
    ]
    return TxnOffsetCommitRequest(
        world.name("txn"),
        world.name("group"),
        world.number("producer id"),
        0,
        topics=[TxnOffsetCommitRequestTopic(THREE, world.topic_id(THREE), partitions)],
    )


def _end(committed: bool, epoch: int, world: World) -> EndTxnRequest:
    return EndTxnRequest(world.name("txn"), world.number("producer id"), epoch, committed)


def _describe(world: World) -> DescribeTransactionsRequest:
    return DescribeTransactionsRequest([world.name("txn")])


def _list(world: World) -> ListTransactionsRequest:
    return ListTransactionsRequest([], [], -1, None)


def _list_filtered(world: World) -> ListTransactionsRequest:
    return ListTransactionsRequest(["Ongoing"], [world.number("producer id")], -1, world.name("txn"))


def _producers(world: World) -> DescribeProducersRequest:
    return DescribeProducersRequest([TopicRequest(world.name("written"), [0, 9])])


def _markers(world: World) -> WriteTxnMarkersRequest:
    topic = WritableTxnMarkerTopic(world.name("written"), [0, 9])
    return WriteTxnMarkersRequest([WritableTxnMarker(world.number("producer id"), 0, True, [topic], 0, 1)])


def _end_offsets(world: World) -> Message:
    return list_offsets(world.name("written"), {0: -1})


def _settled(answer: Message) -> bool:
    """Whether no end is under way: Kafka answers EndTxn first and writes the markers then."""
    states = answer.transaction_states  # type: ignore[attr-defined]  # it is a DescribeTransactionsResponse
    return not any(state.transaction_state.startswith("Prepare") for state in states)


def _decided(answer: Message) -> bool:
    """Whether the coordinator is through with what was open: until then it answers 51."""
    return answer.error_code != 51  # type: ignore[attr-defined]  # it is an InitProducerIdResponse or EndTxnResponse


NEW = [Step(_init, V1_INIT, learn=_learn)]
TOPIC = topic_steps("written", 1, KEEP)
OPEN = [*TOPIC, *NEW, Step(_add, V1_ADD), Step(partial(_write, 0, 0), V1_PRODUCE)]
WITH_OFFSETS = [*NEW, Step(_add_offsets, V1_ADD_OFFSETS)]
LOOK = [Step(_describe, 0)]
LOOK_AT_LOG = [Step(_describe, 0, until=_settled), Step(_end_offsets, 8), Step(_producers, 0)]


def _v1(version: int) -> Sequence[Step]:
    """Two transactions as protocol 1 writes them, the second aborted, with offsets in the first."""
    return [
        *OPEN,
        Step(_add_offsets, V1_ADD_OFFSETS),
        Step(_commit_offsets, V1_COMMIT),
        *ALL,
        Step(partial(_end, True, 0), version),
        *LOOK_AT_LOG,
        *ALL,
        Step(partial(_write, 0, 1), V1_PRODUCE),
        Step(_add, V1_ADD),
        Step(partial(_write, 0, 1), V1_PRODUCE),
        Step(partial(_end, False, 0), version),
        Step(partial(_end, False, 0), version, until=_decided),
        Step(partial(_end, True, 0), version, until=_decided),
        *LOOK_AT_LOG,
    ]


def _v2(version: int) -> Sequence[Step]:
    """Two transactions as protocol 2 writes them: partitions join by being written, the epoch rises at every end."""
    return [
        *TOPIC,
        *NEW,
        Step(partial(_write, 0, 0), V2_PRODUCE),
        Step(partial(_end, True, 0), version),
        *LOOK_AT_LOG,
        Step(partial(_write, 0, 1), V2_PRODUCE),
        Step(partial(_write, 1, 0), V2_PRODUCE),
        Step(partial(_end, True, 0), version),
        Step(partial(_end, False, 1), version, until=_decided),
        Step(partial(_end, False, 1), version, until=_decided),
        Step(partial(_end, False, 2), version, until=_decided),
        *LOOK_AT_LOG,
    ]


def _fenced(version: int) -> Sequence[Step]:
    """A second producer of the same id ends what the first left open and fences it."""
    return [
        *OPEN,
        Step(_init, version, "b", learn=_learn, until=_decided),
        *LOOK,
        Step(partial(_write, 0, 1), V1_PRODUCE),
        Step(_add, V1_ADD),
        Step(partial(_end, True, 0), V1_END),
        *LOOK_AT_LOG,
    ]


SCENARIOS: list[Scenario | Story] = [
    Scenario(
        InitProducerIdRequest,
        _init,
        "transactional",
        after=LOOK,
        values={"transaction_timeout_ms": (900_000, 900_001)},
    ),
    Scenario(InitProducerIdRequest, _again, "transactional again", "3-99", given=NEW, after=LOOK),
    Scenario(
        ProduceRequest,
        partial(_write, 0, 0),
        "in a transaction",
        given=OPEN[:-1],
        after=LOOK_AT_LOG,
        vary=False,
    ),
    Scenario(
        ProduceRequest,
        partial(_write, 0, 0),
        "of no transaction",
        given=[*TOPIC, *NEW],
        after=LOOK_AT_LOG,
        vary=False,
    ),
    Scenario(AddPartitionsToTxnRequest, _add, given=[*TOPIC, *NEW], after=LOOK),
    Scenario(AddOffsetsToTxnRequest, _add_offsets, given=NEW, after=LOOK),
    Scenario(TxnOffsetCommitRequest, _commit_offsets, given=WITH_OFFSETS, after=ALL),
    Scenario(TxnOffsetCommitRequest, _commit_offsets, "not added", given=NEW, after=ALL, vary=False),
    Scenario(EndTxnRequest, partial(_end, True, 0), given=OPEN, after=LOOK_AT_LOG),
    Scenario(EndTxnRequest, partial(_end, True, 0), "of nothing", given=NEW, after=LOOK, vary=False),
    Scenario(WriteTxnMarkersRequest, _markers, given=OPEN, after=LOOK_AT_LOG, skip=["frame=*"]),
    Scenario(DescribeTransactionsRequest, _describe, given=OPEN),
    Scenario(DescribeTransactionsRequest, _describe, "of nothing", given=NEW, vary=False),
    # How old a transaction of this very case is differs from run to run: 0 and 1 ms are a race.
    Scenario(ListTransactionsRequest, _list, given=OPEN, skip=["duration_filter=0", "duration_filter=1"]),
    Scenario(
        ListTransactionsRequest,
        _list_filtered,
        "filtered",
        given=OPEN,
        values={"state_filters": STATES},
        skip=["duration_filter=0", "duration_filter=1"],
    ),
    Scenario(DescribeProducersRequest, _producers, given=OPEN),
    Story(EndTxnRequest, "protocol 1", _v1, "0-4"),
    Story(EndTxnRequest, "protocol 2", _v2, "5-99"),
    Story(InitProducerIdRequest, "a second producer", _fenced),
]
