"""ShareFetch: what is refused as a whole, what for a partition, and the limits of an answer."""

from __future__ import annotations

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import share_fetch as sf
from tests.broker.harness import CoreHarness, batch_of, values_of
from tests.broker.sharing import Member, acquired, given, set_config


@pytest.fixture
def broker() -> CoreHarness:
    harness = CoreHarness("os")
    harness.create_topic("t", partitions=2)
    for group in ("g", "committed"):
        set_config(harness, group, share_auto_offset_reset="earliest")
    peer = harness.connect()
    for index in (0, 1):
        for _ in range(3):
            peer.produce("t", batch_of(b"x" * 100, b"y" * 100), index)
    return harness


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"group_id": None}, ErrorCode.INVALID_REQUEST),
        ({"group_id": ""}, ErrorCode.INVALID_REQUEST),
        ({"member_id": None}, ErrorCode.INVALID_REQUEST),
        ({"share_acquire_mode": 2}, ErrorCode.INVALID_REQUEST),
        ({"is_renew_ack": True}, ErrorCode.INVALID_REQUEST),
        ({"share_session_epoch": 5}, ErrorCode.SHARE_SESSION_NOT_FOUND),
        ({"share_session_epoch": -1}, ErrorCode.SHARE_SESSION_NOT_FOUND),
    ],
)
def test_a_request_that_cannot_be_served_is_refused_as_a_whole(
    broker: CoreHarness, options: dict[str, object], code: int
) -> None:
    member = Member(broker, "m")
    request = member.request()
    for name, value in options.items():
        setattr(request, name, value)
    answer = member.peer.request(request, 2)
    assert (answer.error_code, answer.responses) == (code, [])
    assert answer.error_message


def test_a_new_session_has_nothing_to_acknowledge(broker: CoreHarness) -> None:
    assert Member(broker, "m").fetch((0, 0, 1)).error_code == ErrorCode.INVALID_REQUEST


def test_nobody_fetches_for_a_group_that_does_not_read_the_topic(broker: CoreHarness) -> None:
    answer = Member(broker, "m", group="other", join=False).fetch()
    assert given(answer).error_code == ErrorCode.UNKNOWN_SERVER_ERROR


def test_partitions_that_are_not_there_are_named(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    assert given(member.fetch(index=9)).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    member.epoch, member.topic_id = 0, b"?" * 16
    assert given(member.fetch()).error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_the_limit_of_bytes_leaves_one_batch(broker: CoreHarness) -> None:
    answer = Member(broker, "m").fetch(max_bytes=1)
    assert acquired(answer) == [(0, 1, 1)]
    assert values_of(given(answer).records) == [b"x" * 100, b"y" * 100]


def test_what_is_not_given_is_not_sent(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    member.fetch(max_records=2)
    answer = member.fetch(max_records=2)
    assert acquired(answer) == [(2, 3, 1)]
    assert len(values_of(given(answer).records)) == 2


def test_enough_bytes_are_waited_for(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    member.fetch()
    assert member.ask(min_bytes=400) is None
    peer = broker.connect()
    peer.produce("t", batch_of(b"z" * 100))
    assert member.poll() is None
    peer.produce("t", batch_of(b"z" * 300))
    assert acquired(member.answer()) == [(6, 7, 1)]


def test_too_few_bytes_are_given_when_time_is_up(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    member.fetch()
    assert member.ask(min_bytes=400) is None
    broker.connect().produce("t", batch_of(b"z"))
    broker.advance(500)
    assert acquired(member.answer()) == [(6, 6, 1)]


def test_both_partitions_are_served_in_turn(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    request = member.request()
    request.topics[0].partitions.append(sf.FetchPartition(1, []))
    request.max_records = 6
    seen = []
    for epoch in range(2):
        if epoch:
            request.topics = []
        request.share_session_epoch = epoch
        seen.append(given(member.peer.request(request, 2)).partition_index)
    assert sorted(seen) == [0, 1]


def test_acknowledgements_are_settled_before_more_is_given(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    member.fetch(max_records=2)
    answer = member.fetch((0, 0, 1), (1, 1, 2), max_records=1)
    assert acquired(answer) == [(1, 1, 2)]
    assert given(answer).acknowledge_error_code == 0
    answer = member.fetch((0, 1, 1), (5, 5, 1))
    assert given(answer).acknowledge_error_code == ErrorCode.INVALID_REQUEST


def test_the_last_request_settles_and_gives_back(broker: CoreHarness) -> None:
    member, other = Member(broker, "m"), Member(broker, "n")
    member.fetch()
    member.epoch = -1
    answer = member.fetch((0, 3, 1))
    assert given(answer).acquired_records == []
    assert acquired(other.fetch()) == [(4, 5, 2)]


def test_sessions_are_limited(broker: CoreHarness) -> None:
    limit = broker.node.settings.integer("group.share.max.share.sessions")
    member = Member(broker, "m")
    for number in range(limit):
        broker.node.shares.sessions.begin("g", f"m{number}", member.peer.session.id, limit)
    assert member.fetch().error_code == ErrorCode.SHARE_SESSION_LIMIT_REACHED
