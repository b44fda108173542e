"""The configs of topics, groups and client metrics of Apache Kafka 4.4.0, and the broker configs behind them."""

from __future__ import annotations

from neuraxis.broker.config_table.rows import parse_rows

TOPIC_CONFIGS = parse_rows("""
cleanup.policy|list|delete|compact,delete|c
compression.gzip.level|int|-1|1..9,-1|c
compression.lz4.level|int|9|1..17|c
compression.type|string|producer|uncompressed,zstd,lz4,snappy,gzip,producer|c
compression.zstd.level|int|3|-131072..22|c
delete.retention.ms|long|86400000|0..|c
errors.deadletterqueue.group.enable|boolean|false||c
file.delete.delay.ms|long|60000|0..|c
flush.messages|long|9223372036854775807|1..|c
flush.ms|long|9223372036854775807|0..|c
follower.replication.throttled.replicas|list|||c
index.interval.bytes|int|4096|0..|c
internal.segment.bytes|int|~||c|i
leader.replication.throttled.replicas|list|||c
local.retention.bytes|long|-2|-2..|c
local.retention.ms|long|-2|-2..|c
max.compaction.lag.ms|long|9223372036854775807|1..|c
max.decompressed.message.bytes|int|2147483639|1..2147483639|c
max.message.bytes|int|1048588|0..|c
message.timestamp.after.max.ms|long|3600000|0..|c
message.timestamp.before.max.ms|long|9223372036854775807|0..|c
message.timestamp.type|string|CreateTime|CreateTime,LogAppendTime|c
min.cleanable.dirty.ratio|double|0.5|0..1|c
min.compaction.lag.ms|long|0|0..|c
min.insync.replicas|int|1|1..|c
preallocate|boolean|false||c
remote.copy.lag.bytes|long|-1|-1..|c
remote.copy.lag.ms|long|0|-1..|c
remote.log.copy.disable|boolean|false||c
remote.log.delete.on.disable|boolean|false||c
remote.storage.enable|boolean|false||c
retention.bytes|long|-1||c
retention.ms|long|604800000|-1..|c
segment.bytes|int|1073741824|1048576..|c
segment.index.bytes|int|10485760|4..|c
segment.jitter.ms|long|0|0..|c
segment.ms|long|604800000|1..|c
unclean.leader.election.enable|boolean|false||c
""")

GROUP_CONFIGS = parse_rows("""
consumer.assignment.interval.ms|int|1000|0..|c
consumer.assignor.offload.enable|boolean|true||c|i
consumer.heartbeat.interval.ms|int|5000|1..|c
consumer.session.timeout.ms|int|45000|1..|c
errors.deadletterqueue.copy.record.enable|boolean|false||c
errors.deadletterqueue.topic.name|string|||c
share.assignment.interval.ms|int|1000|0..|c
share.assignor.offload.enable|boolean|true||c|i
share.auto.offset.reset|string|latest||c
share.delivery.count.limit|int|5|2..|c
share.heartbeat.interval.ms|int|5000|1..|c
share.isolation.level|string|read_uncommitted|read_committed,read_uncommitted|c
share.partition.max.record.locks|int|2000|100..|c
share.record.lock.duration.ms|int|30000|1000..|c
share.renew.acknowledge.enable|boolean|true||c
share.session.timeout.ms|int|45000|1..|c
streams.acceptable.recovery.lag|long|10000|0..|c|i
streams.assignment.interval.ms|int|1000|0..|c
streams.assignor.name|string|~||c
streams.assignor.offload.enable|boolean|true||c|i
streams.heartbeat.interval.ms|int|5000|1..|c
streams.initial.rebalance.delay.ms|int|3000|0..|c
streams.num.standby.replicas|int|0|0..|c
streams.num.warmup.replicas|int|2|0..|c|i
streams.rack.aware.assignment.tags|list|||c
streams.session.timeout.ms|int|45000|1..|c
streams.task.offset.interval.ms|int|60000|1..|c|i
""")

CLIENT_METRICS_CONFIGS = parse_rows("""
interval.ms|int|300000||c
match|list|||c
metrics|list|||c
""")

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000

