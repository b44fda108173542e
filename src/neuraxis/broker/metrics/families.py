"""The metrics of the broker as data: name, kind, unit, labels, what it says, and what Apache Kafka calls it.

Rule of the file: a metric is a row here and a place in `survey.py` (or `process.py`); docs/reference/metrics.md is this table.
Kafka's names are those of its MBeans; where the two differ in kind, the row says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `first` and `last` are the binary digits of a histogram's smallest and largest bucket shown."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str
    kafka: str
    first: int = 0
    last: int = 0

    @property
    def scale(self) -> float:
        """What a counted number is multiplied with: times are counted in nanoseconds and shown in seconds."""
        return 1e-9 if "_seconds" in self.name else 1

    @property
    def unit(self) -> str:
        """The unit in OpenTelemetry's notation (UCUM)."""
        return "s" if "_seconds" in self.name else "By" if "_bytes" in self.name else "1"


TIMES = (13, 35)
"""Buckets of times: from 8 microseconds to 34 seconds, each twice the one before."""
SIZES = (9, 27)
"""Buckets of bytes: from half a kilobyte to 128 megabytes."""
COUNTS = (0, 10)
"""Buckets of counts: from none to a thousand."""
EXTENTS = {"seconds": TIMES, "bytes": SIZES, "answers": COUNTS}

_ROWS = """
requests_total counter api,version
  Requests taken, those that still wait for their answer among them.
  = kafka.network:type=RequestMetrics,name=RequestsPerSec,request=,version=
request_handler_seconds histogram api
  Time from the request's bytes to the end of its handler.
  = kafka.network:type=RequestMetrics,name=LocalTimeMs,request=
request_parked_seconds histogram api
  Time for which calls waited for bytes, a group or a point in time; only calls that did.
  = kafka.network:type=RequestMetrics,name=RemoteTimeMs,request= (with the next row)
request_durable_seconds histogram api
  Time from the answer until it left: until the disk had what it promises; only calls that waited for anything.
  = kafka.network:type=RequestMetrics,name=RemoteTimeMs,request= (with the row before)
request_total_seconds histogram api
  Time from the request's bytes to the answer's way out.
  = kafka.network:type=RequestMetrics,name=TotalTimeMs,request=
request_errors_total counter api,error
  Error codes in answers, each place where one stands counted.
  = kafka.network:type=RequestMetrics,name=ErrorsPerSec,request=,error=
request_throttle_seconds histogram api
  Time for which clients were muted after an answer because of their quotas; only answers with such a time.
  = kafka.network:type=RequestMetrics,name=ThrottleTimeMs,request=
client_requests_total counter software,version
  Requests by client software; empty for clients older than KIP-511.
  = kafka.network:type=RequestMetrics,name=DeprecatedRequestsPerSec (there: old versions alone)
calls_open gauge api,state
  Calls without an answer: `parked` (for bytes, a group, time) or `durable` (for the disk).
  = kafka.server:type=DelayedOperationPurgatory,name=PurgatorySize,delayedOperation=
received_bytes_total counter
  Bytes received from clients, as the sockets gave them.
  = kafka.server:type=socket-server-metrics: incoming-byte-total
sent_bytes_total counter
  Bytes sent to clients.
  = kafka.server:type=socket-server-metrics: outgoing-byte-total
connections gauge listener
  Connections open.
  = kafka.server:type=socket-server-metrics: connection-count
client_connections gauge software,version
  Connections open, by client software.
  = kafka.server:type=socket-server-metrics: connections (with clientSoftwareName, clientSoftwareVersion)
connections_accepted_total counter listener
  Connections accepted.
  = kafka.server:type=socket-server-metrics: connection-creation-total
connections_refused_total counter reason
  Connections refused: `limit` (too many are open) or `system` (the system gave no descriptor).
connections_closed_for_cause_total counter
  Connections closed because the peer did what cannot be answered; `neuraxis clients` names them.
logins_total counter mechanism,result
  Logins by mechanism and result: `success` or `failure`; TLS handshakes that failed count as `TLS`.
  = kafka.server:type=socket-server-metrics: successful-authentication-total, failed-authentication-total
authorisation_denied_total counter operation,resource
  Decisions of the authoriser against a request.
loop_idle_seconds_total counter
  Time in which the broker's loop had nothing to do; its rate is the idle share.
  = kafka.server:type=KafkaRequestHandlerPool,name=RequestHandlerAvgIdlePercent
loop_turns_total counter
  Turns of the loop.
loop_turn_seconds histogram
  Time that one turn of the loop took, without its waiting: what a request may have to wait for the others.
works_in_flight gauge
  Works on threads: syncs, cold reads, removals, compaction, password hashes.
work_seconds histogram kind
  Time that works took on their threads; `sync` is the journal's sync, `read` a cold read.
  = kafka.log:type=LogFlushStats,name=LogFlushRateAndTimeMs (kind sync, flush)
cold_reads_total counter owner
  Times that something was not in the page cache and was put aside until a thread had read it: a `call` that looks for its
  records, an `answer` of which a piece is to be sent, `upkeep` (retention, compaction, indexes).
sync_answers histogram
  Answers that one sync let go: the size of a group commit.
sync_bytes histogram
  Bytes of the journal that one sync made durable.
journal_bytes gauge
  Bytes of the journal that may be needed at a start.
undurable_bytes gauge
  Bytes of the journal that no sync has covered yet.
storage_full gauge
  1 while writes are refused because the disk is as good as full.
disk_free_bytes gauge
  Free space where the data directory is.
clock_stepped gauge
  1 while deletion by time is suspended because the wall clock jumped.
topics gauge
  Topics, internal ones included.
  = kafka.controller:type=KafkaController,name=GlobalTopicCount
partitions gauge
  Partitions; this broker leads all of them.
  = kafka.server:type=ReplicaManager,name=PartitionCount
topic_received_bytes_total counter topic
  Bytes of record batches taken into a topic, since the start.
  = kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec,topic=
topic_sent_bytes_total counter topic
  Bytes of record batches that fetches got of a topic, since the start.
  = kafka.server:type=BrokerTopicMetrics,name=BytesOutPerSec,topic=
partition_log_end_offset gauge topic,partition
  The offset of the next record; its rate is the rate of records.
  = kafka.log:type=Log,name=LogEndOffset,topic=,partition=
partition_log_start_offset gauge topic,partition
  The first offset that still exists.
  = kafka.log:type=Log,name=LogStartOffset,topic=,partition=
partition_log_bytes gauge topic,partition
  Bytes of the log's segments.
  = kafka.log:type=Log,name=Size,topic=,partition=
partition_log_segments gauge topic,partition
  Segments of the log.
  = kafka.log:type=Log,name=NumLogSegments,topic=,partition=
partitions_not_shown gauge
  Partitions that have no series of their own here, because there are too many.
compaction_passes_total counter
  Passes of compaction that took effect.
compaction_running gauge
  1 while a pass is under way.
  = kafka.log:type=LogCleaner
uncleanable_partitions gauge
  Logs that compaction leaves alone because a segment is damaged; the log says which.
  = kafka.log:type=LogCleanerManager,name=uncleanable-partitions-count,logDirectory=
fetch_sessions gauge
  Incremental fetch sessions.
  = kafka.server:type=FetchSessionCache,name=NumIncrementalFetchSessions
fetch_session_partitions gauge
  Partitions in those sessions.
  = kafka.server:type=FetchSessionCache,name=NumIncrementalFetchPartitionsCached
fetch_sessions_evicted_total counter
  Fetch sessions that had to make room for others.
  = kafka.server:type=FetchSessionCache,name=IncrementalFetchSessionEvictionsPerSec
share_sessions gauge
  Share sessions.
  = kafka.server:type=ShareSessionCache,name=ShareSessionsCount
memory_bytes gauge owner
  Memory by owner: `receive_pool` (unfinished frames), `output` (answers that slow readers have not taken),
  `index_cache` (of closed segments), `client_telemetry` (metrics that clients pushed).
groups gauge kind,state
  Groups by kind (classic, consumer, streams, share) and Kafka's name of their state.
  = kafka.server:type=group-coordinator-metrics: group-count, consumer-group-count, streams-group-count,
    share-group-count
transactions gauge state
  Transactional ids by Kafka's name of their state; `Ongoing` are the open transactions.
producers gauge
  Producers with sequence numbers that the logs remember.
  = kafka.server:type=ReplicaManager,name=ProducerIdCount
info gauge version,node_id,cluster_id
  Always 1; the labels say what runs.
  = kafka.server:type=app-info
"""

