"""10,000 partitions, as topics of one and as one topic: make them, write to each, read each; costs, memory, descriptors.

Requests go to one partition of all, and to each in turn, in which every request meets another log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any  # Any: answers, one class for each API

from bench.scale.broker import Measured, settled
from bench.scale.client import Peer, Refused, check, cost_us
from bench.scale.figures import Curve, Figures, Say
from bench.scale.questions import (
    Asked,
    Place,
    commit,
    create_topics,
    fetch,
    grow_topic,
    in_turn,
    list_offsets,
    metadata,
    produce,
    session_fetch,
    session_rounds,
)

STEPS = (1, 10, 100, 1000, 10_000)
REQUESTS = 2000
DESCRIPTORS = 9872
"""The broker's bound for files of its logs, at most half of what the process may have: 10,000 connections find theirs."""
CHECKPOINT_S = 62
"""After so long the first write of each is in a checkpoint: it costs some syncs more than later ones do, once."""
BESIDES = 64
"""Descriptors of the broker that are not of logs: program, listeners, epoll, journal, this bench's connections."""
MEMORY_LIMIT_KB = 32.0
"""Of a partition: 10,000 of them within 320 MB, far below what a JVM asks for; no issue sets it."""


class Watch:
    """The largest number of descriptors that was seen, by a thread that looks all the time."""

    def __init__(self, broker: Measured) -> None:
        self.most = 0
        self._broker = broker
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(0.05) and self._broker.running:
            self.most = max(self.most, self._broker.descriptors())

    def stop(self) -> int:
        """End, and return the number."""
        self._end.set()
        self._thread.join()
        return self.most


def measure(say: Say) -> Figures:
    """Measure both shapes."""
    figures = Figures()
    for shape, of in (("topics of one partition", "topics"), ("partitions of one topic", "partitions")):
        with Measured() as broker:
            _one_shape(broker, shape, of, figures, say)
    return figures


def places_of(of: str, count: int) -> list[Place]:
    """Name the partitions."""
    if of == "topics":
        return [(f"drives-{number:05d}", 0) for number in range(count)]
    return [("drives", number) for number in range(count)]


def make(peer: Peer, of: str, before: int, count: int) -> None:
    """Make partitions, so that there are so many."""
    if of == "topics":
        create_topics(peer, [topic for topic, _ in places_of(of, count)[before:]])
    elif before:
        grow_topic(peer, "drives", count)
    else:
        create_topics(peer, ["drives"], count)


def has_records(answer: Any) -> None:
    """Raise Refused if an answer to a fetch brings nothing."""
    check(answer)
    if not any(each.records for topic in answer.responses for each in topic.partitions):
        raise Refused("a fetch brought no records")


def ends_of(peer: Peer, places: Sequence[Place]) -> dict[Place, int]:
    """Ask where each partition ends."""
    answers = peer.pump([list_offsets(place) for place in places])
    for answer in answers:
        check(answer)
    return {
        place: answer.topics[0].partitions[0].offset for place, answer in zip(places, answers, strict=True)
    }


def _one_shape(broker: Measured, shape: str, of: str, figures: Figures, say: Say) -> None:
    peer = Peer(broker.port)
    settled(broker)
    memory = broker.memory_bytes()
    watch = Watch(broker)
    one = Curve(f"Requests to one of all {of}", of, STEPS)
    turn = Curve(f"Requests to each of all {of} in turn", of, STEPS)
    before = 0
    for count in STEPS:
        places = places_of(of, count)
        began_ns = broker.cpu_ns()
        make(peer, of, before, count)
        making_us = (broker.cpu_ns() - began_ns) / 1000 / (count - before)
        for answer in peer.pump([produce(place) for place in places]):
            check(answer)
        for answer in peer.pump([fetch(place) for place in places]):
            has_records(answer)
        before = count
        settled(broker)
        if count == STEPS[-1]:
            time.sleep(CHECKPOINT_S)
            settled(broker)
        say(f"{count} {of}: made, written, read")
        _requests(broker, peer, one, [places[-1]] * REQUESTS, places)
        _requests(broker, peer, turn, list(in_turn(places, max(REQUESTS, count))), places)
        say(f"{count} {of}: requests measured")
    figures.tell(f"CPU to make one of {STEPS[-1]:,} {of}", making_us, "µs")
    settled(broker)
    each_kb = (broker.memory_bytes() - memory) / STEPS[-1] / 1000
    figures.must(f"memory of a partition, {STEPS[-1]:,} {shape}", each_kb, MEMORY_LIMIT_KB, "kB")
    figures.must(
        f"most descriptors at any time, {STEPS[-1]:,} {shape}, all written", watch.stop(), DESCRIPTORS + BESIDES, ""
    )  # fmt: skip
    for topic in ("all topics", "one topic") if of == "topics" else ("one topic",):
        began, began_ns = time.monotonic(), broker.cpu_ns()
        check(peer.ask(*metadata(None if topic == "all topics" else places[0][0])))
        wall_ms, cpu_ms = (time.monotonic() - began) * 1000, (broker.cpu_ns() - began_ns) / 1e6
        figures.tell(f"Metadata of {topic}, {STEPS[-1]:,} {of}: CPU", cpu_ms, "ms")
        figures.tell(f"Metadata of {topic}, {STEPS[-1]:,} {of}: until the client has it", wall_ms, "ms")
    figures.tell(f"CPU with {STEPS[-1]:,} idle {of}", broker.idle_share(10), "% of a core")
    figures.draw(one)
    figures.draw(turn)
    peer.close()


def _requests(
    broker: Measured, peer: Peer, curve: Curve, turns: Sequence[Place], places: Sequence[Place]
) -> None:
    """Measure each kind of request, at these partitions one after the other."""
    kinds: list[tuple[str, Callable[[Place], Asked], Callable[[Any], None]]] = [
        ("Produce", produce, check),
        ("Fetch, no session", fetch, has_records),
        ("ListOffsets", list_offsets, check),
        ("OffsetCommit", lambda place: commit("scale", place, 1), check),
    ]
    if curve.of == "topics":  # of a topic with all partitions the answer names each
        kinds.append(("Metadata, one topic", lambda place: metadata(place[0]), check))
    for name, question, look in kinds:
        curve.add(name, cost_us(broker, peer, [question(place) for place in turns], look=look))
        settled(broker)
    ends = ends_of(peer, places)
    session = peer.ask(*session_fetch(0, 0, [(place, ends[place]) for place in places]))
    check(session)
    warm = session_rounds(session.session_id, 1, turns[: len(turns) // 2], ends)
    for answer in peer.pump(warm):
        has_records(answer)
    asked = session_rounds(session.session_id, 1 + len(warm), turns, ends)
    curve.add("Fetch, in a session over all", cost_us(broker, peer, asked, warm=False, look=has_records))
