"""Transactions through the whole core: committed, aborted, timed out, fenced; restarts and power cuts at every step."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from neuraxis.broker.log.settings import StoreOptions
from neuraxis.broker.work import perform_step
from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from neuraxis.wire.messages.add_partitions_to_txn import AddPartitionsToTxnRequest, AddPartitionsToTxnTopic
from neuraxis.wire.messages.delete_topics import DeleteTopicsRequest
from neuraxis.wire.messages.describe_transactions import DescribeTransactionsRequest
from neuraxis.wire.messages.end_txn import EndTxnRequest
from tests.broker.harness import (
    CoreHarness,
    fetch_request,
    values_of,
)
from tests.broker.restart import restarted
from tests.broker.transactional import NEW, OLD, Client, committed, position, visible
from tests.simulation.disk import SimFs

BOOT = StoreOptions(cluster_id="a-cluster-of-the-tests", boot_id="boot-1")


def started(durability: str = "sync", **options: Any) -> CoreHarness:
    broker = CoreHarness(durability, **options)
    broker.create_topic("t", 2)
    return broker


@pytest.fixture(params=["sync", "os"])
def broker(request: pytest.FixtureRequest) -> CoreHarness:
    return started(request.param)


@pytest.fixture(params=[OLD, NEW])
def client(broker: CoreHarness, request: pytest.FixtureRequest) -> Client:
    made = Client(broker, protocol=request.param)
    assert made.init() == 0
    return made


def test_readers_of_committed_data_see_exactly_what_was_committed(
    broker: CoreHarness, client: Client
) -> None:
    for number in range(6):
        assert client.write(b"a%d" % number) == 0
        assert client.write(b"b%d" % number, index=1) == 0
        assert client.end(commit=number % 2 == 0) == 0
    assert committed(broker) == [b"a0", b"a2", b"a4"]
    assert committed(broker, index=1) == [b"b0", b"b2", b"b4"]
    assert client.write(b"open") == 0
    assert committed(broker) == [b"a0", b"a2", b"a4"]
    assert len(values_of(broker.connect().fetch("t").records)) == 7 + 6, (
        "uncommitted readers see it, and the markers"
    )


def test_positions_count_when_the_transaction_commits(broker: CoreHarness, client: Client) -> None:
    assert client.offset(5) == 0
    assert (position(broker), position(broker, stable=False)) == (-88, -1)
    assert client.end() == 0
    assert position(broker) == 5
    assert client.offset(9) == 0
    assert client.end(commit=False) == 0
    assert position(broker) == 5


def test_a_second_producer_fences_the_first(broker: CoreHarness, client: Client) -> None:
    assert client.write(b"lost") == 0
    heir = Client(broker, protocol=NEW if client.new else OLD)
    assert heir.init() == ErrorCode.CONCURRENT_TRANSACTIONS
    assert heir.init() == 0
    assert client.write(b"zombie") in (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.PRODUCER_FENCED)
    assert client.end() == ErrorCode.PRODUCER_FENCED
    assert heir.write(b"heir") == 0
    assert heir.end() == 0
    assert committed(broker) == [b"heir"]


def test_a_transaction_that_takes_too_long_is_aborted(broker: CoreHarness) -> None:
    client = Client(broker)
    assert client.init(5_000) == 0
    assert client.write(b"late") == 0
    broker.advance(4_999)
    assert client.state() == ("Ongoing", 0)
    broker.advance(1)
    assert client.state() == ("CompleteAbort", 1)
    assert client.write(b"zombie") == ErrorCode.INVALID_PRODUCER_EPOCH
    assert committed(broker) == []
    assert broker.partition("t").last_stable_offset == 2


def test_the_time_of_a_transaction_begins_anew_with_a_restart(broker: CoreHarness) -> None:
    client = Client(broker)
    assert client.init(5_000) == 0
    assert client.write(b"late") == 0
    broker.advance(4_000)
    again = restarted(broker)
    again.advance(4_999)
    assert Client(again).state() == ("Ongoing", 0)
    again.advance(1)
    assert Client(again).state() == ("CompleteAbort", 1)


def test_unused_ids_are_forgotten(broker: CoreHarness) -> None:
    assert Client(broker, "idle").init() == 0
    busy = Client(broker, "busy")
    assert busy.init(900_000) == 0
    week = 7 * 24 * 3_600_000
    broker.advance(week - 3_600_000)
    assert busy.write(b"v") == 0
    assert busy.end() == 0
    broker.advance(2 * 3_600_000)
    asked = DescribeTransactionsRequest(["idle", "busy"])
    codes = [each.error_code for each in busy.peer.request(asked, 0).transaction_states]
    assert codes == [ErrorCode.TRANSACTIONAL_ID_NOT_FOUND, 0]
    assert len(restarted(broker).node.transactions.shards[0].state.transactions) == 1


def test_a_parked_reader_of_committed_data_wakes_with_the_marker(broker: CoreHarness, client: Client) -> None:
    reader = broker.connect()
    request = fetch_request({"t": {0: 0}}, max_wait_ms=10_000, isolation_level=1)
    reader.send(request, 12)
    assert client.write(b"v") == 0
    assert reader.answers() == []
    assert client.end() == 0
    ((_, answer),) = reader.answers()
    assert visible(answer.responses[0].partitions[0]) == [b"v"]
    assert broker.nothing_is_left_behind()


def test_a_partition_of_a_deleted_topic_needs_no_marker(broker: CoreHarness, client: Client) -> None:
    broker.create_topic("gone")
    assert client.write(b"v") == 0
    assert client.write(b"v", topic="gone") == 0
    broker.connect().request(DeleteTopicsRequest(topic_names=["gone"], timeout_ms=1_000), 5)
    assert client.end() == 0
    assert committed(broker) == [b"v"]


def test_a_delayed_end_by_an_older_connection_ends_nothing(broker: CoreHarness) -> None:
    """The old protocol has one epoch for all transactions: only the connection tells an old EndTxn from a new one."""
    client = Client(broker, protocol=OLD)
    assert client.init() == 0
    assert client.write(b"first") == 0
    delayed, client.peer = client.peer, broker.connect()
    assert client.end(commit=False) == 0
    assert client.write(b"second") == 0
    delayed.send(EndTxnRequest(client.name, *client.who, False), 1)
    assert delayed.answers() == []
    assert delayed.session.closing is not None
    assert client.end() == 0
    assert committed(broker) == [b"second"]


def test_a_delayed_add_by_an_older_connection_adds_nothing(broker: CoreHarness) -> None:
    client = Client(broker, protocol=OLD)
    assert client.init() == 0
    assert client.add("t") == 0
    delayed, client.peer = client.peer, broker.connect()
    assert client.end() == 0
    for request in (
        AddPartitionsToTxnRequest([], client.name, *client.who, [AddPartitionsToTxnTopic("t", [1])]),
        AddOffsetsToTxnRequest(client.name, *client.who, "g"),
    ):
        delayed.send(request, 0)
        assert delayed.answers() == []
    assert client.state()[0] == "CompleteCommit"


def test_a_producer_that_begins_takes_the_id_over_whatever_its_connection(broker: CoreHarness) -> None:
    first, second = Client(broker, protocol=OLD), Client(broker, protocol=OLD)
    assert second.init() == 0
    assert first.init() == 0
    assert first.write(b"v") == 0
    assert second.end() == ErrorCode.PRODUCER_FENCED, "a fenced producer does not take it back"
    assert first.end() == 0


def test_a_retried_end_of_the_new_protocol_is_answered_and_a_stale_one_is_fenced(broker: CoreHarness) -> None:
    client = Client(broker)
    assert client.init() == 0
    assert client.write(b"v") == 0
    before = client.who
    assert client.end() == 0
    retry = EndTxnRequest(client.name, *before, True)
    answer = client.peer.request(retry, 5)
    assert (answer.error_code, (answer.producer_id, answer.producer_epoch)) == (0, client.who)
    assert client.write(b"next") == 0
    assert client.peer.request(retry, 5).error_code == ErrorCode.PRODUCER_FENCED
    assert client.end(commit=False) == 0


def test_when_the_epochs_are_used_up_the_end_hands_out_another_id(broker: CoreHarness) -> None:
    client = Client(broker)
    assert client.init() == 0
    shard = broker.node.transactions.shards[0]
    from neuraxis.broker.coordinators.transaction.facts import TransactionFact

    known = shard.state.transactions[client.name]
    worn = replace(known, producer_epoch=32_766)
    shard.machine.apply(shard.state, TransactionFact(client.name, worn), broker.now)
    client.who = (known.producer_id, 32_766)
    assert client.write(b"v") == 0
    before = client.who
    assert client.end() == 0
    assert (client.who[0] != before[0], client.who[1]) == (True, 0)
    answer = client.peer.request(EndTxnRequest(client.name, *before, True), 5)
    assert (answer.error_code, (answer.producer_id, answer.producer_epoch)) == (0, client.who)
    assert client.write(b"w") == 0
    assert client.end() == 0
    assert committed(broker) == [b"v", b"w"]


# ---- durability ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [OLD, NEW])
@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("durability", ["sync", "os"])
def test_a_kill_at_any_step_of_the_end_leaves_the_transaction_whole_or_absent(
    durability: str, commit: bool, protocol: str
) -> None:
    outcomes = set()
    for steps in range(40):
        fs = SimFs()
        broker = started(durability, fs=fs, options=BOOT)
        client = Client(broker, protocol=protocol)
        client.init()
        assert client.write(b"v") == 0
        assert client.write(b"w", index=1) == 0
        assert client.offset(5) == 0
        finished = end_for(broker, client, commit, steps)
        fs.kill()
        again = CoreHarness(durability, fs=fs, options=BOOT)
        outcomes.add(whole(again, finished, commit))
        if finished:
            break
    else:
        raise AssertionError("the end takes more than 40 steps")
    assert True in outcomes or not commit


@pytest.mark.parametrize("protocol", [OLD, NEW])
@pytest.mark.parametrize("durability", ["sync", "os", "interval"])
def test_a_power_cut_at_any_step_leaves_the_transaction_whole_or_absent(
    durability: str, protocol: str
) -> None:
    for seed in range(12):
        rng = Random(seed)
        fs = SimFs()
        broker = started(durability, fs=fs, options=BOOT)
        first = Client(broker, protocol=protocol)
        first.init()
        assert first.write(b"x") == 0
        assert first.end() == 0
        commit = rng.random() < 0.7
        client = first
        assert client.write(b"v") == 0
        assert client.write(b"w", index=1) == 0
        assert client.offset(5) == 0
        finished = end_for(broker, client, commit, rng.randrange(30))
        fs.power_loss(rng)
        again = CoreHarness(durability, fs=fs, options=replace(BOOT, boot_id="boot-2"))
        if again.node.topics.get("t") is None or len(again.node.topics["t"].partitions) < 2:
            assert not finished
            continue
        whole(again, finished, commit, before=b"x")


@pytest.mark.parametrize("protocol", [OLD, NEW])
def test_after_a_power_cut_nobody_commits_what_is_left_of_a_transaction(protocol: str) -> None:
    """Without the journal, records that were acknowledged inside an open transaction may be gone."""
    for seed in range(12):
        fs = SimFs()
        broker = started("os", fs=fs, options=BOOT)
        client = Client(broker, protocol=protocol)
        client.init()
        for number in range(seed % 3):
            assert client.write(b"early%d" % number) == 0
            assert client.end() == 0
        assert client.write(b"v") == 0
        fs.power_loss(Random(seed))
        again = CoreHarness("os", fs=fs, options=replace(BOOT, boot_id="boot-2"))
        if again.node.topics.get("t") is None:
            continue
        client.peer = again.connect()
        assert client.write(b"w", index=1) != 0
        assert client.end() != 0
        assert b"w" not in committed(again, index=1)
        assert again.partition("t").last_stable_offset == again.partition("t").log_end_offset


def end_for(broker: CoreHarness, client: Client, commit: bool, steps: int) -> bool:
    """Ask for the end, and let the disk do this many steps; whether the client was answered."""
    broker.works_wait = True
    client.ask_to_end(commit)
    while steps > 0:
        broker.works += broker.core.take_work()
        if not broker.works:
            break
        work = broker.works.pop(0)
        done = work.steps[:steps]
        for step in done:
            perform_step(broker.fs, step)
        steps -= len(done) + 1
        if len(done) < len(work.steps):
            break
        broker.core.done(work.id, None, None, broker.now)
    answers = client.peer.answers()
    assert all(answer.error_code == 0 for _, answer in answers)
    return bool(answers)


def whole(broker: CoreHarness, finished: bool, commit: bool, before: bytes | None = None) -> bool:
    """Whether the transaction is there; it must be there or not be there in all three places."""
    found = [committed(broker), committed(broker, index=1)]
    there = [b"v" in found[0], b"w" in found[1], position(broker) == 5]
    assert len(set(there)) == 1, there
    assert found[0] == [
        value for value in (before, b"v" if there[0] else None) if value in found[0] and value
    ]
    if finished:
        assert there[0] is commit
    if not commit:
        assert not there[0]
    client = Client(broker)
    while (code := client.init()) == ErrorCode.CONCURRENT_TRANSACTIONS:
        pass
    assert code == 0
    assert client.write(b"after") == 0
    assert client.end() == 0
    for index in range(2):
        log = broker.partition("t", index)
        assert log.last_stable_offset == log.log_end_offset, "something is open for ever"
    return there[0]
