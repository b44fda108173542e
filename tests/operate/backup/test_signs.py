"""Signs: of two that must not meet one gives way, whoever is gone is not waited for, whoever was held up notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuraxis.client.errors import ClientError
from neuraxis.operate.backup.depots import DirectoryDepot
from neuraxis.operate.backup.signs import FOLDER, PRUNING, RENEW_S, STALE_S, TAKING, Sign


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_who_prunes_gives_way_to_who_takes_a_backup_and_leaves_no_sign(tmp_path: Path) -> None:
    depot, clock = DirectoryDepot(tmp_path), Clock()
    taking = Sign(depot, TAKING, clock)
    taking.hoist((PRUNING,))
    Sign(depot, TAKING, clock).hoist((PRUNING,))  # two backups at a time do no harm
    with pytest.raises(ClientError, match="a backup is being taken"):
        Sign(depot, PRUNING, clock).hoist((TAKING, PRUNING))
    assert not [name for name in depot.names(FOLDER) if PRUNING in name]
    taking.lower()
    taking.lower()


def test_the_sign_of_a_process_that_is_gone_is_cleared_away_once_it_is_stale(tmp_path: Path) -> None:
    depot, clock = DirectoryDepot(tmp_path), Clock()
    Sign(depot, PRUNING, clock).hoist((TAKING, PRUNING))
    clock.now += STALE_S - 1
    with pytest.raises(ClientError, match="being pruned"):
        Sign(depot, TAKING, clock).hoist((PRUNING,))
    clock.now += 1
    taking = Sign(depot, TAKING, clock)
    taking.hoist((PRUNING,))
    taking.lower()
    assert depot.names(FOLDER) == []


def test_a_sign_is_renewed_and_its_owner_notices_when_that_came_too_late(tmp_path: Path) -> None:
    depot, clock = DirectoryDepot(tmp_path), Clock()
    sign = Sign(depot, TAKING, clock)
    sign.hoist(())
    (name,) = depot.names(FOLDER)
    clock.now += RENEW_S - 1
    sign.renew()
    assert int(depot.get(name)) == 1_000_000, "not with each piece"
    clock.now += 1
    sign.renew()
    assert int(depot.get(name)) == 1_000_000 + RENEW_S
    clock.now += STALE_S / 2 + 1
    with pytest.raises(ClientError, match="held up"):
        sign.renew()


def test_what_cannot_be_read_as_a_sign_is_waited_for(tmp_path: Path) -> None:
    depot = DirectoryDepot(tmp_path)
    depot.put(f"{FOLDER}{TAKING}-x", b"soon")
    with pytest.raises(ClientError):
        Sign(depot, PRUNING).hoist((TAKING,))
