from __future__ import annotations

import pytest

from neuraxis.wire.messages.describe_cluster import DescribeClusterRequest
from tests.broker.harness import CoreHarness


@pytest.mark.parametrize("version", range(3))
def test_every_version_shows_this_broker_and_the_cluster_id(version: int) -> None:
    answer = CoreHarness().connect().request(DescribeClusterRequest(), version)
    (broker,) = answer.brokers
    assert (broker.broker_id, broker.host, broker.port) == (1, "broker.test", 9092)
    assert (answer.cluster_id, answer.controller_id) == ("a-cluster-of-the-tests", 1)
