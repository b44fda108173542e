"""The cluster that the client, command-line and example tests talk to: one fixture, one place to choose the broker.

`NEURAXIS_TEST_BOOTSTRAP=host:port` uses a running cluster; otherwise ours is started for the session;
`NEURAXIS_TEST_TARGET=kafka` starts Apache Kafka instead.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from compat.brokers import SUITE_SETTINGS, start_target


@pytest.fixture(scope="session")
def bootstrap() -> Iterator[str]:
    """The bootstrap string of a real broker."""
    given = os.environ.get("NEURAXIS_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    with start_target(os.environ.get("NEURAXIS_TEST_TARGET", "neuraxis"), SUITE_SETTINGS) as broker:
        yield broker.bootstrap


@pytest.fixture
def name() -> str:
    """A topic or group name nobody used before: the cluster outlives the test."""
    return f"test-{uuid.uuid4().hex[:12]}"
