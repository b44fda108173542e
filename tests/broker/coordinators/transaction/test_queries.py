"""What is shown of transactions."""

from __future__ import annotations

from neuraxis.broker.coordinators.transaction.facts import Phase
from neuraxis.broker.coordinators.transaction.queries import described, listed
from neuraxis.wire.errors import ErrorCode
from tests.broker.coordinators.transaction.world import NAME, P0, P1, World


def test_an_open_transaction_is_described_with_its_partitions() -> None:
    world = World()
    world.init(timeout_ms=7_000)
    world.add(P0, ("u", 3), P1)
    shown = described(world.state, NAME)
    assert (shown.transaction_state, shown.transaction_timeout_ms) == ("Ongoing", 7_000)
    assert [(topic.topic, topic.partitions) for topic in shown.topics] == [("t", [0, 1]), ("u", [3])]
    assert described(world.state, "nobody").error_code == ErrorCode.TRANSACTIONAL_ID_NOT_FOUND
    assert described(world.state, "").error_code == ErrorCode.INVALID_REQUEST


def test_every_filter_must_let_an_id_pass() -> None:
    world = World()
    world.init("a")
    world.init("b")
    world.add(P0, name="b")
    world.advance(500)

    def names(
        phases: set[Phase] | None = None, ids: set[int] | None = None, longer: int = -1, fits: str = ""
    ) -> list[str]:
        found = listed(
            world.state, phases or set(), ids or set(), longer, lambda name: fits in name, world.now
        )
        return [each.transactional_id for each in found]

    assert names() == ["a", "b"]
    assert names({Phase.ONGOING}) == ["b"]
    assert names(ids={world.known("a").producer_id}) == ["a"]
    assert names(longer=500) == ["a"], "an id without a transaction counts as old, as in Kafka"
    assert names(longer=499) == ["a", "b"]
    assert names({Phase.ONGOING}, fits="a") == []
