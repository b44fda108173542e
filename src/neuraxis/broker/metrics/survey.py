"""Reads the broker's numbers, a few at a time: the loop takes a slice of this between two turns and never waits for all of it.

Rule of the file: only numbers and texts come out, copied; what is yielded in between (None) is a place to pause. Whatever is
walked through is copied first: requests go on being served between two slices.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.authorisation.audit import OPERATIONS, RESOURCES
from neuraxis.broker.coordinators.group import queries
from neuraxis.broker.coordinators.share import group_queries
from neuraxis.broker.metrics.counters import Histogram, Waits
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import API_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from neuraxis.broker.coordinators.transaction.facts import Phase
    from neuraxis.broker.core import Core
    from neuraxis.broker.metrics.counters import Counters, Tally
    from neuraxis.broker.node import Node

MAX_PARTITIONS = 10_000
"""Partitions with series of their own: five megabytes of text, which Prometheus takes in a second."""
PAUSE_EVERY = 100
"""Things looked at between two places to pause: some 50 microseconds."""


class Sample(NamedTuple):
    """One number: the short name of its family, the values of its labels in the family's order, and the number."""

    family: str
    labels: tuple[str, ...]
    value: float | Histogram


class Shell(NamedTuple):
    """What the server knows beside the core; `work_times` by kind, in nanoseconds."""

    receive_pool_bytes: int
    unsent_bytes: int
    works_in_flight: int
    work_times: Mapping[str, Histogram]


Step = Sample | None


def survey(core: Core, shell: Shell, version: str) -> Iterator[Step]:
    """Every number of a broker. `version` is the release that runs."""
    node = core.node
    labels = (version, str(node.node_id), node.cluster_id)
    yield Sample("info", labels, 1)
    yield from _requests(node.counters)
    yield from _connections(node, shell)
    yield from _loop(node.counters, shell)
    yield from _storage(core)
    yield from _topics(node)
    yield from _coordinators(node)


def _requests(counters: Counters) -> Iterator[Step]:
    by_api: dict[int, list[Tally]] = {}
    for tally in list(counters.tallies.values()):
        by_api.setdefault(tally.key, []).append(tally)
        if tally.requests:
            yield Sample("requests_total", (API_NAMES[tally.key], str(tally.version)), tally.requests)
    for key, tallies in sorted(by_api.items()):
        name = (API_NAMES[key],)
        handled, total = Histogram(), Histogram()
        waits = Waits()
        for tally in tallies:
            handled.take(tally)
            total.take(tally)
            if tally.waits is not None:
                handled.take(tally.waits.handled)
                total.take(tally.waits.total)
                waits.parked.take(tally.waits.parked)
                waits.durable.take(tally.waits.durable)
        if total.count:
            yield Sample("request_handler_seconds", name, handled)
            yield Sample("request_total_seconds", name, total)
        if waits.parked.count:
            yield Sample("request_parked_seconds", name, waits.parked)
        if waits.durable.count:
            yield Sample("request_durable_seconds", name, waits.durable)
    for key, times in sorted(counters.throttled.items()):
        yield Sample("request_throttle_seconds", (API_NAMES[key],), _copy(times))
    for (key, code), count in sorted(counters.errors.items()):
        yield Sample("request_errors_total", (API_NAMES[key], _error(code)), count)


def _error(code: int) -> str:
    try:
        return ErrorCode(code).name
    except ValueError:
        return str(code)


def _connections(node: Node, shell: Shell) -> Iterator[Step]:
    counters = node.counters
    calls: Counter[tuple[int, str]] = Counter()
    output_bytes = shell.unsent_bytes
    for number, session in enumerate(list(node.sessions.values())):
        if number % PAUSE_EVERY == 0:
            yield None
        if node.sessions.get(session.id) is not session:
            continue  # it left between two slices
        output_bytes += session.output_bytes
        for call in session.pending:
            calls[call.api_key, "durable" if call.answered else "parked"] += 1
    for listener in (each.name for each in node.config.listeners):
        accepted = counters.accepted.get(listener, 0)
        yield Sample("connections", (listener,), accepted - counters.closed.get(listener, 0))
        yield Sample("connections_accepted_total", (listener,), accepted)
    for name, software in sorted(counters.software.items()):
        if software.connections:
            yield Sample("client_connections", name, software.connections)
        if software.requests:
            yield Sample("client_requests_total", name, software.requests)
    for (key, state), count in sorted(calls.items()):
        yield Sample("calls_open", (API_NAMES.get(key, str(key)), state), count)
    yield Sample("connections_refused_total", ("limit",), counters.refused)
    yield Sample("connections_refused_total", ("system",), counters.accept_failures)
    yield Sample("connections_closed_for_cause_total", (), counters.closed_for_cause)
    for (mechanism, succeeded), count in sorted(counters.logins.items()):
        yield Sample("logins_total", (mechanism, "success" if succeeded else "failure"), count)
    denied = {} if node.guard is None else node.guard.denied
    for (operation, kind), count in sorted(denied.items()):
        names = (OPERATIONS.get(operation, str(operation)), RESOURCES.get(kind, str(kind)))
        yield Sample("authorisation_denied_total", names, count)
    yield Sample("memory_bytes", ("receive_pool",), shell.receive_pool_bytes)
    yield Sample("memory_bytes", ("output",), output_bytes)
    yield Sample("memory_bytes", ("client_telemetry",), node.telemetry.payload_bytes)


