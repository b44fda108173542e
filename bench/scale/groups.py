"""1,000 groups of the classic protocol and 1,000 of KIP-848, a living member in each: memory of one, cost of a heartbeat."""

from __future__ import annotations

from bench.scale.broker import Measured, settled
from bench.scale.client import Peer, check, cost_us
from bench.scale.figures import Curve, Figures, Say
from bench.scale.questions import (
    commit,
    consumer_heartbeat,
    create_topics,
    fetch_position,
    heartbeat,
    in_turn,
    join_classic,
)

STEPS = (1, 10, 100, 1000)
REQUESTS = 2000
TOPIC = "drives"
SETTINGS = {"group.initial.rebalance.delay.ms": "0", "group.consumer.session.timeout.ms": "60000"}
HEARTBEAT_S = 3
"""How often a member says that it lives, by Kafka's default."""


def measure(say: Say) -> Figures:
    """Measure both protocols, each with a broker of its own for the memory of a group."""
    figures = Figures()
    for protocol in ("classic", "KIP-848"):
        with Measured(SETTINGS) as broker:
            _one_protocol(broker, protocol, figures, say)
    return figures


def _one_protocol(broker: Measured, protocol: str, figures: Figures, say: Say) -> None:
    peer = Peer(broker.port)
    create_topics(peer, [TOPIC])
    check(peer.ask(*commit("first", (TOPIC, 0), 1)))
    settled(broker)
    memory = broker.memory_bytes()
    curve = Curve(f"Groups, {protocol}", "groups", STEPS)
    members: list[tuple[str, str, int]] = []
    for count in STEPS:
        while len(members) < count:
            group = f"group-{len(members):04d}"
            members.append((group, *_join(peer, protocol, group)))
        settled(broker)
        if count == STEPS[-1]:
            each_kb = (broker.memory_bytes() - memory) / count / 1000
        turns = list(in_turn(members, max(REQUESTS, count)))
        lives = [heartbeat(*each) if protocol == "classic" else consumer_heartbeat(*each) for each in turns]
        beats_us = cost_us(broker, peer, lives)
        curve.add("Heartbeat" if protocol == "classic" else "ConsumerGroupHeartbeat", beats_us)
        version = 8 if protocol == "classic" else 9
        commits = [
            (commit(group, (TOPIC, 0), 1, epoch, member)[0], version) for group, member, epoch in turns
        ]
        curve.add("OffsetCommit", cost_us(broker, peer, commits))
        fetches = [fetch_position(group, (TOPIC, 0)) for group, _, _ in turns]
        curve.add("OffsetFetch", cost_us(broker, peer, fetches))
        say(f"{count} groups, {protocol}")
    figures.tell(f"memory of a group with a member, {protocol}, {STEPS[-1]:,} of them", each_kb, "kB")
    figures.tell(
        f"CPU with {STEPS[-1]:,} groups, {protocol}, between heartbeats", broker.idle_share(2), "% of a core"
    )
    share = STEPS[-1] / HEARTBEAT_S * beats_us / 10_000
    figures.tell(
        f"CPU for the heartbeats of {STEPS[-1]:,} groups every {HEARTBEAT_S} s, {protocol}",
        share,
        "% of a core",
    )
    figures.draw(curve)
    peer.close()


def _join(peer: Peer, protocol: str, group: str) -> tuple[str, int]:
    if protocol == "classic":
        return join_classic(peer, group)
    joined = peer.ask(*consumer_heartbeat(group, f"member-of-{group}", 0, TOPIC))
    check(joined)
    return joined.member_id, joined.member_epoch
