"""Who is to do what: the sticky assignor of streams groups. Tasks stay where they were, members have equally many.

Processes matter: their members share a machine, so a standby never lies in the process that has the task, and the process
with the fewest tasks per member is served first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.coordinators.streams.state import Duties, TaskId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


@dataclass(slots=True)
class _Process:
    name: str
    counts: dict[str, int] = field(default_factory=dict)
    tasks: set[TaskId] = field(default_factory=set)
    total: int = 0

    def load(self) -> float:
        return self.total / len(self.counts)

    def idlest(self) -> str:
        return min(self.counts, key=lambda member_id: (self.counts[member_id], member_id))


class _Queue:
    """Processes by load, a binary heap: where loads are equal, its shape decides, as in Kafka's assignor."""

    def __init__(self, processes: Iterable[_Process]) -> None:
        self._heap: list[_Process] = []
        for process in processes:
            self.add(process)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, process: _Process) -> None:
        heap = self._heap
        heap.append(process)
        at = len(heap) - 1
        while at and process.load() < heap[(at - 1) // 2].load():
            heap[at] = heap[(at - 1) // 2]
            at = (at - 1) // 2
        heap[at] = process

    def pop(self) -> _Process:
        heap = self._heap
        first, last = heap[0], heap.pop()
        if heap:
            at = 0
            while 2 * at + 1 < len(heap):
                child = 2 * at + 1
                if child + 1 < len(heap) and heap[child + 1].load() < heap[child].load():
                    child += 1
                if last.load() <= heap[child].load():
                    break
                heap[at] = heap[child]
                at = child
            heap[at] = last
        return first


class _Work:
    """An assignment in the making."""

    def __init__(
        self, processes: Mapping[str, str], previous: Mapping[str, Duties], tasks: Collection[TaskId]
    ) -> None:
        self.process_of = processes
        self.processes: dict[str, _Process] = {}
        self.active: dict[str, set[TaskId]] = {}
        self.standby: dict[str, set[TaskId]] = {}
        self.had_active: dict[TaskId, str] = {}
        self.had_standby: dict[TaskId, list[str]] = {}
        for member_id in sorted(processes):
            name = processes[member_id]
            self.processes.setdefault(name, _Process(name)).counts[member_id] = 0
            self.active[member_id], self.standby[member_id] = set(), set()
            duties = previous.get(member_id, Duties())
            for task in duties.active:
                self.had_active[task] = member_id
            for task in duties.standby:
                self.had_standby.setdefault(task, []).append(member_id)
        self._open_tasks, self._open_members = len(tasks), len(processes)
        self._quota = self._per_member()

    def _per_member(self) -> int:
        return -(-self._open_tasks // self._open_members) if self._open_members else 0

    def process(self, member_id: str) -> _Process:
        return self.processes[self.process_of[member_id]]

    def has_room(self, member_id: str) -> bool:
        return self.process(member_id).counts[member_id] < self._quota

    def give(self, member_id: str, task: TaskId, *, active: bool) -> None:
        process = self.process(member_id)
        process.counts[member_id] += 1
        process.total += 1
        process.tasks.add(task)
        (self.active if active else self.standby)[member_id].add(task)
        if active and process.counts[member_id] == self._quota:
            # This one is full: what is left is shared by the others, so that nobody ends up with two tasks less.
            self._open_members -= 1
            self._open_tasks -= self._quota
            self._quota = self._per_member()

    def idlest_without(self, member_ids: Iterable[str], task: TaskId) -> str | None:
        free = [each for each in member_ids if task not in self.process(each).tasks]
        return min(free, key=lambda each: (self.process(each).counts[each], each), default=None)

    def balanced(self, member_id: str) -> bool:
        process = self.process(member_id)
        least = min(each.load() for each in self.processes.values())
        return process.total < len(process.counts) or process.load() <= least


def assign(
    processes: Mapping[str, str],
    previous: Mapping[str, Duties],
    tasks: Mapping[str, int],
    stateful: Collection[str],
    standby_replicas: int,
) -> dict[str, Duties]:
    """The duties of every member.

    Args:
        processes: the process of each member.
        previous: what each does now.
        tasks: the number of tasks of each subtopology.
        stateful: the subtopologies whose tasks have standbys.
        standby_replicas: how many each such task is to have.
    """
    every = [(name, partition) for name, count in tasks.items() for partition in range(count)]
    work = _Work(processes, previous, every)
    if processes:
        _assign_active(work, every)
        if standby_replicas:
            _assign_standby(work, [task for task in every if task[0] in stateful], standby_replicas)
    return {
        member_id: Duties(frozenset(work.active[member_id]), frozenset(work.standby[member_id]))
        for member_id in processes
    }


def _assign_active(work: _Work, tasks: list[TaskId]) -> None:
    left = []
    for task in sorted(tasks, key=lambda each: (each[1], each[0])):
        member_id = work.had_active.get(task)
        if member_id is not None and work.has_room(member_id):
            work.give(member_id, task, active=True)
        else:
            left.append(task)
    rest = []
    for task in left:
        warm = work.idlest_without(work.had_standby.get(task, ()), task)
        if warm is not None and work.has_room(warm):
            work.give(warm, task, active=True)
        else:
            rest.append(task)
    queue = _Queue(reversed(work.processes.values()))
    for task in sorted(rest):
        process = queue.pop()
        work.give(process.idlest(), task, active=True)
        queue.add(process)


def _assign_standby(work: _Work, tasks: list[TaskId], replicas: int) -> None:
    missing: list[tuple[TaskId, int]] = []
    for task in sorted(tasks, key=lambda each: (each[1], each[0]), reverse=True):
        for number in range(replicas):
            member_id = work.had_active.get(task)
            if member_id is None or task in work.process(member_id).tasks or not work.balanced(member_id):
                member_id = work.idlest_without(work.had_standby.get(task, ()), task)
                if member_id is not None and not work.balanced(member_id):
                    member_id = None
            if member_id is None:
                missing.append((task, replicas - number))
                break
            work.give(member_id, task, active=False)
    queue = _Queue(reversed(work.processes.values()))
    for task, count in sorted(missing):
        for _ in range(count):
            if not _give_to_idlest(work, queue, task):
                break  # fewer processes than replicas: there is nowhere else to put it


def _give_to_idlest(work: _Work, queue: _Queue, task: TaskId) -> bool:
    passed = []
    found = False
    while queue and not found:
        process = queue.pop()
        found = task not in process.tasks
        if found:
            work.give(process.idlest(), task, active=False)
        passed.append(process)
    for process in reversed(passed):
        queue.add(process)
    return found
