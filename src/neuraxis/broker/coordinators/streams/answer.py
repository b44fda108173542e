"""What StreamsGroupHeartbeat answers: tasks, statuses, who can be asked where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams.records import by_subtopology
from neuraxis.broker.coordinators.streams.state import NEW, NOTHING
from neuraxis.broker.coordinators.streams.topology import StatusCode, task_partitions
from neuraxis.wire.messages.streams_group_heartbeat import (
    Endpoint,
    EndpointToPartitions,
    Status,
    StreamsGroupHeartbeatResponse,
    TaskIds,
    TopicPartition,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from neuraxis.broker.coordinators.group.consumer.view import View
    from neuraxis.broker.coordinators.streams.commands import StreamsHeartbeat
    from neuraxis.broker.coordinators.streams.state import StreamsGroup, TaskId


def body(
    before: StreamsGroup | None,
    after: StreamsGroup,
    command: StreamsHeartbeat,
    view: View,
    waits: Iterable[str],
) -> StreamsGroupHeartbeatResponse:
    """The answer to a member, without what concerns endpoints."""
    group_id, member_id = command.group_id, command.member_id
    current = after.current[member_id]
    answer = StreamsGroupHeartbeatResponse(
        member_id=member_id,
        member_epoch=current.member_epoch,
        heartbeat_interval_ms=view.group_config(group_id, "streams.heartbeat.interval.ms"),
        task_offset_interval_ms=view.group_config(group_id, "streams.task.offset.interval.ms"),
        acceptable_recovery_lag=view.group_config(group_id, "streams.acceptable.recovery.lag"),
        status=_statuses(after, command, waits),
    )
    was = NEW if before is None else before.current.get(member_id, NEW)
    owned = command.owned()
    # An answer may have been lost: who says what it has, and lacks something, is told again.
    lacks = owned is not None and current.assigned.minus(owned) != NOTHING
    if command.joins or lacks or was.assigned != current.assigned:
        answer.active_tasks, answer.standby_tasks, answer.warmup_tasks = (
            _task_ids(tasks) for tasks in current.assigned
        )
    return answer


def farewell(command: StreamsHeartbeat) -> StreamsGroupHeartbeatResponse:
    """The answer to a member that leaves."""
    return StreamsGroupHeartbeatResponse(member_id=command.member_id, member_epoch=command.member_epoch)


def _task_ids(tasks: Collection[TaskId]) -> list[TaskIds]:
    return [TaskIds(*item) for item in by_subtopology(tasks).items()]


def _statuses(group: StreamsGroup, command: StreamsHeartbeat, waits: Iterable[str]) -> list[Status]:
    statuses = [Status(StatusCode.ASSIGNMENT_DELAYED, text) for text in waits]
    if group.configured is not None and group.configured.status is not None:
        statuses.append(Status(*group.configured.status))
    by = command.member_id if command.shutdown and group.shutdown_by is None else group.shutdown_by
    if by is not None:
        statuses.append(
            Status(
                StatusCode.SHUTDOWN_APPLICATION,
                f"Member {by} cannot go on and asked the whole application to stop.",
            )
        )
    return statuses


def endpoints_moved(before: StreamsGroup | None, after: StreamsGroup, member_id: str) -> bool:
    """Whether a heartbeat changed who can be asked where."""
    old = None if before is None else before.members.get(member_id)
    new = after.members[member_id]
    was = NEW if before is None else before.current.get(member_id, NEW)
    if new.endpoint is None and (old is None or old.endpoint is None):
        return False
    return old is None or old.endpoint != new.endpoint or was.assigned != after.current[member_id].assigned


def partitions_by_endpoint(group: StreamsGroup) -> list[EndpointToPartitions]:
    """Every endpoint with the partitions whose data it has."""
    if group.topology is None:
        return []
    counts = {} if group.configured is None else group.configured.partitions
    found = []
    for member_id, member in group.members.items():
        if member.endpoint is None:
            continue
        assigned = group.current.get(member_id, NEW).assigned
        found.append(
            EndpointToPartitions(
                Endpoint(*member.endpoint),
                *(
                    [
                        TopicPartition(topic, sorted(partitions))
                        for topic, partitions in task_partitions(group.topology, tasks, counts).items()
                    ]
                    for tasks in (assigned.active, assigned.standby)
                ),
            )
        )
    return found
