"""The judge of the process finds memory, threads and descriptors that grow, and compaction that never happens."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.soak.vitals import (
    MIB,
    WARM_S,
    Sample,
    compaction,
    descriptors,
    look,
    memory,
    metrics_of,
)

CALM = Sample(0.0, 0, 0.0, 60 * MIB, 5, 20, 20, 0, 1.0)


def life(number: int, count: int = 30, **steps: int) -> list[Sample]:
    """A life with a sample each ten seconds; `steps` is what a field gains from one to the next."""
    found = []
    for index in range(count):
        gained = {name: getattr(CALM, name) + step * index for name, step in steps.items()}
        found.append(replace(CALM, life=number, age_s=WARM_S + 10 * index, **gained))
    return found


def test_a_level_is_as_it_should_be() -> None:
    assert memory(life(0)).state == "ok"
    assert descriptors(life(0), CALM, CALM).state == "ok"
    grown_at_first = [replace(each, rss=30 * MIB) for each in life(0, 10)] + life(0, 20)
    assert memory(grown_at_first).state == "ok", "caches fill; what counts is the end"


def test_memory_that_grows_within_a_life_is_found() -> None:
    assert "memory grows" in memory(life(0, rss=2 * MIB)).findings[0]


def test_memory_that_grows_from_life_to_life_is_found() -> None:
    young = [
        replace(CALM, life=number, age_s=WARM_S - 1, rss=(40 + 4 * number) * MIB) for number in range(20)
    ]
    assert "memory after a start grows" in memory([*young, *life(20)]).findings[0]


def test_threads_and_descriptors_that_grow_are_found() -> None:
    assert "threads grow" in memory(life(0, threads=1)).findings[0]
    assert "descriptors grow" in descriptors(life(0, sockets=3), CALM, CALM).findings[0]
    assert "descriptors grow" in descriptors(life(0, files=3), CALM, CALM).findings[0]


def test_what_clients_leave_behind_is_found() -> None:
    assert "sockets are left" in descriptors(life(0), CALM, replace(CALM, sockets=40)).findings[0]
    assert "deleted files" in descriptors(life(0), CALM, replace(CALM, deleted=1)).findings[0]


def test_a_short_life_says_nothing() -> None:
    assert memory(life(0, 5)).state == "unknown"
    assert descriptors(life(0), None, CALM).state == "unknown"


def test_compaction_that_never_happens_or_gives_up_is_told() -> None:
    assert compaction({0: 2.0, 1: 1.0}, 0).state == "ok"
    assert compaction({0: 0.0}, 0).state == "unknown"
    assert compaction({0: 2.0}, 1).state == "fail"


def test_a_process_is_looked_at_and_one_that_is_gone_is_not() -> None:
    sample = look(os.getpid(), 1.0, 2, 3.0)
    assert (sample.at_s, sample.life, sample.age_s) == (1.0, 2, 3.0)
    assert sample.rss > MIB
    assert sample.threads >= 1
    with pytest.raises(OSError, match="No such"):
        look(2**22 + 1, 1.0, 2, 3.0)


def test_metrics_are_summed_over_their_labels() -> None:
    page = '# HELP a x\na{l="1"} 2\na{l="2"} 3\nab 7\nb 1\n'
    assert metrics_of(page, ["a", "b", "c"]) == {"a": 5.0, "b": 1.0, "c": 0.0}
