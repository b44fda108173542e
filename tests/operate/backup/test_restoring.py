"""A backup brought back: byte for byte, checked, and groups go on exactly where they were."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

import neuraxis
from neuraxis.broker.log.examination import Examination
from neuraxis.broker.log.fs import DiskFs
from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.depots import DirectoryDepot
from neuraxis.operate.backup.restoring import restore
from tests.operate.backup.support import consumer, files, produce, read, take

SMALL = {"segment.bytes": "1048576", "index.interval.bytes": "500"}
WIDE = 3_000  # so that two thousand records make several such segments


def create(broker: neuraxis.Broker, topic: str, partitions: int = 1, **config: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    (future,) = admin.create_topics([NewTopic(topic, partitions, 1, config=config)]).values()
    future.result(20)


def topic_ids(broker: neuraxis.Broker) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    names = [name for name in admin.list_topics(timeout=20).topics if not name.startswith("__")]
    described = admin.describe_topics(confluent_kafka.TopicCollection(names))
    return {name: str(future.result(20).topic_id) for name, future in described.items()}


def test_a_broker_under_load_comes_back_as_it_was_at_the_backup(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path / "depot")
    data, again = tmp_path / "data", tmp_path / "again"
    with neuraxis.Broker(data) as broker:
        create(broker, "drives", 3, **SMALL)
        create(broker, "states", 1, **{"cleanup.policy": "compact", **SMALL})
        produce(broker, "drives", range(2_000), 3, WIDE)
        produce(broker, "states", range(1_000), 1, WIDE)
        first_half = read(broker, "readers", "drives", 900)
        ids = topic_ids(broker)
        stop = threading.Event()
        sent = 2_000

        def load() -> None:
            nonlocal sent
            while not stop.is_set():
                produce(broker, "drives", range(sent, sent + 300), 3, WIDE)
                sent += 300

        loader = threading.Thread(target=load)
        loader.start()
        try:
            manifests = [take(broker, depot) for _ in range(3)]
        finally:
            stop.set()
            loader.join()
        source = files(data)
    manifest = manifests[-1]
    restored = restore(depot, str(again))
    assert restored.manifest.id == manifest.id
    found = files(again)
    for log in manifest.logs:
        for each in log.files:
            if not each.path.endswith((".snapshot", "checkpoint")):
                assert found[each.path] == source[each.path][: each.length], each.path
    ends = {(log.topic, log.partition): log.log_end_offset for log in manifest.logs}
    fs = DiskFs(str(again))
    report = Examination(fs).run(records=True)
    fs.close()
    assert not report.damaged, report.findings
    assert {(log.topic, log.partition): log.end_offset for log in report.logs} == ends
    with neuraxis.Broker(again) as broker:
        assert topic_ids(broker) == ids
        total = sum(ends["drives", partition] for partition in range(3))
        rest = read(broker, "readers", "drives", total - 900)
        values = sorted(first_half + rest)
        assert len(set(values)) == len(values) == total, "each value exactly once over both lives"
        assert set(range(2_000)) <= set(values)
        produce(broker, "drives", range(10), 3)
        config = ConfigResource(ResourceType.TOPIC, "states")
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        (future,) = admin.describe_configs([config]).values()
        assert future.result(20)["cleanup.policy"].value == "compact"


def test_transactions_and_a_group_that_moves_with_them_go_on(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path / "depot")
    settings = {"group.min.session.timeout.ms": 1_000}  # the group waits for its member of before the restore
    with neuraxis.Broker(tmp_path / "data", settings=settings) as broker:
        create(broker, "in")
        create(broker, "out")
        produce(broker, "in", range(100))
        one = consumer(broker, "copiers", **{"session.timeout.ms": 1_000, "heartbeat.interval.ms": 300})
        one.subscribe(["in"])
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": broker.bootstrap, "transactional.id": "copier"}
        )
        producer.init_transactions()
        for commits in (True, False):
            producer.begin_transaction()
            for _ in range(30):
                message = one.poll(20)
                assert message is not None
                producer.produce("out", message.value())
            producer.send_offsets_to_transaction(
                one.position(one.assignment()), one.consumer_group_metadata()
            )
            producer.flush(20)
            if commits:
                producer.commit_transaction()
        take(broker, depot)  # in the middle of the second transaction
        producer.commit_transaction()
        one.close()
    restore(depot, str(tmp_path / "again"))
    with neuraxis.Broker(tmp_path / "again") as broker:
        assert read(broker, "copiers", "in", 70) == list(range(30, 100)), (
            "what was open at the backup is undone"
        )
        reader = consumer(broker, "checkers", **{"isolation.level": "read_committed"})
        reader.subscribe(["out"])
        values = [int(message.value()) for _ in range(30) if (message := reader.poll(20)) is not None]
        assert values == list(range(30))
        assert reader.poll(1.0) is None
        reader.close()
        successor = confluent_kafka.Producer(
            {"bootstrap.servers": broker.bootstrap, "transactional.id": "copier"}
        )
        successor.init_transactions()
        successor.begin_transaction()
        successor.produce("out", b"30")
        successor.commit_transaction()


def test_leader_epochs_rise_and_producer_ids_are_skipped_once(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        produce(broker, "drives", range(10), **{"enable.idempotence": True})
        take(broker, depot)
    restored = restore(depot, str(tmp_path / "again"))
    assert restored.leader_epoch == 1
    assert (tmp_path / "again" / "neuraxis-restored").exists()
    with neuraxis.Broker(tmp_path / "again") as broker:
        produce(broker, "drives", range(10), **{"enable.idempotence": True})
        node = broker._server.core.node
        assert node.partition("drives", 0).leader_epoch == 1
        identifiers = sorted(node.partition("drives", 0).log.producers.by_id)
        assert identifiers[1] - identifiers[0] >= 1_000_000
        second = take(broker, depot)
        assert second.leader_epoch == 1
    assert not (tmp_path / "again" / "neuraxis-restored").exists()
    assert restore(depot, str(tmp_path / "third")).leader_epoch == 2


def test_a_directory_with_something_in_it_is_never_written_over(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path / "depot")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "mine").write_text("mine")
    with pytest.raises(ClientError, match="is not empty"):
        restore(depot, str(tmp_path / "again"))


def test_a_damaged_or_missing_piece_is_refused_and_nothing_is_left_under_the_name(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        produce(broker, "drives", range(10))
        manifest = take(broker, depot)
    (log,) = [each for each in manifest.logs if each.topic == "drives"]
    (copy,) = [each for each in log.files if each.path.endswith(".log")]
    piece = tmp_path / "depot" / "pieces" / copy.pieces[0][:2] / copy.pieces[0]
    content = bytearray(piece.read_bytes())
    content[70] ^= 1
    piece.write_bytes(content)
    with pytest.raises(ClientError, match="missing or damaged in the backup"):
        restore(depot, str(tmp_path / "again"))
    piece.unlink()
    with pytest.raises(ClientError, match="missing or damaged in the backup"):
        restore(depot, str(tmp_path / "again"))
    assert not (tmp_path / "again").exists()


def test_bit_rot_that_was_copied_is_named_at_the_restore(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        produce(broker, "drives", range(10))
        path = tmp_path / "data" / "drives-0" / f"{0:020d}.log"
        content = bytearray(path.read_bytes())
        content[70] ^= 1
        path.write_bytes(content)
        take(broker, depot)
    with pytest.raises(ClientError, match=r"drives-0/0{20}\.log: byte 0"):
        restore(depot, str(tmp_path / "again"))


def test_within_a_backup_a_time_can_be_restored(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        create(broker, "drives", 1, **SMALL)
        produce(broker, "drives", range(1_000), 1, WIDE, **{"enable.idempotence": True})
        read(broker, "readers", "drives", 400)
        time.sleep(0.02)  # the time asked for lies between two records
        until_ms = time.time_ns() // 1_000_000
        time.sleep(0.02)
        produce(broker, "drives", range(1_000, 2_000), 1, WIDE)
        read(broker, "readers", "drives", 1_000)
        create(broker, "later")
        manifest = take(broker, depot)
    with pytest.raises(ClientError, match="ends before the time asked for"):
        restore(depot, str(tmp_path / "again"), until_ms=manifest.time_ms + 1)
    restored = restore(depot, str(tmp_path / "again"), until_ms=until_ms)
    (cut,) = [each for each in restored.cuts if each.topic == "drives"]
    assert (cut.from_offset, cut.to_offset) == (2_000, 1_000)
    with neuraxis.Broker(tmp_path / "again") as broker:
        assert read(broker, "readers", "drives", 600) == list(range(400, 1_000))
        assert "later" in topic_ids(broker), "topics are those of the backup"
        produce(broker, "drives", range(1_000, 1_010))
        assert read(broker, "readers", "drives", 10) == list(range(1_000, 1_010))
