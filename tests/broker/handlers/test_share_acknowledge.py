"""ShareAcknowledge: sessions, verdicts by partition, renewed locks."""

from __future__ import annotations

import pytest

from neuraxis.wire.errors import ErrorCode
from neuraxis.wire.messages import share_acknowledge as sa
from tests.broker.harness import CoreHarness, batch_of
from tests.broker.sharing import Member, acquired, set_config

RENEW = 4


@pytest.fixture
def broker() -> CoreHarness:
    harness = CoreHarness("os")
    harness.create_topic("t")
    set_config(harness, "g", share_auto_offset_reset="earliest", share_record_lock_duration_ms="20000")
    harness.connect().produce("t", batch_of(b"a", b"b", b"c"))
    return harness


def ask(
    member: Member, epoch: int, kind: int = 1, *, version: int = 2, renew: bool = False, index: int = 0
) -> int:
    """The partition's code, or that of the whole answer if there is no partition in it."""
    batch = sa.AcknowledgementBatch(0, 0, [kind])
    topic = sa.AcknowledgeTopic(member.topic_id, [sa.AcknowledgePartition(index, [batch])])
    answer = member.peer.request(
        sa.ShareAcknowledgeRequest(member.group, member.name, epoch, renew, [topic]), version
    )
    if answer.error_code:
        assert answer.responses == []
        return int(answer.error_code)
    return int(answer.responses[0].partitions[0].error_code)


def test_it_takes_its_turn_among_the_requests_of_the_session(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    assert ask(member, 0) == ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert ask(member, 1) == ErrorCode.SHARE_SESSION_NOT_FOUND
    member.fetch()
    assert ask(member, 2) == ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert ask(member, 1) == 0
    member.epoch = 2
    assert acquired(member.fetch(max_wait_ms=0)) == []


def test_what_was_not_fetched_cannot_be_settled(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    member.fetch()
    assert ask(member, 1, index=5) == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    member.topic_id = b"?" * 16
    assert ask(member, 2) == ErrorCode.UNKNOWN_TOPIC_ID


def test_an_answer_tells_how_long_locks_last_since_v2(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    member.fetch()
    request = sa.ShareAcknowledgeRequest("g", "m", 1, False, [])
    assert member.peer.request(request, 2).acquisition_lock_timeout_ms == 20_000


def test_locks_are_renewed_where_that_is_said_and_allowed(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    member.fetch()
    broker.advance(15_000)
    assert ask(member, 1, RENEW) == ErrorCode.INVALID_REQUEST
    assert ask(member, 2, RENEW, renew=True, version=1) == ErrorCode.INVALID_REQUEST
    assert ask(member, 3, RENEW, renew=True) == 0
    broker.advance(15_000)
    assert ask(member, 4, 1) == 0
    set_config(broker, "g", share_renew_acknowledge_enable="false")
    assert ask(member, 5, RENEW, renew=True) == ErrorCode.INVALID_REQUEST


def test_names_are_needed(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    member.group = ""
    assert ask(member, 1) == ErrorCode.INVALID_REQUEST


def test_what_nothing_is_said_of_is_left_out_of_the_answer(broker: CoreHarness) -> None:
    member = Member(broker, "m")
    member.fetch()
    topics = [
        sa.AcknowledgeTopic(member.topic_id, []),
        sa.AcknowledgeTopic(member.topic_id, [sa.AcknowledgePartition(0, [])]),
    ]
    answer = member.peer.request(sa.ShareAcknowledgeRequest("g", "m", 1, False, topics), 2)
    assert (answer.error_code, answer.responses) == (0, [])


def test_a_member_id_has_at_most_36_characters(broker: CoreHarness) -> None:
    peer = broker.connect()
    for length, code in ((36, ErrorCode.SHARE_SESSION_NOT_FOUND), (37, ErrorCode.INVALID_REQUEST)):
        request = sa.ShareAcknowledgeRequest("g", "m" * length, 1, False, [])
        assert peer.request(request, 2).error_code == code