_PROCESS_ROWS = """
process_cpu_seconds_total counter
  User and system time of the process.
  = java.lang:type=OperatingSystem: ProcessCpuTime
process_resident_memory_bytes gauge
  Resident memory of the process.
process_open_fds gauge
  Open file descriptors.
  = java.lang:type=OperatingSystem: OpenFileDescriptorCount
process_max_fds gauge
  The most file descriptors that the process may have.
  = java.lang:type=OperatingSystem: MaxFileDescriptorCount
process_start_time_seconds gauge
  When the process began, in Unix time.
  = java.lang:type=Runtime: StartTime
"""
"""The names that Prometheus's own clients use for every process."""


def _parse(rows: str, prefix: str) -> dict[str, Family]:
    """The table in the text: a line `name kind labels`, what it says indented, and Kafka's name behind `=`."""
    table = {}
    for row in re.split(r"\n(?=\S)", rows.strip()):
        head, _, rest = row.partition("\n")
        text, _, kafka = " ".join(rest.split()).partition(" = ")
        name, kind, labels = [*head.split(), ""][:3]
        extent = EXTENTS[name.rpartition("_")[2]] if kind == HISTOGRAM else (0, 0)
        wanted = tuple(labels.split(",")) if labels else ()
        table[name] = Family(prefix + name, kind, wanted, text, kafka, *extent)
    return table


FAMILIES = {**_parse(_ROWS, "neuraxis_"), **_parse(_PROCESS_ROWS, "")}
"""Every metric by its short name, in the order in which they are shown."""
