"""A process that may have little memory: who asks for too much loses a connection, the others nothing."""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path

from tests.broker.harness import FETCH_VERSION, fetch_request
from tests.broker.sockets import RawPeer, eventually
from tests.faults.harness import PATIENCE_S, FaultyBroker, Ledger

MB = 1 << 20
FRAME_BYTES = 90 * MB
"""Below the largest frame that is taken."""


def address_space(broker: FaultyBroker) -> int:
    """What the process has now, in bytes."""
    pages = int(Path(f"/proc/{broker.pid}/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def give(broker: FaultyBroker, more_bytes: int) -> None:
    """Let it have so much more than it has; -1: whatever it wants."""
    limit = address_space(broker) + more_bytes if more_bytes >= 0 else resource.RLIM_INFINITY
    resource.prlimit(broker.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def test_frames_that_do_not_fit_into_memory_cost_their_senders_alone(tmp_path: Path) -> None:
    with FaultyBroker(tmp_path) as broker, contextlib.ExitStack() as senders:
        ledger = Ledger(broker, partitions=2)
        ledger.send(100)
        patient = ledger.producer()
        ledger.produce(patient)
        assert patient.flush(PATIENCE_S) == 0
        give(broker, 40 * MB)
        for _ in range(3):
            peer = senders.enter_context(RawPeer(broker.port))
            with contextlib.suppress(OSError):  # it is closed while we send
                peer.send_bytes(FRAME_BYTES.to_bytes(4, "big"))
                for _ in range(60):
                    peer.send_bytes(bytes(MB))
        eventually(lambda: "out of memory" in broker.said, "memory ran out", PATIENCE_S)
        ledger.produce(patient, 50)
        assert patient.flush(PATIENCE_S) == 0
        give(broker, -1)
        ledger.send(50)
        ledger.check()
        broker.restart(hard=True)
        ledger.check()


def test_many_large_fetches_do_not_grow_the_process_out_of_its_memory(tmp_path: Path) -> None:
    with FaultyBroker(tmp_path) as broker, contextlib.ExitStack() as readers:
        ledger = Ledger(broker)
        ledger.send(60, size=900_000)
        give(broker, 24 * MB)
        for _ in range(20):
            peer = readers.enter_context(RawPeer(broker.port))
            fetch = fetch_request({"drives": {0: 0}}, partition_max_bytes=50 * MB)
            peer.send(fetch, FETCH_VERSION)  # and it never reads the answer
        ledger.send(10)
        ledger.check()
        assert "out of memory" not in broker.said


def test_a_broker_without_any_memory_left_goes_on_or_stops_with_the_reason_and_loses_nothing(
    tmp_path: Path,
) -> None:
    with FaultyBroker(tmp_path) as broker:
        ledger = Ledger(broker)
        ledger.send(100)
        give(broker, 0)
        producer = ledger.producer(patience_ms=800)
        ledger.produce(producer, 60, size=900_000)
        producer.flush(PATIENCE_S)
        if broker.running:
            give(broker, -1)
        else:
            assert broker.ended() == 1
            assert "memory" in broker.said
            broker.start()
        ledger.check()
        ledger.send(10)
