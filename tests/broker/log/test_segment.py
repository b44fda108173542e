"""Segments and their index files: lost, lying and lagging ones are made anew."""

from __future__ import annotations

from neuraxis.broker.log.log import Log
from neuraxis.broker.log.settings import LogSettings
from neuraxis.broker.work import Now
from neuraxis.wire.batch import read_header, set_offset
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.records import Record, build_batch
from tests.broker.log.harness import OS, WALL, World


def a_log(settings: LogSettings = OS) -> tuple[World, Log]:
    world = World()
    world.start()
    return world, world.create("a", settings)


def append_at(log: Log, *timestamps: int, codec: CompressionType = CompressionType.NONE) -> None:
    """Append one batch whose records have these timestamps."""
    records = [Record(i, timestamp, None, b"v") for i, timestamp in enumerate(timestamps)]
    view = memoryview(bytearray(build_batch(records, compression=codec)))
    set_offset(view, log.log_end_offset, log.leader_epoch)
    log.append(view, read_header(view), Now(0, WALL))


def test_a_lying_or_missing_index_is_made_anew() -> None:
    world, log = a_log()
    for _ in range(60):
        world.append(log, size=100)
    world.store.close(world.now)
    indexes = [name for name in world.fs.list("a-0") if name.endswith("index")]
    for damage in ("flip", "empty", "longer", "gone"):
        for name in indexes:
            content = world.fs.content(f"a-0/{name}")
            if damage == "flip" and content:
                content[len(content) // 2] ^= 0x40
            elif damage == "empty":
                content.clear()
            elif damage == "longer":
                content += b"\xff" * 5
            elif damage == "gone":
                world.fs.remove(f"a-0/{name}")
        world.start()
        log = world.log("a")
        for offset in range(120):
            found = log.read(offset, 1, 120)
            assert found is not None
            assert read_header(found.read()).base_offset == offset // 2 * 2
            found.release()
        world.store.close(world.now)
