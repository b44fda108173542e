from __future__ import annotations

from typing import Any

import pytest

from neuraxis.broker.coordinators.streams.commands import MAX_NAMES, MAX_TAGS, check
from neuraxis.broker.coordinators.streams.state import Progress
from neuraxis.broker.coordinators.streams.topology import MAX_TASKS, Topology
from neuraxis.wire.errors import ErrorCode, Refused
from tests.broker.coordinators.streams.world import NOTHING, PLAIN, command, duties, part

OFFSETS = (("0", 0, 1),) * (3 * MAX_TASKS + 1)
MANY = Topology(0, tuple(part(str(number), "in") for number in range(MAX_NAMES)))


@pytest.mark.parametrize(
    ("epoch", "fields"),
    [
        (0, {"group_id": ""}),
        (0, {"member_id": ""}),
        (-3, {}),
        (0, {"instance_id": ""}),
        (3, {"rack_id": ""}),
        (-2, {}),
        (3, {"topology": PLAIN}),
        (0, {"topology": None}),
        (0, {"rebalance_timeout_ms": -1}),
        (0, {"active": None}),
        (0, {"owned": duties("0_0")}),
        (0, {"topology": Topology(0, (part("0", "in", regexes=("a.*",)),))}),
        (3, {"active": frozenset()}),
        (3, {"progress": Progress(OFFSETS)}),
        (3, {"client_tags": (("a", "b"),) * (MAX_TAGS + 1)}),
        (0, {"topology": MANY}),
    ],
)
def test_what_makes_no_sense_in_any_group_is_refused(epoch: int, fields: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        check(command("m", epoch, **fields))
    assert refused.value.code == ErrorCode.INVALID_REQUEST


def test_joins_beats_and_farewells_make_sense() -> None:
    for epoch, fields in (
        (0, {}),
        (3, {}),
        (3, {"owned": duties("0_0")}),
        (-1, {}),
        (-2, {"instance_id": "i"}),
    ):
        check(command("m", epoch, **fields))  # type: ignore[arg-type]  # fields of several types
    assert command("m", 0).owned() == NOTHING
    assert command("m", 3).owned() is None
