"""The configs of share groups: Kafka's defaults where nobody says anything."""

from __future__ import annotations

from neuraxis.broker.config_table.topic_rows import GROUP_CONFIGS
from neuraxis.broker.coordinators.share.settings import DefaultLimits


def test_the_defaults_are_those_of_the_config_table() -> None:
    limits = DefaultLimits().limits("any")
    assert str(limits.record_lock_duration_ms) == GROUP_CONFIGS["share.record.lock.duration.ms"].default
    assert str(limits.delivery_count_limit) == GROUP_CONFIGS["share.delivery.count.limit"].default
    assert str(limits.partition_max_record_locks) == GROUP_CONFIGS["share.partition.max.record.locks"].default
    assert limits.auto_offset_reset == GROUP_CONFIGS["share.auto.offset.reset"].default
    assert limits.read_committed is (GROUP_CONFIGS["share.isolation.level"].default == "read_committed")
    assert limits.renew_enabled is (GROUP_CONFIGS["share.renew.acknowledge.enable"].default == "true")
    assert DefaultLimits().updates_per_snapshot() == 500
