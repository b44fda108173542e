"""The judge of a log that forgets finds holes, starts that go back, and what is forgotten too early or wrongly kept."""

from __future__ import annotations

from dataclasses import replace

from neuraxis.testing.history.verdict import Draft
from tests.soak.retained import AGED, RETENTION_BYTES, RETENTION_MS, SIZED, TRIMMED, Account, Reading

NOW_MS = 1_000_000


def account(kind: str, count: int = 10) -> Account:
    """A log of so many acknowledged values, one a second, the last one sent now."""
    made = Account(kind)
    for number in range(count):
        made.acknowledged(made.write(NOW_MS - (count - 1 - number) * 1_000), number)
    return made


def reading(start: int, end: int, size: int = RETENTION_BYTES) -> Reading:
    records = tuple((offset, offset) for offset in range(start, end))
    return Reading(start, start, end, records, size, NOW_MS)


def found(made: Account, read: Reading, newest: int | None = None, trimmed: int = 0) -> str:
    draft = Draft("retained", "records")
    made.judge(read, made.newest if newest is None else newest, trimmed, draft)
    return "; ".join(draft.findings)


def test_a_whole_log_from_a_start_that_moves_forward_is_as_it_should_be() -> None:
    made = account(TRIMMED)
    made.trimming = 5
    assert found(made, reading(0, 10)) == ""
    assert found(made, reading(5, 10), trimmed=5) == ""
    assert made.moved == 1


def test_a_hole_a_wrong_value_and_a_stranger_are_found() -> None:
    whole = reading(0, 10)
    assert "behind @4 stands @6" in found(
        account(TRIMMED), replace(whole, records=whole.records[:5] + whole.records[6:])
    )
    swapped = ((0, 0), (1, 2), (2, 1), *whole.records[3:])
    assert "was acknowledged for 1" in found(account(TRIMMED), replace(whole, records=swapped))
    assert "which nobody sent" in found(account(TRIMMED), reading(0, 11))


def test_a_log_that_ends_too_soon_or_begins_too_late_is_found() -> None:
    assert "@9 was acknowledged, but the log ends at @8" in found(account(TRIMMED), reading(0, 8))
    late = replace(reading(0, 10), records=reading(2, 10).records)
    assert "its first record is @2" in found(account(TRIMMED), late)
    short = replace(reading(0, 10), records=reading(0, 9).records)
    assert "its last record is @8" in found(account(TRIMMED), short)
    assert "nothing was read" in found(account(TRIMMED), replace(reading(0, 10), records=()))


def test_a_start_that_goes_back_is_found() -> None:
    made = account(TRIMMED)
    made.trimming = 5
    assert found(made, reading(5, 10)) == ""
    assert "went back from @5 to @3" in found(made, reading(3, 10))
    made = account(SIZED)
    assert found(made, reading(5, 10)) == ""
    assert "went back from @5 to @3" in found(made, reading(3, 10))


def test_records_that_were_deleted_and_are_there_are_found() -> None:
    made = account(TRIMMED)
    made.trimming = 5
    assert "records below @5 were deleted" in found(made, reading(4, 10), trimmed=5)


def test_what_is_forgotten_too_early_is_found() -> None:
    assert "nobody deleted beyond @0" in found(account(TRIMMED), reading(1, 10))
    assert "bytes are left" in found(account(SIZED), reading(1, 10, size=RETENTION_BYTES - 1))
    old = RETENTION_MS // 1_000
    assert found(account(AGED, 2 * old), reading(old - 1, 2 * old)) == ""
    assert "is gone at an age" in found(account(AGED, 2 * old), reading(old + 2, 2 * old))
