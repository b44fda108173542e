"""Taking a backup: incremental, undisturbed by what happens meanwhile, and never half a backup."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

import neuraxis
from neuraxis.client.direct import ask
from neuraxis.client.errors import ClientError
from neuraxis.client.settings import Settings
from neuraxis.operate.backup import taking
from neuraxis.operate.backup.catalogue import Catalogue
from neuraxis.operate.backup.depots import DirectoryDepot
from neuraxis.operate.backup.restoring import restore
from neuraxis.operate.backup.signs import FOLDER as SIGNS
from neuraxis.operate.backup.taking import Taking
from neuraxis.wire.messages.hold_backup import HoldBackupRequest
from tests.operate.backup.support import produce, read, take

WIDE = 4_000  # so that a thousand records make several segments of the least size


class Watched(DirectoryDepot):
    """A depot that does something before the n-th piece, or breaks there."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.puts: list[str] = []
        self.before = lambda number: None

    def put(self, name: str, data: bytes) -> None:
        if not name.startswith(SIGNS):
            self.before(len(self.puts))
            self.puts.append(name)
        super().put(name, data)


def small_segments(broker: neuraxis.Broker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    config = {"segment.bytes": "1048576", "file.delete.delay.ms": "0"}
    (future,) = admin.create_topics([NewTopic(topic, 1, 1, config=config)]).values()
    future.result(20)


def test_what_has_not_changed_is_neither_read_nor_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot = Watched(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        small_segments(broker, "drives")
        for at in range(0, 1_000, 100):
            produce(broker, "drives", range(at, at + 100), width=WIDE)
        first = take(broker, depot)
        (log,) = [each for each in first.logs if each.topic == "drives"]
        assert len([each for each in log.files if each.path.endswith(".log")]) > 3
        assert first.copied_bytes <= first.total_bytes
        reads: list[int] = []
        real = taking._read

        def counted(fd: int, position: int, length: int) -> bytes:
            reads.append(length)
            return real(fd, position, length)

        monkeypatch.setattr(taking, "_read", counted)
        second = take(broker, depot)
        assert reads == []
        assert second.copied_bytes == 0
        produce(broker, "drives", range(1))
        third = take(broker, depot)
        assert 0 < third.copied_bytes < first.copied_bytes / 2
    assert Catalogue(depot).ids() == sorted({first.id, second.id, third.id})


@pytest.mark.parametrize("at", [0, 1, 2, 5])
def test_a_backup_that_is_cut_short_leaves_the_earlier_one_whole(tmp_path: Path, at: int) -> None:
    depot = Watched(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        small_segments(broker, "drives")
        produce(broker, "drives", range(200))
        first = take(broker, depot)
        small_segments(broker, "others")
        for start in range(0, 1_000, 100):
            produce(broker, "others", range(start, start + 100), width=WIDE)
        depot.puts.clear()

        def die(number: int) -> None:
            if number == at:
                raise KeyboardInterrupt

        depot.before = die
        with pytest.raises(KeyboardInterrupt):
            take(broker, depot)
        depot.before = lambda number: None
        assert Catalogue(depot).ids() == [first.id]
        assert not len(broker._server.core.store.holds), "nothing is held any more"
        restore(depot, str(tmp_path / "again"))
        second = take(broker, depot)
    with neuraxis.Broker(tmp_path / "again") as broker:
        assert read(broker, "readers", "drives", 200) == list(range(200))
    restore(depot, str(tmp_path / "third"), second.id)


def test_a_topic_that_is_deleted_and_made_anew_meanwhile_is_copied_as_it_was(tmp_path: Path) -> None:
    depot = Watched(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        small_segments(broker, "drives")
        produce(broker, "drives", range(200))

        def replace(number: int) -> None:
            if number == 0:
                admin = AdminClient({"bootstrap.servers": broker.bootstrap})
                (future,) = admin.delete_topics(["drives"]).values()
                future.result(20)
                small_segments(broker, "drives")
                produce(broker, "drives", range(5_000, 5_100))

        depot.before = replace
        take(broker, depot)
    restore(depot, str(tmp_path / "again"))
    with neuraxis.Broker(tmp_path / "again") as broker:
        assert read(broker, "readers", "drives", 200) == list(range(200))


def test_a_hold_that_ended_ends_the_backup(tmp_path: Path) -> None:
    depot = Watched(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        produce(broker, "drives", range(10))
        settings = Settings.load(None, bootstrap=broker.bootstrap)
        one = Taking(settings, depot)

        def expire(number: int) -> None:
            if number == 1:
                ask(settings, HoldBackupRequest(hold_id=one._hold_id, hold_ms=0), 0)

        depot.before = expire
        with pytest.raises(ClientError, match="not held any more"):
            one.run()
        assert Catalogue(depot).ids() == []


def test_a_broker_in_memory_has_nothing_to_copy(tmp_path: Path) -> None:
    with neuraxis.Broker() as broker:
        with pytest.raises(ClientError, match="in memory"):
            take(broker, DirectoryDepot(tmp_path))


def test_a_broker_of_another_machine_is_refused(tmp_path: Path) -> None:
    with neuraxis.Broker(tmp_path / "data") as broker:
        identity = tmp_path / "data" / "neuraxis.properties"
        identity.write_text(identity.read_text().replace("directory.id=", "directory.id=x"))
        with pytest.raises(ClientError, match="is not the data directory of the broker that answered"):
            take(broker, DirectoryDepot(tmp_path / "depot"))
