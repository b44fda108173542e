from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from neuraxis.broker.coordinators.topics.machine import (
    PRODUCER_ID_BLOCK,
    CatalogueMachine,
    CatalogueState,
    Command,
    CreatePartitions,
    CreateTopic,
    DeleteTopic,
    ReserveProducerIds,
    SetConfigs,
    SetLogStart,
    SetTopicConfigs,
)
from neuraxis.broker.work import Now
from neuraxis.wire.errors import ErrorCode, Refused

NOW = Now(1, 1)
MACHINE = CatalogueMachine()
ONE, TWO = bytes([1] * 16), bytes([2] * 16)

NAMES = some.sampled_from(["a", "b", "a.b", "a_b", "c"])
CONFIGS = some.dictionaries(some.sampled_from(["x", "y"]), some.sampled_from(["1", "2"]))
COMMANDS: some.SearchStrategy[Command] = some.one_of(
    some.builds(CreateTopic, NAMES, some.binary(min_size=16, max_size=16), some.integers(1, 4), CONFIGS),
    some.builds(DeleteTopic, NAMES),
    some.builds(CreatePartitions, NAMES, some.integers(0, 8)),
    some.builds(SetTopicConfigs, NAMES, CONFIGS),
    some.builds(SetConfigs, some.sampled_from([4, 16, 32]), some.sampled_from(["", "1", "g"]), CONFIGS),
    some.builds(ReserveProducerIds),
)


def parts(state: CatalogueState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in CatalogueState.__slots__}


def run(state: CatalogueState, command: Command) -> tuple[Any, ...]:
    """The facts that the command led to, applied."""
    outcome = MACHINE.decide(state, command, NOW)
    for fact in outcome.records:
        MACHINE.apply(state, fact, NOW)
    assert not outcome.notes
    assert not outcome.replies
    return outcome.records


def refusal(state: CatalogueState, command: Command) -> ErrorCode:
    with pytest.raises(Refused) as refused:
        MACHINE.decide(state, command, NOW)
    return refused.value.code


@given(some.lists(COMMANDS, max_size=30))
def test_the_state_is_the_fold_of_the_log_and_deciding_changes_nothing(commands: list[Command]) -> None:
    state, log = MACHINE.new_state(), []
    for command in commands:
        if isinstance(command, CreateTopic) and command.topic_id in state.names:
            continue  # topic ids are drawn at random: two are never alike
        before = copy.deepcopy(parts(state))
        try:
            outcome = MACHINE.decide(state, command, NOW)
        except Refused:
            assert parts(state) == before
            continue
        assert parts(state) == before
        for fact in outcome.records:
            MACHINE.apply(state, fact, NOW)
            log.append(MACHINE.encode(fact))
    folded = MACHINE.new_state()
    for key, value in log:
        fact = MACHINE.decode(key, value)
        assert fact is not None
        MACHINE.apply(folded, fact, NOW)
    assert parts(folded) == parts(state)
    compacted = MACHINE.new_state()
    for key, value in dict(log).items():
        fact = MACHINE.decode(key, value)
        assert fact is not None
        MACHINE.apply(compacted, fact, NOW)
    assert parts(compacted) == parts(state)
    restored = MACHINE.new_state()
    for fact in MACHINE.facts(state):
        MACHINE.apply(restored, fact, NOW)
    assert parts(restored) == parts(state)


def test_a_name_that_is_taken_is_refused() -> None:
    state = MACHINE.new_state()
    run(state, CreateTopic("a", ONE, 1))
    assert refusal(state, CreateTopic("a", TWO, 1)) is ErrorCode.TOPIC_ALREADY_EXISTS


def test_names_that_only_dot_and_underscore_tell_apart_are_refused() -> None:
    state = MACHINE.new_state()
    run(state, CreateTopic("a.b_c", ONE, 1))
    assert refusal(state, CreateTopic("a_b.c", TWO, 1)) is ErrorCode.INVALID_TOPIC_EXCEPTION
    run(state, DeleteTopic("a.b_c"))
    run(state, CreateTopic("a_b.c", TWO, 1))


def test_partitions_are_only_added() -> None:
    state = MACHINE.new_state()
    run(state, CreateTopic("a", ONE, 2, {"x": "1"}, 3))
    assert refusal(state, CreatePartitions("a", 2)) is ErrorCode.INVALID_PARTITIONS
    run(state, CreatePartitions("a", 5))
    topic = state.topics["a"]
    assert (topic.partitions, topic.topic_id, topic.configs, topic.replication_factor) == (
        5,
        ONE,
        {"x": "1"},
        3,
    )


@pytest.mark.parametrize("command", [DeleteTopic("a"), CreatePartitions("a", 5), SetTopicConfigs("a", {})])
def test_a_topic_that_is_not_there_is_refused(command: Command) -> None:
    assert refusal(MACHINE.new_state(), command) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_configs_that_are_so_already_write_nothing() -> None:
    state = MACHINE.new_state()
    run(state, CreateTopic("a", ONE, 1, {"x": "1"}))
    assert run(state, SetTopicConfigs("a", {"x": "1"})) == ()
    assert run(state, SetConfigs(4, "", {})) == ()
    assert len(run(state, SetTopicConfigs("a", {}))) == 1


def test_the_start_of_a_log_never_goes_back() -> None:
    state = MACHINE.new_state()
    run(state, SetLogStart(ONE, 0, 10))
    assert run(state, SetLogStart(ONE, 0, 10)) == ()
    assert run(state, SetLogStart(ONE, 0, 9)) == ()
    run(state, SetLogStart(ONE, 0, 11))
    assert state.log_starts == {(ONE, 0): 11}


def test_the_starts_of_logs_go_with_their_topic() -> None:
    state = MACHINE.new_state()
    run(state, CreateTopic("a", ONE, 3))
    run(state, SetLogStart(ONE, 0, 10))
    run(state, SetLogStart(ONE, 2, 10))
    run(state, SetLogStart(TWO, 0, 10))
    run(state, DeleteTopic("a"))
    assert state.log_starts == {(TWO, 0): 10}


def test_producer_ids_come_in_blocks_and_never_twice() -> None:
    state = MACHINE.new_state()
    first = state.next_producer_id
    run(state, ReserveProducerIds())
    run(state, ReserveProducerIds())
    assert state.next_producer_id == first + 2 * PRODUCER_ID_BLOCK


def test_time_means_nothing_to_the_catalogue() -> None:
    state = MACHINE.new_state()
    assert MACHINE.deadline(state) is None
    assert MACHINE.expire(state, NOW).records == ()
    assert MACHINE.resume(state, NOW).records == ()
