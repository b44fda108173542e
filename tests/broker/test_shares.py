"""Share partitions at work in a whole core: waiting, waking, disconnecting, restarting, and what must be durable first."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker import shares as module
from neuraxis.broker.log.settings import StoreOptions
from neuraxis.broker.shares import SHARE_TOPIC, start_offset
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.delete_groups import DeleteGroupsRequest
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from neuraxis.wire.messages.update_features import FeatureUpdateKey, UpdateFeaturesRequest
from tests.broker.harness import WALL_MS, CoreHarness, batch_of, pins, produce_request, values_of
from tests.broker.restart import restarted
from tests.broker.sharing import Member, acquired, given, set_config
from tests.broker.test_scenarios import EverythingIsLost
from tests.broker.transactional import OLD, Client
from tests.simulation.disk import SimFs

LOCK_MS = 30_000


def harness(durability: str = "os", **options: Any) -> CoreHarness:
    broker = CoreHarness(durability, **options)
    broker.create_topic("t")
    set_config(broker, "g", share_auto_offset_reset="earliest")
    return broker


def fill(broker: CoreHarness, *values: bytes) -> None:
    peer = broker.connect()
    assert peer.produce("t", batch_of(*values)).error_code == 0
    peer.disconnect()


def test_records_go_to_one_member_until_they_are_settled() -> None:
    broker = harness()
    fill(broker, b"a", b"b", b"c")
    ada, bob = Member(broker, "ada"), Member(broker, "bob")
    answer = ada.fetch()
    assert acquired(answer) == [(0, 2, 1)]
    assert values_of(given(answer).records) == [b"a", b"b", b"c"]
    assert acquired(bob.fetch(max_wait_ms=0)) == []
    assert ada.acknowledge((0, 0, 1), (1, 1, 2)) == 0
    assert acquired(bob.fetch()) == [(1, 1, 2)]


def test_a_fetch_waits_and_is_woken_by_new_records() -> None:
    broker = harness()
    ada = Member(broker, "ada")
    assert ada.ask() is None
    fill(broker, b"a")
    assert acquired(ada.answer()) == [(0, 0, 1)]


@pytest.mark.parametrize("how", ["release", "leave", "disconnect", "lock"])
def test_a_fetch_is_woken_by_what_others_give_back(how: str) -> None:
    broker = harness()
    fill(broker, b"a")
    ada, bob = Member(broker, "ada"), Member(broker, "bob")
    ada.fetch()
    bob.fetch(max_wait_ms=0)
    assert bob.ask(max_wait_ms=2 * LOCK_MS) is None
    if how == "release":
        ada.acknowledge((0, 0, 2))
    elif how == "leave":
        ada.end()
    elif how == "disconnect":
        ada.peer.disconnect()
    else:
        broker.advance(LOCK_MS)
    assert acquired(bob.answer()) == [(0, 0, 2)]


def test_of_two_who_wait_one_is_woken_for_each_record_and_the_other_waits_on() -> None:
    broker = harness()
    ada, bob = Member(broker, "ada"), Member(broker, "bob")
    assert ada.ask() is None
    assert bob.ask() is None
    fill(broker, b"a")
    assert acquired(ada.answer()) == [(0, 0, 1)]
    assert bob.poll() is None
    fill(broker, b"b")
    assert acquired(bob.answer()) == [(1, 1, 1)]


def test_a_fetch_that_finds_nothing_is_answered_in_time_and_leaves_nothing_behind() -> None:
    broker = harness()
    ada = Member(broker, "ada")
    assert ada.ask(max_wait_ms=700) is None
    broker.advance(699)
    assert ada.poll() is None
    broker.advance(1)
    assert acquired(ada.answer()) == []
    assert not broker.node.shares.waiting
    assert broker.nothing_is_left_behind()


def test_a_waiting_fetch_goes_with_its_connection() -> None:
    broker = harness()
    ada = Member(broker, "ada")
    assert ada.ask() is None
    ada.peer.disconnect()
    assert not broker.node.shares.waiting
    assert not broker.node.shares.sessions.sessions
    assert broker.nothing_is_left_behind()
    fill(broker, b"a")
    assert acquired(Member(broker, "bob").fetch()) == [(0, 0, 1)]


def test_no_file_stays_pinned() -> None:
    broker = harness()
    fill(broker, b"a", b"b")
    before = pins(broker)
    ada = Member(broker, "ada")
    ada.fetch()
    ada.acknowledge((0, 0, 1))
    ada.peer.disconnect()
    after = pins(broker)
    assert {
        path: count for path, count in after.items() if "share" not in path and "offsets" not in path
    } == before


@pytest.mark.parametrize("durability", ["sync", "os"])
def test_after_a_restart_what_was_settled_stays_so_and_deliveries_count(durability: str) -> None:
    broker = harness(durability)
    fill(broker, b"a", b"b", b"c", b"d")
    ada = Member(broker, "ada")
    ada.fetch()
    ada.acknowledge((0, 0, 1), (2, 2, 3), (3, 3, 2))
    again = restarted(broker, durability=durability)
    bob = Member(again, "bob")
    assert acquired(bob.fetch()) == [(1, 1, 1), (3, 3, 2)]


def test_records_written_where_a_power_cut_took_settled_ones_are_given() -> None:
    fs = SimFs()
    broker = CoreHarness("os", fs=fs, options=StoreOptions(boot_id="first"))
    broker.create_topic("t")
    # Another topic is synced, and so the states of share partitions are: they outlive the records.
    broker.create_topic("synced", flush_messages="1")
    set_config(broker, "g", share_auto_offset_reset="earliest")
    fill(broker, b"a", b"b")
    ada = Member(broker, "ada")
    ada.fetch()
    ada.acknowledge((0, 1, 1))
    fs.power_loss(EverythingIsLost())
    again = CoreHarness("os", fs=fs, options=StoreOptions(boot_id="second"))
    assert again.partition("t").log_end_offset == 0
    fill(again, b"c", b"d", b"e")
    assert acquired(Member(again, "bob").fetch()) == [(0, 2, 1)]


def test_an_acknowledgement_is_answered_when_it_is_durable() -> None:
    broker = harness("sync")
    fill(broker, b"a")
    ada = Member(broker, "ada")
    ada.fetch()
    broker.works_wait = True
    ada.send_acknowledge((0, 0, 1))
    assert ada.poll() is None
    broker.do_works()
    assert ada.answer().responses[0].partitions[0].error_code == 0


def test_what_is_given_back_is_given_again_only_when_that_is_durable() -> None:
    broker = harness("sync")
    fill(broker, b"a")
    ada, bob = Member(broker, "ada"), Member(broker, "bob")
    ada.fetch()
    bob.fetch(max_wait_ms=0)
    assert bob.ask() is None
    broker.works_wait = True
    ada.send_acknowledge((0, 0, 2))
    assert bob.poll() is None
    broker.do_works()
    assert acquired(bob.answer()) == [(0, 0, 2)]


def test_records_are_given_when_they_are_durable() -> None:
    broker = harness("sync")
    ada = Member(broker, "ada")
    assert ada.ask() is None
    broker.works_wait = True
    peer = broker.connect()
    peer.send(produce_request("t", batch_of(b"a")), 12)
    assert ada.poll() is None
    broker.do_works()
    assert acquired(ada.answer()) == [(0, 0, 1)]


def test_a_group_that_begins_at_the_end_misses_nothing_across_a_restart() -> None:
    broker = CoreHarness("os")
    broker.create_topic("t")
    fill(broker, b"before")
    ada = Member(broker, "ada")
    assert acquired(ada.fetch(max_wait_ms=0)) == []
    fill(broker, b"after")
    again = restarted(broker, durability="os")
    assert acquired(Member(again, "bob").fetch()) == [(1, 1, 1)]


def test_a_group_can_begin_some_time_back() -> None:
    broker = CoreHarness("os")
    broker.create_topic("t")
    peer = broker.connect()
    for hours in (5, 3, 1):
        peer.produce("t", batch_of(b"x", timestamp_ms=WALL_MS - hours * 3_600_000))
    partition = broker.partition("t")
    assert start_offset(partition, "by_duration:PT2H", broker.now) == 2
    assert start_offset(partition, "by_duration:PT3H30M", broker.now) == 1
    assert start_offset(partition, "by_duration:P1DT0.5S", broker.now) == 0
    assert start_offset(partition, "by_duration:PT10M", broker.now) == 3
    assert start_offset(partition, "latest", broker.now) == 3
    assert start_offset(partition, "earliest", broker.now) == 0


def test_share_partitions_go_with_their_topic_and_their_group() -> None:
    broker = harness()
    broker.create_topic("u")
    fill(broker, b"a")
    ada = Member(broker, "ada")
    ada.fetch()
    ada.end()
    other = Member(broker, "eve", topic="u", group="h")
    other.fetch(max_wait_ms=0)
    keys = broker.node.shares.shard(broker.now).state.partitions
    assert sorted(key.group_id for key in keys) == ["g", "h"]
    peer = broker.connect()
    peer.request(DeleteTopicsRequest(topics=[DeleteTopicState("u")], timeout_ms=1_000), 6)
    assert [key.group_id for key in keys] == ["g"]
    ada.leave()
    (result,) = peer.request(DeleteGroupsRequest(["g"]), 2).results
    assert result.error_code == 0
    assert not keys


def test_a_fetch_of_a_topic_that_is_deleted_says_so() -> None:
    broker = harness()
    ada = Member(broker, "ada")
    assert ada.ask() is None
    broker.connect().request(DeleteTopicsRequest(topics=[DeleteTopicState("t")], timeout_ms=1_000), 6)
    assert given(ada.answer()).error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_the_log_of_states_is_kept_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_BATCHES", 20)
    broker = harness("sync")
    fill(broker, *[b"x"] * 100)
    ada = Member(broker, "ada")
    ada.fetch()
    for offset in range(60):
        assert ada.acknowledge((offset, offset, 1)) == 0
    log = broker.node.topics[SHARE_TOPIC].partitions[0].log
    assert log.log_start_offset > 0
    again = restarted(broker)
    assert acquired(Member(again, "bob").fetch())[0] == (60, 99, 1)


def test_share_groups_can_be_switched_off() -> None:
    broker = harness()
    peer = broker.connect()
    answer = peer.request(
        UpdateFeaturesRequest(
            timeout_ms=1_000, feature_updates=[FeatureUpdateKey("share.version", 0, upgrade_type=2)]
        ),
        1,
    )
    assert answer.error_code == 0
    member = Member(broker, "ada", join=False)
    assert member.join().error_code == ErrorCode.UNSUPPORTED_VERSION
    assert member.fetch().error_code == ErrorCode.UNSUPPORTED_VERSION


def transactions(isolation: str) -> tuple[CoreHarness, Member]:
    """A topic with a record, an aborted transaction, a committed one and an open one; who reads it."""
    broker = harness()
    set_config(broker, "g", share_isolation_level=isolation)
    member = Member(broker, "ada")
    fill(broker, b"plain")
    for commit in (False, True):
        producer = Client(broker, protocol=OLD)
        assert producer.init() == 0
        assert producer.write(b"x", b"y") == 0
        assert producer.end(commit) == 0
    assert producer.write(b"open") == 0
    return broker, member


def test_committed_readers_are_given_what_is_committed_and_wait_for_the_rest() -> None:
    broker, ada = transactions("read_committed")
    assert acquired(ada.fetch()) == [
        (0, 0, 1),
        (3, 6, 1),
    ]  # 3 and 6 are markers: the reader says that they are gaps
    assert ada.acknowledge((0, 0, 1), (3, 3, 0), (4, 5, 1), (6, 6, 0)) == 0
    (state,) = broker.node.shares.shard(broker.now).state.partitions.values()
    assert state.start_offset == 7
    assert ada.ask() is None


def test_uncommitted_readers_are_given_everything() -> None:
    _, ada = transactions("read_uncommitted")
    assert acquired(ada.fetch()) == [(0, 7, 1)]


def test_a_committed_reader_is_woken_by_the_end_of_a_transaction() -> None:
    broker = harness()
    set_config(broker, "g", share_isolation_level="read_committed")
    producer = Client(broker, protocol=OLD)
    assert producer.init() == 0
    ada = Member(broker, "ada")
    assert ada.ask() is None
    assert producer.write(b"x") == 0
    assert ada.poll() is None
    assert producer.end() == 0
    assert acquired(ada.answer())[0][0] == 0


def test_a_long_run_of_aborted_records_is_passed_over_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROUNDS", 2)
    broker = harness()
    set_config(broker, "g", share_isolation_level="read_committed")
    for _ in range(4):
        producer = Client(broker, protocol=OLD)
        assert producer.init() == 0
        assert producer.write(b"x" * 200) == 0
        assert producer.end(commit=False) == 0
    fill(broker, b"good")
    ada = Member(broker, "ada")
    found: list[tuple[int, int, int]] = []
    for _ in range(9):
        found += acquired(ada.fetch(max_bytes=300, max_wait_ms=0))
    assert found[-1][1] == 8
