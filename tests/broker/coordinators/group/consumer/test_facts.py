from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.group.consumer import facts
from neuraxis.broker.coordinators.group.consumer.state import (
    ClassicMetadata,
    ConsumerGroup,
    ConsumerMember,
    Current,
    MemberState,
    ResolvedRegex,
)
from neuraxis.wire import facts as wire_facts
from neuraxis.wire.facts import consumer_group as wire

T, U = b"t" * 16, b"u" * 16
MEMBER = ConsumerMember(
    "m", "i", "r", "client", "/host", ("a", "b"), "x.*", 5, "range", ClassicMetadata(9, (("range", b"\1"),))
)
CURRENT = Current(5, 4, MemberState.UNREVOKED_PARTITIONS, {T: {0: 3, 2: 5}}, {U: {1: 2}})
FACTS: list[facts.ConsumerFact] = [
    facts.EpochFact("g", (5, -77)),
    facts.MemberFact("g", "m", MEMBER),
    facts.MemberFact("g", "n", ConsumerMember("n")),
    facts.TargetEpochFact("g", (5, 1_700_000_000_000)),
    facts.TargetFact("g", "m", {T: (0, 2)}),
    facts.TargetFact("g", "n", {}),
    facts.CurrentFact("g", "m", CURRENT),
    facts.CurrentFact("g", "n", Current()),
    facts.RegexFact("g", "x.*", ResolvedRegex(("x1",), 7, 8)),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_a_fact_reads_back_as_it_was_written(fact: facts.ConsumerFact) -> None:
    assert facts.decode_fact(*facts.encode_fact(fact)) == fact


def test_a_tombstone_has_no_value() -> None:
    group = ConsumerGroup()
    for fact in FACTS:
        facts.apply(group, fact)
    for fact in facts.tombstones("g", group):
        key, value = facts.encode_fact(fact)
        assert value is None
        assert facts.decode_fact(key, value) == fact


def test_the_facts_of_a_group_fold_to_the_group_and_its_tombstones_to_nothing() -> None:
    group, again = ConsumerGroup(), ConsumerGroup()
    for fact in FACTS:
        facts.apply(group, fact)
    for fact in facts.all_of("g", group):
        facts.apply(again, fact)
    assert again == group
    assert group.static_members == {"i": "m"}
    assert group.owners == {T: {0: "m", 2: "m"}, U: {1: "m"}}
    for fact in list(facts.tombstones("g", group)):
        facts.apply(group, fact)
    everything = (
        group.members,
        group.targets,
        group.current,
        group.regexes,
        group.owners,
        group.static_members,
    )
    assert not any(everything)


def test_what_a_member_let_go_and_another_took_stays_with_the_other() -> None:
    group = ConsumerGroup()
    for fact in (
        facts.CurrentFact("g", "a", Current(1, 0, assigned={T: {0: 1}})),
        facts.CurrentFact("g", "b", Current(2, 0, assigned={T: {0: 2}})),
        facts.CurrentFact("g", "a", None),
    ):
        facts.apply(group, fact)
    assert group.owners == {T: {0: "b"}}


def test_other_records_are_left_alone() -> None:
    assert facts.decode_fact(b"\0\4\0\1g", b"\0\0") is None


def test_assignments_of_kafka_before_4_4_have_the_members_epoch() -> None:
    key, _ = facts.encode_fact(facts.CurrentFact("g", "m", None))
    value = wire.ConsumerGroupCurrentMemberAssignmentValue(
        6, 5, 1, [wire.TopicPartitions(T, [0, 1], None)], []
    )
    fact = facts.decode_fact(key, wire_facts.encode_fact(value))
    assert fact == facts.CurrentFact("g", "m", Current(6, 5, MemberState.STABLE, {T: {0: 6, 1: 6}}))
