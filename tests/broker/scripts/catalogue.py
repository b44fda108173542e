"""The scripts by name, and which fields differ by nature."""

from __future__ import annotations

from tests.broker.scripts import acls, features, fetch_sessions, one_node, quotas, scram, telemetry, tokens

SCRIPTS = {
    "quotas": quotas.SCRIPT,
    "scram": scram.SCRIPT,
    "acls": acls.SCRIPT,
    "acls_off": acls.SWITCHED_OFF,
    "tokens": tokens.SCRIPT,
    "tokens_off": tokens.SWITCHED_OFF,
    "tokens_known": tokens.KNOWN,
    "tokens_known_off": tokens.KNOWN_OFF,
    "one_node": one_node.SCRIPT,
    "features": features.SCRIPT,
    "telemetry": telemetry.SCRIPT,
    "fetch_sessions": fetch_sessions.SCRIPT,
}

LOG = {"log_dir", "total_bytes", "usable_bytes"}
QUORUM = {
    "leader_epoch",
    "high_watermark",
    "log_end_offset",
    "last_fetch_timestamp",
    "last_caught_up_timestamp",
    "host",
    "port",
    *LOG,
}
FREE = {
    "one_node": frozenset(QUORUM),
    "features": frozenset({"finalized_features_epoch", "api_keys"}),
    "telemetry": telemetry.FREE,
    "fetch_sessions": fetch_sessions.FREE,
    "tokens_known": tokens.FREE,
}
"""Fields that are only looked at for being there, by script."""

KNOWN: dict[bytes, str] = {bytes(16): "zero", bytes(range(16)): "some"}
