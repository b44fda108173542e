from __future__ import annotations

from neuraxis.broker.coordinators.streams.state import Endpoint
from tests.broker.coordinators.streams.world import Streams, duties

ONE, TWO = Endpoint("h1", 80), Endpoint("h2", 81)


def test_who_asks_the_whole_application_to_stop_is_heard_by_all_until_all_have_left() -> None:
    streams = Streams()
    streams.beat("a", 0)
    assert streams.beat("a", 2, shutdown=True).status[0].status_code == 4
    assert "a" in streams.beat("b", 0).status[0].status_detail
    streams.beat("a", -1)
    assert streams.beat("b", 3).status[0].status_code == 4
    streams.beat("b", -1)
    assert streams.beat("c", 0).status == []


def test_endpoints_are_told_to_whom_they_are_news() -> None:
    streams = Streams()
    first = streams.beat("a", 0, endpoint=ONE)
    assert first.endpoint_information_epoch == 0
    (shown,) = first.partitions_by_user_endpoint
    assert [(each.topic, each.partitions) for each in shown.active_partitions] == [("in", [0, 1])]
    assert streams.beat("a", 2, endpoint_epoch=0).partitions_by_user_endpoint is None
    joined = streams.beat("b", 0, endpoint=TWO, endpoint_epoch=0)
    assert (joined.endpoint_information_epoch, len(joined.partitions_by_user_endpoint)) == (1, 2)
    assert streams.beat("a", 2, endpoint_epoch=1).endpoint_information_epoch == 2
    gave = streams.beat("a", 2, endpoint_epoch=2, owned=duties("0_0"))
    assert (gave.endpoint_information_epoch, gave.partitions_by_user_endpoint) == (2, None)
    assert streams.beat("b", 3, endpoint_epoch=2).endpoint_information_epoch == 3


def test_the_answer_carries_what_the_configs_of_the_group_say() -> None:
    answer = Streams().beat("a", 0)
    assert answer.heartbeat_interval_ms == 5_000
    assert (answer.task_offset_interval_ms, answer.acceptable_recovery_lag) == (60_000, 10_000)


def test_a_member_that_lacks_a_task_is_told_again_for_the_first_answer_may_be_lost() -> None:
    streams = Streams()
    streams.beat("a", 0)
    answer = streams.beat("a", 2, owned=duties("0_0"))
    assert [each.partitions for each in answer.active_tasks] == [[0, 1]]
    assert streams.beat("a", 2, owned=duties("0_0 0_1")).active_tasks is None
