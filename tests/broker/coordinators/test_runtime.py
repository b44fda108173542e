"""The runtime of coordinators: facts reach the log before the state, answers find their calls, a start folds the log."""

from __future__ import annotations

import pytest

from neuraxis.broker.call import PARKED
from neuraxis.broker.coordinators.runtime import UnreadableFact
from neuraxis.broker.log.failures import StorageFailed
from neuraxis.broker.log.scan import headers
from neuraxis.broker.work import Now
from neuraxis.wire import batch, records
from neuraxis.wire.errors import Refused
from tests.broker.coordinators.counting import NOW, Bench


def test_a_command_is_answered_by_the_call_that_gave_it() -> None:
    bench = Bench()
    assert [bench.add("a"), bench.add("a"), bench.add("b")] == [1, 2, 1]
    assert bench.shard.state.values == {"a": 2, "b": 1}


def test_a_start_folds_the_log_and_counts_its_facts() -> None:
    bench = Bench()
    for name in ("a", "b", "a"):
        bench.add(name)
    again = bench.restart()
    assert again.loaded == 3
    assert again.shard.state.values == {"a": 2, "b": 1}


def test_resume_is_run_after_the_load() -> None:
    bench = Bench()
    bench.shard.resume(NOW)
    assert bench.shard.state.resumed == 1


def test_an_answer_carries_the_ticket_of_all_it_could_have_seen() -> None:
    bench = Bench()
    bench.partition.log.ticket = 77
    call = bench.call()
    bench.shard.execute(("add", "a", call.token), call, NOW)
    reader = bench.call()
    assert bench.shard.read(reader) is bench.shard.state
    assert (call.ticket, reader.ticket) == (77, 77)


def test_a_parked_call_is_answered_by_what_another_does() -> None:
    bench = Bench()
    parked = bench.call()
    assert bench.shard.execute(("wait", parked.token), parked, NOW) is PARKED
    bench.add("a")
    assert bench.completed == [parked]
    assert parked.response == "woken"


def test_a_parked_call_is_answered_by_time() -> None:
    bench = Bench()
    parked = bench.call()
    bench.shard.execute(("wait", parked.token), parked, NOW)
    assert bench.shard.deadline() == NOW.mono_ms + 50
    bench.shard.tick(Now(NOW.mono_ms + 49, NOW.wall_ms))
    assert not parked.answered
    bench.shard.tick(Now(NOW.mono_ms + 50, NOW.wall_ms))
    assert parked.response == "late"
    assert bench.shard.deadline() is None


def test_the_answer_to_an_abandoned_call_is_dropped() -> None:
    bench = Bench()
    parked = bench.call()
    bench.shard.execute(("wait", parked.token), parked, NOW)
    assert parked.abandon is not None
    parked.abandon()
    bench.add("a")
    assert not bench.completed


def test_a_command_for_nobody_is_carried_out() -> None:
    bench = Bench()
    assert bench.shard.execute(("add", "a", 0), None, NOW) is None
    assert bench.shard.state.values == {"a": 1}


def test_a_refused_command_leaves_nothing_behind() -> None:
    bench = Bench()
    call = bench.call()
    with pytest.raises(Refused):
        bench.shard.execute(("refuse",), call, NOW)
    assert bench.partition.log_end_offset == 0
    assert bench.shard.execute(("wait", call.token), call, NOW) is PARKED  # the call is free to be used again


def test_a_fact_that_cannot_be_applied_stops_the_broker() -> None:
    bench = Bench()
    with pytest.raises(StorageFailed, match="counts-0"):
        bench.shard.execute(("break",), None, NOW)


def test_a_fact_that_cannot_be_taken_at_start_is_named_by_its_place() -> None:
    bench = Bench()
    bench.add("a")
    with pytest.raises(StorageFailed):
        bench.shard.execute(("break",), None, NOW)
    with pytest.raises(UnreadableFact, match="counts-0 offset 1: ValueError"):
        bench.restart()


@pytest.mark.parametrize("damaged", range(3))
def test_a_start_takes_no_fact_from_a_damaged_log_and_leaves_none_out(damaged: int) -> None:
    bench = Bench()
    for name in "abc":
        bench.add(name)
    log = bench.partition.log
    places = [(at, header.size) for at, header in headers(log.fs, log.active.file, 0, log.active.size)]
    start, size = places[damaged]
    for at in (start + 11, start + 30, start + size - 1):  # its length, its header, its record
        byte = log.fs.read(log.active.file, at, 1)
        log.fs.write(log.active.file, at, bytes([byte[0] ^ 4]))
        with pytest.raises(
            UnreadableFact, match=rf"0000\.log is damaged at byte {start}\..*neuraxis restore"
        ):
            bench.restart()
        log.fs.write(log.active.file, at, byte)
    assert bench.restart().loaded == 3


def test_records_of_another_kind_are_left_alone() -> None:
    bench = Bench()
    view = memoryview(records.build_batch([records.Record(0, NOW.wall_ms, b"other", b"?", ())]))
    bench.partition.append(view, batch.read_header(view), NOW)
    bench.add("a")
    assert bench.restart().shard.state.values == {"a": 1}
