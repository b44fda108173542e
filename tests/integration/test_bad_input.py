"""What nobody should send, and disks nobody should have: each gets the answer Kafka gives, or a sentence with the next step.

After each of them what was acknowledged before is still there, now and after a restart.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neuraxis.broker.embedded import Broker
from neuraxis.broker.log.identity import FORMAT_VERSION, IDENTITY
from neuraxis.wire.batch import renew_checksum
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.api_versions import ApiVersionsRequest, ApiVersionsResponse
from neuraxis.wire.messages.create_topics import CreatableTopic, CreatableTopicConfig, CreateTopicsRequest
from neuraxis.wire.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest
from neuraxis.wire.messages.metadata import MetadataRequest, MetadataRequestTopic
from neuraxis.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from tests.broker.harness import (
    FETCH_VERSION,
    PRODUCE_VERSION,
    batch_of,
    fetch_request,
    produce_request,
    values_of,
)
from tests.broker.sockets import PATIENCE_S, RawPeer, eventually

KEPT = b"acknowledged before"


def peer_of(broker: Broker) -> RawPeer:
    return RawPeer(int(broker.bootstrap.rpartition(":")[2]), client_id="bad-client")


def create(peer: RawPeer, name: str, **configs: str) -> Any:
    topic = CreatableTopic(
        name=name,
        num_partitions=1,
        replication_factor=1,
        configs=[
            CreatableTopicConfig(name=key.replace("_", "."), value=value) for key, value in configs.items()
        ],
    )
    (answer,) = peer.request(CreateTopicsRequest(topics=[topic], timeout_ms=5_000), 5).topics
    return answer


def produce(peer: RawPeer, batch: bytes | bytearray | None, topic: str = "drives", **options: Any) -> Any:
    answer = peer.request(produce_request(topic, batch, **options), PRODUCE_VERSION)
    (partition,) = answer.responses[0].partition_responses
    return partition


def fetch(peer: RawPeer, topic: str = "drives") -> list[bytes | None]:
    answer = peer.request(fetch_request({topic: {0: 0}}, max_wait_ms=0), FETCH_VERSION)
    return values_of(answer.responses[0].partitions[0].records)


@pytest.fixture
def broker(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Broker]:
    """A durable broker with one acknowledged record, which must be all there is after the test, and after a restart."""
    caplog.set_level(logging.INFO)
    with Broker(tmp_path / "data") as running:
        with peer_of(running) as peer:
            assert create(peer, "drives").error_code == 0
            assert produce(peer, batch_of(KEPT)).error_code == 0
        yield running
        with peer_of(running) as peer:
            assert fetch(peer) == [KEPT]
    with Broker(tmp_path / "data") as again, peer_of(again) as peer:
        assert fetch(peer) == [KEPT]


def header(key: int, version: int) -> bytes:
    client_id = b"bad-client"
    fixed = key.to_bytes(2, "big") + version.to_bytes(2, "big") + (1).to_bytes(4, "big")
    return fixed + len(client_id).to_bytes(2, "big") + client_id


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


# Frames and headers


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (framed(header(32_000, 0)), "key 32000 (an unknown API), which this broker does not serve"),
        (framed(header(6, 7)), "which this broker does not serve"),
        (framed(header(0, 2)), "Produce version 2; served are 3 to 13: the client is too old"),
        (framed(header(1, 3)), "Fetch version 3; served are 4 to 18: the client is too old"),
        (framed(header(1, 19) + b"\0"), "Fetch version 19; served are 4 to 18: the client is too new"),
        ((104_857_601).to_bytes(4, "big"), "a frame of 104857601 bytes; up to 104857600 are taken"),
        (b"\xff\xff\xff\xff", "a frame of -1 bytes"),
        (b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n", "a frame of 1195725856 bytes"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "a frame of 369295618 bytes"),
        (framed(b""), "a malformed frame: a request of 0 bytes has no header"),
        (framed(header(0, 12) + b"\0\0"), "a malformed frame"),
        (framed(header(3, 9) + b"\0\xff\xff\xff\xff\x0f"), "a malformed frame"),
        (framed(header(0, 3) + b"\xff\xff\0\1\0\0\0\0\x7f\xff\xff\xff"), "a malformed frame"),
    ],
    ids=[
        "unknown key",
        "known key not served",
        "produce too old",
        "fetch too old",
        "fetch too new",
        "frame too large",
        "negative length",
        "a web browser",
        "a TLS client",
        "empty frame",
        "truncated body",
        "array of four billion topics",
        "array longer than its frame",
    ],
)
def test_what_breaks_the_protocol_closes_the_connection_and_the_log_names_the_peer(
    broker: Broker, caplog: pytest.LogCaptureFixture, sent: bytes, said: str
) -> None:
    with peer_of(broker) as peer:
        peer.send_bytes(sent)
        assert peer.is_closed_by_the_broker()
        address = f"127.0.0.1:{peer.sock.getsockname()[1]}"
    (line,) = [each.getMessage() for each in caplog.records if "closing the connection" in each.getMessage()]
    assert said in line
    assert address in line


def test_a_client_that_is_too_old_is_named_with_its_software(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with peer_of(broker) as peer:
        hello = ApiVersionsRequest(client_software_name="ancient", client_software_version="0.8.2")
        assert peer.request(hello, 3).error_code == 0
        peer.send_bytes(framed(header(0, 0)))
        assert peer.is_closed_by_the_broker()
    assert "client id 'bad-client', ancient 0.8.2" in caplog.text


def test_a_newer_api_versions_is_answered_in_version_0_with_35_and_the_connection_goes_on(
    broker: Broker,
) -> None:
    with peer_of(broker) as peer:
        peer.asked[1] = (ApiVersionsResponse, 0)
        peer.send_bytes(framed(header(18, 99) + b"\0\3ab\3cd\0"))
        answer = peer.receive()
        assert answer.error_code == ErrorCode.UNSUPPORTED_VERSION
        assert (18, 0, 5) in [(each.api_key, each.min_version, each.max_version) for each in answer.api_keys]
        peer.asked.clear()
        peer._next_correlation_id = 1
        assert peer.request(ApiVersionsRequest(), 0).error_code == 0


def test_a_thousand_frames_of_random_bytes_close_their_connections_and_nothing_else(broker: Broker) -> None:
    rng = random.Random(3)
    with peer_of(broker) as witness:
        for _ in range(200):
            with peer_of(broker) as peer:
                key, version = rng.randrange(80), rng.randrange(15)
                peer.send_bytes(framed(header(key, version) + rng.randbytes(rng.randrange(60))))
                peer.sock.shutdown(socket.SHUT_WR)
                while peer.sock.recv(
                    65_536
                ):  # an answer is as good as an end: the bytes may have meant something
                    pass
        assert witness.request(ApiVersionsRequest(), 0).error_code == 0


def test_every_prefix_of_a_produce_request_followed_by_the_end_of_the_connection_writes_nothing(
    broker: Broker,
) -> None:
    with peer_of(broker) as one:
        wire = one.encode(produce_request("drives", batch_of(b"cut")), PRODUCE_VERSION)
    for size in range(0, len(wire), 3):
        with peer_of(broker) as peer:
            peer.send_bytes(wire[:size])


# Batches


def damaged() -> bytearray:
    batch = batch_of(b"a")
    batch[-1] ^= 0xFF
    return batch


def with_byte(position: int, value: int) -> bytearray:
    batch = batch_of(b"a")
    batch[position] = value
    if position > 20:
        renew_checksum(batch)
    return batch


BAD_BATCHES: dict[str, tuple[Any, int]] = {
    "wrong checksum": (damaged, ErrorCode.CORRUPT_MESSAGE),
    "two batches": (lambda: batch_of(b"a") + batch_of(b"b"), ErrorCode.INVALID_RECORD),
    "a batch and half of another": (lambda: batch_of(b"a") + batch_of(b"b")[:40], ErrorCode.INVALID_RECORD),
    "half a batch": (lambda: batch_of(b"a")[:40], ErrorCode.INVALID_RECORD),
    "nothing": (bytes, ErrorCode.INVALID_RECORD),
    "null": (lambda: None, ErrorCode.INVALID_RECORD),
    "too large": (lambda: batch_of(bytes(1_048_589)), ErrorCode.MESSAGE_TOO_LARGE),
    "an old format": (lambda: with_byte(16, 1), ErrorCode.INVALID_RECORD),
    "a format of the future": (lambda: with_byte(16, 3), ErrorCode.CORRUPT_MESSAGE),
    "an unknown codec": (lambda: with_byte(22, 6), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE),
    "a control batch": (lambda: with_byte(22, 0x20), ErrorCode.INVALID_RECORD),
    "a count that is not true": (lambda: with_byte(60, 9), ErrorCode.INVALID_RECORD),
    "a timestamp in the far future": (
        lambda: batch_of(b"a", timestamp_ms=2**61),
        ErrorCode.INVALID_TIMESTAMP,
    ),
    "a transaction without a transactional id": (
        lambda: batch_of(b"a", producer_id=1, producer_epoch=0, base_sequence=0, transactional=True),
        ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ),
}


@pytest.mark.parametrize("name", BAD_BATCHES)
def test_a_bad_batch_is_refused_with_its_code_and_the_connection_goes_on(broker: Broker, name: str) -> None:
    make, code = BAD_BATCHES[name]
    with peer_of(broker) as peer:
        answer = produce(peer, make())
        assert (answer.error_code, answer.base_offset) == (code, -1)
        assert answer.error_message
        assert fetch(peer) == [KEPT]


def test_a_decompression_bomb_costs_no_memory_where_records_are_not_read_and_is_refused_where_they_are(
    broker: Broker,
) -> None:
    bomb = batch_of(bytes(80 << 20), compression=CompressionType.ZSTD)
    assert len(bomb) < 100_000
    with peer_of(broker) as peer:
        assert create(peer, "plain").error_code == 0
        assert create(peer, "compacted", cleanup_policy="compact").error_code == 0
        assert produce(peer, bomb, topic="plain").error_code == 0
        assert produce(peer, bomb, topic="compacted").error_code in (
            ErrorCode.INVALID_RECORD,
            ErrorCode.MESSAGE_TOO_LARGE,
        )


@pytest.mark.parametrize("acks", [2, -3, 32767])
def test_unknown_acks_are_21(broker: Broker, acks: int) -> None:
    with peer_of(broker) as peer:
        assert produce(peer, batch_of(b"a"), acks=acks).error_code == ErrorCode.INVALID_REQUIRED_ACKS


def test_a_bad_batch_with_acks_0_closes_the_connection(broker: Broker) -> None:
    with peer_of(broker) as peer:
        peer.send(produce_request("drives", damaged(), acks=0), PRODUCE_VERSION)
        assert peer.is_closed_by_the_broker()


# Names and configs


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a b", "a/b", "../../etc/passwd", "x" * 250, "a\0b", "größe"]
)
def test_an_invalid_topic_name_is_17_where_one_could_be_made_and_3_where_it_is_written_to(
    broker: Broker, tmp_path: Path, name: str
) -> None:
    before = sorted(os.listdir(tmp_path))
    with peer_of(broker) as peer:
        assert create(peer, name).error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
        written = produce(peer, batch_of(b"a"), topic=name)
        assert written.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "as Apache Kafka answers"
        request = MetadataRequest(topics=[MetadataRequestTopic(name=name)], allow_auto_topic_creation=True)
        (topic,) = peer.request(request, 9).topics
        assert topic.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    ("config", "value"),
    [("no_such_config", "1"), ("retention_ms", "soon"), ("cleanup_policy", "shred"), ("segment_bytes", "-5")],
)
def test_an_invalid_config_is_40_and_says_which(broker: Broker, config: str, value: str) -> None:
    with peer_of(broker) as peer:
        answer = create(peer, "new", **{config: value})
        assert answer.error_code == ErrorCode.INVALID_CONFIG
        assert config.replace("_", ".") in answer.error_message
        (topic,) = peer.request(MetadataRequest(topics=[MetadataRequestTopic(name="new")]), 4).topics or [
            None
        ]
        assert topic.error_code in (0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.LEADER_NOT_AVAILABLE)


# Disks


def offset_commit() -> OffsetCommitRequest:
    partition = OffsetCommitRequestPartition(partition_index=0, committed_offset=1)
    topic = OffsetCommitRequestTopic(name="drives", partitions=[partition])
    return OffsetCommitRequest(group_id="g", generation_id_or_member_epoch=-1, topics=[topic])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 120 MB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may mount a small disk; a full disk is also simulated elsewhere"
)


def fill(peer: RawPeer, topic: str) -> None:
    """Write until the disk is full."""
    code = written = 0
    while code == 0:
        code = produce(peer, batch_of(os.urandom(1_000_000)), topic=topic).error_code
        written += code == 0
        assert written < 150, "the broker wrote more than the disk has"
    assert code == ErrorCode.KAFKA_STORAGE_ERROR
    assert written >= 2


@as_root
def test_a_full_disk_is_56_for_writes_and_commits_and_deletes_still_work(small_disk: Path) -> None:
    settings = {"log.segment.bytes": 1 << 20, "log.segment.delete.delay.ms": 0}
    with Broker(small_disk / "data", settings=settings) as broker, peer_of(broker) as peer:
        assert create(peer, "drives").error_code == 0
        assert create(peer, "bulk").error_code == 0
        assert produce(peer, batch_of(KEPT)).error_code == 0
        fill(peer, "bulk")
        assert produce(peer, batch_of(b"late")).error_code == ErrorCode.KAFKA_STORAGE_ERROR
        assert create(peer, "another").error_code == ErrorCode.KAFKA_STORAGE_ERROR
        committed = peer.request(offset_commit(), 7).topics[0].partitions[0].error_code
        assert committed != 0
        trim = DeleteRecordsTopic(
            name="bulk", partitions=[DeleteRecordsPartition(partition_index=0, offset=-1)]
        )
        trimmed = peer.request(DeleteRecordsRequest(topics=[trim], timeout_ms=5_000), 2)
        assert trimmed.topics[0].partitions[0].error_code == 0
        deleted = peer.request(DeleteTopicsRequest(topic_names=["bulk"], timeout_ms=5_000), 5)
        assert deleted.responses[0].error_code == 0
        assert fetch(peer) == [KEPT]
    with Broker(small_disk / "data") as broker, peer_of(broker) as peer:
        assert fetch(peer) == [KEPT]


@as_root
def test_a_topic_deleted_from_a_full_disk_makes_room_for_others(small_disk: Path) -> None:
    settings = {"log.segment.bytes": 1 << 20, "log.segment.delete.delay.ms": 0}
    with Broker(small_disk / "data", settings=settings) as broker, peer_of(broker) as peer:
        assert create(peer, "bulk").error_code == 0
        fill(peer, "bulk")
        deleted = peer.request(DeleteTopicsRequest(topic_names=["bulk"], timeout_ms=5_000), 5)
        assert deleted.responses[0].error_code == 0
        eventually(lambda: create(peer, "after").error_code == 0, "there is room again", patience_s=4)
        assert produce(peer, batch_of(b"room"), topic="after").error_code == 0


# The command line


def neuraxis_up(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "neuraxis", "up", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what it said on stderr."""
    _, said = process.communicate(timeout=PATIENCE_S * 3)
    return process.returncode, said


