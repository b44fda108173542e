"""Who owned what in a group, and when; and the judge of it: one owner at a time, one for each epoch, epochs never go back.

A tenure begins when a member is told that it owns something. It ends when the member lets go, before it says so; or, if
the member was thrown out or died, with the last heartbeat that was surely taken: what came after, nobody can say.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field

from neuraxis.testing.history.verdict import Draft, Verdict

OPEN = 1 << 63
"""The end of a tenure that has none yet: after every clock."""


@dataclass(slots=True)
class Tenure:
    """`owner` had `thing` in `epoch`; `end_ns` is None while it has."""

    group: str
    thing: Hashable
    owner: str
    epoch: int
    begin_ns: int
    end_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """`owner` did something at `at_ns` that only the owner of `thing` may, and was told that it is done."""

    group: str
    thing: Hashable
    owner: str
    at_ns: int


@dataclass
class Tenures:
    """The journal of all groups of a soak, written from many threads."""

    tenures: list[Tenure] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    epochs: list[tuple[str, str, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, group: str, thing: Hashable, owner: str, epoch: int, at_ns: int) -> Tenure:
        """A member was told that it owns `thing`."""
        tenure = Tenure(group, thing, owner, epoch, at_ns)
        with self.lock:
            self.tenures.append(tenure)
        return tenure

    def claim(self, group: str, thing: Hashable, owner: str, at_ns: int) -> None:
        """A member asked at `at_ns` for what only an owner may, and it was done."""
        with self.lock:
            self.claims.append(Claim(group, thing, owner, at_ns))

    def epoch(self, group: str, owner: str, epoch: int) -> None:
        """A member was told its epoch (a generation, in a classic group)."""
        with self.lock:
            self.epochs.append((group, owner, epoch))

    def judge(self) -> Verdict:
        """One owner at a time, one owner for each epoch, claims by owners alone, epochs that grow."""
        draft = Draft("one-owner", "tenures and commits of group members")
        by_thing: dict[tuple[str, Hashable], list[Tenure]] = defaultdict(list)
        for tenure in self.tenures:
            draft.checked += 1
            by_thing[tenure.group, tenure.thing].append(tenure)
        for (group, thing), tenures in by_thing.items():
            _overlaps(f"{group}: {thing}", tenures, draft)
        self._claims(by_thing, draft)
        last: dict[tuple[str, str], int] = {}
        for group, owner, epoch in self.epochs:
            if epoch < last.get((group, owner), epoch):
                draft.finding(f"{group}: the epoch of {owner} went back from {last[group, owner]} to {epoch}")
            last[group, owner] = epoch
        return draft.done("no member was assigned anything")

    def _claims(self, by_thing: dict[tuple[str, Hashable], list[Tenure]], draft: Draft) -> None:
        begins = {key: sorted(each.begin_ns for each in tenures) for key, tenures in by_thing.items()}
        ordered = {key: sorted(tenures, key=lambda each: each.begin_ns) for key, tenures in by_thing.items()}
        for claim in self.claims:
            draft.checked += 1
            key = claim.group, claim.thing
            at = bisect_right(begins.get(key, []), claim.at_ns) - 1
            if at < 0:
                continue
            owner = ordered[key][at]
            if owner.owner != claim.owner and claim.at_ns < _end(owner):
                draft.finding(
                    f"{claim.group}: a commit of {claim.owner} for {claim.thing} was taken while {owner.owner} "
                    f"owned it (epoch {owner.epoch})"
                )


def _overlaps(what: str, tenures: list[Tenure], draft: Draft) -> None:
    tenures = sorted(tenures, key=lambda each: each.begin_ns)
    of_epoch: dict[int, str] = {}
    longest: Tenure | None = None
    for tenure in tenures:
        other = of_epoch.setdefault(tenure.epoch, tenure.owner)
        if other != tenure.owner:
            draft.finding(f"{what} had two owners in epoch {tenure.epoch}: {other} and {tenure.owner}")
        if longest is not None and longest.owner != tenure.owner and _end(longest) > tenure.begin_ns:
            draft.finding(
                f"{what} was given to {tenure.owner} (epoch {tenure.epoch}) while {longest.owner} "
                f"(epoch {longest.epoch}) had it"
            )
        if longest is None or _end(tenure) > _end(longest):
            longest = tenure


def _end(tenure: Tenure) -> int:
    return OPEN if tenure.end_ns is None else tenure.end_ns