def _loop(counters: Counters, shell: Shell) -> Iterator[Step]:
    yield Sample("received_bytes_total", (), counters.received_bytes)
    yield Sample("sent_bytes_total", (), counters.sent_bytes)
    yield Sample("loop_idle_seconds_total", (), counters.idle_ns)
    yield Sample("loop_turns_total", (), counters.turns)
    yield Sample("loop_turn_seconds", (), _copy(counters.worked))
    yield Sample("works_in_flight", (), shell.works_in_flight)
    for kind, times in sorted(shell.work_times.items()):
        yield Sample("work_seconds", (kind,), times)
    yield Sample("sync_answers", (), _copy(counters.released))


def _copy(histogram: Histogram) -> Histogram:
    copy = Histogram()
    copy.take(histogram)
    return copy


def _storage(core: Core) -> Iterator[Step]:
    store, cleaner = core.store, core.store.cleaner
    yield Sample("sync_bytes", (), _copy(store.synced_bytes))
    yield Sample("journal_bytes", (), store.journal.kept_bytes)
    yield Sample("undurable_bytes", (), store.last_ticket - store.durable_ticket)
    yield Sample("storage_full", (), int(store.full))
    yield Sample("clock_stepped", (), int(store.clock_stepped))
    yield Sample("compaction_passes_total", (), cleaner.passes)
    yield Sample("compaction_running", (), int(cleaner.running is not None))
    yield Sample("uncleanable_partitions", (), len(cleaner.uncleanable))
    yield Sample("memory_bytes", ("index_cache",), store.ledger.indexes.used_bytes)
    for owner, count in store.ledger.cold.parked.items():
        yield Sample("cold_reads_total", (owner,), count)
    yield Sample("cold_reads_total", ("answer",), core.node.counters.cold_pieces)


def _topics(node: Node) -> Iterator[Step]:
    topics = list(node.topics.values())
    yield Sample("topics", (), len(topics))
    yield Sample("partitions", (), sum(len(topic.partitions) for topic in topics))
    shown = hidden = producers = 0
    for topic in topics:
        yield None
        received = sent = 0
        for index, partition in enumerate(list(topic.partitions)):
            received += partition.received_bytes
            sent += partition.sent_bytes
            log = partition.log
            producers += len(log.producers.by_id)
            if shown >= MAX_PARTITIONS:
                hidden += 1
                continue
            shown += 1
            name = (topic.name, str(index))
            yield Sample("partition_log_end_offset", name, log.log_end_offset)
            yield Sample("partition_log_start_offset", name, log.log_start_offset)
            yield Sample("partition_log_bytes", name, log.size)
            yield Sample("partition_log_segments", name, len(log.segments))
        yield Sample("topic_received_bytes_total", (topic.name,), received)
        yield Sample("topic_sent_bytes_total", (topic.name,), sent)
    yield Sample("partitions_not_shown", (), hidden)
    yield Sample("producers", (), producers)


def _coordinators(node: Node) -> Iterator[Step]:
    sessions = list(node.fetch_sessions.sessions.values())
    yield Sample("fetch_sessions", (), len(sessions))
    yield Sample("fetch_session_partitions", (), sum(len(session.entries) for session in sessions))
    yield Sample("fetch_sessions_evicted_total", (), node.fetch_sessions.evicted)
    yield Sample("share_sessions", (), node.shares.sessions.count)
    groups: Counter[tuple[str, str]] = Counter()
    for shard in list(node.group_shards):
        state = shard.state
        for number, group in enumerate(list(state.groups.values())):
            if number % PAUSE_EVERY == 0:
                yield None
            groups[queries.kind_and_phase(group)] += 1
        for share in list(group_queries.share_groups(state).values()):
            groups[group_queries.SHARE, share.phase()] += 1
    for labels, count in sorted(groups.items()):
        yield Sample("groups", labels, count)
    phases: Counter[Phase] = Counter()
    for transactions in list(node.transactions.shards):
        for number, known in enumerate(list(transactions.state.transactions.values())):
            if number % PAUSE_EVERY == 0:
                yield None
            phases[known.phase] += 1
    for phase, count in sorted(phases.items()):
        yield Sample("transactions", (phase.title,), count)
