from __future__ import annotations

from tests.broker.coordinators.streams.world import STORED, Streams, duties


def test_a_topic_that_comes_raises_the_epoch_and_brings_tasks() -> None:
    streams = Streams(**{"in": 2})
    streams.beat("a", 0, topology=STORED)
    assert (streams.group.phase(), streams.group.epoch) == ("NotReady", 2)
    streams.topics.make("log", 2)
    assert len(streams.beat("a", 2).active_tasks) == 1
    assert (streams.group.phase(), streams.group.epoch) == ("Stable", 3)


def test_topics_of_others_do_not_matter() -> None:
    streams = Streams(**{"in": 2})
    streams.beat("a", 0)
    streams.topics.make("other", 2)
    assert streams.beat("a", 2).member_epoch == 2


def test_a_topic_that_goes_takes_all_tasks_away() -> None:
    streams = Streams(**{"in": 2})
    streams.beat("a", 0)
    streams.topics.drop("in")
    answer = streams.beat("a", 2)
    assert ([each.status_code for each in answer.status], answer.active_tasks) == ([1], [])
    assert streams.beat("a", 2, owned=duties()).member_epoch == 3


def test_another_number_of_standbys_is_an_assignment_of_its_own() -> None:
    streams = Streams(**{"in": 2, "log": 2})
    streams.beat("a", 0, topology=STORED)
    streams.beat("b", 0, topology=STORED)
    streams.topics.configs["streams.num.standby.replicas"] = 1
    streams.beat("b", 3)
    assert streams.group.epoch == 4
    assert [len(each.standby) for each in streams.group.targets.values()] == [1, 1]


def test_the_next_assignment_waits_for_the_interval() -> None:
    streams = Streams()
    streams.topics.configs["streams.assignment.interval.ms"] = 1_000
    streams.beat("a", 0)
    answer = streams.beat("b", 0)
    assert ([each.status_code for each in answer.status], answer.member_epoch) == ([5], 2)
    streams.world.advance(1_000)
    assert streams.beat("b", 2).member_epoch == 3
