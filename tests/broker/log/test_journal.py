"""The journal: frames come back as written, across files, and a replay ends where history does."""

from __future__ import annotations

import errno
from random import Random

import pytest

from neuraxis.broker.log.fs import File
from neuraxis.broker.log.journal import (
    DIRECTORY,
    FRAME_OVERHEAD,
    SMALL_FILE,
    Journal,
    Kind,
    Replay,
    bases_of,
    file_name,
    payload_of,
)
from neuraxis.broker.work import Work, perform
from tests.simulation.disk import SimFs

ID = b"t" * 16


@pytest.fixture
def fs() -> SimFs:
    found = SimFs()
    found.make_dir(DIRECTORY)
    found.settle()
    return found


def write(journal: Journal, count: int, size: int = 50) -> list[int]:
    return [journal.append(Kind.DATA, ID, 3, i, 0, i * size, bytes([i]) * size) for i in range(count)]


def test_frames_come_back_with_their_positions(fs: SimFs) -> None:
    journal = Journal(fs, 1_000)
    tickets = write(journal, 30)
    assert len(bases_of(fs)) == 4
    frames = list(Replay(fs, 0))
    assert [frame.end for frame in frames] == tickets
    assert [(f.kind, f.topic_id, f.partition, f.base_offset, f.segment_position) for f in frames] == [
        (Kind.DATA, ID, 3, i, i * 50) for i in range(30)
    ]
    assert [bytes(frame.payload) for frame in frames] == [bytes([i]) * 50 for i in range(30)]
    later = Replay(fs, tickets[9])
    assert [frame.base_offset for frame in later] == list(range(10, 30))
    assert later.position == journal.position


def test_a_gap_between_files_ends_the_replay(fs: SimFs) -> None:
    journal = Journal(fs, 1_000)
    tickets = write(journal, 30)
    fs.remove(file_name(bases_of(fs)[1]))
    assert [frame.end for frame in Replay(fs, 0)] == tickets[:9]


def test_a_frame_at_another_position_is_not_taken(fs: SimFs) -> None:
    journal = Journal(fs, 10_000)
    tickets = write(journal, 3)
    content = fs.content(file_name(0))
    content[tickets[2] : 2 * tickets[2]] = content[: tickets[2]]
    replay = Replay(fs, 0)
    assert [frame.end for frame in replay] == tickets
    assert "damaged" in replay.reason


def test_any_flipped_byte_ends_the_replay_there(fs: SimFs) -> None:
    tickets = write(Journal(fs, 10_000), 3)
    content = fs.content(file_name(0))
    for at in range(tickets[1]):
        content[at] ^= 1
        expected = 0 if at < tickets[0] else 1
        assert len(list(Replay(fs, 0))) == expected
        content[at] ^= 1


def test_sync_steps_cover_every_file_once(fs: SimFs) -> None:
    journal = Journal(fs, 1_000)
    write(journal, 30)
    steps = [type(step).__name__ for step in journal.sync_steps()]
    assert steps == ["Sync"] * 4 + ["SyncDir"]
    assert journal.sync_steps() == []
    write(journal, 1)
    assert [type(step).__name__ for step in journal.sync_steps()] == ["Sync"]


def test_trimming_keeps_the_file_that_holds_the_position(fs: SimFs) -> None:
    journal = Journal(fs, 1_000)
    write(journal, 30)
    bases = bases_of(fs)
    assert journal.trim(bases[2]) == [file_name(base) for base in bases[:2]]
    assert journal.trim(journal.position) == [file_name(bases[2])]


def test_a_large_batch_is_referred_to_by_its_header() -> None:
    assert payload_of(memoryview(bytes(65_536)))[0] is Kind.DATA
    kind, payload = payload_of(memoryview(bytes(65_537)))
    assert (kind, len(payload)) == (Kind.REFERENCE, 61)
    assert FRAME_OVERHEAD == 57


