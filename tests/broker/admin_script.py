"""A script of administrative requests, and how its answers are reduced to what must be equal on Apache Kafka and here.

`python -m tests.broker.admin_script 127.0.0.1:9092` plays it against a fresh one-node Apache Kafka 4.4.0 (started with
`offsets.topic.num.partitions=1`) and writes `data/admin_answers.json` and `data/config_table.json`; `test_admin_script.py`
plays it against our handlers.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from neuraxis.wire import codec, frames, messages
from neuraxis.wire.messages import alter_configs as ac
from neuraxis.wire.messages import create_partitions as cp
from neuraxis.wire.messages import create_topics as ct
from neuraxis.wire.messages import delete_records as dr
from neuraxis.wire.messages import delete_topics as dt
from neuraxis.wire.messages import describe_cluster as dc
from neuraxis.wire.messages import describe_configs as dcf
from neuraxis.wire.messages import describe_log_dirs as dl
from neuraxis.wire.messages import describe_topic_partitions as dtp
from neuraxis.wire.messages import incremental_alter_configs as ia
from neuraxis.wire.messages import list_config_resources as lc
from neuraxis.wire.messages import metadata as md
from neuraxis.wire.schema import fields_of, schema_of

ANSWERS = Path(__file__).parent / "data" / "admin_answers.json"
CONFIG_TABLE = Path(__file__).parent / "data" / "config_table.json"
NO_ID = bytes(16)
SOME_ID = bytes(range(16))
TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3

Step = tuple[str, Any, int]


def metadata(
    *names: str | None, version: int = 12, allow: bool = False, topic_id: bytes = NO_ID, **more: bool
) -> Any:
    topics = [md.MetadataRequestTopic(topic_id=topic_id, name=name) for name in names]
    return md.MetadataRequest(topics=topics, allow_auto_topic_creation=allow, **more)


def topic(
    name: str,
    partitions: int = 1,
    replicas: int = 1,
    assignments: dict[int, list[int]] | None = None,
    configs: list[tuple[str, str | None]] | None = None,
) -> ct.CreatableTopic:
    return ct.CreatableTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=replicas,
        assignments=[
            ct.CreatableReplicaAssignment(partition_index=index, broker_ids=brokers)
            for index, brokers in (assignments or {}).items()
        ],
        configs=[ct.CreatableTopicConfig(name=key, value=value) for key, value in configs or []],
    )


def create(*topics: ct.CreatableTopic, validate_only: bool = False) -> ct.CreateTopicsRequest:
    return ct.CreateTopicsRequest(topics=list(topics), timeout_ms=5000, validate_only=validate_only)


def grow(
    *topics: tuple[str, int] | tuple[str, int, list[list[int]]], validate_only: bool = False
) -> cp.CreatePartitionsRequest:
    return cp.CreatePartitionsRequest(
        topics=[
            cp.CreatePartitionsTopic(
                name=item[0],
                count=item[1],
                assignments=[cp.CreatePartitionsAssignment(broker_ids=ids) for ids in item[2]]
                if len(item) > 2
                else None,
            )
            for item in topics
        ],
        timeout_ms=5000,
        validate_only=validate_only,
    )


def delete(*names: str) -> dt.DeleteTopicsRequest:
    return dt.DeleteTopicsRequest(topic_names=list(names), timeout_ms=5000)


def delete6(*states: tuple[str | None, bytes]) -> dt.DeleteTopicsRequest:
    return dt.DeleteTopicsRequest(
        topics=[dt.DeleteTopicState(name=name, topic_id=topic_id) for name, topic_id in states],
        timeout_ms=5000,
    )


def describe(
    *resources: tuple[int, str] | tuple[int, str, list[str] | None], **more: bool
) -> dcf.DescribeConfigsRequest:
    return dcf.DescribeConfigsRequest(
        resources=[
            dcf.DescribeConfigsResource(
                resource_type=item[0],
                resource_name=item[1],
                configuration_keys=item[2] if len(item) > 2 else None,
            )
            for item in resources
        ],
        **more,
    )


def alter(
    *resources: tuple[int, str, dict[str, str | None]], validate_only: bool = False
) -> ac.AlterConfigsRequest:
    return ac.AlterConfigsRequest(
        resources=[
            ac.AlterConfigsResource(
                resource_type=kind,
                resource_name=name,
                configs=[ac.AlterableConfig(name=key, value=value) for key, value in configs.items()],
            )
            for kind, name, configs in resources
        ],
        validate_only=validate_only,
    )


def change(
    *resources: tuple[int, str, list[tuple[int, str, str | None]]], validate_only: bool = False
) -> ia.IncrementalAlterConfigsRequest:
    return ia.IncrementalAlterConfigsRequest(
        resources=[
            ia.AlterConfigsResource(
                resource_type=kind,
                resource_name=name,
                configs=[
                    ia.AlterableConfig(name=key, config_operation=operation, value=value)
                    for operation, key, value in operations
                ],
            )
            for kind, name, operations in resources
        ],
        validate_only=validate_only,
    )


def trim(*topics: tuple[str, list[tuple[int, int]]]) -> dr.DeleteRecordsRequest:
    return dr.DeleteRecordsRequest(
        topics=[
            dr.DeleteRecordsTopic(
                name=name,
                partitions=[
                    dr.DeleteRecordsPartition(partition_index=index, offset=offset) for index, offset in parts
                ],
            )
            for name, parts in topics
        ],
        timeout_ms=5000,
    )


def partitions_of(*names: str, limit: int = 2000, cursor: tuple[str, int] | None = None) -> Any:
    return dtp.DescribeTopicPartitionsRequest(
        topics=[dtp.TopicRequest(name=name) for name in names],
        response_partition_limit=limit,
        cursor=dtp.Cursor(topic_name=cursor[0], partition_index=cursor[1]) if cursor else None,
    )


def log_dirs(topics: dict[str, list[int]] | None) -> dl.DescribeLogDirsRequest:
    if topics is None:
        return dl.DescribeLogDirsRequest(topics=None)
    return dl.DescribeLogDirsRequest(
        topics=[dl.DescribableLogDirTopic(topic=name, partitions=parts) for name, parts in topics.items()]
    )


def _metadata_steps() -> list[Step]:
    return [
        ("metadata: all", md.MetadataRequest(topics=None), 1),
        ("metadata v0: an empty list is all", metadata(), 0),
        ("metadata v1: an empty list is nothing", metadata(), 1),
        ("metadata: unknown, not created", metadata("nope"), 4),
        ("metadata: unknown v1 creates", metadata("auto1", allow=True), 1),
        ("metadata: created v1", metadata("auto1"), 9),
        ("metadata: unknown v8 creates", metadata("auto8", allow=True), 8),
        ("metadata: created v8", metadata("auto8"), 8),
        ("metadata: invalid name", metadata("a b", allow=True), 9),
        ("metadata: invalid name, not created", metadata("a b"), 9),
        ("metadata: empty name", metadata("", allow=True), 9),
        ("metadata: dots", metadata("..", allow=True), 9),
        ("metadata: name of 250", metadata("x" * 250, allow=True), 9),
        ("metadata: collision", metadata("auto.1", "auto_1", allow=True), 9),
        ("metadata: same name twice", metadata("auto1", "auto1"), 9),
        ("metadata: unknown id", metadata(None, topic_id=SOME_ID), 12),
        ("metadata: unknown id v10", metadata(None, topic_id=SOME_ID), 10),
        ("metadata: zero id without a name", metadata(None), 12),
        ("metadata: name and unknown id", metadata("auto1", topic_id=SOME_ID), 12),
        ("metadata: operations", metadata("auto1", include_topic_authorized_operations=True), 12),
        (
            "metadata: cluster operations v8",
            metadata(
                "auto1", include_topic_authorized_operations=True, include_cluster_authorized_operations=True
            ),
            8,
        ),
        ("metadata: some unknown, some known", metadata("zzz", "auto1", "aaa"), 12),
        ("metadata v13", metadata("auto1"), 13),
        ("metadata: internal, created", metadata("__consumer_offsets", allow=True), 9),
        ("metadata: internal", metadata("__consumer_offsets"), 12),
    ]


def _create_steps() -> list[Step]:
    steps: list[Step] = [(f"create v{v}", create(topic(f"made{v}", 2)), v) for v in (2, 3, 4, 5, 6)]
    big = {0: [1], 1: [1], 2: [1]}
    refused: list[tuple[str, ct.CreatableTopic]] = [
        ("exists", topic("made2")),
        ("empty name", topic("")),
        ("dot", topic(".")),
        ("space", topic("a b")),
        ("umlaut", topic("grün")),
        ("name of 249", topic("y" * 249)),
        ("name of 250", topic("y" * 250)),
        ("two replicas", topic("r2", 1, 2)),
        ("no replicas", topic("r0", 1, 0)),
        ("minus two replicas", topic("r-2", 1, -2)),
        ("no partitions", topic("p0", 0)),
        ("minus two partitions", topic("p-2", -2)),
        ("defaults", topic("defaults", -1, -1)),
        ("too many partitions", topic("many", 100_001)),
        ("assignment and counts", topic("assigned1", 3, 1, big)),
        ("assignment and replicas", topic("assigned2", -1, 1, big)),
        ("assignment", topic("assigned3", -1, -1, big)),
        ("assignment to an unknown broker", topic("assigned4", -1, -1, {0: [7]})),
        ("assignment with a hole", topic("assigned5", -1, -1, {0: [1], 2: [1]})),
        ("assignment of nothing", topic("assigned6", -1, -1, {0: []})),
        ("assignment twice to one broker", topic("assigned7", -1, -1, {0: [1, 1]})),
        ("assignment of unequal size", topic("assigned8", -1, -1, {0: [1], 1: [1, 2]})),
        ("config unknown", topic("c1", configs=[("retention.mss", "1")])),
        ("config not a number", topic("c2", configs=[("retention.ms", "x")])),
        ("config out of range", topic("c3", configs=[("retention.ms", "-2")])),
        ("config null", topic("c4", configs=[("retention.ms", None)])),
        ("config twice", topic("c5", configs=[("retention.ms", "1"), ("retention.ms", "2")])),
        ("segment too small", topic("c6", configs=[("segment.bytes", "1048575")])),
        (
            "compaction lags",
            topic("c7", configs=[("min.compaction.lag.ms", "5"), ("max.compaction.lag.ms", "4")]),
        ),
        ("tiered storage", topic("c8", configs=[("remote.storage.enable", "true")])),
        ("no cleanup", topic("c9", configs=[("cleanup.policy", "")])),
        ("cleanup both", topic("c10", configs=[("cleanup.policy", "compact,delete")])),
        ("cleanup twice", topic("c11", configs=[("cleanup.policy", "delete,delete")])),
        ("cleanup spaces", topic("c12", configs=[("cleanup.policy", " compact , delete ")])),
        ("cleanup unknown", topic("c13", configs=[("cleanup.policy", "shred")])),
        ("number with spaces", topic("c14", configs=[("retention.ms", " 5 ")])),
        ("number with plus", topic("c15", configs=[("retention.ms", "+5")])),
        ("number in words", topic("c16", configs=[("retention.ms", "1_000")])),
        ("switch in capitals", topic("c17", configs=[("preallocate", "TRUE")])),
        ("switch in words", topic("c18", configs=[("preallocate", "yes")])),
        ("compression unknown", topic("c19", configs=[("compression.type", "brotli")])),
        ("gzip level 0", topic("c20", configs=[("compression.gzip.level", "0")])),
        ("gzip level -1", topic("c21", configs=[("compression.gzip.level", "-1")])),
        ("throttled *", topic("c22", configs=[("leader.replication.throttled.replicas", "*")])),
        ("throttled pairs", topic("c23", configs=[("leader.replication.throttled.replicas", "0:1,1:2")])),
        ("throttled words", topic("c24", configs=[("leader.replication.throttled.replicas", "abc")])),
        (
            "local retention above",
            topic("c25", configs=[("local.retention.ms", "10"), ("retention.ms", "5")]),
        ),
        ("internal segment bytes", topic("c26", configs=[("internal.segment.bytes", "1000")])),
        ("config name empty", topic("c27", configs=[("", "1")])),
        ("real number", topic("c28", configs=[("min.cleanable.dirty.ratio", "0.25")])),
        ("real number out of range", topic("c29", configs=[("min.cleanable.dirty.ratio", "1.5")])),
        ("min.insync.replicas 3", topic("c30", configs=[("min.insync.replicas", "3")])),
        ("collision", topic("auto-1.x")),
        ("collision again", topic("auto-1_x")),
        ("internal", topic("__consumer_offsets")),
        ("cluster metadata", topic("__cluster_metadata")),
    ]
    steps += [(f"create v7: {name}", create(item), 7) for name, item in refused]
    steps += [
        ("create: the same twice", create(topic("twice"), topic("twice"), topic("once")), 7),
        ("create: nothing", create(), 7),
        ("validate: good", create(topic("dry", 3), validate_only=True), 7),
        ("validate: good v4", create(topic("dry", 3), validate_only=True), 4),
        ("validate: not created", metadata("dry"), 9),
        ("validate: bad", create(topic("dry", 3, configs=[("x", "y")]), validate_only=True), 7),
        ("validate: exists", create(topic("made2"), validate_only=True), 7),
        ("create: colliding in one request", create(topic("co.l"), topic("co_l")), 7),
        ("create v5: exists", create(topic("made2")), 5),
        ("created topics", metadata("made2", "assigned3", "defaults", "c10"), 12),
    ]
    return steps


def _partition_steps() -> list[Step]:
    return [
        ("grow: fewer", grow(("made2", 1)), 3),
        ("grow: equal", grow(("made2", 2)), 3),
        ("grow: zero", grow(("made2", 0)), 3),
        ("grow: minus one", grow(("made2", -1)), 3),
        ("grow: unknown", grow(("nope", 3)), 3),
        ("grow: validate", grow(("made2", 4), validate_only=True), 3),
        ("grow: good", grow(("made2", 4)), 3),
        ("grow: good v0", grow(("made3", 4)), 0),
        ("grow: assignments too few", grow(("made4", 4, [[1]])), 3),
        ("grow: assignments unknown broker", grow(("made4", 3, [[9]])), 3),
        ("grow: assignments", grow(("made4", 3, [[1]])), 3),
        ("grow: assignment empty", grow(("made4", 4, [[]])), 3),
        ("grow: same twice", grow(("made5", 5), ("made5", 6), ("made6", 5)), 3),
        ("grow: too many", grow(("made5", 200_000)), 3),
        ("grow: internal", grow(("__consumer_offsets", 60)), 3),
        ("grown", metadata("made2", "made3", "made4", "made5", "made6"), 12),
    ]


def _describe_steps() -> list[Step]:
    few = ["retention.ms", "cleanup.policy"]
    return [
        ("describe: unknown topic", describe((TOPIC, "nope")), 4),
        ("describe: invalid topic", describe((TOPIC, "a b")), 4),
        ("describe: empty topic", describe((TOPIC, "")), 4),
        ("describe: few keys", describe((TOPIC, "c10", few), include_synonyms=True), 4),
        ("describe: few keys v1", describe((TOPIC, "c10", few), include_synonyms=True), 1),
        ("describe: no keys", describe((TOPIC, "c10", [])), 4),
        ("describe: unknown key", describe((TOPIC, "c10", ["x", "retention.ms"])), 4),
        ("describe: other broker", describe((BROKER, "2")), 4),
        ("describe: broker in words", describe((BROKER, "abc")), 4),
        ("describe: all brokers", describe((BROKER, "")), 4),
        ("describe: type 0", describe((0, "x")), 4),
        ("describe: type 99", describe((99, "x")), 4),
        ("describe: metrics", describe((METRICS, "m1")), 4),
        ("describe: empty metrics", describe((METRICS, "")), 4),
        (
            "describe: group",
            describe((GROUP, "g1", ["consumer.session.timeout.ms", "share.auto.offset.reset"])),
            4,
        ),
        (
            "describe: group synonyms",
            describe(
                (
                    GROUP,
                    "g1",
                    ["consumer.session.timeout.ms", "share.auto.offset.reset", "streams.assignor.name"],
                ),
                include_synonyms=True,
            ),
            4,
        ),
        ("describe: empty group", describe((GROUP, "")), 4),
        ("describe: same twice", describe((TOPIC, "c10", few), (TOPIC, "c10", few)), 4),
        (
            "describe: broker keys",
            describe(
                (
                    BROKER,
                    "1",
                    [
                        "log.retention.ms",
                        "log.retention.hours",
                        "node.id",
                        "ssl.key.password",
                        "num.partitions",
                    ],
                ),
                include_synonyms=True,
            ),
            4,
        ),
    ]


def _alter_steps() -> list[Step]:
    mapping: list[tuple[str, tuple[int, str, list[tuple[int, str, str | None]]]]] = [
        ("unknown topic", (TOPIC, "nope", [(SET, "retention.ms", "5")])),
        ("invalid topic", (TOPIC, "a b", [(SET, "retention.ms", "5")])),
        ("empty topic", (TOPIC, "", [(SET, "retention.ms", "5")])),
        ("unknown config", (TOPIC, "c10", [(SET, "retention.mss", "5")])),
        ("delete unknown config", (TOPIC, "c10", [(DELETE, "retention.mss", None)])),
        ("bad value", (TOPIC, "c10", [(SET, "retention.ms", "x")])),
        ("null", (TOPIC, "c10", [(SET, "retention.ms", None)])),
        ("good", (TOPIC, "c10", [(SET, "retention.ms", "5000")])),
        ("nothing", (TOPIC, "c10", [])),
        ("append to a number", (TOPIC, "c10", [(APPEND, "retention.ms", "5")])),
        ("subtract from a number", (TOPIC, "c10", [(SUBTRACT, "retention.ms", "5")])),
        ("subtract", (TOPIC, "c10", [(SUBTRACT, "cleanup.policy", "delete")])),
        ("subtract what is not there", (TOPIC, "c10", [(SUBTRACT, "cleanup.policy", "delete")])),
        ("append", (TOPIC, "c10", [(APPEND, "cleanup.policy", "delete")])),
        ("append what is there", (TOPIC, "c10", [(APPEND, "cleanup.policy", "delete")])),
        ("append null", (TOPIC, "c10", [(APPEND, "cleanup.policy", None)])),
        ("append bad", (TOPIC, "c10", [(APPEND, "cleanup.policy", "shred")])),
        ("append to the default", (TOPIC, "made2", [(APPEND, "cleanup.policy", "compact")])),
        ("config twice", (TOPIC, "c10", [(SET, "retention.ms", "5"), (DELETE, "retention.ms", None)])),
        ("operation 9", (TOPIC, "c10", [(9, "retention.ms", "5")])),
        ("delete", (TOPIC, "c10", [(DELETE, "retention.ms", None)])),
        ("delete what is not set", (TOPIC, "c10", [(DELETE, "retention.ms", None)])),
        ("delete with a value", (TOPIC, "c10", [(DELETE, "segment.ms", "5")])),
        ("type 0", (0, "x", [(SET, "a", "b")])),
        ("type 99", (99, "x", [(SET, "a", "b")])),
        ("broker read-only", (BROKER, "1", [(SET, "node.id", "5")])),
        ("broker read-only, all", (BROKER, "", [(SET, "num.partitions", "5")])),
        ("broker unknown config", (BROKER, "1", [(SET, "what.ever", "5")])),
        ("broker bad value", (BROKER, "1", [(SET, "log.retention.ms", "x")])),
        ("broker out of range", (BROKER, "1", [(SET, "log.segment.bytes", "1")])),
        ("broker good", (BROKER, "1", [(SET, "log.retention.ms", "9999999")])),
        ("broker all good", (BROKER, "", [(SET, "log.retention.ms", "8888888")])),
        ("broker per-broker for all", (BROKER, "", [(SET, "ssl.keystore.type", "JKS")])),
        ("other broker", (BROKER, "2", [(SET, "log.retention.ms", "9999999")])),
        ("broker in words", (BROKER, "abc", [(SET, "log.retention.ms", "9999999")])),
        ("broker throttle", (BROKER, "1", [(SET, "leader.replication.throttled.rate", "100")])),
        ("broker delete", (BROKER, "1", [(DELETE, "log.retention.ms", None)])),
        ("group unknown config", (GROUP, "g1", [(SET, "what.ever", "5")])),
        ("group bad value", (GROUP, "g1", [(SET, "consumer.session.timeout.ms", "x")])),
        ("group below the broker's", (GROUP, "g1", [(SET, "consumer.session.timeout.ms", "44000")])),
        ("group below the floor", (GROUP, "g1", [(SET, "consumer.session.timeout.ms", "1000")])),
        ("group above the ceiling", (GROUP, "g1", [(SET, "consumer.heartbeat.interval.ms", "60000")])),
        ("group share lock", (GROUP, "g1", [(SET, "share.record.lock.duration.ms", "1000000")])),
        ("group offset reset", (GROUP, "g1", [(SET, "share.auto.offset.reset", "sometimes")])),
        ("group offset by duration", (GROUP, "g1", [(SET, "share.auto.offset.reset", "by_duration:PT1H")])),
        ("group good", (GROUP, "g1", [(SET, "consumer.session.timeout.ms", "50000")])),
        ("group empty", (GROUP, "", [(SET, "consumer.session.timeout.ms", "50000")])),
        ("metrics good", (METRICS, "m1", [(SET, "metrics", "*"), (SET, "interval.ms", "1000")])),
        ("metrics interval", (METRICS, "m1", [(SET, "interval.ms", "1")])),
        ("metrics unknown", (METRICS, "m1", [(SET, "x", "1")])),
        ("metrics match bad", (METRICS, "m1", [(SET, "match", "what=1")])),
        ("metrics match", (METRICS, "m1", [(SET, "match", "client_id=app.*")])),
        ("metrics empty", (METRICS, "", [(SET, "interval.ms", "1000")])),
        ("logger", (LOGGER, "1", [(SET, "kafka.server", "WARN")])),
        (
            "compaction lags",
            (TOPIC, "made3", [(SET, "min.compaction.lag.ms", "5"), (SET, "max.compaction.lag.ms", "4")]),
        ),
        ("offsets topic policy", (TOPIC, "__consumer_offsets", [(SET, "cleanup.policy", "delete")])),
        ("offsets topic retention", (TOPIC, "__consumer_offsets", [(SET, "retention.ms", "100000")])),
    ]
    steps: list[Step] = [(f"change: {name}", change(item), 1) for name, item in mapping]
    good = (TOPIC, "made4", [(SET, "retention.ms", "5000")])
    bad = (TOPIC, "made4", [(SET, "retention.ms", "x")])
    return [
        *steps,
        ("change: same resource twice", change(good, good), 1),
        ("change: validate", change(good, validate_only=True), 1),
        ("change: validate bad", change(bad, validate_only=True), 1),
        (
            "changed topic",
            describe((TOPIC, "c10", ["retention.ms", "cleanup.policy"]), include_synonyms=True),
            4,
        ),
        (
            "changed made2",
            describe((TOPIC, "made2", ["retention.ms", "cleanup.policy"]), include_synonyms=True),
            4,
        ),
        ("changed made4", describe((TOPIC, "made4", ["retention.ms"]), include_synonyms=True), 4),
        ("changed broker", describe((BROKER, "1", ["log.retention.ms"]), include_synonyms=True), 4),
        ("changed all brokers", describe((BROKER, ""), include_synonyms=True), 4),
        ("changed group", describe((GROUP, "g1", ["consumer.session.timeout.ms"]), include_synonyms=True), 4),
        ("changed metrics", describe((METRICS, "m1"), include_synonyms=True), 4),
        ("alter: good", alter((TOPIC, "made4", {"retention.ms": "7000"})), 2),
        ("altered", describe((TOPIC, "made4", ["retention.ms", "segment.ms"]), include_synonyms=True), 4),
        ("alter: replaces", alter((TOPIC, "made4", {"segment.ms": "7000"})), 2),
        (
            "altered again",
            describe((TOPIC, "made4", ["retention.ms", "segment.ms"]), include_synonyms=True),
            4,
        ),
        ("alter: null", alter((TOPIC, "made4", {"segment.ms": None})), 2),
        ("alter: nothing", alter((TOPIC, "made4", {})), 2),
        ("alter: unknown", alter((TOPIC, "nope", {"segment.ms": "1"})), 2),
        ("alter: bad", alter((TOPIC, "made4", {"segment.ms": "x"})), 0),
        ("alter: validate", alter((TOPIC, "made4", {"segment.ms": "9000"}), validate_only=True), 2),
        ("alter: broker", alter((BROKER, "1", {"log.retention.ms": "7777777"})), 2),
        ("alter: group", alter((GROUP, "g2", {"consumer.session.timeout.ms": "51000"})), 2),
        ("alter: metrics", alter((METRICS, "m2", {"interval.ms": "1000"})), 2),
        ("list resources v0", lc.ListConfigResourcesRequest(), 0),
        ("list resources: all", lc.ListConfigResourcesRequest(resource_types=[GROUP, METRICS, BROKER]), 1),
        ("list resources: none named", lc.ListConfigResourcesRequest(resource_types=[]), 1),
        ("list resources: unknown type", lc.ListConfigResourcesRequest(resource_types=[99]), 1),
        (
            "delete metrics",
            change((METRICS, "m1", [(DELETE, n, None) for n in ("metrics", "interval.ms", "match")])),
            1,
        ),
        ("list resources after", lc.ListConfigResourcesRequest(resource_types=[METRICS]), 1),
    ]


def _record_steps() -> list[Step]:
    return [
        ("trim: unknown topic", trim(("nope", [(0, 0)])), 2),
        ("trim: unknown partition", trim(("made2", [(77, 0), (-1, 0)])), 2),
        ("trim: to the end", trim(("made2", [(0, -1)])), 2),
        ("trim: to 0", trim(("made2", [(0, 0)])), 1),
        ("trim: beyond", trim(("made2", [(0, 5)])), 2),
        ("trim: negative", trim(("made2", [(0, -2)])), 2),
        ("trim: internal", trim(("__consumer_offsets", [(0, -1)])), 2),
        ("trim: compacted only", trim(("compacted", [(0, -1)])), 2),
        ("log dirs: unknown", log_dirs({"nope": [0]}), 4),
        ("log dirs: some", log_dirs({"made2": [0, 1, 77], "made3": []}), 4),
        ("log dirs: some v1", log_dirs({"made2": [0]}), 1),
        ("log dirs: nothing", log_dirs({}), 4),
        ("cluster v0", dc.DescribeClusterRequest(include_cluster_authorized_operations=True), 0),
        ("cluster v1", dc.DescribeClusterRequest(), 1),
        ("cluster v2", dc.DescribeClusterRequest(include_fenced_brokers=True), 2),
        ("cluster v1 controllers", dc.DescribeClusterRequest(endpoint_type=2), 1),
        ("cluster v1 type 7", dc.DescribeClusterRequest(endpoint_type=7), 1),
        ("partitions of: unknown", partitions_of("nope"), 0),
        ("partitions of: invalid", partitions_of("a b"), 0),
        ("partitions of: some", partitions_of("made6", "made2"), 0),
        ("partitions of: twice", partitions_of("made2", "made2"), 0),
        ("partitions of: limit", partitions_of("made2", "made3", "made6", limit=5), 0),
        ("partitions of: exact limit", partitions_of("made2", "made3", limit=4), 0),
        ("partitions of: cursor", partitions_of("made2", "made3", "made6", limit=5, cursor=("made3", 1)), 0),
        ("partitions of: cursor at end", partitions_of("made2", "made3", cursor=("made3", 4)), 0),
        ("partitions of: cursor beyond", partitions_of("made2", cursor=("made2", 9)), 0),
        ("partitions of: cursor negative", partitions_of("made2", cursor=("made2", -1)), 0),
        ("partitions of: cursor of another topic", partitions_of("made2", "made6", cursor=("made3", 1)), 0),
        ("partitions of: cursor unknown topic", partitions_of("made2", cursor=("nope", 0)), 0),
        ("partitions of: limit 0", partitions_of("made2", limit=0), 0),
        ("partitions of: limit negative", partitions_of("made2", limit=-5), 0),
        ("partitions of: unknown and limit", partitions_of("made2", "nope", limit=4), 0),
    ]


def _delete_steps() -> list[Step]:
    return [
        *((f"delete v{v}", delete(f"made{v + 1}"), v) for v in range(1, 6)),
        ("delete: unknown", delete("nope"), 5),
        ("delete: unknown v1", delete("nope"), 1),
        ("delete: invalid", delete("a b"), 5),
        ("delete: nothing", delete(), 5),
        ("delete: twice", delete("c2", "defaults", "defaults", "c10"), 5),
        ("delete v6: unknown id", delete6((None, SOME_ID)), 6),
        ("delete v6: nothing named", delete6((None, NO_ID)), 6),
        ("delete v6: name and id", delete6(("c30", SOME_ID)), 6),
        ("delete v6: by name", delete6(("c28", NO_ID)), 6),
        ("delete v6: twice", delete6(("c30", NO_ID), ("c30", NO_ID)), 6),
        ("delete v6: unknown name", delete6(("nope", NO_ID)), 6),
        ("deleted", metadata("made2", "made3", "c28"), 12),
        ("delete again", delete("made2"), 5),
    ]


SCRIPT: list[Step] = [
    *_metadata_steps(),
    *_create_steps(),
    *_partition_steps(),
    *_describe_steps(),
    *_alter_steps(),
    ("create: compacted", create(topic("compacted", configs=[("cleanup.policy", "compact")])), 4),
    *_record_steps(),
    *_delete_steps(),
]

_DROPPED = {
    "throttle_time_ms",
    "host",
    "port",
    "log_dir",
    "total_bytes",
    "usable_bytes",
    "cluster_id",
    "rack",
}
_UNORDERED = {"configs", "topics", "responses", "results", "config_resources", "partitions"}
_MESSAGES = {"error_message", "documentation"}


def reduce(value: Any) -> Any:
    """An answer as plain data without what differs by nature: ids, addresses, sentences, sizes of disks."""
    if hasattr(value, "__slots__"):
        reduced = {}
        for name in _names(value):
            item = getattr(value, name)
            if name in _DROPPED:
                continue
            if name in _MESSAGES:
                item = item and "..."
            reduced[name] = reduce(item)
        if "topic_config_error_code" in reduced:
            # A created topic shows all its configs (test_describe holds those equal): kept are those set on the topic.
            reduced["configs"] = [config for config in reduced["configs"] if config["config_source"] == 1]
        return reduced
    if isinstance(value, list):
        return [reduce(item) for item in value]
    if isinstance(value, bytes):
        return "zero" if value == NO_ID else "known" if value == SOME_ID else "id"
    return value


def _names(value: Any) -> list[str]:
    return [name for name, _ in fields_of(type(value))]


def canonical(request: Any, answer: Any) -> Any:
    """The reduced answer; lists whose order means nothing are sorted."""
    reduced = reduce(answer)

    def sort(item: Any) -> Any:
        if isinstance(item, dict):
            return {
                name: sorted((sort(one) for one in inner), key=lambda one: json.dumps(one, sort_keys=True))
                if isinstance(inner, list) and name in _UNORDERED
                else sort(inner)
                for name, inner in item.items()
            }
        if isinstance(item, list):
            return [sort(one) for one in item]
        return item

    if isinstance(request, dtp.DescribeTopicPartitionsRequest):
        return reduced
    return sort(reduced)


def play(bootstrap: str, pause_s: float) -> dict[str, Any]:
    """The script's reduced answers from the broker at this address; None where it closed the connection."""
    host, port = bootstrap.split(":")
    answers: dict[str, Any] = {}
    connection = socket.create_connection((host, int(port)), timeout=20)
    for name, request, version in SCRIPT:
        assert name not in answers, name
        try:
            answers[name] = canonical(request, ask(connection, request, version))
        except (ConnectionError, TimeoutError):
            answers[name] = None
            connection.close()
            connection = socket.create_connection((host, int(port)), timeout=20)
        if not isinstance(request, dcf.DescribeConfigsRequest):
            time.sleep(pause_s)  # the controller's changes reach the broker's view a moment after the answer
    return answers


