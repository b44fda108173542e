"""A world's configuration, drawn from its seed: what runs, on what settings, and what goes wrong when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

POLICIES = {"sync": {"flush.messages": "1"}, "interval": {"flush.ms": "300"}, "os": {}}


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic the admin makes at the beginning. A volatile one may be deleted and made again."""

    name: str
    partitions: int
    configs: dict[str, str]
    volatile: bool = False

    @property
    def deletes(self) -> bool:
        """Whether retention may take records away."""
        return "retention.bytes" in self.configs or "retention.ms" in self.configs


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong at a time. `number` is a count of disk operations, or a clock step in ms."""

    at_ms: int
    kind: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Aim:
    """A fault in the operation of this number in a place (see places.py), counted from `at_ms` on; `operation` counts
    those of one kind alone ("": all).
    """

    at_ms: int
    kind: str  # "crash kill", "crash power", or "error"
    place: str
    number: int
    how: str  # "before", "after" or "half" of it; half of the errors: a full disk, where that can be
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a world is made of besides luck."""

    seed: int
    durability: str = "sync"
    duration_ms: int = 12_000
    least_events: int = 0  # planned before it heals, whatever its duration
    least_played: int = 0  # before it ends
    watch_ms: int = 250  # how often a healed world is looked at: whether it may end
    calm_ms: int = 8  # how long readers of a healed world wait between two fetches, at most
    topics: tuple[TopicPlan, ...] = ()
    producers: int = 2
    plain_producers: int = 0
    readers: int = 1
    groups: int = 1
    members: int = 2
    static_members: bool = False
    consumers: int = 0
    transactional: int = 0
    share_consumers: int = 0
    movers: int = 0
    session_readers: int = 0
    streamers: int = 0
    session_slots: int = 1_000
    eviction_ms: int = 120_000
    delivery_limit: int = 5
    share_updates: int = 500
    share_checkpoint: int = 100_000
    session_ms: int = 2_000
    rebalance_ms: int = 2_500
    old_clients: int = 0
    garbage: int = 0
    admin: bool = True
    faults: tuple[Fault, ...] = ()
    aims: tuple[Aim, ...] = ()
    rots: tuple[
        Fault, ...
    ] = ()  # bits that flip: `number` of them at a time. Where there are any, the scrub runs
    network_delay_ms: int = 5
    cut_percent: int = 1
    disk_delay_ms: int = 4
    checkpoint_ms: int = 1_500
    journal_segment_bytes: int = 16_384
    snapshot_bytes: int = 2_000
    largest_copy: int = 65_536
    most_records: int = 4
    value_bytes: int = 40
    pace_ms: int = 40
    compaction: bool = False
    cold_percent: int = 0
    kafka: dict[str, str] = field(default_factory=dict)

    def with_changes(self, **changes: object) -> Plan:
        """The same plan but for the named fields."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the caller names fields of this class


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    rng = Random(f"{seed}/plan")
    durability = rng.choice(("sync", "sync", "sync", "interval", "os"))
    duration_ms = rng.choice((6_000, 9_000, 12_000))
    mixed = rng.random() < 0.3
    topics = []
    for index in range(rng.randint(1, 2)):
        configs = {"segment.bytes": str(rng.choice((300, 700, 2_000, 100_000)))}
        if mixed:
            configs |= POLICIES[rng.choice(tuple(POLICIES))]
        configs |= _retention(rng)
        topics.append(TopicPlan(f"stable-{index}", rng.randint(1, 3), configs))
    if rng.random() < 0.6:
        configs = {"segment.bytes": "700", "file.delete.delay.ms": str(rng.choice((0, 500, 3_000)))}
        topics.append(TopicPlan("volatile", rng.randint(1, 2), configs, volatile=True))
    plan = Plan(
        seed=seed,
        durability=durability,
        duration_ms=duration_ms,
        topics=tuple(topics),
        producers=rng.randint(1, 2),
        plain_producers=rng.choice((0, 0, 1)),
        readers=rng.randint(1, 2),
        groups=rng.choice((0, 1, 1)),
        members=rng.randint(1, 3),
        static_members=rng.random() < 0.3,
        session_ms=rng.choice((1_200, 2_000, 3_000)),
        rebalance_ms=rng.choice((900, 2_500)),
        old_clients=rng.choice((0, 0, 1)),
        garbage=rng.choice((0, 0, 1)),
        faults=_faults(rng, duration_ms),
        network_delay_ms=rng.choice((1, 5, 20)),
        cut_percent=rng.choice((0, 0, 1, 4)),
        disk_delay_ms=rng.choice((0, 3, 15)),
        checkpoint_ms=rng.choice((300, 1_500, 6_000)),
        journal_segment_bytes=rng.choice((4_096, 16_384, 200_000)),
        snapshot_bytes=rng.choice((400, 3_000, 1 << 21)),
        largest_copy=rng.choice((150, 400, 65_536)),
        most_records=rng.choice((1, 3, 6)),
        value_bytes=rng.choice((8, 60, 200)),
        pace_ms=rng.choice((20, 50, 120)),
        consumers=rng.choice((0, 0, 2, 3)),
        transactional=rng.choice((0, 0, 1, 2)),
        share_consumers=rng.choice((0, 0, 0, 1, 2)),
        delivery_limit=rng.choice((2, 3, 5)),
        share_updates=rng.choice((0, 3, 500)),
        share_checkpoint=rng.choice((20, 100, 100_000)),
        session_readers=rng.choice((0, 0, 0, 1, 2)),
        session_slots=rng.choice((1, 2, 1_000)),
        eviction_ms=rng.choice((300, 120_000)),
        movers=rng.choice((0, 0, 0, 2, 3)),
        streamers=rng.choice((0, 0, 0, 2, 3)),
        compaction=rng.random() < 0.5,
        cold_percent=_cold(seed),
        aims=_aims(seed, duration_ms),
    )
    return _rotten(plan)


OPTIONAL = (
    "groups",
    "consumers",
    "transactional",
    "share_consumers",
    "session_readers",
    "movers",
    "streamers",
)
"""The kinds of actors of which a short world has two at most."""


def draw_short(seed: int) -> Plan:
    """The plan of a seed made short: the same settings and faults in a second, on fewer actors.

    What one short world leaves out, another has: each has its own choice of actors.
    """
    plan, rng = draw(seed), Random(f"{seed}/short")
    kept = set(rng.sample(OPTIONAL, rng.choice((1, 1, 2))))
    duration_ms = rng.choice((800, 1_100, 1_400))
    faults = tuple(
        replace(fault, at_ms=max(100, fault.at_ms * duration_ms // plan.duration_ms)) for fault in plan.faults
    )
    aims = tuple(replace(aim, at_ms=aim.at_ms * duration_ms // plan.duration_ms) for aim in plan.aims)
    rots = tuple(replace(rot, at_ms=rot.at_ms * duration_ms // plan.duration_ms) for rot in plan.rots)
    inside = any(rot.kind == INSIDE for rot in rots)
    if inside:  # nobody reads these logs but a start
        faults = (*faults, Fault(rots[0].at_ms + 400, "kill"))
    if inside or any(aim.place == "compaction" for aim in aims):
        kept = {"groups", "transactional"}
        plan = plan.with_changes(compaction=True, kafka=SMALL_SEGMENTS)
    if rots:
        kept -= {"share_consumers"}
    return plan.with_changes(
        duration_ms=duration_ms,
        least_events=350,
        least_played=500,
        watch_ms=50,
        calm_ms=80,
        session_ms=min(plan.session_ms, 1_200),
        rebalance_ms=min(plan.rebalance_ms, 900),
        faults=faults,
        aims=aims,
        rots=rots,
        producers=1,
        readers=1,
        members=min(plan.members, 2),
        pace_ms=min(plan.pace_ms, 50),
        checkpoint_ms=rng.choice((150, 600, 6_000)),
        **{name: (max(1, getattr(plan, name)) if name in kept else 0) for name in OPTIONAL},
    )


PLACES = {
    "compaction": (("", 60), ("rename", 12), ("sync", 12), ("sync_dir", 2), ("unlink", 12)),
    "segment roll": (("", 6),),
    "checkpoint": (("", 30), ("sync_dir", 3), ("rename", 3)),
    "snapshot of producers": (("", 6),),
    "snapshot of a coordinator": (("", 6),),
    "recovery": (("", 40), ("rename", 4), ("sync_dir", 4), ("unlink", 4)),
    "scrub": (("", 6),),
}
"""Where faults are aimed at: which operations there, and up to which of them."""


def _aims(seed: int, duration_ms: int) -> tuple[Aim, ...]:
    """Luck of its own: worlds without any are what they were before there were aims."""
    rng = Random(f"{seed}/aims")
    if rng.random() < 0.7:
        return ()
    aims = []
    for _ in range(rng.choice((1, 1, 2))):
        place = rng.choice(tuple(PLACES))
        kind = rng.choice(("crash kill", "crash kill", "crash power", "crash power", "error"))
        operation, most = rng.choice(PLACES[place])
        how = rng.choice(("before", "after", "half"))
        aims.append(Aim(rng.randint(0, duration_ms), kind, place, rng.randint(1, most), how, operation))
    return tuple(aims)


SMALL_SEGMENTS = {"offsets.topic.segment.bytes": "500", "transaction.state.log.segment.bytes": "500"}
"""Of the coordinators' logs, so that even a short world compacts them."""


