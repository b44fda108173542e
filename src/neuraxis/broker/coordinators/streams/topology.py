"""Topologies of streams groups: what members say, and what becomes of it with the topics there are.

Rule of the file: a topology that no topics could make right is refused (130); what topics can make right is a status.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.coordinators.streams.partitioning import Counts, Unequal, count_partitions
from neuraxis.broker.topic_names import is_valid_name
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from neuraxis.broker.coordinators.group.consumer.view import View

MAX_TASKS = 100_000
"""Tasks of a group, all partitions of all subtopologies: each is in the records of whoever has it, some 2 MB in all."""

INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
NAMED = 3
"""Missing topics that a status names; the rest is a number, so that a status stays a line."""


class StatusCode(IntEnum):
    """What a group may have to say beside the assignment."""

    STALE_TOPOLOGY = 0
    MISSING_SOURCE_TOPICS = 1
    INCORRECTLY_PARTITIONED_TOPICS = 2
    MISSING_INTERNAL_TOPICS = 3
    SHUTDOWN_APPLICATION = 4
    ASSIGNMENT_DELAYED = 5


class TopicInfo(NamedTuple):
    """An internal topic as the application wants it; 0: whatever fits."""

    name: str
    partitions: int
    replication_factor: int
    configs: tuple[tuple[str, str], ...] = ()


class Copartition(NamedTuple):
    """Topics that must have equally many partitions, as indices into a subtopology's lists."""

    sources: tuple[int, ...]
    regexes: tuple[int, ...]
    repartitions: tuple[int, ...]


class Subtopology(NamedTuple):
    """A part of the topology: one task for each partition of its topics."""

    name: str
    sources: tuple[str, ...]
    regexes: tuple[str, ...]
    changelogs: tuple[TopicInfo, ...]
    sinks: tuple[str, ...]
    repartitions: tuple[TopicInfo, ...]
    copartitions: tuple[Copartition, ...]

    def inputs(self) -> Iterator[str]:
        """All topics that it reads."""
        yield from self.sources
        yield from (each.name for each in self.repartitions)


class Topology(NamedTuple):
    """What an application does, as far as a broker needs to know."""

    epoch: int
    subtopologies: tuple[Subtopology, ...]

    def sources(self) -> frozenset[str]:
        """All topics that the application does not make itself."""
        return frozenset(name for each in self.subtopologies for name in each.sources)

    def inputs(self) -> frozenset[str]:
        """All topics that it reads."""
        return frozenset(name for each in self.subtopologies for name in each.inputs())

    def internal(self) -> Iterator[TopicInfo]:
        """The topics that are made for it: repartition topics first."""
        for each in self.subtopologies:
            yield from each.repartitions
        for each in self.subtopologies:
            yield from each.changelogs


class Configured(NamedTuple):
    """A topology with the topics there are.

    status: what is in its way (code, text); None: it is ready. tasks: partitions by subtopology. create: topics to be made.
    """

    status: tuple[StatusCode, str] | None
    tasks: dict[str, int]
    partitions: dict[str, int]
    create: tuple[TopicInfo, ...] = ()


def check(topology: Topology) -> None:
    """Refuse what makes no sense whatever topics there are."""
    names = [each.name for each in topology.subtopologies]
    if topology.epoch < 0 or len(set(names)) < len(names):
        raise Refused(
            ErrorCode.INVALID_REQUEST,
            "The topology makes no sense: its epoch is not negative, its subtopologies have different names.",
        )
    for each in topology.subtopologies:
        limits = (len(each.sources), len(each.regexes), len(each.repartitions))
        for group in each.copartitions:
            for found, limit in zip(group, limits, strict=True):
                if any(not 0 <= index < limit for index in found):
                    raise Refused(
                        ErrorCode.INVALID_REQUEST,
                        f"A copartition group of subtopology {each.name} names topics that it does not have.",
                    )
    made = {info.name for info in topology.internal()} | {
        name for each in topology.subtopologies for name in each.sinks
    }
    everything = sorted(topology.sources() | made)
    bad = [name for name in everything if not is_valid_name(name)]
    if bad:
        raise _refuse(f"These are not names of topics: {', '.join(bad)}.")
    taken = [name for name in everything if name in INTERNAL_TOPICS]
    if taken:
        raise _refuse(f"{', '.join(taken)} belongs to the broker; a topology cannot use it.")
    for each in topology.subtopologies:
        if not any(each.inputs()):
            raise _refuse(f"Subtopology {each.name} reads no topics.")
        for info in each.changelogs:
            if info.partitions:
                raise _refuse(
                    f"Changelog topic {info.name} has as many partitions as its tasks need: leave the number out."
                )


