"""Who depends on whom among operations, and whether anybody depends on its own future.

Edges, after Adya: ww from the writer of a value to the writer of the next one in its log; wr from a writer to whoever
read its value; rw from a reader to the writer of the next value after the last one it read. What a cycle means:

- ww alone (G0), ww and wr (here G1c-ww), or with rw (G2): labelled and allowed. Kafka's transactions do not keep
  writers apart: two open transactions may append to two logs in opposite order, and one may end, and be read by
  the other, while the other is still open. Nor is a poll a snapshot.
- wr alone (G1c): broken. A read_committed reader sees only what was committed before; going round in a circle,
  somebody read a transaction that had not ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

from neuraxis.testing.history.events import Log, Operation
from neuraxis.testing.history.facts import Facts
from neuraxis.testing.history.verdict import Draft, Verdict

Graph = dict[int, set[int]]


def cycles(facts: Facts) -> Verdict:
    """G1c is broken; G0, G1c-ww and G2 are labelled with the number of components that have one."""
    draft = Draft("cycles", "dependencies of transactions")
    nodes = {
        operation.number: operation
        for operation in facts.operations
        if operation.kind in ("send", "poll", "txn") and _happened(facts, operation)
    }
    ww, wr, rw = _edges(facts, nodes)
    if any(operation.kind == "txn" for operation in nodes.values()):
        draft.checked = sum(len(targets) for graph in (ww, wr, rw) for targets in graph.values())
    for component in components(wr):
        path = _cycle(wr, component)
        draft.finding("G1c: " + " is read by ".join(str(nodes[number]) for number in [*path, path[0]]))
    seen: set[int] = set()
    for label, graph in (("G0", ww), ("G1c-ww", _union(ww, wr)), ("G2", _union(ww, wr, rw))):
        found = [component for component in components(graph) if not component & seen]
        if found:
            draft.labels[label] = len(found)
            seen.update(*found)
    return draft.done("no transaction was committed")


def _happened(facts: Facts, operation: Operation) -> bool:
    """Whether the operation certainly took effect: it said so, or somebody read what it wrote."""
    return operation.outcome == "ok" or (
        operation.outcome == "unknown"
        and any(facts.committed(log, value) for log, value, _ in operation.sends)
    )


def _edges(facts: Facts, nodes: Mapping[int, Operation]) -> tuple[Graph, Graph, Graph]:
    ww: Graph = defaultdict(set)
    wr: Graph = defaultdict(set)
    rw: Graph = defaultdict(set)
    following: dict[tuple[Log, int], int] = {}
    for log, rows in facts.version_order.items():
        for (_, value), (_, next_value) in pairwise(rows):
            before, after = facts.writers[log, value].number, facts.writers[log, next_value].number
            following[log, value] = after
            if before != after:
                ww[before].add(after)
    for number, operation in nodes.items():
        last: dict[Log, int] = {}
        for log, value, _ in operation.polls:
            last[log] = value
            writer = facts.writers.get((log, value))
            if writer is not None and writer.number in nodes and writer.number != number:
                wr[writer.number].add(number)
        for key in last.items():
            if key in following and following[key] != number:
                rw[number].add(following[key])
    return ww, wr, rw


def _union(*graphs: Graph) -> Graph:
    union: Graph = defaultdict(set)
    for graph in graphs:
        for number, targets in graph.items():
            union[number] |= targets
    return union


def components(graph: Mapping[int, Iterable[int]]) -> list[set[int]]:
    """The strongly connected components of two nodes or more (Tarjan's algorithm, without recursion)."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[set[int]] = []
    for root in graph:
        if root in order:
            continue
        walk = [(root, iter(graph.get(root, ())))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while walk:
            node, targets = walk[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    stack.append(target)
                    on_stack.add(target)
                    walk.append((target, iter(graph.get(target, ()))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], order[target])
            else:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[node])
                if low[node] == order[node]:
                    component: set[int] = set()
                    while node not in component:
                        component.add(stack.pop())
                    on_stack -= component
                    if len(component) > 1:
                        found.append(component)
    return found


def _cycle(graph: Graph, component: set[int]) -> list[int]:
    """A shortest cycle through the component's smallest node: what a person wants to read."""
    start = min(component)
    came_from: dict[int, int] = {}
    edge = [start]
    while edge:
        following: list[int] = []
        for node in edge:
            for target in sorted(graph.get(node, set()) & component):
                if target == start:
                    path = [node]
                    while path[-1] != start:
                        path.append(came_from[path[-1]])
                    return path[::-1]
                if target not in came_from:
                    came_from[target] = node
                    following.append(target)
        edge = following
    raise AssertionError("a strongly connected component has a cycle through each of its nodes")
