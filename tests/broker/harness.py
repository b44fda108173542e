"""A core without a shell: requests go in as frames, time and the disk move when the test says so.

broker = CoreHarness()
broker.create_topic("drives", partitions=2)
peer = broker.connect()
answer = peer.request(ProduceRequest(...), 12)
"""

from __future__ import annotations

import itertools
import random
from typing import Any

from neuraxis.broker.config import BrokerConfig, Listener
from neuraxis.broker.coordinators.topics.cluster_facts import ScramFact
from neuraxis.broker.core import Core
from neuraxis.broker.log.fs import File, Fs
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.log.store import LogStore, StoreOptions
from neuraxis.broker.session import Session
from neuraxis.broker.work import Now, Work, perform
from neuraxis.wire import codec, frames, messages
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.messages.create_topics import CreatableTopic, CreatableTopicConfig, CreateTopicsRequest
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic, PartitionData
from neuraxis.wire.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    TopicProduceData,
)
from neuraxis.wire.records import Record, build_batch, iter_records
from neuraxis.wire.schema import Message, schema_of

WALL_MS = 1_750_000_000_000
"""The wall clock at the harness's start: some day in June 2025."""
PRODUCE_VERSION = 12
FETCH_VERSION = 12
"""The newest versions that speak of topics by name."""


_starts = itertools.count(1)  # a restarted broker must not draw the ids of its first life again


class SeededEntropy:
    """Random bytes from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token_bytes(self, count: int, /) -> bytes:
        return self._random.randbytes(count)


class CoreHarness:
    """A core over a file system in memory, a clock that stands still, and works that wait to be done.

    By default works are done at once (`works_wait=False`), so that `sync` looks instantaneous.
    """

    def __init__(
        self,
        durability: str = "sync",
        *,
        fs: Fs | None = None,
        works_wait: bool = False,
        mono_ms: int = 1_000,
        options: StoreOptions | None = None,
        protocol: str = "PLAINTEXT",
        first_users: tuple[ScramFact, ...] = (),
        renew_first_users: bool = False,
        **kafka: str,
    ) -> None:
        self.fs = fs if fs is not None else MemoryFs()
        self.now = Now(mono_ms, WALL_MS + mono_ms)
        self.works: list[Work] = []
        self.works_wait = False
        listener = Listener("PLAINTEXT", protocol, "127.0.0.1", 9092, "broker.test", 9092)
        self.config = BrokerConfig(
            listeners=(listener,),
            durability=durability,
            first_users=first_users,
            renew_first_users=renew_first_users,
            kafka={name.replace("_", "."): value for name, value in kafka.items()},
        )
        self.store = LogStore(self.fs, options or StoreOptions(cluster_id="a-cluster-of-the-tests"))
        self.core = Core(self.config, self.store, SeededEntropy(next(_starts)))
        self.core.start(self.now)
        self.settle()
        self.works_wait = works_wait

    @property
    def node(self) -> Any:
        return self.core.node

    # Time and the disk

    def settle(self) -> None:
        """Take what the core wants done and, unless works are to wait, do it until nothing is left."""
        self.works += self.core.take_work()
        while self.works and not self.works_wait:
            self.do_work()
        self._no_shard_is_forgotten()

    def _no_shard_is_forgotten(self) -> None:
        """The agendas know the earliest deadline of their shards, which nobody asks one by one."""
        node = self.node
        for shards, known in (
            (node.group_shards, node.group_agenda.next_deadline()),
            (node.transactions.shards, node.transactions.deadline()),
        ):
            deadlines = [shard.deadline() for shard in shards]
            assert known == min((at for at in deadlines if at is not None), default=None)

    def do_work(self) -> Work:
        """Do the oldest work that waits."""
        work = self.works.pop(0)
        result: bytes | None = None
        error: OSError | None = None
        try:
            result = perform(self.fs, work)
        except OSError as failure:
            error = failure
        self.core.done(work.id, result, error, self.now)
        self.works += self.core.take_work()
        return work

    def do_works(self) -> None:
        """Do everything that waits, and what follows from it."""
        self.works += self.core.take_work()
        while self.works:
            self.do_work()

    def advance(self, milliseconds: int) -> None:
        """Let time pass: the core ticks at each deadline on the way, as a shell's would."""
        end = self.now.mono_ms + milliseconds
        while True:
            deadline = self.core.next_deadline()
            at = end if deadline is None else min(end, max(deadline, self.now.mono_ms))
            self.now = Now(at, self.now.wall_ms + at - self.now.mono_ms)
            if deadline is None or deadline > at:
                return
            self.core.tick(self.now)
            self.settle()
            following = self.core.next_deadline()
            assert following is None or following > at, "a tick left its own deadline due"

    # Peers

    def connect(self) -> Peer:
        return Peer(self, self.core.connect("PLAINTEXT", "10.0.0.7", 50_000))

    def create_topic(self, name: str, partitions: int = 1, **configs: str) -> None:
        """A topic, through the front door; config names with underscores for dots."""
        topic = CreatableTopic(
            name=name,
            num_partitions=partitions,
            replication_factor=1,
            configs=[
                CreatableTopicConfig(name=key.replace("_", "."), value=value)
                for key, value in configs.items()
            ],
        )
        waiting, self.works_wait = self.works_wait, False
        peer = self.connect()
        (answer,) = peer.request(CreateTopicsRequest(topics=[topic], timeout_ms=1_000), 5).topics
        assert answer.error_code == 0, answer
        peer.disconnect()
        self.works_wait = waiting

    def partition(self, name: str, index: int = 0) -> Any:
        found = self.node.partition(name, index)
        assert found is not None
        return found

    def nothing_is_left_behind(self) -> bool:
        """Whether no fetch waits, no call's timer runs and no client holds a file."""
        waiting = [each for each in self.node.partitions.values() if each.waiting]
        return not waiting and self.node.parking.next_deadline() is None


