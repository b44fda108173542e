"""The `simple` assignor: every partition of a subscribed topic is read by somebody, every member reads something, in balance.

With more members than partitions several members read one; with fewer each partition has one. What a member read before it
keeps where the balance allows. Nothing depends on it but efficiency: any member may fetch any partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuraxis.broker.coordinators.share.group import Target


def assign(
    subscriptions: Mapping[str, frozenset[bytes]], counts: Mapping[bytes, int], before: Mapping[str, Target]
) -> dict[str, Target]:
    """The targets of members, by what topics they subscribe to, the partitions those have, and the targets of before."""
    found: dict[str, dict[bytes, list[int]]] = {member_id: {} for member_id in subscriptions}
    load = dict.fromkeys(sorted(subscriptions), 0)
    for topic_id in sorted(counts):
        members = [member_id for member_id in load if topic_id in subscriptions[member_id]]
        if not members or not counts[topic_id]:
            continue
        kept = {member_id: before.get(member_id, {}).get(topic_id, ()) for member_id in members}
        spread = _share if len(members) > counts[topic_id] else _divide
        for member_id, partitions in spread(members, counts[topic_id], kept, load).items():
            if partitions:
                found[member_id][topic_id] = sorted(partitions)
                load[member_id] += len(partitions)
    return {
        member_id: {topic_id: tuple(partitions) for topic_id, partitions in topics.items()}
        for member_id, topics in found.items()
    }


def _divide(
    members: list[str], count: int, kept: Mapping[str, tuple[int, ...]], load: Mapping[str, int]
) -> dict[str, list[int]]:
    """Each partition to one member; the numbers of any two differ by one at the most."""
    least, more = divmod(count, len(members))
    taken: set[int] = set()
    result: dict[str, list[int]] = {}
    # Those who had more keep more, else those who read less elsewhere get it.
    for member_id in sorted(members, key=lambda each: (-len(kept[each]), load[each])):
        own = [partition for partition in kept[member_id] if partition < count and partition not in taken]
        result[member_id] = own[: least + (1 if more and len(own) > least else 0)]
        more -= len(result[member_id]) > least
        taken.update(result[member_id])
    free = [partition for partition in range(count) if partition not in taken]
    for member_id in sorted(members, key=lambda each: (load[each] + len(result[each]), each)):
        room = least - len(result[member_id])
        if room >= 0 and more:
            room, more = room + 1, more - 1
        if room > 0:
            result[member_id] += free[:room]
            del free[:room]
    return result


def _share(
    members: list[str], count: int, kept: Mapping[str, tuple[int, ...]], _load: Mapping[str, int]
) -> dict[str, list[int]]:
    """One partition to each member; the numbers of readers of any two partitions differ by one at the most."""
    least, more = divmod(len(members), count)
    readers = [0] * count
    result: dict[str, list[int]] = {}
    for member_id in members:
        for partition in kept[member_id]:
            if partition < count and readers[partition] < least + (1 if more else 0):
                readers[partition] += 1
                more -= readers[partition] > least
                result[member_id] = [partition]
                break
    for member_id in members:
        if member_id not in result:
            partition = min(range(count), key=lambda each: readers[each])
            readers[partition] += 1
            result[member_id] = [partition]
    return result
