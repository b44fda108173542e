"""A process out of descriptors: strangers' connections never take what the logs need."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

from compat.brokers import Neuraxis
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from tests.broker.harness import PRODUCE_VERSION, batch_of, produce_request
from tests.broker.sockets import RawPeer

DESCRIPTORS = 128
PARTITIONS = 60
"""Each has a segment of its own: with its connections the broker would need far more descriptors than it may have."""


class SmallBroker(Neuraxis):
    """`neuraxis up` that may have few descriptors, of both limits."""

    def command(self) -> Sequence[str]:
        """The same, under prlimit (Debian's util-linux)."""
        return ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}", *super().command()]


def produce(peer: RawPeer, partition: int) -> None:
    """One record, acknowledged."""
    answer = peer.request(produce_request("drives", batch_of(b"kept"), partition), PRODUCE_VERSION)
    (found,) = answer.responses[0].partition_responses
    assert found.error_code == ErrorCode.NONE


def test_connections_without_number_do_not_stop_a_broker_with_few_descriptors() -> None:
    with SmallBroker(durability="sync") as broker:
        with RawPeer(broker.port) as peer, contextlib.ExitStack() as strangers:
            for _ in range(2 * DESCRIPTORS):
                stranger = strangers.enter_context(socket.socket())
                stranger.settimeout(10)
                stranger.connect(("127.0.0.1", broker.port))
            create = CreateTopicsRequest([CreatableTopic("drives", PARTITIONS, 1)], 30_000)
            (created,) = peer.request(create, 7).topics
            assert created.error_code == ErrorCode.NONE
            for partition in range(PARTITIONS):
                produce(peer, partition)
        assert broker.running
        with RawPeer(broker.port) as newcomer:  # the strangers have gone: there is room again
            produce(newcomer, 0)
