"""Whose descriptor is given back: by lot, unpinned files before pinned ones, at the same cost however many are open."""

from __future__ import annotations

import pytest

from neuraxis.broker.log.filesystem import File
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.log.open_files import DRAWS, OpenFiles

FS = MemoryFs()


class Watched(File):
    """A file that counts how often somebody asks for its pins."""

    __slots__ = ("asked", "count")

    def __init__(self, path: str, pins: int = 0) -> None:
        self.asked = 0
        super().__init__(FS, path)
        self.pins = pins

    @property  # type: ignore[override]  # a slot in the class above
    def pins(self) -> int:
        self.asked += 1
        return self.count

    @pins.setter
    def pins(self, count: int) -> None:
        self.count = count


def open_one(files: OpenFiles, file: Watched) -> list[File]:
    """Give a file a descriptor; those that had to be closed for it."""
    closed = []
    for each in files.surplus():
        files.discard(each)
        each.fd = -1
        closed.append(each)
    file.fd = 1
    files.add(file)
    return closed


def opened(files: OpenFiles, count: int, pins: int = 0) -> list[Watched]:
    """New files with a descriptor each."""
    found = [Watched(str(number), pins) for number in range(count)]
    for file in found:
        open_one(files, file)
    return found


def test_a_file_that_was_not_used_lately_goes_before_those_that_were() -> None:
    files = OpenFiles(3)
    used = opened(files, 2)
    (idle,) = opened(files, 1)
    for number in range(100):
        for file in used:
            file.used = True
        new = Watched(f"another {number}")
        closed = open_one(files, new)
        assert len(closed) == 1
        if closed == [idle]:
            return
        used.remove(closed[0])  # type: ignore[arg-type]  # it is one of them
        used.append(new)
    pytest.fail("it was never drawn")


def test_pinned_files_keep_their_descriptors_as_long_as_there_is_another_to_close() -> None:
    files = OpenFiles(8)
    pinned = opened(files, 7, pins=1)
    for _ in range(20):
        assert len(files) <= 8
        opened(files, 1)
    assert all(file.fd == 1 for file in pinned)
    assert all(file.held for file in pinned)
    assert files.crowded


def test_where_all_are_pinned_one_that_no_thread_is_busy_with_is_given_back() -> None:
    files = OpenFiles(4)
    pinned = opened(files, 4, pins=1)
    for file in pinned[1:]:
        file.busy = 1
    closed = [each for number in range(50) for each in open_one(files, Watched(f"more {number}", 1))]
    assert pinned[0] in closed
    assert not set(pinned[1:]) & set(closed)


def test_an_unpinned_file_is_one_of_many_again() -> None:
    files = OpenFiles(2)
    (file,) = opened(files, 1, pins=1)
    opened(files, 3)
    assert file.held
    file.pins = 0
    files.unpinned(file)
    assert not file.held
    opened(files, 40)
    assert file.fd < 0


def test_files_that_are_read_in_turn_and_a_few_more_than_the_bound_mostly_find_theirs_open() -> None:
    files = OpenFiles(100)
    circle = [Watched(str(number)) for number in range(104)]
    missed = 0
    for number in range(50 * len(circle)):
        file = circle[number % len(circle)]
        if file.fd < 0:
            missed += 1
            open_one(files, file)
        file.used = True
    assert missed < 0.2 * 50 * len(circle), "by age each would be closed just before its turn"


def test_an_opening_looks_at_no_more_files_however_many_are_pinned() -> None:
    def looks(pinned: int) -> int:
        files = OpenFiles(2 * pinned)
        held = opened(files, pinned, pins=1)
        others = opened(files, pinned)
        for _ in range(20 * pinned):
            others += opened(files, 1)  # by now all pinned ones were met
        for file in (*held, *others):
            file.asked = 0
        others += opened(files, 100)
        return sum(file.asked for file in (*held, *others))

    assert looks(400) <= 100 * (DRAWS + 1) + 20
    assert looks(20) > 0


def test_what_costs_no_sync_is_closed_first_where_descriptors_run_out() -> None:
    files = OpenFiles(8)
    (pinned,) = opened(files, 1, pins=1)
    plain, busy = opened(files, 2)
    busy.busy = 1
    assert files.closable() == [plain, pinned]
    assert files.all() == [pinned, plain, busy]