def play_configs(bootstrap: str) -> dict[str, Any]:
    """All configs of a broker, a topic, a group and a subscription: name -> value, type, read-only, sensitive, synonyms."""
    host, port = bootstrap.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        ask(connection, create(topic("plain")), 7)
        time.sleep(1)
        answer = ask(connection, CONFIGS, 4)
    return config_table(answer)


CONFIGS = describe((BROKER, "1"), (TOPIC, "plain"), (GROUP, "g"), (METRICS, "m"), include_synonyms=True)


_ADDRESSES = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}


def config_table(answer: Any) -> dict[str, Any]:
    """The answer to `CONFIGS` as a table."""
    return {
        kind: {
            config.name: [
                config.value,
                config.config_type,
                config.read_only,
                config.is_sensitive,
                config.config_source,
                [[each.name, each.value, each.source] for each in config.synonyms],
            ]
            for config in sorted(result.configs, key=lambda config: config.name)
            if config.name not in _ADDRESSES
        }
        for kind, result in zip(("broker", "topic", "group", "client-metrics"), answer.results, strict=True)
    }


def ask(connection: socket.socket, request: Any, version: int) -> Any:
    """One request and its answer."""
    connection.sendall(frames.encode_request(1, request, version, "script"))
    body = _read(connection, struct.unpack(">i", _read(connection, 4))[0])
    return decode_answer(request, version, body)


def decode_answer(request: Any, version: int, body: bytes) -> Any:
    """The answer in a response frame without its length."""
    response = messages.response_class(schema_of(type(request)).key)
    flexible = schema_of(response).is_flexible(version) and schema_of(response).key != frames.API_VERSIONS_KEY
    _, position = frames.read_response_header(body, flexible)
    return codec.decode(response, version, body, position)[0]


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionError("closed")
        data += part
    return data


def write(path: Path, table: dict[str, Any]) -> None:
    """Write a table with one line per row."""
    lines = [f"{json.dumps(name)}: {json.dumps(row, separators=(',', ':'))}" for name, row in table.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    configs = play_configs(sys.argv[1])
    write(
        CONFIG_TABLE, {f"{kind} {name}": row for kind, rows in configs.items() for name, row in rows.items()}
    )
    write(ANSWERS, play(sys.argv[1], pause_s=0.15))
