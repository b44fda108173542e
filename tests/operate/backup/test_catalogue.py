"""Which backups a depot holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.catalogue import Catalogue
from neuraxis.operate.backup.depots import DirectoryDepot
from neuraxis.operate.backup.manifest import Manifest, name_of, to_bytes
from tests.operate.backup.test_manifest import LOG, MANIFEST


def with_epoch(backup_id: str, epoch: int) -> Manifest:
    return replace(MANIFEST, id=backup_id, logs=(replace(LOG, leader_epoch=epoch),))


def test_the_newest_is_the_last_by_time(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path)
    catalogue = Catalogue(depot)
    assert catalogue.newest_whole() is None
    with pytest.raises(ClientError, match="no backup here"):
        catalogue.newest()
    for backup_id, epoch in (("2", 7), ("1", 9), ("3", 8)):
        depot.put(name_of(backup_id), to_bytes(with_epoch(backup_id, epoch)))
    assert catalogue.ids() == ["1", "2", "3"]
    assert catalogue.newest().id == "3"
    assert catalogue.latest_epoch(catalogue.read("2")) == 8
    with pytest.raises(ClientError, match="no backup 4"):
        catalogue.read("4")


def test_a_damaged_manifest_is_passed_over_where_any_whole_one_will_do(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path)
    catalogue = Catalogue(depot)
    depot.put(name_of("1"), to_bytes(with_epoch("1", 1)))
    depot.put(name_of("2"), to_bytes(with_epoch("2", 5))[:-9])
    newest = catalogue.newest_whole()
    assert newest is not None
    assert newest.id == "1"
    assert catalogue.latest_epoch(newest) == 1
    with pytest.raises(ClientError, match="damaged"):
        catalogue.newest()
