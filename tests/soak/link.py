"""A connection of our own to the broker under test, which says of each request whether its outcome is known.

The rule of the file: it never sends a request twice. Whoever asked knows what a second time would mean.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

from neuraxis.wire import codec, frames, messages
from neuraxis.wire.batch import ControlType, is_valid_batch, read_control_type, scan_headers
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.fetch import FetchPartition, FetchRequest, FetchTopic, PartitionData
from neuraxis.wire.messages.list_offsets import ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic
from neuraxis.wire.records import Record, iter_records
from neuraxis.wire.schema import schema_of

TIMEOUT_S = 12.0
"""Longer than any pause and restart the faults make."""
EARLIEST, LATEST = -2, -1
FETCH_BYTES = 512 * 1024
FETCH_VERSION = 12  # the last that names topics instead of their ids
RETRIABLE = frozenset(
    {
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.REQUEST_TIMED_OUT,
        ErrorCode.KAFKA_STORAGE_ERROR,  # a broker that is about to stop
    }
)
"""Answers of a broker that is not ready: nothing was done, try again."""


class Lost(Exception):
    """No answer came: the outcome is unknown."""


class Damaged(Exception):
    """A batch arrived whose checksum is wrong."""


class Link:
    """One connection at a time; `life` counts them."""

    def __init__(self, host: str, port: int, client_id: str) -> None:
        self.address = (host, port)
        self.client_id = client_id
        self.life = 0
        self._socket: socket.socket | None = None
        self._number = 0

    def ask(self, request: Any, version: int, timeout_s: float = TIMEOUT_S) -> Any:
        """The answer. Raises Lost, and begins a new connection with the next request."""
        schema = schema_of(type(request))
        assert schema.key is not None
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self.address, timeout_s)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.life += 1
            self._socket.settimeout(timeout_s)
            self._number += 1
            self._socket.sendall(frames.encode_request(self._number, request, version, self.client_id))
            (size,) = struct.unpack(">i", self._read(4))
            body = self._read(size)
        except (OSError, EOFError) as error:
            self.close()
            raise Lost(f"{type(request).__name__}: {error}") from error
        response = messages.response_class(schema.key)
        number, position = frames.read_response_header(body, schema_of(response).is_flexible(version))
        assert number == self._number, "an answer to another request"
        return codec.decode(response, version, body, position)[0]

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self, count: int) -> bytes:
        assert self._socket is not None
        data = bytearray()
        while len(data) < count:
            piece = self._socket.recv(min(count - len(data), 1 << 20))
            if not piece:
                raise EOFError("the connection ended")
            data += piece
        return bytes(data)

    def fetch(
        self, topic: str, partition: int, offset: int, *, committed: bool = True, wait_ms: int = 0
    ) -> PartitionData:
        """What one partition has from `offset` on. Raises Lost."""
        asked = FetchPartition(partition=partition, fetch_offset=offset, partition_max_bytes=FETCH_BYTES)
        request = FetchRequest(
            max_wait_ms=wait_ms,
            min_bytes=1,
            max_bytes=FETCH_BYTES,
            isolation_level=int(committed),
            topics=[FetchTopic(topic=topic, partitions=[asked])],
        )
        answer = self.ask(request, FETCH_VERSION)
        if not answer.responses:  # the whole request was refused
            return PartitionData(partition_index=partition, error_code=answer.error_code)
        data: PartitionData = answer.responses[0].partitions[0]
        return data

    def offset(self, topic: str, partition: int, which: int) -> tuple[int, int]:
        """(error code, offset) of the earliest or latest record that a read_uncommitted reader sees. Raises Lost."""
        asked = ListOffsetsTopic(topic, [ListOffsetsPartition(partition_index=partition, timestamp=which)])
        answer = self.ask(ListOffsetsRequest(replica_id=-1, topics=[asked], timeout_ms=5_000), 10)
        found = answer.topics[0].partitions[0]
        return found.error_code, found.offset


def bytes_of(data: Any) -> memoryview:
    """The record batches in a partition's answer to Fetch or ShareFetch, as they came."""
    return memoryview(data.records or b"")


def records_of(data: PartitionData, position: int) -> Iterator[Record]:
    """The records that a read_committed reader at `position` sees in the answer. Raises Damaged."""
    view = bytes_of(data)
    begun = sorted(data.aborted_transactions or (), key=lambda each: each.first_offset, reverse=True)
    aborted: set[int] = set()
    for start, header in scan_headers(view):
        if is_valid_batch(view, start, len(view)) is None:
            raise Damaged(f"the batch at offset {header.base_offset} has a wrong checksum")
        while begun and begun[-1].first_offset <= header.last_offset:
            aborted.add(begun.pop().producer_id)
        if header.is_control:
            if read_control_type(view, start) is ControlType.ABORT:
                aborted.discard(header.producer_id)
        elif not (header.is_transactional and header.producer_id in aborted):
            for record in iter_records(view[start : start + header.size]):
                if record.offset >= position:
                    yield record


def next_offset_of(data: PartitionData, position: int) -> int:
    """Where the next fetch begins."""
    for _, header in scan_headers(bytes_of(data)):
        position = max(position, header.next_offset)
    return position
