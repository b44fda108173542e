"""The pytest plugin: a fresh in-memory broker for each test that asks for one.

    def test_my_pipeline(neuraxis_bootstrap):
        producer = confluent_kafka.Producer({"bootstrap.servers": neuraxis_bootstrap})

Settings come from a marker: `@pytest.mark.neuraxis(settings={"num.partitions": 3}, durability="sync")`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.embedded import Broker


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "neuraxis(settings=..., durability=...): how the broker of this test is started"
    )


@pytest.fixture
def neuraxis_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A running broker in this process, empty, in memory; stopped after the test."""
    from neuraxis.broker.embedded import Broker

    marker = request.node.get_closest_marker("neuraxis")
    options = dict(marker.kwargs) if marker is not None else {}
    with Broker(**options) as broker:
        yield broker


@pytest.fixture
def neuraxis_bootstrap(neuraxis_broker: Broker) -> str:
    """The `bootstrap.servers` of the test's broker."""
    return neuraxis_broker.bootstrap
