from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.streams.partitioning import Unequal, count_partitions
from neuraxis.broker.coordinators.streams.topology import Copartition, Topology
from neuraxis.wire.errors import Refused
from tests.broker.coordinators.streams.world import info, part


def test_numbers_follow_through_repartition_topics_in_any_order() -> None:
    found = count_partitions(
        Topology(
            0,
            (
                part("2", repartitions=(info("r2"),), changelogs=(info("log"),)),
                part("1", repartitions=(info("r1"), info("fixed", 5)), sinks=("r2",)),
                part("0", "in", sinks=("r1", "fixed")),
            ),
        ),
        {"in": 3},
    )
    assert found.partitions == {"in": 3, "fixed": 5, "r1": 3, "r2": 5, "log": 5}
    assert found.tasks == {"0": 3, "1": 5, "2": 5}


def test_topics_that_are_read_together_get_the_same_number() -> None:
    joined = part("1", "b", repartitions=(info("r"),), copartitions=(Copartition((0,), (), (0,)),))
    found = count_partitions(Topology(0, (part("0", "a", sinks=("r",)), joined)), {"a": 2, "b": 7})
    assert found.partitions["r"] == 7
    free = part("1", repartitions=(info("r"), info("s")), copartitions=(Copartition((), (), (0, 1)),))
    sources = (part("0", "a", sinks=("r",)), part("2", "b", sinks=("s",)), free)
    assert count_partitions(Topology(0, sources), {"a": 2, "b": 7}).partitions["r"] == 7


def test_topics_that_cannot_get_the_same_number_are_named() -> None:
    both = part("0", "a", "b", copartitions=(Copartition((0, 1), (), ()),))
    with pytest.raises(Unequal, match="a has 2, b has 7"):
        count_partitions(Topology(0, (both,)), {"a": 2, "b": 7})


@pytest.mark.parametrize(
    "parts",
    [
        (part("0", "in"), part("1", repartitions=(info("r"),))),
        (part("0", "in", sinks=("x",)), part("1", repartitions=(info("r"),), sinks=("r",))),
    ],
)
def test_numbers_that_cannot_be_found_are_refused(parts: tuple) -> None:  # type: ignore[type-arg]  # of subtopologies
    with pytest.raises(Refused):
        count_partitions(Topology(0, parts), {"in": 1})
