"""The actors of a world: clients that behave as Kafka's do, and some that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.actors.admin import Admin
from tests.simulation.actors.consumer import Consumer
from tests.simulation.actors.member import Member
from tests.simulation.actors.mover import Mover
from tests.simulation.actors.peeker import Peeker
from tests.simulation.actors.plain import PlainProducer
from tests.simulation.actors.producer import IdempotentProducer
from tests.simulation.actors.reader import Reader
from tests.simulation.actors.session_reader import SessionReader
from tests.simulation.actors.sharer import ShareConsumer
from tests.simulation.actors.strange import Garbage, OldClient
from tests.simulation.actors.streamer import Streamer
from tests.simulation.actors.transactional import Bank, CommittedReader, TransactionalProducer
from tests.simulation.sharing import Register
from tests.simulation.streaming import TaskRegister

if TYPE_CHECKING:
    from tests.simulation.actors.script import Actor
    from tests.simulation.world import World


def cast(world: World) -> list[Actor]:
    """The actors of the world's plan; the order is part of the world."""
    plan = world.plan
    found: list[Actor] = [Admin(world, "admin")]
    found += [IdempotentProducer(world, f"producer-{index}") for index in range(plan.producers)]
    found += [PlainProducer(world, f"plain-{index}") for index in range(plan.plain_producers)]
    found += [Reader(world, f"reader-{index}") for index in range(plan.readers)]
    for group in range(plan.groups):
        for index in range(plan.members):
            instance = f"instance-{group}-{index}" if plan.static_members and index < 2 else None
            found.append(Member(world, f"member-{group}-{index}", f"group-{group}", instance))
    found += [OldClient(world, f"old-{index}") for index in range(plan.old_clients)]
    found += [Garbage(world, f"garbage-{index}") for index in range(plan.garbage)]
    found += _consumers(world)
    found += _transactional(world)
    found += _sharers(world)
    found += [SessionReader(world, f"session-{index}") for index in range(plan.session_readers)]
    found += _movers(world)
    found += _streamers(world)
    if plan.cold_percent and plan.compaction:
        found.append(Peeker(world, "peeker"))
    return found


def _streamers(world: World) -> list[Actor]:
    """The members of a streams group, and what is known of it."""
    register, static = TaskRegister(world, "streams-group"), world.plan.static_members
    return [
        Streamer(world, f"streamer-{index}", register, f"static-{index}" if static and index < 2 else None)
        for index in range(world.plan.streamers)
    ]


def _movers(world: World) -> list[Mover]:
    """The members of a group that changes its kind; each knows the others, to compare what they hold."""
    movers = [Mover(world, f"mover-{index}") for index in range(world.plan.movers)]
    for mover in movers:
        mover.others = movers
    return movers


def _sharers(world: World) -> list[Actor]:
    """The members of a share group, and what is known of it."""
    register = Register(world, "share-group")
    return [ShareConsumer(world, f"sharer-{index}", register) for index in range(world.plan.share_consumers)]


def _transactional(world: World) -> list[Actor]:
    """Transactional producers and a reader who watches them."""
    bank = Bank()
    producers = [
        TransactionalProducer(world, f"transactional-{index}", bank)
        for index in range(world.plan.transactional)
    ]
    return [*producers, CommittedReader(world, "committed", bank, producers)] if producers else []


def _consumers(world: World) -> list[Consumer]:
    """The members of a group of the newer protocol; each knows the others, to compare what they hold."""
    plan = world.plan
    members = [
        Consumer(
            world,
            f"consumer-{index}",
            "new-group",
            f"new-{index}" if plan.static_members and index < 2 else None,
        )
        for index in range(plan.consumers)
    ]
    for member in members:
        member.others = members
    return members