def test_on_a_disk_without_room_for_the_usual_file_a_small_one_is_begun(fs: SimFs) -> None:
    """Below the reserve a topic can still be deleted, and its deletion is a frame."""
    journal = Journal(fs, 32 << 20)
    allocated: list[int] = []

    def no_room_for_much(file: File, length: int) -> None:
        if length > SMALL_FILE:
            raise OSError(errno.ENOSPC, "No space left on device")
        allocated.append(length)
        SimFs.allocate(fs, file, length)

    fs.allocate = no_room_for_much  # type: ignore[method-assign]  # this disk is nearly full
    tickets = write(journal, 30, size=60_000)
    assert len(allocated) == len(bases_of(fs)) > 1
    assert [frame.end for frame in Replay(fs, 0)] == tickets


def test_any_other_error_of_a_new_file_and_a_disk_without_any_room_stop(fs: SimFs) -> None:
    for number, largest in ((errno.EIO, 1 << 40), (errno.ENOSPC, 0)):
        journal = Journal(fs, 32 << 20)

        def refuse(file: File, length: int, number: int = number, largest: int = largest) -> None:
            if number == errno.EIO or length > largest:
                raise OSError(number, "no")

        fs.allocate = refuse  # type: ignore[method-assign]  # this disk is broken, or full
        with pytest.raises(OSError, match="no"):
            write(journal, 1)


def test_a_sync_asks_for_no_file_that_was_trimmed(fs: SimFs) -> None:
    journal = Journal(fs, 1_000)
    tickets = write(journal, 30)
    gone = journal.trim(tickets[-1])
    assert len(gone) == 3
    for path in gone:
        fs.remove(path)
    perform(fs, Work(0, "sync", journal.sync_steps()))
    assert [frame.end for frame in Replay(fs, tickets[26])] == tickets[27:]


def test_a_journal_goes_on_behind_the_frames_that_are_there(fs: SimFs) -> None:
    journal = Journal(fs, 1_000)
    tickets = write(journal, 30)
    fs.content(file_name(bases_of(fs)[3]))[3] ^= 1  # the first frame of the last file is torn
    later = Journal(fs, 1_000)
    later.resume(tickets[11], tickets[26])
    assert later.position == tickets[26]
    assert len(bases_of(fs)) == 3
    write(later, 3)
    frames = list(Replay(fs, 0))
    assert [frame.base_offset for frame in frames] == [*range(27), 0, 1, 2]
    perform(fs, Work(1, "sync", later.sync_steps()))
    fs.power_loss(Random(1))
    assert [frame.end for frame in Replay(fs, tickets[11])] == [frame.end for frame in frames[12:]]
    assert later.trim(tickets[20]) == [file_name(0), file_name(tickets[8])]


def test_frames_that_were_cut_off_do_not_come_back_behind_new_ones_of_their_length(fs: SimFs) -> None:
    journal = Journal(fs, 10_000)
    tickets = write(journal, 9)
    perform(fs, Work(1, "sync", journal.sync_steps()))
    later = Journal(fs, 10_000)
    later.resume(0, tickets[3])
    write(later, 2)
    perform(fs, Work(2, "sync", later.sync_steps()))
    for seed in range(20):
        fs.power_loss(Random(seed))
        assert [frame.base_offset for frame in Replay(fs, 0)] == [0, 1, 2, 3, 0, 1]


def test_only_the_kinds_that_are_asked_for_are_given_but_all_are_proved(fs: SimFs) -> None:
    journal = Journal(fs, 1_000)
    tickets = write(journal, 9)
    deleted = journal.append(Kind.DELETED, ID, 3, 9, 0, 0, b"")
    replay = Replay(fs, 0, (Kind.DELETED,))
    assert [(frame.kind, frame.end) for frame in replay] == [(Kind.DELETED, deleted)]
    fs.content(file_name(bases_of(fs)[0]))[tickets[4] - 1] ^= 1
    replay = Replay(fs, 0, (Kind.DELETED,))
    assert list(replay) == []
    assert replay.position == tickets[3]
