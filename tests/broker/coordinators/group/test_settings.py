"""The configs of the group coordinator, by Kafka's names."""

from __future__ import annotations

from neuraxis.broker.config_table.settings import BrokerSettings
from neuraxis.broker.coordinators.group.settings import MAX_MEMBERS, GroupSettings


def test_kafkas_defaults_are_read_but_for_the_limits_of_our_own() -> None:
    read = GroupSettings.read(BrokerSettings({"group.initial.rebalance.delay.ms": "0"}, {}))
    assert read == GroupSettings()
    assert read.max_size == MAX_MEMBERS


def test_what_is_set_is_taken() -> None:
    read = GroupSettings.read(BrokerSettings({"group.max.size": "7", "offsets.retention.minutes": "2"}, {}))
    assert (read.max_size, read.offsets_retention_ms) == (7, 120_000)
