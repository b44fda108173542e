"""The judge of a compacted log finds what is missing, what is out of order, what came back, and what was never sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from neuraxis.testing.history.verdict import Draft
from tests.soak.compacted import Ledger, Version, finish


def ledger(*tombstones: bool) -> Ledger:
    """Key 0, with a version for each flag, all of them acknowledged."""
    made = Ledger()
    for is_tombstone in tombstones:
        made.told(0, made.write(0, is_tombstone=is_tombstone), "ok")
    return made


def version(offset: int, number: int, *, is_tombstone: bool = False) -> Version:
    return Version(offset, 0, number, is_tombstone)


def found(
    made: Ledger, reading: Sequence[Version], before: Sequence[Version] = (), before_end: int = 0
) -> tuple[str, ...]:
    draft = Draft("compacted", "records")
    made.judge(made.newest(), reading, before, before_end, draft)
    return tuple(draft.findings)


def test_the_newest_version_alone_is_enough() -> None:
    assert found(ledger(False, False, False), [version(2, 2)]) == ()
    assert found(ledger(False, False), [version(0, 0), version(1, 1)]) == ()


def test_a_newest_version_that_is_missing_is_found() -> None:
    assert "nothing is there" in found(ledger(False), [])[0]
    assert "version 0 at @0 is there" in found(ledger(False, False), [version(0, 0)])[0]


def test_a_tombstone_may_go_but_not_alone() -> None:
    made = ledger(False, True)
    assert found(made, [version(0, 0), version(1, 1, is_tombstone=True)]) == ()
    assert found(made, []) == ()
    assert "version 1 was acknowledged, and version 0" in found(made, [version(0, 0)])[0]


def test_a_key_may_be_absent_where_a_later_tombstone_is_in_doubt_but_not_where_it_was_refused() -> None:
    made = ledger(False)
    number = made.write(0, is_tombstone=True)
    assert found(made, []) == ()
    made.told(0, number, "fail")
    assert found(made, []) != ()


def test_versions_out_of_order_are_found() -> None:
    assert "behind version 1" in found(ledger(False, False), [version(0, 1), version(1, 0), version(2, 1)])[0]


def test_what_compaction_took_away_and_comes_back_is_found() -> None:
    made = ledger(False, False)
    before = [version(1, 1)]
    assert "is back at @0" in found(made, [version(0, 0), version(1, 1)], before, 2)[0]
    assert found(made, [version(0, 0), version(1, 1)], before, 0) == (), (
        "the earlier reading did not reach so far"
    )


def test_what_nobody_sent_is_found() -> None:
    assert "was never sent" in found(ledger(False), [version(0, 0), version(1, 1)])[0]
    assert "another value" in found(ledger(False), [version(0, 0, is_tombstone=True)])[0]


def test_what_was_aborted_and_read_is_found_at_the_end() -> None:
    made = ledger(False)
    number = made.write(0, is_tombstone=False)
    assert found(made, [version(0, 0), version(1, number)]) == ()
    made.told(0, number, "fail")
    draft = Draft("compacted", "records")
    made.judge_failed(draft)
    assert "version 1 was read" in draft.findings[0]


class Fenced:
    """A producer that can go no further."""

    def __init__(self) -> None:
        self.purged = False

    def flush(self, _: float) -> int:
        raise KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=True))

    def purge(self) -> None:
        self.purged = True


def test_a_producer_that_was_fenced_is_given_up_and_its_writer_lives_on() -> None:
    fenced: Any = Fenced()
    finish(fenced)
    assert fenced.purged
