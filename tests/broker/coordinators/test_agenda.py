"""The agenda of shards: the earliest deadline without asking each of them."""

from __future__ import annotations

from random import Random

from neuraxis.broker.coordinators.agenda import Agenda
from neuraxis.broker.work import Now


class Shard:
    def __init__(self) -> None:
        self.at: int | None = None
        self.agenda_at: int | None = None
        self.touched = False
        self.asked = 0

    def deadline(self) -> int | None:
        self.asked += 1
        return self.at


def test_the_earliest_deadline_is_that_of_all_shards_however_they_change() -> None:
    rng = Random(5)
    agenda, shards = Agenda(), [Shard() for _ in range(8)]
    for now in range(2_000):
        shard = rng.choice(shards)
        shard.at = rng.choice([None, now + rng.randint(0, 50)])
        agenda.touch(shard)
        expected = min((each.at for each in shards if each.at is not None), default=None)
        assert agenda.next_deadline() == expected
        due = [each for each in shards if each.at is not None and each.at <= now]
        found = []
        for each in agenda.due(Now(now, 0)):
            found.append(each)
            each.at = rng.choice([None, now + rng.randint(1, 50)])
        assert sorted(map(id, found)) == sorted(map(id, due))


def test_a_shard_that_stays_due_acts_once_in_a_tick_and_again_in_the_next() -> None:
    agenda, shard = Agenda(), Shard()
    shard.at = 5
    agenda.touch(shard)
    for _ in range(3):
        assert list(agenda.due(Now(9, 0))) == [shard]
        assert agenda.next_deadline() == 5


def test_only_a_shard_that_changed_is_asked_for_its_deadline() -> None:
    agenda, shards = Agenda(), [Shard() for _ in range(50)]
    for number, shard in enumerate(shards):
        shard.at = number
        agenda.touch(shard)
    assert agenda.next_deadline() == 0
    before = [shard.asked for shard in shards]
    for _ in range(10):
        agenda.touch(shards[7])
        agenda.touch(shards[7])
        assert agenda.next_deadline() == 0
    assert [shard.asked - old for shard, old in zip(shards, before, strict=True)] == [0] * 7 + [10] + [0] * 42
