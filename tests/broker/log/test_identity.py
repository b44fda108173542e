"""Whose directory it is, which format it has, and which boot wrote it last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neuraxis.broker.log import identity
from neuraxis.broker.log.failures import FormatTooNew, IdentityDamaged
from tests.broker.log.harness import OPTIONS, OS, SYNC, World


def started(**changes: int | str) -> World:
    world = World(options=replace(OPTIONS, **changes))  # type: ignore[arg-type]  # options by name
    world.start()
    return world


def test_epochs_must_rise_after_another_boot_but_not_after_a_mere_kill() -> None:
    world = started()
    world.create("a", OS)
    world.fs.kill()
    report = world.start()
    assert (report.unclean, report.other_boot, report.next_epoch) == (True, False, 0)
    for boot in (1, 2):
        world.fs.kill()
        world.options = replace(OPTIONS, boot_id=f"boot-{boot + 1}")
        report = world.start()
        assert (report.unclean, report.other_boot, report.next_epoch) == (True, True, boot)
    world.store.close(world.now)
    world.options = OPTIONS
    report = world.start()
    assert (report.unclean, report.other_boot, report.next_epoch) == (False, True, 2)


def test_a_newer_format_is_refused_and_left_alone() -> None:
    world = started()
    world.store.close(world.now)
    world.fs.replace(identity.IDENTITY, b"format.version=2\ncluster.id=x\n")
    with pytest.raises(FormatTooNew, match="format version 2; this version of neuraxis knows 1"):
        world.start()
    assert world.fs.content(identity.IDENTITY).startswith(b"format.version=2")


@pytest.mark.parametrize("content", [b"", b"format.version=abc\n", b"\0\xff\0", b"cluster.id=x\n"])
def test_an_identity_that_says_no_format_is_refused_and_left_alone(content: bytes) -> None:
    world = started()
    world.store.close(world.now)
    world.fs.replace(identity.IDENTITY, content)
    with pytest.raises(IdentityDamaged, match=r"neuraxis\.properties .* put the file back"):
        world.start()
    assert world.fs.content(identity.IDENTITY) == content


def test_a_directory_keeps_its_identity() -> None:
    world = World(options=replace(OPTIONS, cluster_id="first"))
    world.start()
    world.store.close(world.now)
    assert world.fs.content("meta.properties").startswith(b"version=1\ncluster.id=first\n")
    world.options = replace(OPTIONS, cluster_id="second")
    world.start()
    assert world.store.cluster_id == "first"


def test_only_logs_that_may_have_lost_something_rise() -> None:
    world = started()
    logs = {
        name: world.create(name, settings)
        for name, settings in (("a", OS), ("b", SYNC), ("c", OS), ("d", SYNC))
    }
    for log in logs.values():
        world.append(log)
    world.checkpoint()
    world.append(logs["c"])
    world.configure(logs["c"], SYNC)
    world.append(logs["c"])
    world.settle()
    world.fs.kill()
    world.options = replace(OPTIONS, boot_id="boot-2")
    world.start()
    assert [world.log(name).leader_epoch for name in "abcd"] == [1, 0, 1, 0]
    world.store.close(world.now)
    world.start()
    assert [world.log(name).leader_epoch for name in "abcd"] == [1, 0, 1, 0]
    assert world.log("a").end_offset_for_epoch(0) == (0, 2)
