"""Pruning: what stays can be restored, what only the others needed is gone, and nobody's work is taken from under them."""

from __future__ import annotations

from pathlib import Path

import pytest

import neuraxis
from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.catalogue import Catalogue
from neuraxis.operate.backup.depots import DirectoryDepot
from neuraxis.operate.backup.manifest import name_of
from neuraxis.operate.backup.pruning import FOLDERS, prune
from neuraxis.operate.backup.restoring import restore
from neuraxis.operate.backup.signs import FOLDER, PRUNING, TAKING, Sign
from tests.operate.backup.support import produce, read, take


def pieces_of(depot: DirectoryDepot) -> set[str]:
    return {name for folder in FOLDERS for name in depot.names(folder)}


def test_what_stays_is_whole_and_what_only_older_backups_needed_is_gone(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        ids = []
        for number in range(3):
            produce(broker, "drives", range(number * 10, number * 10 + 10))
            ids.append(take(broker, depot).id)
    depot.put("pieces/ab/abandoned", b"of a backup that was cut short")
    before = pieces_of(depot)
    told = prune(depot, 1, dry_run=True)
    assert (told.backups, told.kept) == (tuple(ids[:2]), (ids[2],))
    assert pieces_of(depot) == before
    assert Catalogue(depot).ids() == ids
    pruned = prune(depot, 1)
    assert pruned == told
    assert len(before) - len(pieces_of(depot)) == pruned.pieces > 1
    assert "pieces/ab/abandoned" not in pieces_of(depot)
    assert pruned.bytes > 0
    assert Catalogue(depot).ids() == ids[2:]
    assert depot.names(FOLDER) == []
    restore(depot, str(tmp_path / "again"))
    with neuraxis.Broker(tmp_path / "again") as broker:
        assert sorted(read(broker, "all", "drives", 30)) == list(range(30))
    again = prune(depot, 1)
    assert (again.backups, again.pieces) == ((), 0)


def test_no_manifest_is_listed_whose_pieces_are_gone_however_far_it_came(tmp_path: Path) -> None:
    class Cut(DirectoryDepot):
        left = 1 << 30

        def remove(self, name: str) -> None:
            if name.startswith("pieces/"):
                assert not (self.root / name_of(ids[0])).exists()
                self.left -= 1
                if self.left < 0:
                    raise OSError(5, "the place is gone")
            super().remove(name)

    depot = Cut(tmp_path / "depot")
    with neuraxis.Broker(tmp_path / "data") as broker:
        ids = []
        for number in range(2):
            produce(broker, "drives", range(number * 10, number * 10 + 10))
            ids.append(take(broker, depot).id)
    depot.left = 0
    with pytest.raises(OSError, match="gone"):
        prune(depot, 1)
    assert Catalogue(depot).ids() == ids[1:]
    depot.left = 1 << 30
    assert prune(depot, 1).pieces > 0, "the rest goes the next time"
    restore(depot, str(tmp_path / "again"))


def test_a_damaged_manifest_that_would_stay_is_named_and_nothing_goes(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path)
    depot.put(name_of("20261101T000000000Z"), b"old")
    depot.put(name_of("20261102T000000000Z"), b"{}\nwrong\n")
    depot.put("pieces/ab/abc", b"of whom?")
    with pytest.raises(ClientError, match="20261102T000000000Z"):
        prune(depot, 1)
    assert depot.has("pieces/ab/abc")
    assert len(Catalogue(depot).ids()) == 2
    assert depot.names(FOLDER) == []


def test_a_backup_being_taken_and_pruning_keep_out_of_each_others_way(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path / "depot")
    taking = Sign(depot, TAKING)
    taking.hoist(())
    with pytest.raises(ClientError, match="being taken"):
        prune(depot, 1)
    taking.lower()
    pruning = Sign(depot, PRUNING)
    pruning.hoist(())
    with neuraxis.Broker(tmp_path / "data") as broker:
        with pytest.raises(ClientError, match="being pruned"):
            take(broker, depot)
        pruning.lower()
        take(broker, depot)
    assert depot.names(FOLDER) == []


def test_the_last_backup_does_not_go(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="at least one"):
        prune(DirectoryDepot(tmp_path), 0)
