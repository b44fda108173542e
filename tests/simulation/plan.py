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
class Plan:
    """Everything a world is made of besides luck."""

    seed: int
    durability: str = "sync"
    duration_ms: int = 12_000
    least_events: int = 0  # before it heals, whatever its duration
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
    return Plan(
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
    )


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
    return plan.with_changes(
        duration_ms=duration_ms,
        least_events=500,  # and some more while it heals
        faults=faults,
        producers=1,
        readers=1,
        members=min(plan.members, 2),
        pace_ms=min(plan.pace_ms, 50),
        checkpoint_ms=rng.choice((150, 600, 6_000)),
        **{name: (max(1, getattr(plan, name)) if name in kept else 0) for name in OPTIONAL},
    )


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
