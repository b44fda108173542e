"""Which policy a topic's configs mean."""

from __future__ import annotations

import pytest

from neuraxis.broker.log.settings import Durability, LogSettings


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        (LogSettings(), Durability.OS),
        (LogSettings(flush_messages=1), Durability.SYNC),
        (LogSettings(flush_messages=1, flush_ms=5), Durability.SYNC),
        (LogSettings(flush_messages=2), Durability.INTERVAL),
        (LogSettings(flush_ms=1_000), Durability.INTERVAL),
    ],
)
def test_flush_configs_choose_the_policy(settings: LogSettings, policy: Durability) -> None:
    assert settings.durability is policy