def test_a_directory_in_use_by_another_process_says_by_which_and_what_to_do(
    broker: Broker, tmp_path: Path
) -> None:
    code, said = ended(
        neuraxis_up("--data-dir", str(tmp_path / "data"), "--listener", "PLAINTEXT://127.0.0.1:0")
    )
    assert code == 1
    assert (
        f"in use by process {os.getpid()}. Stop that broker first, or choose another directory (--data-dir)"
        in said
    )
    assert "Traceback" not in said


def test_a_directory_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Broker(data) as broker, peer_of(broker) as peer:
        assert create(peer, "drives").error_code == 0
        assert produce(peer, batch_of(KEPT)).error_code == 0
    identity = data / IDENTITY
    good = identity.read_text()
    identity.write_text(good.replace(f"format.version={FORMAT_VERSION}", "format.version=99"))
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != ".lock"}
    code, said = ended(neuraxis_up("--data-dir", str(data), "--listener", "PLAINTEXT://127.0.0.1:0"))
    assert code == 1
    assert "format version 99" in said
    assert "start it with the newer version" in said
    assert {
        path: path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != ".lock"
    } == before
    identity.write_text(good)
    with Broker(data) as broker, peer_of(broker) as peer:
        assert fetch(peer) == [KEPT]


def test_an_address_in_use_is_named_with_the_next_step(broker: Broker, tmp_path: Path) -> None:
    options = ["--data-dir", str(tmp_path / "other"), "--listener", f"PLAINTEXT://{broker.bootstrap}"]
    code, said = ended(neuraxis_up(*options))
    assert code == 1
    assert f"cannot listen on {broker.bootstrap}: Address already in use" in said
    assert "--listener PLAINTEXT://" in said
    assert "Traceback" not in said


