"""Regular expressions that clients give, in RE2's syntax, matched in time linear in the name (Thompson's construction).

Python's own `re` backtracks: one subscription could stop the broker for hours. Here a pattern becomes a list of steps, and
a name is read once, with the set of steps that are possible kept as one state and remembered (a lazy automaton). A match is
of the whole name, as in Kafka.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuraxis.broker.regex_syntax import (
    BEGIN,
    BEGIN_LINE,
    BEYOND,
    BOUNDARY,
    END,
    END_LINE,
    WORD,
    InvalidRegex,
    Node,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_STEPS = 10_000
"""Steps of a compiled pattern: repeats multiply, and a name costs at most this many steps per character."""

MAX_KNOWN = 4_096
"""States remembered per pattern before all are forgotten: about a megabyte."""

MAX_NAMES = 20_000
"""Names remembered per pattern before all are forgotten: some two megabytes."""

BEYOND_ASCII = chr(BEYOND)
"""Stands for every character beyond ASCII, so that they share what is remembered."""

CHAR, SPLIT, ASSERT, MATCH = range(4)
Step = tuple[int, int, int, int]
"""(operation, mask or assertion, next step, other next step)"""


class Regex:
    """A compiled pattern. Raises `InvalidRegex`."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._steps: list[Step] = [(MATCH, 0, 0, 0)]
        self._compiled = 0
        self._start = self._compile(parse(pattern), 0)
        self._names: dict[str, bool] = {}
        self._known: dict[tuple[frozenset[int], str, str], frozenset[int] | bool] = {}

    def _add(self, step: Step) -> int:
        if len(self._steps) >= MAX_STEPS:
            raise InvalidRegex(f"more than {MAX_STEPS} steps: repeat less")
        self._steps.append(step)
        return len(self._steps) - 1

    def _compile(self, node: Node, after: int) -> int:
        """Add the steps of a node that lead on to the step `after`; the first of them."""
        self._compiled += 1
        if self._compiled > 4 * MAX_STEPS:  # repeats of nothing add no steps, but take their time
            raise InvalidRegex(f"more than {MAX_STEPS} steps: repeat less")
        if node.kind == "char":
            return self._add((CHAR, node.mask, after, 0))
        if node.kind == "assert":
            return self._add((ASSERT, node.mask, after, 0))
        if node.kind == "sequence":
            for part in reversed(node.nodes):
                after = self._compile(part, after)
            return after
        if node.kind == "choice":
            first = self._compile(node.nodes[-1], after)
            for part in reversed(node.nodes[:-1]):
                first = self._add((SPLIT, 0, self._compile(part, after), first))
            return first
        (part,) = node.nodes
        if node.most is None:
            loop = self._add((SPLIT, 0, 0, after))
            self._steps[loop] = (SPLIT, 0, self._compile(part, loop), after)
            after = loop
        else:
            end = after
            for _ in range(node.most - node.least):
                after = self._add((SPLIT, 0, self._compile(part, after), end))
        for _ in range(node.least):
            after = self._compile(part, after)
        return after

    def matching(self, names: Iterable[str]) -> list[str]:
        """Those of the names that match as a whole. Names seen before cost a look-up."""
        if len(self._names) > MAX_NAMES:
            self._names.clear()
        found = []
        for name in names:
            matched = self._names.get(name)
            if matched is None:
                matched = self._names[name] = self.matches(name)
            if matched:
                found.append(name)
        return found

    def matches(self, name: str) -> bool:
        """Whether the whole name matches."""
        kernel, before = frozenset((self._start,)), ""
        for after in name:
            following = self._step(kernel, before, after)
            if not following:
                return False
            assert isinstance(following, frozenset)
            kernel, before = following, after
        return bool(self._step(kernel, before, ""))

    def _step(self, kernel: frozenset[int], before: str, after: str) -> frozenset[int] | bool:
        """The steps possible after the character `after`; at the end of the name (""), whether it matches."""
        # Of the character before, only its kind can matter.
        kind = before if before in ("", "\n") else "w" if WORD >> ord(before) & 1 else "-"
        after = after if after.isascii() else BEYOND_ASCII
        key = (kernel, kind, after)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[key] = self._advance(kernel, kind, after)
        return known

    def _advance(self, kernel: frozenset[int], kind: str, after: str) -> frozenset[int] | bool:
        reached: set[int] = set()
        seen = set(kernel)
        waiting = sorted(kernel)
        code = ord(after) if after else -1
        while waiting:
            operation, mask, following, other = self._steps[waiting.pop()]
            if operation == MATCH:
                if not after:
                    return True
            elif operation == CHAR:
                if code >= 0 and mask >> min(code, BEYOND) & 1:
                    reached.add(following)
            elif operation == SPLIT or _holds(mask, kind, after):
                for each in (following, other) if operation == SPLIT else (following,):
                    if each not in seen:
                        seen.add(each)
                        waiting.append(each)
        return frozenset(reached) if after else False


def _holds(assertion: int, kind: str, after: str) -> bool:
    if assertion in (BEGIN, BEGIN_LINE):
        return kind == "" or (assertion == BEGIN_LINE and kind == "\n")
    if assertion in (END, END_LINE):
        return after == "" or (assertion == END_LINE and after == "\n")
    word_after = bool(after) and ord(after) < 128 and bool(WORD >> ord(after) & 1)
    return (word_after != (kind == "w")) == (assertion == BOUNDARY)
