"""The server-side assignors of consumer groups, range and uniform: who is to have which partition. Pure functions.

uniform is sticky and balanced: nobody keeps more than a fair share, and what need not move does not. range hands each topic
out in contiguous pieces in the order of the members (static ones first, by instance id), so that topics with as many
partitions go to the same members (for joins).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from neuraxis.broker.coordinators.group.consumer.state import Target


class Candidate(NamedTuple):
    """A member as an assignor sees it: the ids of its topics (those that exist), and its target so far."""

    instance_id: str | None
    topic_ids: frozenset[bytes]
    target: Target


Candidates = dict[str, Candidate]
Given = dict[str, dict[bytes, list[int]]]
Partition = tuple[bytes, int]


def range_assignor(candidates: Candidates, partitions: Mapping[bytes, int]) -> dict[str, Target]:
    """Contiguous ranges of each topic, in the order of the members. `partitions` are counts by topic id."""
    given: Given = {member_id: {} for member_id in candidates}
    ordered = sorted(
        candidates,
        key=lambda each: (
            candidates[each].instance_id is None,
            candidates[each].instance_id or "",
            each,
        ),
    )
    for topic_id in sorted(partitions):
        readers = [each for each in ordered if topic_id in candidates[each].topic_ids]
        if not readers:
            continue
        share, extra = divmod(partitions[topic_id], len(readers))
        start = 0
        for position, member_id in enumerate(readers):
            end = start + share + (position < extra)
            if end > start:
                given[member_id][topic_id] = list(range(start, end))
            start = end
    return _frozen(given)


def uniform_assignor(candidates: Candidates, partitions: Mapping[bytes, int]) -> dict[str, Target]:
    """Balanced and sticky. `partitions` are counts by topic id."""
    subscriptions = {candidate.topic_ids for candidate in candidates.values()}
    if len(subscriptions) == 1:
        return _uniform(candidates, partitions)
    return _uniform_for_different(candidates, partitions)


ASSIGNORS: dict[str, Callable[[Candidates, Mapping[bytes, int]], dict[str, Target]]] = {
    "uniform": uniform_assignor,
    "range": range_assignor,
}


def _frozen(given: Given) -> dict[str, Target]:
    return {
        member_id: {topic_id: tuple(sorted(found)) for topic_id, found in sorted(topics.items()) if found}
        for member_id, topics in given.items()
    }


def _keep(candidates: Candidates, partitions: Mapping[bytes, int]) -> tuple[Given, set[Partition]]:
    """What every member may go on with, and all of it together; a partition is kept by the first that has it."""
    taken: set[Partition] = set()
    given: Given = {}
    for member_id in sorted(candidates):
        candidate = candidates[member_id]
        kept = given[member_id] = {}
        for topic_id, found in candidate.target.items():
            if topic_id not in candidate.topic_ids:
                continue
            count = partitions.get(topic_id, 0)
            mine = [each for each in found if each < count and (topic_id, each) not in taken]
            taken.update((topic_id, each) for each in mine)
            if mine:
                kept[topic_id] = mine
    return given, taken


def _uniform(candidates: Candidates, partitions: Mapping[bytes, int]) -> dict[str, Target]:
    """All members read the same topics: each gets the quotient, and as many as the remainder one more."""
    given, taken = _keep(candidates, partitions)
    topic_ids = next(iter(candidates.values())).topic_ids
    total = sum(count for topic_id, count in partitions.items() if topic_id in topic_ids)
    share, extra = divmod(total, len(candidates))
    free = [
        (topic_id, each)
        for topic_id in sorted(topic_ids)
        for each in range(partitions.get(topic_id, 0))
        if (topic_id, each) not in taken
    ]
    wanting: list[tuple[str, int]] = []
    for member_id, kept in given.items():
        have = sum(map(len, kept.values()))
        if have > share and extra:
            extra -= 1
            quota = share + 1
        else:
            quota = share
        if have > quota:
            free.extend(_give_up(kept, have - quota))
        wanting.append((member_id, max(quota - have, 0)))
    for position, (member_id, missing) in enumerate(wanting):
        if extra and _count(given[member_id]) + missing == share:
            extra -= 1
            wanting[position] = (member_id, missing + 1)
    free.sort(reverse=True)
    for member_id, missing in wanting:
        for _ in range(missing):
            topic_id, partition = free.pop()
            given[member_id].setdefault(topic_id, []).append(partition)
    assert not free, "the shares do not add up"
    return _frozen(given)


def _count(kept: dict[bytes, list[int]]) -> int:
    return sum(map(len, kept.values()))


def _give_up(kept: dict[bytes, list[int]], count: int) -> list[Partition]:
    given_up: list[Partition] = []
    for topic_id in sorted(kept, reverse=True):
        found = kept[topic_id]
        while found and len(given_up) < count:
            given_up.append((topic_id, found.pop()))
    return given_up


def _uniform_for_different(candidates: Candidates, partitions: Mapping[bytes, int]) -> dict[str, Target]:
    """Members read different topics: each partition goes to the least loaded reader, then loads are evened out.

    In the end no member could give a partition to a reader of its topic that has at least two fewer.
    """
    given, taken = _keep(candidates, partitions)
    loads = {member_id: _count(kept) for member_id, kept in given.items()}
    readers = {
        topic_id: [each for each in sorted(candidates) if topic_id in candidates[each].topic_ids]
        for topic_id in sorted(partitions)
    }
    # Topics with few readers first: they have the least choice.
    for topic_id in sorted(readers, key=lambda each: (len(readers[each]), each)):
        for partition in range(partitions[topic_id]):
            if readers[topic_id] and (topic_id, partition) not in taken:
                least = min(readers[topic_id], key=lambda each: (loads[each], each))
                given[least].setdefault(topic_id, []).append(partition)
                loads[least] += 1
    moved = True
    while moved:  # each move lowers the sum of the squares of the loads, so this ends
        moved = False
        for topic_id, members in readers.items():
            moved = _even_out(topic_id, members, given, loads) or moved
    return _frozen(given)


def _even_out(topic_id: bytes, members: list[str], given: Given, loads: dict[str, int]) -> bool:
    """Move partitions of one topic from the most to the least loaded of its readers while that helps."""
    moved = False
    while members:
        givers = [each for each in members if given[each].get(topic_id)]
        if not givers:
            break
        most = max(givers, key=lambda each: (loads[each], each))
        least = min(members, key=lambda each: (loads[each], each))
        if loads[most] - loads[least] < 2:
            break
        # Half the difference at once: a member that joins a large group takes its share in one step.
        count = min((loads[most] - loads[least]) // 2, len(given[most][topic_id]))
        for _ in range(count):
            given[least].setdefault(topic_id, []).append(given[most][topic_id].pop())
        loads[most] -= count
        loads[least] += count
        moved = True
    return moved
