"""Asks every few seconds, and after each restart, what all groups have committed; and the judge: offsets never go back."""

from __future__ import annotations

from collections.abc import Sequence

from neuraxis.testing.history import Log, Position
from neuraxis.testing.history.verdict import Draft, Verdict
from neuraxis.wire.errors import ErrorCode
from tests.soak.link import RETRIABLE
from tests.soak.members import fetch_offsets
from tests.soak.scene import Scene, Worker, now_ns


def compare(group: str, before: dict[Log, int], found: dict[Log, int | None], draft: Draft) -> None:
    """Judge what a group has committed against what it had; `before` is brought up to date."""
    for log, offset in found.items():
        draft.checked += 1
        earlier = before.get(log)
        if earlier is not None and (offset is None or offset < earlier):
            draft.finding(f"group {group}: @{earlier} of {log} was committed, and then {offset}")
        if offset is not None:
            before[log] = offset


class Auditor(Worker):
    """One question at a time, so that answers follow each other."""

    def __init__(self, scene: Scene, groups: Sequence[str], every_s: tuple[float, float]) -> None:
        super().__init__(scene, "auditor")
        self.groups = groups
        self.every_s = every_s
        self.before: dict[str, dict[Log, int]] = {group: {} for group in groups}
        self.draft = Draft("committed-forward", "committed offsets looked at")
        self.asked = 0

    def live(self) -> None:
        """Ask for all groups."""
        for group in self.groups:
            self.audit(group)
        self.halt.wait(self.random.uniform(*self.every_s))

    def audit(self, group: str) -> None:
        """Ask for one. Raises Lost."""
        stage = self.scene.stage
        began_ns = now_ns()
        found, code = fetch_offsets(self, stage.group_id(group), stage.logs)
        if found is None:
            if code not in RETRIABLE | {
                ErrorCode.UNSTABLE_OFFSET_COMMIT
            }:  # of a transaction that is just ending
                self.scene.surprise(self.role, f"OffsetFetch of {group}: error {code}")
            return
        positions = tuple(Position(log, offset) for log, offset in found.items())
        stage.recorder.whole("ok", "committed", self.role, began_ns, positions=positions, group=group)
        compare(group, self.before[group], found, self.draft)
        self.scene.count("audits of committed offsets")

    def judge(self) -> Verdict:
        """At the end."""
        return self.draft.done("nothing was committed")
