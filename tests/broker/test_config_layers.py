from __future__ import annotations

from neuraxis.broker.config_changes import BROKER, SET
from neuraxis.broker.config_layers import layers_of, log_dir
from tests.broker.admin_script import change
from tests.broker.harness import CoreHarness


def test_the_layers_are_where_things_were_set() -> None:
    harness = CoreHarness("interval", num_partitions="3")
    peer = harness.connect()
    peer.request(change((BROKER, "", [(SET, "log.retention.ms", "1")])), 1)
    peer.request(change((BROKER, "1", [(SET, "log.retention.ms", "2")])), 1)
    layers = layers_of(harness.node)
    assert layers.shared == {"log.retention.ms": "1"}
    assert layers.node == {"log.retention.ms": "2"}
    assert layers.static["num.partitions"] == "3"
    assert layers.static["log.flush.interval.ms"] == "1000"
    assert layers.static["listener.security.protocol.map"] == "PLAINTEXT:PLAINTEXT"


def test_a_broker_without_a_directory_says_so() -> None:
    assert log_dir(CoreHarness().node) == "memory"
