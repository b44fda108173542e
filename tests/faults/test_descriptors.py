"""File descriptors run out: strangers wait without cost, and more files than descriptors are written without loss."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from pathlib import Path

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.create_topics import CreatableTopic, CreateTopicsRequest
from tests.broker.harness import PRODUCE_VERSION, batch_of, produce_request
from tests.broker.sockets import RawPeer, eventually
from tests.faults.harness import PATIENCE_S, FaultyBroker, Ledger

DESCRIPTORS = 128
PARTITIONS = 160
"""Each keeps a descriptor from its first record to the next checkpoint, if it can."""


def limited(directory: Path) -> FaultyBroker:
    return FaultyBroker(directory, None, "prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")


def in_use(broker: FaultyBroker) -> int:
    """The limit at which the broker has as many descriptors as it may have."""
    return max(int(path.name) for path in Path(f"/proc/{broker.pid}/fd").iterdir()) + 1


def sockets(broker: FaultyBroker) -> int:
    """How many descriptors are sockets."""
    return sum(os.readlink(path).startswith("socket:") for path in Path(f"/proc/{broker.pid}/fd").iterdir())


def test_more_partitions_than_descriptors_are_written_within_one_checkpoint(tmp_path: Path) -> None:
    with limited(tmp_path) as broker:
        ledger = Ledger(broker, partitions=PARTITIONS)
        ledger.send(PARTITIONS)
        broker.restart(hard=True)
        ledger.send(10)
        ledger.check()


def test_a_limit_that_shrinks_below_what_is_open_makes_the_logs_give_descriptors_back(tmp_path: Path) -> None:
    with limited(tmp_path) as broker:
        ledger = Ledger(broker, partitions=50)
        ledger.send(100)
        resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (in_use(broker) + 8, DESCRIPTORS))  # for clients
        more = Ledger(broker, "more", partitions=50)
        more.send(100)
        resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        ledger.send(100)
        ledger.check()
        more.check()


def test_connections_that_find_no_descriptor_cost_nothing_and_come_in_when_there_is_one(
    tmp_path: Path,
) -> None:
    with limited(tmp_path) as broker, contextlib.ExitStack() as strangers:
        ledger = Ledger(broker)
        patient = ledger.producer()
        ledger.produce(patient)
        assert patient.flush(PATIENCE_S) == 0
        resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (in_use(broker), DESCRIPTORS))
        for _ in range(DESCRIPTORS):
            strangers.enter_context(socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S))
        eventually(lambda: "cannot accept" in broker.said, "a connection found no descriptor", PATIENCE_S)
        before_s = broker.cpu_s
        eventually(lambda: broker.said.count("cannot accept") > 1, "it tried again", PATIENCE_S)
        # A second went by. A loop that spins would have used all of it, and would have said so many times.
        assert broker.cpu_s - before_s < 0.5
        assert broker.said.count("cannot accept") < 10
        ledger.produce(patient, 20)  # who is here goes on
        assert patient.flush(PATIENCE_S) == 0
        strangers.close()
        resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        ledger.send(10)
        ledger.check()


def test_connections_without_number_do_not_stop_a_broker_with_few_descriptors(tmp_path: Path) -> None:
    with limited(tmp_path) as broker:
        with RawPeer(broker.port) as peer, contextlib.ExitStack() as strangers:
            for _ in range(2 * DESCRIPTORS):
                strangers.enter_context(socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S))
            eventually(lambda: "refusing a connection" in broker.said, "there was no more room", PATIENCE_S)
            assert sockets(broker) <= DESCRIPTORS // 2  # the other half is the logs'
            create = CreateTopicsRequest([CreatableTopic("made", 60, 1)], 30_000)
            (created,) = peer.request(create, 7).topics
            assert created.error_code == ErrorCode.NONE
            for partition in range(60):  # each opens a segment of its own
                answer = peer.request(produce_request("made", batch_of(b"kept"), partition), PRODUCE_VERSION)
                assert answer.responses[0].partition_responses[0].error_code == ErrorCode.NONE
        Ledger(broker).send()  # the strangers have gone: there is room again