class Peer:
    """One client connection: frames in, answers out in the order they leave."""

    def __init__(self, harness: CoreHarness, session: Session) -> None:
        self.harness = harness
        self.session = session
        self.asked: dict[int, tuple[type, int]] = {}
        self._next_correlation_id = 0
        self._bytes = bytearray()

    def send(self, request: Message, version: int) -> int:
        """Hand one request to the core; its correlation id. The frame's bytes are destroyed afterwards."""
        self._next_correlation_id += 1
        key = schema_of(type(request)).key
        assert key is not None
        self.asked[self._next_correlation_id] = (messages.response_class(key), version)
        self.send_frame(frames.encode_request(self._next_correlation_id, request, version, "tester")[4:])
        return self._next_correlation_id

    def send_frame(self, frame: bytes) -> None:
        content = bytearray(frame)
        view = memoryview(content)
        self.harness.core.handle(self.session, view, self.harness.now)
        # Bytes in die when `handle` returns: whoever kept a view of them reads rubbish from here on.
        content[:] = b"\xdd" * len(content)
        self.harness.settle()

    def answers(self) -> list[tuple[int, Any]]:
        """(correlation id, response) of every answer that has left since the last call; ranges are read and released."""
        output = self.session.output
        while output:
            part = output.popleft()
            if isinstance(part, bytes | bytearray | memoryview):
                self._bytes += part
                self.session.output_bytes -= len(part)
            else:
                self._bytes += part.read()
                part.release()
        found = []
        while len(self._bytes) >= 4:
            size = int.from_bytes(self._bytes[:4], "big")
            assert len(self._bytes) >= 4 + size, "half an answer left"
            frame = bytes(self._bytes[4 : 4 + size])
            del self._bytes[: 4 + size]
            found.append(self._decode(frame))
        return found

    def _decode(self, frame: bytes) -> tuple[int, Any]:
        correlation_id = int.from_bytes(frame[:4], "big")
        response, version = self.asked.pop(correlation_id)
        flexible = schema_of(response).key != frames.API_VERSIONS_KEY and schema_of(response).is_flexible(
            version
        )
        _, position = frames.read_response_header(frame, flexible)
        answer, end = codec.decode(response, version, frame, position)
        assert end == len(frame), "bytes after the answer"
        return correlation_id, answer

    def request(self, request: Message, version: int) -> Any:
        """Send one request and take its answer, which must be there at once and alone."""
        correlation_id = self.send(request, version)
        ((answered, answer),) = self.answers()
        assert answered == correlation_id
        return answer

    def produce(
        self,
        topic: str,
        batch: bytes | bytearray | None,
        index: int = 0,
        acks: int = -1,
        version: int = PRODUCE_VERSION,
    ) -> PartitionProduceResponse:
        answer = self.request(produce_request(topic, batch, index, acks), version)
        (partition,) = answer.responses[0].partition_responses
        return partition

    def fetch(self, topic: str, offset: int = 0, index: int = 0, **options: Any) -> PartitionData:
        """What one partition holds now, without waiting."""
        answer = self.request(
            fetch_request({topic: {index: offset}}, **{"max_wait_ms": 0, **options}), FETCH_VERSION
        )
        (partition,) = answer.responses[0].partitions
        return partition

    def disconnect(self) -> None:
        self.harness.core.disconnect(self.session, self.harness.now)
        self.harness.settle()


def batch_of(
    *values: bytes | None, key: bytes | None = b"k", timestamp_ms: int = WALL_MS, **options: Any
) -> bytearray:
    """A batch of records with these values, all with one key and one timestamp."""
    records = [Record(offset, timestamp_ms, key, value) for offset, value in enumerate(values)]
    return build_batch(records, **options)


def values_of(records: Any) -> list[bytes | None]:
    """The values of all records in a fetched range of batches."""
    view, values = memoryview(records or b""), []
    while view:
        size = int.from_bytes(view[8:12], "big") + 12
        values += [record.value and bytes(record.value) for record in iter_records(view[:size])]
        view = view[size:]
    return values


def produce_request(
    topic: str, batch: bytes | bytearray | None, index: int = 0, acks: int = -1, topic_id: bytes = bytes(16)
) -> ProduceRequest:
    data = PartitionProduceData(index, batch)
    return ProduceRequest(acks=acks, timeout_ms=1_000, topic_data=[TopicProduceData(topic, topic_id, [data])])


def fetch_request(
    wanted: dict[str, dict[int, int]],
    *,
    max_wait_ms: int = 500,
    min_bytes: int = 1,
    max_bytes: int = 50 << 20,
    partition_max_bytes: int = 1 << 20,
    isolation_level: int = 0,
    **partition: int,
) -> FetchRequest:
    """A fetch of {topic: {partition: offset}}."""
    return FetchRequest(
        max_wait_ms=max_wait_ms,
        min_bytes=min_bytes,
        max_bytes=max_bytes,
        isolation_level=isolation_level,
        topics=[
            FetchTopic(
                topic,
                bytes(16),
                [
                    FetchPartition(
                        partition=index,
                        fetch_offset=offset,
                        partition_max_bytes=partition_max_bytes,
                        **partition,
                    )
                    for index, offset in offsets.items()
                ],
            )
            for topic, offsets in wanted.items()
        ],
    )


def pins(harness: CoreHarness) -> dict[str, int]:
    """Pinned files by path."""
    files: dict[str, File] = harness.fs._files  # type: ignore[attr-defined]  # MemoryFs and SimFs have it
    return {path: file.pins for path, file in files.items() if file.pins}


ZSTD = CompressionType.ZSTD
