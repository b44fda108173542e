"""The file system in memory; what it shares with the others is in test_filesystem.py."""

from __future__ import annotations

import pytest

from neuraxis.broker.log.memory import PLENTY, MemoryFs


def test_a_file_needs_its_directory_and_close_forgets_everything() -> None:
    fs = MemoryFs()
    with pytest.raises(FileNotFoundError):
        fs.open("a/x", create=True)
    fs.make_dir("a")
    fs.write(fs.open("a/x", create=True), 0, b"1")
    fs.lock()
    assert fs.space() == PLENTY
    fs.close()
    with pytest.raises(FileNotFoundError):
        fs.open("a/x")