def configure(topology: Topology, view: View) -> Configured:
    """Hold the topology against the topics there are. Refuses (130) where numbers of partitions cannot be found."""
    sources: dict[str, int] = {}
    missing = []
    for name in sorted(topology.sources()):
        topic = view.topic(name)
        if topic is None:
            missing.append(name)
        else:
            sources[name] = topic.partitions
    if missing:
        text = f"Source topics {', '.join(missing)} are missing."
        return Configured((StatusCode.MISSING_SOURCE_TOPICS, text), {}, {})
    try:
        counts = count_partitions(topology, sources)
    except Unequal as unequal:
        return _incorrect(str(unequal))
    if sum(counts.tasks.values()) > MAX_TASKS:
        raise _refuse(f"The topology has more than {MAX_TASKS} tasks; give its topics fewer partitions.")
    return _with_internal_topics(topology, counts, view)


def _with_internal_topics(topology: Topology, counts: Counts, view: View) -> Configured:
    create: dict[str, TopicInfo] = {}
    for info in topology.internal():
        wanted = counts.partitions[info.name]
        topic = view.topic(info.name)
        if topic is None:
            create[info.name] = info._replace(partitions=wanted)
        elif topic.partitions != wanted:
            return _incorrect(
                f"Existing topic {info.name} has {topic.partitions} partitions, and the topology needs {wanted}: "
                f"reset the application, or delete the topic."
            )
    status = None
    if create:
        named = ", ".join(list(create)[:NAMED])
        more = len(create) - NAMED
        also = f" and {more} more" if more > 0 else ""
        status = (StatusCode.MISSING_INTERNAL_TOPICS, f"Internal topics are missing: {named}{also}")
    return Configured(status, counts.tasks, counts.partitions, tuple(create.values()))


def _incorrect(text: str) -> Configured:
    return Configured((StatusCode.INCORRECTLY_PARTITIONED_TOPICS, text), {}, {})


def metadata_hash(topology: Topology, view: View) -> int:
    """A number that changes with the topics of the topology, their ids and partition counts; 0: there are none."""
    digest = hashlib.blake2b(digest_size=8)
    found = False
    for name in sorted(topology.sources().union(info.name for info in topology.internal())):
        topic = view.topic(name)
        if topic is not None:
            found = True
            digest.update(f"{name}/{topic.topic_id.hex()}/{topic.partitions};".encode())
    return int.from_bytes(digest.digest(), "big", signed=True) if found else 0


def stateful(topology: Topology) -> frozenset[str]:
    """The subtopologies whose tasks have stores to be kept warm."""
    return frozenset(each.name for each in topology.subtopologies if each.changelogs)


def subtopologies_of(topology: Topology, topic: str) -> Iterable[str]:
    """The subtopologies that read a topic."""
    return [each.name for each in topology.subtopologies if topic in set(each.inputs())]


def task_partitions(
    topology: Topology, tasks: Iterable[tuple[str, int]], counts: Mapping[str, int]
) -> dict[str, list[int]]:
    """The partitions that tasks read, by topic."""
    by_name = {each.name: each for each in topology.subtopologies}
    found: dict[str, list[int]] = {}
    for name, partition in sorted(tasks):
        for topic in by_name[name].inputs() if name in by_name else ():
            if partition < counts.get(topic, 0):
                found.setdefault(topic, []).append(partition)
    return found


def _refuse(message: str) -> Refused:
    return Refused(ErrorCode.STREAMS_INVALID_TOPOLOGY, message)
