"""What happened in a world: a digest over every event, and the last of them to be told when something is wrong."""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

TOLD = 30  # events in the story of a failure: what fits on a screen


class Violation(AssertionError):
    """Something that must be true in every world was not."""


class LoggedError(AssertionError):
    """The broker logged an error: a handler raised, above all. Never the verdict of a checker."""


class Story:
    """Takes one line per event."""

    def __init__(self, *, keep_all: bool = False) -> None:
        self.count = 0
        self.lines: deque[str] = deque(maxlen=None if keep_all else TOLD)
        self._digest = blake2b(digest_size=16)

    def tell(self, time_ms: int, text: str) -> None:
        """Add an event; nothing in the text may depend on addresses or hashes."""
        self.count += 1
        line = f"{time_ms:>8} {text}"
        self.lines.append(line)
        self._digest.update(line.encode("utf-8", "surrogateescape"))

    @property
    def digest(self) -> str:
        """The digest of everything told so far."""
        return self._digest.hexdigest()
