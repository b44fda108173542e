from __future__ import annotations

import pytest

from neuraxis.broker.config_changes import GROUP, TOPIC
from neuraxis.wire.errors import ErrorCode
from tests.broker.admin_script import alter
from tests.broker.harness import CoreHarness


@pytest.mark.parametrize("version", range(3))
def test_every_version_replaces_what_was_set(version: int) -> None:
    harness = CoreHarness()
    harness.create_topic("a", retention_ms="77", segment_ms="88")
    (answer,) = harness.connect().request(alter((TOPIC, "a", {"retention.ms": "99"})), version).responses
    assert answer.error_code == 0
    assert harness.node.topics["a"].fact.configs == {"retention.ms": "99"}
    assert harness.partition("a").log.settings.retention_ms == 99
    assert harness.partition("a").log.settings.segment_ms == 604_800_000


def test_a_resource_named_twice_is_refused_twice_and_answered() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    one = (TOPIC, "a", {"retention.ms": "99"})
    answers = harness.connect().request(alter(one, one, (GROUP, "a", {})), 2).responses
    assert [answer.error_code for answer in answers] == [
        ErrorCode.INVALID_REQUEST,
        ErrorCode.INVALID_REQUEST,
        0,
    ]
    assert harness.node.topics["a"].fact.configs == {}
