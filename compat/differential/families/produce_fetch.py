"""Produce, Fetch, ListOffsets, OffsetForLeaderEpoch, DeleteRecords: the log."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from compat.differential.cases import Scenario, Step, Story
from compat.differential.families.common import (
    COMPACTED,
    EMPTY,
    KEEP,
    ONE,
    THREE,
    TIME_MS,
    batch,
    list_offsets,
    own_data,
    produce,
    topic_steps,
)
from compat.differential.world import World
from neuraxis.wire.batch import renew_checksum
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic, ForgottenTopic
from neuraxis.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from neuraxis.wire.messages.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from neuraxis.wire.messages.produce import ProduceRequest
from neuraxis.wire.records import build_batch
from neuraxis.wire.schema import Message


def _produce(world: World) -> ProduceRequest:
    name = world.name("produce")
    return produce(name, 0, batch(b"one", b"two"), world.topic_id(name))


def _to_compacted(key: bytes | None, world: World) -> ProduceRequest:
    return produce(COMPACTED, 0, batch(b"w", key=key), world.topic_id(COMPACTED))


def _end_of(stem: str, world: World) -> ListOffsetsRequest:
    return list_offsets(world.name(stem), {0: -1})


# Batches a client should not send. Each is a function of the world, because names of variations are names of functions.


def _with_byte(position: int, value: int, *, honest: bool = True) -> bytes:
    data = bytearray(batch(b"one", b"two"))
    data[position] = value
    if honest:
        renew_checksum(data)
    return bytes(data)


def _wrong_checksum(world: World) -> bytes:
    return _with_byte(66, 0x55, honest=False)


def _cut_short(world: World) -> bytes:
    return batch(b"one", b"two")[:-3]


def _two_batches(world: World) -> bytes:
    return batch(b"one") + batch(b"two")


def _magic_0(world: World) -> bytes:
    return _with_byte(16, 0, honest=False)


def _magic_1(world: World) -> bytes:
    return _with_byte(16, 1, honest=False)


def _magic_3(world: World) -> bytes:
    return _with_byte(16, 3, honest=False)


def _base_offset_7(world: World) -> bytes:
    return _with_byte(7, 7, honest=False)


def _leader_epoch_7(world: World) -> bytes:
    return _with_byte(15, 7, honest=False)


def _control(world: World) -> bytes:
    return _with_byte(22, 0x20)


def _append_time(world: World) -> bytes:
    return _with_byte(22, 0x08)


def _transactional_bit(world: World) -> bytes:
    return _with_byte(22, 0x10)


def _spare_attribute(world: World) -> bytes:
    return _with_byte(21, 0x40)


def _codec_4_of_plain(world: World) -> bytes:
    return _with_byte(22, 4)


def _codec_6(world: World) -> bytes:
    return _with_byte(22, 6)


def _more_records_claimed(world: World) -> bytes:
    return _with_byte(60, 9)


def _larger_last_delta(world: World) -> bytes:
    return _with_byte(26, 9)


def _gzip(world: World) -> bytes:
    return batch(b"one" * 50, compression=CompressionType.GZIP)


def _snappy(world: World) -> bytes:
    return batch(b"one" * 50, compression=CompressionType.SNAPPY)


def _lz4(world: World) -> bytes:
    return batch(b"one" * 50, compression=CompressionType.LZ4)


def _zstd(world: World) -> bytes:
    return batch(b"one" * 50, compression=CompressionType.ZSTD)


def _no_records(world: World) -> bytes:
    return bytes(build_batch([], last_offset_delta=0))


def _tombstones(world: World) -> bytes:
    return batch(None, None)


def _producer_without_sequence(world: World) -> bytes:
    return batch(b"one", producer_id=77, producer_epoch=0)


BATCHES = (
    _wrong_checksum, _cut_short, _two_batches, _magic_0, _magic_1, _magic_3, _base_offset_7, _leader_epoch_7,
    _control, _append_time, _transactional_bit, _spare_attribute, _codec_4_of_plain, _codec_6,
    _more_records_claimed, _larger_last_delta, _gzip, _snappy, _lz4, _zstd, _no_records, _tombstones,
    _producer_without_sequence,
)  # fmt: skip


def _fetch(world: World) -> FetchRequest:
    wanted = FetchPartition(partition=0, fetch_offset=3, partition_max_bytes=1 << 20)
    return FetchRequest(
        max_wait_ms=200,
        min_bytes=1,
        max_bytes=1 << 20,
        topics=[FetchTopic(ONE, world.topic_id(ONE), [wanted])],
    )


def _fetch_many(world: World) -> FetchRequest:
    topics = [
        FetchTopic(
            THREE,
            world.topic_id(THREE),
            [FetchPartition(index, partition_max_bytes=150) for index in range(4)],
        ),
        FetchTopic(EMPTY, world.topic_id(EMPTY), [FetchPartition(0, partition_max_bytes=1 << 20)]),
    ]
    return FetchRequest(max_wait_ms=100, min_bytes=1, max_bytes=300, isolation_level=1, topics=topics)


def _forgetting(world: World) -> FetchRequest:
    request = _fetch(world)
    request.forgotten_topics_data = [ForgottenTopic(THREE, world.topic_id(THREE), [0])]
    return request


def _at_the_end(world: World) -> FetchRequest:
    request = _fetch(world)
    request.max_wait_ms = 100
    request.topics[0].partitions[0].fetch_offset = 10
    return request


def _list_offsets(world: World) -> ListOffsetsRequest:
    wanted = [
        ListOffsetsPartition(0, -1, -1),
        ListOffsetsPartition(1, -1, -2),
        ListOffsetsPartition(9, -1, -1),
    ]
    return ListOffsetsRequest(-1, 0, [ListOffsetsTopic(THREE, wanted)], 5_000)


def _epochs(world: World) -> OffsetForLeaderEpochRequest:
    wanted = [OffsetForLeaderPartition(0, -1, 0), OffsetForLeaderPartition(9, -1, 0)]
    return OffsetForLeaderEpochRequest(-1, [OffsetForLeaderTopic(THREE, wanted)])


def _trim(world: World) -> DeleteRecordsRequest:
    wanted = [DeleteRecordsPartition(0, 2), DeleteRecordsPartition(9, 0)]
    return DeleteRecordsRequest([DeleteRecordsTopic(world.name("trim"), wanted)], 5_000)


def _trim_compacted(world: World) -> DeleteRecordsRequest:
    return DeleteRecordsRequest([DeleteRecordsTopic(COMPACTED, [DeleteRecordsPartition(0, -1)])], 5_000)


def _start_of(stem: str, world: World) -> ListOffsetsRequest:
    return list_offsets(world.name(stem), {0: -2})


def _in_session(epoch: int, offset: int | None, world: World) -> FetchRequest:
    """A fetch in the session that the case began; without an offset, of what the session already has."""
    name = world.name("session")
    topics = [FetchTopic(name, world.topic_id(name), [FetchPartition(0, fetch_offset=offset or 0)])]
    session_id = world.number("session") if epoch > 0 else 0
    return FetchRequest(
        max_wait_ms=100,
        min_bytes=1,
        max_bytes=1 << 20,
        session_id=session_id,
        session_epoch=epoch,
        topics=topics if offset is not None else [],
    )


def _learn_session(world: World, answer: Message) -> None:
    world.learn("session", answer.session_id)  # type: ignore[attr-defined]  # it is a FetchResponse


def _trim_session(world: World) -> DeleteRecordsRequest:
    wanted = [DeleteRecordsPartition(0, 2)]
    return DeleteRecordsRequest([DeleteRecordsTopic(world.name("session"), wanted)], 5_000)


def _session(version: int) -> Sequence[Step]:
    """What an incremental fetch says: nothing new, a raised log start, news to who is at the end, the end of the session."""
    data = own_data("session", b"a", b"b", b"c")
    return [
        *data,
        Step(partial(_in_session, 0, 0), version, learn=_learn_session),
        Step(partial(_in_session, 1, 3), version),
        Step(partial(_in_session, 2, None), version),
        Step(_trim_session, 2),
        Step(partial(_in_session, 3, None), version),
        Step(partial(_in_session, 4, None), version),
        data[-1],
        Step(partial(_in_session, 5, None), version),
        Step(partial(_in_session, 6, 1), version),
        Step(partial(_in_session, 6, None), version),
        Step(partial(_in_session, 9, None), version),
        Step(partial(_in_session, -1, 3), version),
    ]


SCENARIOS: list[Scenario | Story] = [
    Scenario(
        ProduceRequest,
        _produce,
        given=topic_steps("produce", 1, KEEP),
        after=[Step(partial(_end_of, "produce"), 8)],
        values={"records": BATCHES, "name": ("__consumer_offsets",)},
        # A transactional producer has scenarios of its own; here its id only contradicts the batch.
        skip=["timeout_ms=-*"],
    ),
    Scenario(ProduceRequest, partial(_to_compacted, b"k"), "compacted", vary=False),
    Scenario(ProduceRequest, partial(_to_compacted, None), "compacted without a key", vary=False),
    Scenario(
        FetchRequest,
        _fetch,
        values={
            "fetch_offset": (3, 4, 5, 9, 10, 11),
            "topic": (EMPTY, "__consumer_offsets"),
            "max_wait_ms": (100,),
        },
        # A consumer that waits for more than there is: `at the end` asks that in a bounded time.
        skip=["max_wait_ms=2147483647"],
    ),
    Scenario(
        FetchRequest, _fetch_many, "many", values={"max_bytes": (100, 500)}, skip=["*max_wait_ms=2147483647"]
    ),
    Scenario(FetchRequest, _forgetting, "forgetting", "7-99", vary=False),
    Scenario(FetchRequest, _at_the_end, "at the end", vary=False),
    Story(FetchRequest, "in a session", _session, "7-99"),
    Scenario(
        ListOffsetsRequest,
        _list_offsets,
        values={
            "timestamp": (-3, -4, -5, -6, -7, TIME_MS, TIME_MS + 1, TIME_MS + 1000, TIME_MS + 2000),
            "name": (EMPTY, "__consumer_offsets"),
        },
    ),
    Scenario(OffsetForLeaderEpochRequest, _epochs, values={"name": (EMPTY,)}),
    Scenario(
        DeleteRecordsRequest,
        _trim,
        given=own_data("trim", b"a", b"b", b"c"),
        after=[Step(partial(_start_of, "trim"), 8)],
        values={"offset": (3, 4), "name": ("__consumer_offsets",)},
    ),
    Scenario(DeleteRecordsRequest, _trim_compacted, "compacted", vary=False),
]
