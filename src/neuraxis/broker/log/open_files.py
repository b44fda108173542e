"""Which files of the log have a descriptor, and whose is given back for another's. It closes nothing itself.

The rule of the file: a pinned file keeps its descriptor as long as there is an unpinned one to take, because a failed
write-back may be told only there; at the bound it is synced first. Who goes is drawn by lot: of files that are used in turn and
a few more than the bound, each would else be closed just before it is needed. A look costs the same however many are open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neuraxis.broker.log.filesystem import File

DRAWS = 8
"""So many files are looked at for one that was not used lately; then the last one goes."""


class Lot:
    """Files in no order: each can be drawn, or taken out, at the same cost. A file is in one lot at a time, at its `place`."""

    def __init__(self) -> None:
        self.files: list[File] = []
        self._luck = 1

    def put(self, file: File) -> None:
        """Put a file in."""
        file.place = len(self.files)
        self.files.append(file)

    def take(self, file: File) -> None:
        """Take a file out; the last one gets its place."""
        last = self.files.pop()
        if last is not file:
            last.place = file.place
            self.files[file.place] = last

    def draw(self) -> Iterator[File]:
        """A few files, one after the other: the multiplier and increment are those of the C library's `rand`."""
        for _ in range(DRAWS):
            self._luck = (self._luck * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
            yield self.files[(self._luck >> 8) % len(self.files)]


class OpenFiles:
    """Files with a descriptor. Pinned ones are put apart where they are met, so that no later look meets them again."""

    def __init__(self, most: int) -> None:
        """`most`: the bound."""
        self.most = most
        self._free = Lot()
        self._held = Lot()

    def __len__(self) -> int:
        return len(self._free.files) + len(self._held.files)

    def add(self, file: File) -> None:
        """A file got a descriptor."""
        self._free.put(file)

    def discard(self, file: File) -> None:
        """A file that has a descriptor loses it."""
        (self._held if file.held else self._free).take(file)
        file.held = False

    def unpinned(self, file: File) -> None:
        """A file that was put apart is pinned no more."""
        self._held.take(file)
        file.held = False
        self._free.put(file)

    @property
    def crowded(self) -> bool:
        """Whether so many are pinned that a checkpoint should let them go."""
        return len(self._held.files) >= self.most * 3 // 4

    def surplus(self) -> Iterator[File]:
        """The files to be closed before another may be opened: unpinned ones; else a pinned one, which has to be synced first.

        Close each before you ask for the next.
        """
        while len(self) >= self.most and self._free.files:
            file = self._one_free()
            if file is None:
                return  # all that were drawn are in use on other threads: there are few of those, so it ends elsewhere
            if file.pins:
                self._free.take(file)
                file.held = True
                self._held.put(file)
            else:
                yield file
        if len(self) >= self.most and self._held.files:
            yield from [file for file in self._held.draw() if not (file.busy or file.removed)][:1]

    def _one_free(self) -> File | None:
        """A pinned one, to be put apart, or one that is better closed than others; None: threads are busy with all drawn."""
        found = None
        for file in self._free.draw():
            if file.pins:
                return file
            if not file.busy:
                found = file
                if not file.used:
                    return file
                file.used = False
        return found

    def closable(self) -> list[File]:
        """All that could be closed, those that cost no sync first."""
        found = [file for file in self.all() if not (file.busy or file.removed)]
        found.sort(key=lambda file: file.pins > 0)
        return found

    def all(self) -> list[File]:
        """Every file with a descriptor."""
        return [*self._free.files, *self._held.files]
