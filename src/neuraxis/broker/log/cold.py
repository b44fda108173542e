"""Reads that would wait for the disk: whoever is on the loop says so and is parked, a thread reads, then it is tried again.

Rule of the file: what is tried starts at its beginning each time, so it changes nothing before its last look at a file. A try
looks at the page cache through `Fs.look`; only what a thread has read for it is taken instead, by file, never by name: in
between a segment may have been deleted, or others may have taken its place.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from neuraxis.broker.work import LoadIndexes, Read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from neuraxis.broker.log.filesystem import Buffer, File, Fs
    from neuraxis.broker.log.loading import IndexLoad
    from neuraxis.broker.log.segment import Segment
    from neuraxis.broker.work import Now, Work

    ColdStep = Read | LoadIndexes

logger = logging.getLogger("neuraxis.broker")

READ = "read"
"""The kind of works that bring in what is cold; they have threads of their own."""
MOST_KEPT = 16 << 20
"""Bytes that a try keeps of what was read for it: far more than one look-up needs, and little beside the answers."""
MOST_TRIES = 10_000
"""A search by timestamp through three thousand segments takes as many; what is still not done then waits on the loop."""
MOST_BROUGHT = 1_000
"""Reads under way above which nothing more is read for a later request: its own will come."""
CALLS, UPKEEP = "call", "upkeep"


class WouldWait(Exception):
    """What is being tried needs bytes that are not in memory; `steps` bring them in."""

    def __init__(self, *steps: ColdStep) -> None:
        super().__init__(steps)
        self.steps = steps


class Attempt:
    """One thing that is tried until all it looks at is in memory, and what threads have read for it."""

    __slots__ = ("_brought", "_errors", "kept_bytes", "loaded", "tries")

    def __init__(self) -> None:
        self.tries = 0
        self.kept_bytes = 0
        self.loaded: dict[Segment, IndexLoad] = {}
        self._brought: list[tuple[Read, bytes]] = []
        self._errors: dict[File, OSError] = {}

    def read(self, file: File, position: int, length: int) -> Buffer:
        """Bytes of a file, from the page cache or as a thread has read them. Raises WouldWait, or what the thread got."""
        data = file.fs.read_now(file, position, length)
        if data is not None:
            return data
        for step, brought in reversed(self._brought):
            start = position - step.position
            if step.file is file and start >= 0 and start + length <= step.length:
                return brought[start : start + length]
        if file in self._errors:
            raise self._errors[file]
        raise WouldWait(Read(file, position, length))

    def take(self, step: ColdStep, result: bytes | None, error: OSError | None) -> None:
        """A thread has done a step of `WouldWait`."""
        if error is not None:
            self._errors.update(dict.fromkeys(step.files, error))
        elif isinstance(step, LoadIndexes):
            self.loaded[step.load.segment] = step.load
        elif (
            result is not None and len(result) == step.length
        ):  # what is shorter is not the file's whole truth
            self._brought.append((step, result))
            self.kept_bytes += len(result)
            while self.kept_bytes > MOST_KEPT and len(self._brought) > 1:
                self.kept_bytes -= len(self._brought.pop(0)[1])


class _Parked:
    """An attempt that waits for so many steps."""

    __slots__ = ("again", "attempt", "missing")

    def __init__(self, attempt: Attempt, missing: int, again: Callable[[Attempt, Now], None]) -> None:
        self.attempt = attempt
        self.missing = missing
        self.again = again


class Cold:
    """What is parked until threads have read. Closed (before recovery has ended, after the stop) all reads wait instead."""

    def __init__(self, fs: Fs, start: Callable[[str, Sequence[ColdStep]], None]) -> None:
        self.fs = fs
        self.parked = {CALLS: 0, UPKEEP: 0}
        self._start = start
        self._waiting: dict[ColdStep, list[_Parked]] = {}
        self.first: Attempt | None = None  # for whoever tries for the first time: nothing was read for it

    def open(self) -> None:
        """From now on works are done: nothing need wait on the loop."""
        self.first = Attempt()

    def close(self) -> None:
        """Nothing that is parked will be tried again."""
        self.first = None
        self._waiting.clear()

    @property
    def reads(self) -> int:
        """Reads under way."""
        return len(self._waiting)

    def run(self, action: Callable[[Now], None], now: Now) -> None:
        """Do `action(now)`, at once if all it looks at is in memory, else when it is. A read that fails ends it."""

        def again(attempt: Attempt, later: Now) -> None:
            try:
                self.go_on(UPKEEP, lambda: action(later), again, attempt)
            except OSError as error:
                logger.error(
                    "reading for the upkeep of a log failed: %s; it is tried at its next time", error
                )

        self.go_on(UPKEEP, lambda: action(now), again, None)

    def go_on(
        self,
        owner: str,
        action: Callable[[], object],
        again: Callable[[Attempt, Now], None],
        attempt: Attempt | None,
    ) -> object:
        """What `action` returns; None if it lacks bytes: then `again(attempt, now)` is called when they were read."""
        fs = self.fs
        before, fs.attempt = fs.attempt, self.first if attempt is None else attempt
        try:
            return action()
        except WouldWait as cold:
            steps = cold.steps
        finally:
            fs.attempt = before
        if attempt is not None and attempt.tries >= MOST_TRIES:
            return self._wait(action)
        self.park(owner, steps, again, attempt)
        return None

    def park(
        self,
        owner: str,
        steps: Sequence[ColdStep],
        again: Callable[[Attempt, Now], None],
        attempt: Attempt | None = None,
    ) -> None:
        """Call `again(attempt, now)` when these steps were done."""
        if attempt is None:
            attempt = Attempt()
        attempt.tries += 1
        self.parked[owner] += 1
        parked = _Parked(attempt, len(steps), again)
        for step in steps:
            self._bring(step).append(parked)

    def _wait(self, action: Callable[[], object]) -> object:
        before, self.fs.attempt = self.fs.attempt, None
        try:
            return action()
        finally:
            self.fs.attempt = before

    def bring(self, steps: Iterable[ColdStep]) -> None:
        """Let threads read what will be asked for again soon; it then is in the page cache."""
        for step in steps:
            if self.first is not None and len(self._waiting) < MOST_BROUGHT:
                self._bring(step)

    def _bring(self, step: ColdStep) -> list[_Parked]:
        parked = self._waiting.get(step)
        if parked is None:
            parked = self._waiting[step] = []
            self._start(READ, [step])
        return parked

    def done(self, work: Work, result: bytes | None, error: OSError | None, now: Now) -> None:
        """A work of ours has ended. A failed read fails who asked for it: reading changes nothing, the broker goes on."""
        (step,) = work.steps
        assert isinstance(step, Read | LoadIndexes), step
        for parked in self._waiting.pop(step, ()):
            parked.attempt.take(step, result, error)
            parked.missing -= 1
            if not parked.missing:
                parked.again(parked.attempt, now)
