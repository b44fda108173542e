"""How many partitions the topics of a topology have: those that are made for it follow from those that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuraxis.broker.coordinators.streams.topology import Subtopology, Topology


class Counts(NamedTuple):
    """Partitions of every topic, and tasks of every subtopology."""

    partitions: dict[str, int]
    tasks: dict[str, int]


class Unequal(Exception):
    """Topics that must have equally many partitions do not."""


def count_partitions(topology: Topology, sources: Mapping[str, int]) -> Counts:
    """Find all numbers. `sources`: those of the topics that must exist. Raises Unequal, or refuses (130)."""
    partitions = dict(sources)
    given = {
        info.name for each in topology.subtopologies for info in each.repartitions if info.partitions > 0
    }
    for each in topology.subtopologies:
        partitions.update({info.name: info.partitions for info in each.repartitions if info.name in given})
    _follow_sinks(topology, partitions)
    for each in topology.subtopologies:
        for group in each.copartitions:
            fixed = [each.sources[index] for index in group.sources]
            made = [each.repartitions[index].name for index in group.repartitions]
            _make_equal(
                [*fixed, *(name for name in made if name in given)],
                [name for name in made if name not in given],
                partitions,
            )
    tasks = {each.name: max(partitions[name] for name in each.inputs()) for each in topology.subtopologies}
    for each in topology.subtopologies:
        partitions.update({info.name: tasks[each.name] for info in each.changelogs})
    return Counts(partitions, tasks)


def _follow_sinks(topology: Topology, partitions: dict[str, int]) -> None:
    """A repartition topic has as many partitions as the widest subtopology that writes to it has tasks."""
    writers: dict[str, list[Subtopology]] = {}
    for each in topology.subtopologies:
        for name in each.sinks:
            writers.setdefault(name, []).append(each)
    open_topics = [
        info.name
        for each in topology.subtopologies
        for info in each.repartitions
        if info.name not in partitions
    ]
    lost = [name for name in open_topics if name not in writers]
    if lost:
        raise _refuse(f"Nothing writes to repartition topic {lost[0]}, so its number of partitions is open.")
    while open_topics:
        left = []
        for name in open_topics:
            feeding = [topic for writer in writers[name] for topic in writer.inputs()]
            if all(topic in partitions for topic in feeding):
                partitions[name] = max(partitions[topic] for topic in feeding)
            else:
                left.append(name)
        if len(left) == len(open_topics):
            raise _refuse(f"Repartition topics feed themselves: {', '.join(sorted(set(left)))}.")
        open_topics = left


def _make_equal(fixed: list[str], free: list[str], partitions: dict[str, int]) -> None:
    found = {partitions[name] for name in fixed}
    if len(found) > 1:
        shown = ", ".join(f"{name} has {partitions[name]}" for name in sorted(fixed))
        raise Unequal(f"Topics that are read together have different numbers of partitions: {shown}.")
    if free:
        number = found.pop() if found else max(partitions[name] for name in free)
        partitions.update(dict.fromkeys(free, number))


def _refuse(message: str) -> Refused:
    return Refused(ErrorCode.STREAMS_INVALID_TOPOLOGY, message)
