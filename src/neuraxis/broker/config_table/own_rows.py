"""The broker configs that are not in Kafka's own table: those of its authoriser, and ours. Shown only by `neuraxis`' docs."""

from __future__ import annotations

from neuraxis.broker.config_table.rows import parse_rows

OWN_CONFIGS = parse_rows("""
allow.everyone.if.no.acl.found|boolean|false||r|i
neuraxis.audit.log.events|string|denied|denied,all|r|i
neuraxis.audit.log.files|int|10|1..1000|r|i
neuraxis.audit.log.max.bytes|long|104857600|1024..|r|i
neuraxis.audit.log.path|string|||r|i
super.users|string|||r|i
""")
"""The first and the last are the authoriser's configs in Kafka, which knows them outside its table."""
