"""The file that decides an exchange of segments, and how a start finishes one."""

from __future__ import annotations

from neuraxis.broker.log import swap
from neuraxis.broker.log.memory import MemoryFs

EXCHANGE = swap.Exchange((0, 50), (".index", ".timeindex", ".log"))


def directory(*names: str) -> MemoryFs:
    fs = MemoryFs()
    fs.make_dir("a-0")
    for name in names:
        fs.write(fs.open(f"a-0/{name}", create=True), 0, name.encode())
    return fs


def old_and_new() -> MemoryFs:
    base, other = "00000000000000000000", "00000000000000000050"
    suffixes = (".log", ".index", ".timeindex")
    old = [f"{number}{suffix}" for number in (base, other) for suffix in (*suffixes, ".txnindex")]
    return directory(*old, *[f"{base}{suffix}.cleaned" for suffix in suffixes])


def test_a_damaged_file_decides_nothing() -> None:
    data = swap.to_bytes([EXCHANGE])
    assert swap.parse(data) == [EXCHANGE]
    assert swap.parse(data[:-1]) == []
    assert swap.parse(data[:3] + b"9" + data[4:]) == []
    assert swap.parse(b"") == []


def test_without_the_decision_the_new_files_go() -> None:
    fs = old_and_new()
    assert swap.finish_at_start(fs, "a-0", fs.list("a-0"))
    assert len(fs.list("a-0")) == 8
    assert fs.read(fs.open("a-0/00000000000000000000.log"), 0, 99) == b"00000000000000000000.log"


def test_with_the_decision_the_new_files_take_the_place_of_the_old_from_any_point_on() -> None:
    for done in range(5):
        fs = old_and_new()
        fs.replace(f"a-0/{swap.SWAP}", swap.to_bytes([EXCHANGE]))
        if done:
            swap.carry_out(Stops(fs, done), "a-0", EXCHANGE)  # type: ignore[arg-type]  # as much of Fs as it needs
        assert swap.finish_at_start(fs, "a-0", fs.list("a-0"))
        left = [name for name in fs.list("a-0") if not name.endswith(".deleted")]
        assert left == [f"00000000000000000000{suffix}" for suffix in (".index", ".log", ".timeindex")]
        for name in left:
            assert fs.read(fs.open(f"a-0/{name}"), 0, 99) == f"{name}.cleaned".encode()


class Stops:
    """A file system that does a number of renames, and then no more."""

    def __init__(self, fs: MemoryFs, renames: int) -> None:
        self.fs = fs
        self.left = renames

    def open(self, path: str) -> object:
        return self.fs.open(path)

    def rename(self, path: str, target: str) -> None:
        if self.left:
            self.left -= 1
            self.fs.rename(path, target)


def test_a_directory_without_either_is_left_as_it_is() -> None:
    fs = directory("00000000000000000000.log")
    assert not swap.finish_at_start(fs, "a-0", fs.list("a-0"))
