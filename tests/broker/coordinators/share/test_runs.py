"""Runs of offsets, against a plain dictionary."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.broker.coordinators.share import runs as r
from neuraxis.broker.coordinators.share.runs import Batch, Delivery, Run

CHANGES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 8), st.sampled_from(list(Delivery)), st.integers(1, 3)),
    max_size=12,
)


@settings(deadline=None)  # the machine may be busy
@given(CHANGES, st.integers(0, 10))
def test_runs_laid_over_each_other_are_what_a_dictionary_says(
    changes: list[tuple[int, int, Delivery, int]], start: int
) -> None:
    runs: list[Run] = []
    known: dict[int, tuple[Delivery, int]] = {}
    for first, more, state, count in changes:
        run = Run(first, first + more, state, count, "m" if state is Delivery.ACQUIRED else None)
        r.lay(runs, run, start)
        for offset in range(first, first + more + 1):
            if offset >= start:
                known[offset] = (state, count)
    end = r.end_of(runs, start)
    assert end == max(known, default=start - 1) + 1
    found = {offset: (run.state, run.deliveries) for run in runs for offset in range(run.first, run.last + 1)}
    assert found == {offset: known.get(offset, (Delivery.AVAILABLE, 0)) for offset in range(start, end)}
    assert runs == r.joined(runs)
    assert r.first_available(runs, start) == next(
        (offset for offset in range(start, end) if found[offset][0] is Delivery.AVAILABLE), end
    )
    assert r.done_until(runs, start) == next(
        (offset for offset in range(start, end) if found[offset][0] not in r.DONE), end
    )
    assert r.done_count(runs, start) == sum(1 for state, _ in found.values() if state in r.DONE)
    inside = [offset for run in r.within(runs, 5, 12) for offset in range(run.first, run.last + 1)]
    assert inside == [offset for offset in sorted(found) if 5 <= offset <= 12]
    r.trim(runs, start + 4)
    assert [run.first for run in runs[:1]] == [start + 4] * (end > start + 4)


def test_the_log_keeps_what_is_acquired_as_it_was_before() -> None:
    runs = [
        Run(0, 1, Delivery.ACQUIRED, 1, "m", 9),
        Run(2, 3, Delivery.ACQUIRED, 2, "m", 9),
        Run(4, 4, Delivery.AVAILABLE, 1),
        Run(5, 6, Delivery.ARCHIVED, 2),
    ]
    assert r.stored(runs) == [Batch(2, 4, Delivery.AVAILABLE, 1), Batch(5, 6, Delivery.ARCHIVED, 2)]