TOPIC_SYNONYMS: dict[str, tuple[tuple[str, int], ...]] = {
    "cleanup.policy": (("log.cleanup.policy", 1),),
    "compression.gzip.level": (("compression.gzip.level", 1),),
    "compression.lz4.level": (("compression.lz4.level", 1),),
    "compression.type": (("compression.type", 1),),
    "compression.zstd.level": (("compression.zstd.level", 1),),
    "delete.retention.ms": (("log.cleaner.delete.retention.ms", 1),),
    "file.delete.delay.ms": (("log.segment.delete.delay.ms", 1),),
    "flush.messages": (("log.flush.interval.messages", 1),),
    "flush.ms": (
        ("log.flush.interval.ms", 1),
        ("log.flush.scheduler.interval.ms", 1),
    ),
    "index.interval.bytes": (("log.index.interval.bytes", 1),),
    "local.retention.bytes": (("log.local.retention.bytes", 1),),
    "local.retention.ms": (("log.local.retention.ms", 1),),
    "max.compaction.lag.ms": (("log.cleaner.max.compaction.lag.ms", 1),),
    "max.decompressed.message.bytes": (("max.decompressed.message.bytes", 1),),
    "max.message.bytes": (("message.max.bytes", 1),),
    "message.timestamp.after.max.ms": (("log.message.timestamp.after.max.ms", 1),),
    "message.timestamp.before.max.ms": (("log.message.timestamp.before.max.ms", 1),),
    "message.timestamp.type": (("log.message.timestamp.type", 1),),
    "min.cleanable.dirty.ratio": (("log.cleaner.min.cleanable.ratio", 1),),
    "min.compaction.lag.ms": (("log.cleaner.min.compaction.lag.ms", 1),),
    "min.insync.replicas": (("min.insync.replicas", 1),),
    "preallocate": (("log.preallocate", 1),),
    "remote.copy.lag.bytes": (("log.remote.copy.lag.bytes", 1),),
    "remote.copy.lag.ms": (("log.remote.copy.lag.ms", 1),),
    "retention.bytes": (("log.retention.bytes", 1),),
    "retention.ms": (
        ("log.retention.ms", 1),
        ("log.retention.minutes", _MINUTE_MS),
        ("log.retention.hours", _HOUR_MS),
    ),
    "segment.bytes": (("log.segment.bytes", 1),),
    "segment.index.bytes": (("log.index.size.max.bytes", 1),),
    "segment.jitter.ms": (
        ("log.roll.jitter.ms", 1),
        ("log.roll.jitter.hours", _HOUR_MS),
    ),
    "segment.ms": (
        ("log.roll.ms", 1),
        ("log.roll.hours", _HOUR_MS),
    ),
    "unclean.leader.election.enable": (("unclean.leader.election.enable", 1),),
}
"""The broker configs that give a topic config its default, the first that is set; and the factor between the two."""

GROUP_SYNONYMS: dict[str, str] = {
    "consumer.assignment.interval.ms": "group.consumer.assignment.interval.ms",
    "consumer.assignor.offload.enable": "group.consumer.assignor.offload.enable",
    "consumer.heartbeat.interval.ms": "group.consumer.heartbeat.interval.ms",
    "consumer.session.timeout.ms": "group.consumer.session.timeout.ms",
    "share.assignment.interval.ms": "group.share.assignment.interval.ms",
    "share.assignor.offload.enable": "group.share.assignor.offload.enable",
    "share.delivery.count.limit": "group.share.delivery.count.limit",
    "share.heartbeat.interval.ms": "group.share.heartbeat.interval.ms",
    "share.partition.max.record.locks": "group.share.partition.max.record.locks",
    "share.record.lock.duration.ms": "group.share.record.lock.duration.ms",
    "share.session.timeout.ms": "group.share.session.timeout.ms",
    "streams.acceptable.recovery.lag": "group.streams.acceptable.recovery.lag",
    "streams.assignment.interval.ms": "group.streams.assignment.interval.ms",
    "streams.assignor.name": "group.streams.assignors",
    "streams.assignor.offload.enable": "group.streams.assignor.offload.enable",
    "streams.heartbeat.interval.ms": "group.streams.heartbeat.interval.ms",
    "streams.initial.rebalance.delay.ms": "group.streams.initial.rebalance.delay.ms",
    "streams.num.standby.replicas": "group.streams.num.standby.replicas",
    "streams.num.warmup.replicas": "group.streams.num.warmup.replicas",
    "streams.rack.aware.assignment.tags": "group.streams.rack.aware.assignment.tags",
    "streams.session.timeout.ms": "group.streams.session.timeout.ms",
    "streams.task.offset.interval.ms": "group.streams.task.offset.interval.ms",
}
"""The broker config that gives a group config its default. Those that are missing have only their own."""

BROKER_SYNONYMS: dict[str, tuple[str, ...]] = {
    "log.flush.interval.ms": ("log.flush.interval.ms", "log.flush.scheduler.interval.ms"),
    "log.retention.hours": ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
    "log.retention.minutes": ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
    "log.retention.ms": ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
    "log.roll.hours": ("log.roll.ms", "log.roll.hours"),
    "log.roll.jitter.hours": ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    "log.roll.jitter.ms": ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    "log.roll.ms": ("log.roll.ms", "log.roll.hours"),
}
"""Broker configs that have more synonyms than themselves, in order of precedence."""