INSIDE = "rot inside"
"""Of the coordinators' own logs."""


def _rotten(plan: Plan) -> Plan:
    """In one world of seven bits flip, and the scrub runs; so it does where a fault is aimed at it. Luck of its own."""
    rng = Random(f"{plan.seed}/rot")
    if rng.random() < 0.85 and not any(aim.place == "scrub" for aim in plan.aims):
        return plan
    rots = [
        Fault(rng.randint(plan.duration_ms // 3, plan.duration_ms), "rot", rng.randint(1, 3))
        for _ in range(rng.choice((1, 2)))
    ]
    if Random(f"{plan.seed}/rot inside").random() < 0.3 and not plan.cold_percent:
        rots[0] = replace(rots[0], kind=INSIDE)
    return plan.with_changes(rots=tuple(rots), share_consumers=0)


def _cold(seed: int) -> int:
    """How many of a hundred looks find nothing in the page cache: in one world of five, none of those that are kept."""
    return Random(f"{seed}/cold").choice((10, 40, 80)) if seed % 5 == 1 else 0


def _retention(rng: Random) -> dict[str, str]:
    roll = rng.random()
    if roll < 0.15:
        return {"retention.bytes": "1500", "file.delete.delay.ms": "200"}
    if roll < 0.3:
        return {"retention.ms": "2500", "file.delete.delay.ms": "200"}
    return {}


def _faults(rng: Random, duration_ms: int) -> tuple[Fault, ...]:
    faults = []
    for _ in range(rng.choice((0, 1, 2, 3, 4))):
        at_ms = rng.randint(500, duration_ms)
        kind = rng.choice(
            (
                "kill", "kill", "power", "power", "power", "stop", "cut", "pause",
                "clock", "eio", "enospc", "short", "sync", "crash kill", "crash power", "full",
            )
        )  # fmt: skip
        number = rng.randint(1, 60)
        if kind == "clock":
            number = rng.choice((-1, 1)) * rng.choice((300, 5_000, 60_000, 2_000_000))
        faults.append(Fault(at_ms, kind, number))
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))
