"""compat/quix_streams/drives.py: windows of recorded drives, and a judge that sees a lost, a repeated and a restarted one."""

from __future__ import annotations

from compat.quix_streams.drives import Row, Window, closed, recorded, updates, wrong_windows

ROWS = [Row("a", 1_000, 10.0), Row("b", 2_000, 1.0), Row("a", 59_999, 30.0), Row("a", 60_000, 5.0)]


def test_a_window_is_told_after_each_of_its_rows() -> None:
    assert updates(ROWS) == {
        ("a", 0): [Window(1, 10.0, 10.0), Window(2, 40.0, 30.0)],
        ("b", 0): [Window(1, 1.0, 1.0)],
        ("a", 60_000): [Window(1, 5.0, 5.0)],
    }


def test_a_window_is_closed_by_a_later_row_of_its_own_drive() -> None:
    assert closed(ROWS) == {("a", 0): [Window(2, 40.0, 30.0)]}


def test_a_lost_a_repeated_and_a_restarted_window_are_wrong() -> None:
    right = updates(ROWS)
    assert wrong_windows(right, updates(ROWS)) == []
    first, second = right["a", 0]
    for seen in ([first], [first, second, second], [first, Window(1, 30.0, 30.0)], []):
        (line,) = wrong_windows(right, right | {("a", 0): seen})
        assert line.startswith("drive a at 0:")


def test_the_recorded_drives_go_forward_in_time_and_have_many_windows() -> None:
    rows = recorded()
    assert len(rows) > 5000
    last: dict[str, int] = {}
    for row in rows:
        assert row.timestamp_ms > last.get(row.drive, 0)
        last[row.drive] = row.timestamp_ms
    assert len(closed(rows)) > 100
