"""What a member of a streams group says in a heartbeat, and what of it makes no sense (42) in any group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams.state import LEFT_FOR_NOW, Duties, Endpoint, Progress, TaskId
from neuraxis.broker.coordinators.streams.topology import MAX_TASKS
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from neuraxis.broker.coordinators.streams.topology import Topology

MAX_NAMES = 10_000
"""Subtopologies and topics of one topology: it is one record, a megabyte of names at the most."""

MAX_TAGS = 100
"""Client tags of a member: they are in its record, which every change of it writes anew."""


@dataclass(frozen=True, slots=True)
class StreamsHeartbeat:
    """A member lives, joins (epoch 0), leaves (-1) or leaves for a while (-2). None: as before, or not said."""

    token: int
    group_id: str
    member_id: str
    member_epoch: int
    endpoint_epoch: int = -1
    instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    topology: Topology | None = None
    active: frozenset[TaskId] | None = None
    standby: frozenset[TaskId] | None = None
    warmup: frozenset[TaskId] | None = None
    process_id: str | None = None
    endpoint: Endpoint | None = None
    client_tags: tuple[tuple[str, str], ...] | None = None
    progress: Progress | None = None
    shutdown: bool = False
    client_id: str = ""
    client_host: str = ""
    api_version: int = 1

    @property
    def joins(self) -> bool:
        """Whether it wants to be a member, anew or again."""
        return self.member_epoch == 0

    def owned(self) -> Duties | None:
        """What it says that it has; None: it does not say."""
        if self.active is None or self.standby is None or self.warmup is None:
            return None
        return Duties(self.active, self.standby, self.warmup)


def check(command: StreamsHeartbeat) -> None:
    """Refuse (42) what no state could make right."""
    if not command.group_id or not command.member_id:
        raise _senseless("it needs a group id and a member id")
    if command.member_epoch < LEFT_FOR_NOW:
        raise _senseless(f"there is no member epoch {command.member_epoch}")
    if "" in (command.instance_id, command.rack_id):
        raise _senseless("instance id and rack are null or have names")
    if command.member_epoch == LEFT_FOR_NOW and command.instance_id is None:
        raise _senseless("only a member with an instance id can leave for a while (-2)")
    if not command.joins and command.topology is not None:
        raise _senseless("only who joins (epoch 0) sends a topology")
    said = (command.active, command.standby, command.warmup)
    if command.joins:
        _check_join(command)
    elif None in said and said != (None, None, None):
        raise _senseless("tasks of all three kinds are null, or none is")
    _check_sizes(command)


def _check_join(command: StreamsHeartbeat) -> None:
    if command.topology is None:
        raise _senseless("who joins sends its topology")
    if command.rebalance_timeout_ms < 0:
        raise _senseless("who joins says its rebalance timeout")
    if command.owned() != Duties():
        raise _senseless("who joins has no tasks: it sends empty lists")
    if any(each.regexes for each in command.topology.subtopologies):
        raise _senseless("source topics are named one by one: expressions are not supported yet")


def _check_sizes(command: StreamsHeartbeat) -> None:
    owned = command.owned() or Duties()
    progress = command.progress or Progress()
    if len(owned.tasks()) + len(progress.offsets) + len(progress.end_offsets) > 3 * MAX_TASKS:
        raise _senseless(f"no group has more than {MAX_TASKS} tasks")
    if len(command.client_tags or ()) > MAX_TAGS:
        raise _senseless(f"a member can have {MAX_TAGS} client tags")
    topology = command.topology
    if topology is None:
        return
    names = len(topology.subtopologies) + sum(
        len(each.sources) + len(each.sinks) + len(each.changelogs) + len(each.repartitions)
        for each in topology.subtopologies
    )
    if names > MAX_NAMES:
        raise _senseless(f"a topology can have {MAX_NAMES} subtopologies and topics")


def _senseless(problem: str) -> Refused:
    return Refused(ErrorCode.INVALID_REQUEST, f"The heartbeat makes no sense: {problem}.")