def test_a_setting_that_does_not_exist_is_named(tmp_path: Path) -> None:
    code, said = ended(neuraxis_up("--data-dir", str(tmp_path / "data"), "--set", "no.such.config=1"))
    assert code == 1
    assert "no.such.config" in said
    assert not (tmp_path / "data").exists()


def test_a_data_directory_that_is_a_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("I am a file")
    code, said = ended(neuraxis_up("--data-dir", str(tmp_path / "data")))
    assert code == 1
    assert "cannot use the data directory" in said
    assert "--data-dir" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_stops_the_broker_cleanly_with_exit_code_0_and_nothing_is_lost(
    tmp_path: Path, number: signal.Signals
) -> None:
    options = ["--data-dir", str(tmp_path / "data"), "--listener", "PLAINTEXT://127.0.0.1:0"]
    process = neuraxis_up(*options)
    port = 0
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip().startswith("clients"):
            port = int(line.split()[1].rpartition(":")[2])
        if "Ctrl-C" in line:
            break
    with RawPeer(port) as peer:
        assert create(peer, "drives").error_code == 0
        assert produce(peer, batch_of(KEPT)).error_code == 0
        peer.send(fetch_request({"drives": {0: 1}}, max_wait_ms=60_000), FETCH_VERSION)
        process.send_signal(number)
        assert peer.is_closed_by_the_broker()
    code, said = ended(process)
    assert code == 0, said
    with Broker(tmp_path / "data") as broker, peer_of(broker) as peer:
        assert fetch(peer) == [KEPT]
