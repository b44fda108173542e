from __future__ import annotations

from neuraxis.broker.coordinators.streams import facts as f
from neuraxis.broker.coordinators.streams.state import StreamsGroup, StreamsMember
from tests.broker.coordinators.streams.test_records import GROUP


def test_the_facts_of_a_group_make_it_again() -> None:
    folded = StreamsGroup()
    for fact in f.all_of("g", GROUP):
        f.apply(folded, fact)
    assert folded == GROUP


def test_tombstones_leave_nothing_and_the_last_one_ends_the_group() -> None:
    facts = list(f.tombstones("g", GROUP))
    folded = GROUP.copy()
    for fact in facts:
        assert fact.value is None
        f.apply(folded, fact)
    assert folded == StreamsGroup()
    assert isinstance(facts[-1], f.StreamsEpochFact)


def test_what_is_the_same_needs_no_fact() -> None:
    assert f.differences("g", GROUP, GROUP.copy()) == []


def test_an_instance_id_follows_its_member() -> None:
    group = StreamsGroup()
    f.apply(group, f.StreamsMemberFact("g", "a", StreamsMember(instance_id="i")))
    f.apply(group, f.StreamsMemberFact("g", "b", StreamsMember(instance_id="i")))
    f.apply(group, f.StreamsMemberFact("g", "a", None))
    assert group.static_members == {"i": "b"}
    f.apply(group, f.StreamsMemberFact("g", "b", StreamsMember(instance_id="j")))
    assert group.static_members == {"j": "b"}
