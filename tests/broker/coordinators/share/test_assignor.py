"""The simple assignor: everything is read, everybody reads, in balance, and little moves."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.broker.coordinators.share.assignor import assign
from neuraxis.broker.coordinators.share.group import Target

A, B = b"a" * 16, b"b" * 16
MEMBERS = ["m0", "m1", "m2", "m3", "m4", "m5"]


@settings(deadline=None)  # the machine may be busy
@given(
    st.dictionaries(st.sampled_from(MEMBERS), st.frozensets(st.sampled_from([A, B])), max_size=6),
    st.dictionaries(st.sampled_from([A, B]), st.integers(0, 7)),
    st.dictionaries(
        st.sampled_from(MEMBERS),
        st.dictionaries(
            st.sampled_from([A, B]), st.sets(st.integers(0, 9), max_size=4).map(sorted).map(tuple)
        ),
    ),
)
def test_everything_is_read_in_balance_whatever_was_before(
    subscriptions: dict[str, frozenset[bytes]], counts: dict[bytes, int], before: dict[str, Target]
) -> None:
    targets = assign(subscriptions, counts, before)
    assert targets.keys() == subscriptions.keys()
    for topic_id, count in counts.items():
        members = [each for each in subscriptions if topic_id in subscriptions[each]]
        read = {each: targets[each].get(topic_id, ()) for each in subscriptions}
        assert all(not read[each] for each in subscriptions if each not in members)
        if not members or not count:
            assert not any(read.values())
            continue
        readers = [sum(partition in found for found in read.values()) for partition in range(count)]
        assert min(readers) >= 1, "nobody reads it"
        assert max(readers) - min(readers) <= 1
        sizes = [len(read[each]) for each in members]
        assert min(sizes) >= (1 if len(members) >= count else count // len(members))
        assert max(sizes) - min(sizes) <= 1
        assert all(found == tuple(sorted(set(found))) for found in read.values())
    assert assign(subscriptions, counts, targets) == targets, "what is balanced moves"


def test_with_a_member_more_only_so_much_moves() -> None:
    before = assign({"m0": frozenset([A]), "m1": frozenset([A])}, {A: 6}, {})
    after = assign(dict.fromkeys(["m0", "m1", "m2"], frozenset([A])), {A: 6}, before)
    for member_id in ("m0", "m1"):
        assert set(after[member_id][A]) < set(before[member_id][A])
    assert len(after["m2"][A]) == 2
