"""What all clients of a soak share: the broker's address, what is counted, what surprised them; and the thread they are.

The rule of the file: a client never dies in silence, and an answer that nobody expects is a finding.
"""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field

from neuraxis.testing.history.verdict import Draft, Verdict
from neuraxis.testing.verify.plan import Stage
from tests.soak.link import Link, Lost

SURPRISES = 50
"""Kept in full: more show nothing new."""


@dataclass
class Scene:
    """One soak. `host` and `port` are those of the proxy in front of the broker."""

    stage: Stage
    host: str
    port: int
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    draining: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, number: int = 1) -> None:
        """Something happened."""
        with self.lock:
            self.counts[what] += number

    def surprise(self, who: str, what: object) -> None:
        """Something happened that must not."""
        with self.lock:
            self.counts["surprises"] += 1
            if len(self.surprises) < SURPRISES:
                self.surprises.append(f"{who}: {what}")

    def link(self, name: str) -> Link:
        """A new connection to the broker, by way of the proxy."""
        return Link(self.host, self.port, name)

    def verdict(self) -> Verdict:
        """Whether everything that clients were answered was something they may be answered."""
        draft = Draft("no-surprise", "answers to clients of our own", checked=self.counts["answers"])
        for sentence in self.surprises:
            draft.finding(sentence)
        draft.found = max(draft.found, self.counts["surprises"])
        return draft.done("nobody was answered")


class Worker(threading.Thread):
    """A client in a thread of its own: `live` again and again until told to stop."""

    RETRY_S = 0.2  # a broker that is away would otherwise see a storm of connections

    def __init__(self, scene: Scene, name: str) -> None:
        super().__init__(name=f"soak-{name}", daemon=True)
        self.scene = scene
        self.role = name
        self.random = random.Random(f"{scene.seed} {name}")
        self.halt = threading.Event()
        self.link = scene.link(name)

    def run(self) -> None:
        """Live until told to stop. A client that fails in a way of its own is a finding, and is not replaced."""
        try:
            while not self.halt.is_set():
                try:
                    self.live()
                except Lost:
                    self.scene.count("requests without an answer")
                    self.halt.wait(self.RETRY_S)
        except Exception:
            self.scene.surprise(self.role, traceback.format_exc())
        finally:
            self.link.close()

    def live(self) -> None:
        """Some of its work; may raise Lost."""
        raise NotImplementedError

    def ask(self, request: object, version: int) -> object:
        """As `Link.ask`, counted."""
        answer = self.link.ask(request, version)
        self.scene.count("answers")
        return answer


def now_ns() -> int:
    """The clock of all journals."""
    return time.monotonic_ns()
