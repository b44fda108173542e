from __future__ import annotations

from neuraxis.broker.coordinators.topics.facts import (
    ConfigsFact,
    LogStartFact,
    ProducerIdsFact,
    TopicFact,
    TopicGone,
)
from neuraxis.broker.coordinators.topics.state import BROKER_RESOURCE, PRODUCER_ID_BASE, CatalogueState

ONE, TWO = bytes([1] * 16), bytes([2] * 16)


def test_a_topic_is_found_by_name_by_id_and_by_what_it_collides_with() -> None:
    state = CatalogueState()
    state.apply(TopicFact("a.b", ONE, 1))
    assert state.topics["a.b"].topic_id == ONE
    assert state.names == {ONE: "a.b"}
    assert state.collisions == {"a_b": "a.b"}


def test_nothing_of_a_deleted_topic_stays() -> None:
    state = CatalogueState()
    state.apply(TopicFact("a.b", ONE, 1))
    state.apply(TopicGone("a.b"))
    assert not state.topics
    assert not state.names
    assert not state.collisions


def test_a_new_incarnation_replaces_the_old_one() -> None:
    state = CatalogueState()
    state.apply(TopicFact("a", ONE, 1))
    state.apply(TopicFact("a", TWO, 3))
    assert state.names == {TWO: "a"}
    assert state.topics["a"].partitions == 3


def test_facts_about_what_is_not_there_are_taken_in_silence() -> None:
    """Compaction may have removed what came before."""
    state = CatalogueState()
    state.apply(TopicGone("never"))
    state.apply(LogStartFact(ONE, 0, None))
    state.apply(ConfigsFact(BROKER_RESOURCE, "", {}))
    assert list(state.facts()) == []


def test_a_brokers_own_configs_win_over_those_of_all_brokers() -> None:
    state = CatalogueState()
    state.apply(ConfigsFact(BROKER_RESOURCE, "", {"a": "all", "b": "all"}))
    state.apply(ConfigsFact(BROKER_RESOURCE, "7", {"a": "mine"}))
    state.apply(ConfigsFact(BROKER_RESOURCE, "8", {"a": "other"}))
    assert state.broker_configs(7) == {"a": "mine", "b": "all"}


def test_producer_ids_begin_high_and_are_exact_in_a_double() -> None:
    assert CatalogueState().next_producer_id == PRODUCER_ID_BASE
    assert PRODUCER_ID_BASE > 10**12
    assert int(float(PRODUCER_ID_BASE + 10**12)) == PRODUCER_ID_BASE + 10**12
    state = CatalogueState()
    state.apply(ProducerIdsFact(PRODUCER_ID_BASE + 1000))
    assert state.next_producer_id == PRODUCER_ID_BASE + 1000
