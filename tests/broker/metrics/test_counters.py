"""Counters: what a call costs in which phase, errors wherever they stand in an answer, and bounds on what clients can name."""

from __future__ import annotations

import itertools
from typing import Any

from neuraxis.broker.call import Call
from neuraxis.broker.metrics import counters as counters_module
from neuraxis.broker.metrics.counters import OTHER, Counters, Histogram, error_codes, stopped
from neuraxis.broker.session import Session
from neuraxis.broker.work import Now
from neuraxis.wire.messages.fetch import FetchableTopicResponse, FetchResponse, PartitionData
from neuraxis.wire.messages.heartbeat import HeartbeatResponse
from neuraxis.wire.messages.metadata import (
    MetadataResponse,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from tests.broker.harness import (
    PRODUCE_VERSION,
    CoreHarness,
    batch_of,
    fetch_request,
    produce_request,
)


def a_call(session: Session) -> Call:
    return Call(session, 0, 9, 1, None, 1, Now(0, 0), [])


def test_a_histogram_counts_by_binary_digits_and_sums() -> None:
    histogram = Histogram()
    for value in (0, 1, 2, 3, 4, 1023, 1024):
        histogram.add(value)
    assert histogram.buckets[:4] == [1, 1, 2, 1]
    assert (histogram.buckets[10], histogram.buckets[11]) == (1, 1)
    assert (histogram.count, histogram.total) == (7, 2057)
    other = Histogram()
    other.take(histogram)
    other.take(histogram)
    assert (other.count, other.total) == (14, 4114)
    assert histogram.count == 7


def test_a_call_that_was_parked_and_then_waited_for_the_disk_is_counted_in_each_phase() -> None:
    tally = Counters().tally(0, 9)
    call = a_call(Session(1, "PLAINTEXT", "127.0.0.1", 1))
    tally.waits_for(call, began_ns=1_000, handled_ns=10)
    assert tally.requests == 1
    timing = call.timing
    assert timing is not None
    timing.answered_ns = 1_110
    tally.left(timing, 1_310)
    waits = tally.waits
    assert waits is not None
    totals = (waits.handled.total, waits.parked.total, waits.durable.total, waits.total.total)
    assert totals == (10, 100, 200, 310)
    assert (tally.requests, tally.open) == (1, 0)


def test_a_call_whose_peer_left_still_counts_as_a_request() -> None:
    counters = Counters()
    tally = counters.tally(0, 9)
    call = a_call(Session(1, "PLAINTEXT", "127.0.0.1", 1))
    tally.waits_for(call, 0, 0)
    counters.abandoned(call)
    counters.abandoned(call)
    assert (tally.requests, tally.open) == (1, 0)
    assert tally.waits is None


def test_errors_are_found_at_every_depth_of_an_answer_and_successes_are_not() -> None:
    assert error_codes(HeartbeatResponse(error_code=27)) == [27]
    fetched = FetchResponse(
        responses=[FetchableTopicResponse("a", bytes(16), [PartitionData(0, 1, -1), PartitionData(1, 0, -1)])]
    )
    assert error_codes(fetched) == [1]
    described = MetadataResponse(
        topics=[
            MetadataResponseTopic(error_code=3, name="a"),
            MetadataResponseTopic(
                name="b", partitions=[MetadataResponsePartition(error_code=5), MetadataResponsePartition()]
            ),
        ]
    )
    assert sorted(error_codes(described)) == [3, 5]
    assert error_codes(()) == []


def test_software_beyond_the_limit_counts_as_other(monkeypatch: Any) -> None:
    monkeypatch.setattr(counters_module, "MAX_SOFTWARE", 2)
    counters = Counters()
    sessions = [Session(number, "PLAINTEXT", "127.0.0.1", 1) for number in range(4)]
    for session in sessions:
        counters.met(session)
        session.software_name, session.software_version = f"lib{session.id}" * 50, "1"
        counters.introduced(session)
    assert len(counters.software) <= 3
    assert counters.software[OTHER].connections == 3
    assert max(len(name) for name, _ in counters.software) <= counters_module.MAX_CHARACTERS
    for session in sessions:
        counters.parted(session)
    assert sum(software.connections for software in counters.software.values()) == 0
    assert (counters.accepted, counters.closed) == ({"PLAINTEXT": 4}, {"PLAINTEXT": 4})


def test_the_core_counts_quick_parked_and_durable_calls_apart() -> None:
    ticking = itertools.count(1_000, 1_000)
    broker = CoreHarness(works_wait=True)
    broker.core._stopwatch = lambda: next(ticking)
    broker.works_wait = False
    broker.create_topic("drives")
    broker.works_wait = True
    counters = broker.node.counters
    peer, reader = broker.connect(), broker.connect()
    reader.send(fetch_request({"drives": {0: 0}}), 12)
    peer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    tally = counters.tally(0, PRODUCE_VERSION)
    assert (tally.requests, tally.open, tally.waits) == (1, 1, None)
    broker.works_wait = False
    broker.settle()
    assert (tally.requests, tally.open) == (1, 0)
    assert tally.waits is not None
    assert (tally.waits.durable.count, tally.waits.parked.count) == (1, 0)
    assert tally.waits.durable.total > 0
    fetched = counters.tally(1, 12)
    assert fetched.waits is not None
    assert (fetched.waits.parked.count, fetched.count) == (1, 0)
    assert fetched.waits.total.total >= fetched.waits.parked.total > 0
    assert counters.released.count >= 1


def test_errors_of_produce_and_fetch_are_counted_though_the_core_does_not_look_for_them() -> None:
    broker = CoreHarness("os")
    broker.create_topic("drives")
    peer = broker.connect()
    peer.request(produce_request("nowhere", batch_of(b"a")), PRODUCE_VERSION)
    peer.request(fetch_request({"nowhere": {0: 0}}), 12)
    peer.request(fetch_request({"drives": {0: 999}}), 12)
    peer.request(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    assert broker.node.counters.errors == {(0, 3): 1, (1, 3): 1, (1, 1): 1}


def test_a_stopwatch_that_nobody_gave_stands_still() -> None:
    assert stopped() == stopped() == 0
