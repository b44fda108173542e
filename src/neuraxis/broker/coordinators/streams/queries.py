"""What is read of streams groups: StreamsGroupDescribe. Rule of the file: nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams.records import by_subtopology
from neuraxis.broker.coordinators.streams.state import NEW, NOTHING, Progress
from neuraxis.broker.coordinators.streams.topology import configure
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages import streams_group_describe as wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.streams.state import Duties, StreamsGroup
    from neuraxis.broker.coordinators.streams.topology import TopicInfo, Topology

STREAMS = "streams"
ASSIGNOR = "sticky"


def described(group_id: str, group: StreamsGroup, view: View) -> wire.DescribedGroup:
    """A group as StreamsGroupDescribe shows it."""
    return wire.DescribedGroup(
        group_id=group_id,
        group_state=group.phase(),
        group_epoch=group.epoch,
        assignment_epoch=group.assignment_epoch,
        topology=None if group.topology is None else _topology(group.topology, view),
        members=[_member(group, member_id) for member_id in group.members],
        assignor_name=ASSIGNOR,
    )


def _topology(topology: Topology, view: View) -> wire.Topology:
    """The topology with the numbers of partitions that follow from the topics there are; as it was said, if none do."""
    try:
        found = configure(topology, view)
    except Refused:
        counts: Mapping[str, int] = {}
    else:
        counts = found.partitions if found.status is None else {}
    return wire.Topology(
        topology.epoch,
        [
            wire.Subtopology(
                each.name,
                sorted(each.sources),
                sorted(each.sinks),
                [_topic_info(info, counts) for info in each.changelogs],
                [_topic_info(info, counts) for info in each.repartitions],
            )
            for each in topology.subtopologies
        ],
    )


def _topic_info(info: TopicInfo, counts: Mapping[str, int]) -> wire.TopicInfo:
    return wire.TopicInfo(
        info.name,
        counts.get(info.name, info.partitions),
        info.replication_factor,
        [wire.KeyValue(*config) for config in info.configs],
    )


def _member(group: StreamsGroup, member_id: str) -> wire.Member:
    member, current = group.members[member_id], group.current.get(member_id, NEW)
    progress = group.progress.get(member_id, Progress())
    return wire.Member(
        member_id=member_id,
        member_epoch=current.member_epoch,
        instance_id=member.instance_id,
        rack_id=member.rack_id,
        client_id=member.client_id,
        client_host=member.client_host,
        topology_epoch=member.topology_epoch,
        process_id=member.process_id,
        user_endpoint=None if member.endpoint is None else wire.Endpoint(*member.endpoint),
        client_tags=[wire.KeyValue(*tag) for tag in member.client_tags],
        task_offsets=_offsets(progress.offsets),
        task_end_offsets=_offsets(progress.end_offsets),
        assignment=_duties(current.assigned),
        target_assignment=_duties(group.targets.get(member_id, NOTHING)),
    )


def _offsets(found: Iterable[tuple[str, int, int]]) -> list[wire.TaskOffset]:
    return [wire.TaskOffset(*each) for each in found]


def _duties(duties: Duties) -> wire.Assignment:
    return wire.Assignment(
        *([wire.TaskIds(*item) for item in by_subtopology(tasks).items()] for tasks in duties)
    )
