"""compat/debezium/changes.py: the judge of change events sees a lost, a swapped, an invented one; a repetition is right."""

from __future__ import annotations

import json

import pytest

from compat.debezium.changes import Change, Table, read_event, wrong_order

CHANGES = [Change("c", 1, 10), Change("u", 1, 20), Change("c", 2, 30), Change("d", 1, 20)]


@pytest.mark.parametrize(
    "told",
    [
        pytest.param([0, 1, 2, 3], id="once"),
        pytest.param([0, 1, 0, 1, 2, 1, 2, 3], id="told again after it went back, twice"),
        pytest.param([0, 1, 2, 3, 0, 1, 2, 3], id="all told again"),
    ],
)
def test_what_is_told_in_order_is_right_though_it_is_told_again(told: list[int]) -> None:
    assert wrong_order(CHANGES, [CHANGES[each] for each in told]) == ""


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        pytest.param([0, 2, 3], "number 2, after number 0", id="one is lost"),
        pytest.param([0, 1, 2], "only 3 of 4", id="the last is lost"),
        pytest.param([1, 2, 3], "after number -1", id="the first is lost"),
        pytest.param([0, 1, 3, 2], "number 3, after number 1", id="two are swapped"),
        pytest.param([0, 1, 2, 3, 0, 2], "number 2, after number 0", id="one is lost on the way again"),
        pytest.param([0, 1, 2, 3, 0, 1], "ended at number 1 of 3", id="it stopped on the way again"),
    ],
)
def test_what_is_lost_or_out_of_order_is_named(told: list[int], complaint: str) -> None:
    assert complaint in wrong_order(CHANGES, [CHANGES[each] for each in told])


def test_a_change_that_was_not_executed_is_named() -> None:
    assert "was not executed" in wrong_order(CHANGES, [CHANGES[0], Change("u", 9, 9)])


def test_a_deletion_tells_the_row_before_it_and_an_update_the_row_after_it() -> None:
    before, after = {"car": 1, "speed": 10}, {"car": 1, "speed": 20}
    assert read_event(json.dumps({"op": "u", "before": before, "after": after}).encode()) == CHANGES[1]
    with_schema = {"schema": {}, "payload": {"op": "d", "before": after, "after": None}}
    assert read_event(json.dumps(with_schema).encode()) == CHANGES[3]


def test_the_table_makes_changes_of_each_kind_and_no_two_alike() -> None:
    table = Table("seed")
    statements = [table.statement() for _ in range(300)]
    assert {each.split()[0] for each in statements} == {"INSERT", "UPDATE", "DELETE"}
    assert len(set(table.changes)) == len(statements)
