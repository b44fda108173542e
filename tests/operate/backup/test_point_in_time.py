"""A log is cut before its first batch with a later record, and recovery takes it from there."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuraxis.broker.log.checkpoint import CHECKPOINT, Checkpoint, parse, to_bytes
from neuraxis.broker.log.examination import Examination
from neuraxis.broker.log.fs import DiskFs
from neuraxis.broker.log.store import LogStore
from neuraxis.operate.backup.point_in_time import cut
from tests.broker.log.harness import OPTIONS, OS, WALL, World

BATCHES = 60


def written(root: Path) -> list[bytes]:
    """A log of batches whose newest records have WALL + 1, WALL + 11, ..."""
    world = World(fs=DiskFs(str(root)))  # type: ignore[arg-type]  # the harness uses nothing of the simulated disk here
    world.start()
    log = world.create("a", OS)
    for _ in range(BATCHES):
        world.append(log)
    world.settle()
    world.store.close(world.now)
    return world.histories[log.topic_id, 0].batches


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 16, 33, BATCHES - 1, BATCHES])
def test_the_batches_before_the_time_stay_and_no_other(tmp_path: Path, kept: int) -> None:
    batches = written(tmp_path)
    fs = DiskFs(str(tmp_path))
    checkpoint = parse((tmp_path / CHECKPOINT).read_bytes())
    assert checkpoint is not None
    ((key, before),) = checkpoint.entries.items()
    after = cut(fs, before, WALL + 10 * kept)
    assert after.recovery_point == 2 * kept
    assert (after is before) == (kept == BATCHES)
    fs.close()
    state = Checkpoint(checkpoint.journal_position, clean=True)
    (tmp_path / CHECKPOINT).write_bytes(to_bytes(state, [after.line()]))
    store = LogStore(DiskFs(str(tmp_path)), OPTIONS)
    world = World()
    store.recover(world.now)
    log = store.logs[key]
    assert [bytes(view) for view in log.batches_from(0)] == batches[:kept]
    assert log.max_timestamp == (WALL + 10 * (kept - 1) + 1 if kept else -1)
    known = log.producers.by_id.get(9)
    assert (known.batches[-1].last_offset if known is not None and known.batches else -1) == 2 * kept - 1
    store.close(world.now)
    report = Examination(DiskFs(str(tmp_path))).run()
    assert not report.damaged, report.findings
