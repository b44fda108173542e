"""The broker configs that are not in Kafka's own table: those of its authoriser, and ours. DescribeConfigs hides them."""

from __future__ import annotations

from neuraxis.broker.config_table.rows import parse_rows

OWN_CONFIGS = parse_rows("""
allow.everyone.if.no.acl.found|boolean|false||r|i
neuraxis.audit.log.events|string|denied|denied,all|r|i
neuraxis.audit.log.files|int|10|1..1000|r|i
neuraxis.audit.log.max.bytes|long|104857600|1024..|r|i
neuraxis.audit.log.path|string|||r|i
neuraxis.busy.poll.us|int|400|0..1000|r|i
neuraxis.max.partitions|int|100000|1..|r|i
neuraxis.metrics.listener|string|||r|i
neuraxis.otlp.endpoint|string|||r|i
neuraxis.otlp.headers|password|||r|i
neuraxis.otlp.interval.ms|int|60000|100..|r|i
neuraxis.scrub.bytes.per.second|long|10485760|0..|r|i
neuraxis.scrub.interval.ms|long|604800000|1000..|r|i
super.users|string|||r|i
""")
"""The first and the last are the authoriser's configs in Kafka, which knows them outside its table."""

OWN_DOCUMENTATION = {
    "allow.everyone.if.no.acl.found": "With an authoriser: whether a resource that no rule is about is open to everybody.",
    "neuraxis.audit.log.events": "Which decisions the audit log holds: `denied` or `all`.",
    "neuraxis.audit.log.files": "How many audit log files are kept.",
    "neuraxis.audit.log.max.bytes": "How large an audit log file grows before the next one begins.",
    "neuraxis.audit.log.path": "The audit log's file; empty: no log. Only an authoriser's decisions are in it.",
    "neuraxis.busy.poll.us": "How long the loop looks for the next small request before it sleeps; 0: not at all.",
    "neuraxis.max.partitions": "How many partitions the broker takes in all. "
    "Each costs some four kilobytes of memory, a directory and its files.",
    "neuraxis.metrics.listener": "Where metrics are shown for Prometheus: `host:port`; set with `--metrics`. Empty: nowhere.",
    "neuraxis.otlp.endpoint": "Where metrics are pushed to: an OpenTelemetry collector (OTLP over HTTP), `http://host:4318`.",
    "neuraxis.otlp.headers": "Headers of those pushes, for collectors that want a key: `name=value`, commas between several.",
    "neuraxis.otlp.interval.ms": "How often metrics are pushed.",
    "neuraxis.scrub.bytes.per.second": "How fast closed segments are read again to find bit rot; 0: never.",
    "neuraxis.scrub.interval.ms": "In what time each closed segment is read again about once.",
    "super.users": "With an authoriser: principals that may do everything, between semicolons (`User:admin;User:ops`).",
}
