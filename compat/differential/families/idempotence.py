"""InitProducerId, and what sequences a partition takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from compat.differential.cases import Scenario, Step, Story, fixed
from compat.differential.families.common import KEEP, batch, produce, topic_steps
from compat.differential.world import World
from neuraxis.wire.messages.init_producer_id import InitProducerIdRequest
from neuraxis.wire.messages.produce import ProduceRequest
from neuraxis.wire.schema import Message

LAST_SEQUENCE = (1 << 31) - 1


def _learn(world: World, answer: Message) -> None:
    world.learn("producer id", answer.producer_id)  # type: ignore[attr-defined]  # it is an InitProducerIdResponse


NEW_PRODUCER = Step(fixed(InitProducerIdRequest(None, 60_000)), 4, learn=_learn)


def _bump(world: World) -> InitProducerIdRequest:
    return InitProducerIdRequest(None, 60_000, world.number("producer id"), 0)


def _send(epoch: int, sequence: int, count: int, world: World) -> ProduceRequest:
    name = world.name("sequences")
    records = batch(
        *[b"v"] * count, producer_id=world.number("producer id"), producer_epoch=epoch, base_sequence=sequence
    )
    return produce(name, 0, records, world.topic_id(name))


def _story(sent: Sequence[tuple[int, int, int]], version: int) -> Sequence[Step]:
    return [
        *topic_steps("sequences", 1, KEEP),
        NEW_PRODUCER,
        *(Step(partial(_send, epoch, sequence, count), version) for epoch, sequence, count in sent),
    ]


STORIES: dict[str, Sequence[tuple[int, int, int]]] = {
    "in order": [(0, 0, 2), (0, 2, 1), (0, 3, 4)],
    "a gap": [(0, 0, 2), (0, 3, 1), (0, 2, 1)],
    "a duplicate of the last": [(0, 0, 2), (0, 0, 2), (0, 2, 1)],
    "duplicates of the last five": [*((0, at, 1) for at in range(6)), *((0, at, 1) for at in range(6))],
    "a duplicate of another size": [(0, 0, 2), (0, 0, 1), (0, 0, 3)],
    "begins late": [(0, 5, 1), (0, 6, 1)],
    "a new epoch": [(0, 0, 2), (1, 0, 1), (1, 1, 1)],
    "a new epoch that begins late": [(0, 0, 2), (1, 5, 1), (1, 0, 1)],
    "an old epoch": [(1, 0, 2), (0, 2, 1), (1, 2, 1)],
    "an epoch skipped": [(0, 0, 1), (5, 0, 1), (4, 1, 1)],
    "the sequence wraps": [(0, LAST_SEQUENCE - 1, 2), (0, 0, 1), (0, LAST_SEQUENCE - 1, 2)],
    "a batch across the wrap": [(0, LAST_SEQUENCE, 3), (0, 2, 1)],
    "a negative sequence": [(0, -2, 1), (0, 0, 1)],
    "a negative epoch": [(-2, 0, 1)],
    "the highest epoch": [(32767, 0, 1), (0, 0, 1)],
}

SCENARIOS: list[Scenario | Story] = [
    Scenario(InitProducerIdRequest, fixed(InitProducerIdRequest(None, 60_000)), skip=["transactional_id=*"]),
    Scenario(
        InitProducerIdRequest, _bump, "again", "3-99", given=[NEW_PRODUCER], skip=["*transactional_id=*"]
    ),
    *(Story(ProduceRequest, name, partial(_story, sent)) for name, sent in STORIES.items()),
]
