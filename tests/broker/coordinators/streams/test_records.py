"""Facts of streams groups as Kafka's records."""

from __future__ import annotations

import pytest

from neuraxis.broker.coordinators.streams import facts as f
from neuraxis.broker.coordinators.streams import records as r
from neuraxis.broker.coordinators.streams.state import (
    Current,
    Endpoint,
    MemberState,
    StreamsGroup,
    StreamsMember,
)
from neuraxis.broker.coordinators.streams.topology import Copartition, TopicInfo, Topology
from neuraxis.wire.facts import encode_fact
from neuraxis.wire.facts import streams_group as wire
from tests.broker.coordinators.streams.world import duties, part

GROUP = StreamsGroup(
    epoch=4,
    metadata_hash=-9,
    validated_epoch=3,
    standby_replicas=1,
    assignment_epoch=3,
    assigned_at_ms=77,
    members={
        "m": StreamsMember(
            "i", "rack", "client", "/host", 9, 3, "p", Endpoint("h", 80), (("a", "1"), ("b", "2"))
        )
    },
    targets={"m": duties("0_0 0_2", "1_1")},
    current={
        "m": Current(
            3, 2, MemberState.UNREVOKED_TASKS, duties("0_0"), duties("1_0", "0_1"), {("0", 0): 2, ("1", 0): 3}
        )
    },
    topology=Topology(
        3,
        (
            part("0", "in", sinks=("rep",), copartitions=(Copartition((0,), (), ()),)),
            part(
                "1",
                repartitions=(TopicInfo("rep", 0, 1, (("a.b", "c"),)),),
                changelogs=(TopicInfo("l", 0, 0),),
            ),
        ),
    ),
    static_members={"i": "m"},
)


def test_every_fact_comes_back_in_kafkas_six_kinds_of_records() -> None:
    kinds = set()
    for fact in (*f.all_of("g", GROUP), *f.tombstones("g", GROUP)):
        key, value = r.encode_fact(fact)
        kinds.add(key[1])
        assert r.decode_fact(key, value) == fact
    assert kinds == {17, 19, 20, 21, 22, 23}


def test_records_of_older_kafkas_say_nothing_of_epochs_and_configs() -> None:
    key, _ = r.encode_fact(f.StreamsCurrentFact("g", "m", None))
    held = [r.HeldTasks("0", [1, 2])]
    stored = wire.StreamsGroupCurrentMemberAssignmentValue(6, 5, 1, held, [], [], [], [], [])
    found = r.decode_fact(key, encode_fact(stored))
    assert isinstance(found, f.StreamsCurrentFact)
    assert found.value is not None
    assert found.value.since == {("0", 1): 6, ("0", 2): 6}
    key, _ = r.encode_fact(f.StreamsEpochFact("g", None))
    found = r.decode_fact(key, encode_fact(wire.StreamsGroupMetadataValue(6, 5)))
    assert found == f.StreamsEpochFact("g", f.Epoch(6, 5, -1, None))


@pytest.mark.parametrize("key", [b"\0\x03x", b"\0\x12x", b"\0\x18"])
def test_records_of_other_kinds_are_left_alone(key: bytes) -> None:
    assert r.decode_fact(key, b"") is None
