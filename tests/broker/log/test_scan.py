"""Walking over batches: headers of small and large ones, and where proof ends."""

from __future__ import annotations

import pytest

from neuraxis.broker.log import scan
from neuraxis.wire.batch import HEADER_SIZE
from tests.broker.log.harness import batch
from tests.simulation.disk import SimFs

SIZES = [10, 3_000, 100_000, 70_000, 5, 1_200_000, 20, 20]


def a_file() -> tuple[SimFs, list[bytes]]:
    fs = SimFs()
    batches = [bytes(batch(number, size, 1)) for number, size in enumerate(SIZES)]
    fs.write(fs.open("x", create=True), 0, b"".join(batches))
    return fs, batches


def test_headers_are_found_whatever_the_size_of_the_batches() -> None:
    fs, batches = a_file()
    file = fs.open("x")
    found = list(scan.headers(fs, file, 0, fs.size(file)))
    assert [header.size for _, header in found] == [len(each) for each in batches]
    assert found[3][0] == sum(len(each) for each in batches[:3])
    assert len(list(scan.headers(fs, file, 0, fs.size(file) - 1))) == len(SIZES) - 1
    assert scan.first_header(fs, file, fs.size(file) - HEADER_SIZE + 1) is None


@pytest.mark.parametrize("chunk", [100, 4_096, 1 << 20])
def test_valid_batches_end_at_the_first_damaged_one(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "SCAN_READ", chunk)
    fs, batches = a_file()
    file = fs.open("x")
    limit = fs.size(file)
    assert [bytes(view) for _, _, view in scan.valid_batches(fs, file, 0, limit)] == batches
    assert len(list(scan.valid_batches(fs, file, 0, limit - 1))) == len(SIZES) - 1
    fs.flip("x", sum(len(each) for each in batches[:5]) + 100)
    assert [bytes(view) for _, _, view in scan.valid_batches(fs, file, 0, limit)] == batches[:5]


def test_nonsense_ends_the_walk() -> None:
    fs = SimFs()
    file = fs.open("x", create=True)
    fs.write(file, 0, bytes(500))
    assert list(scan.headers(fs, file, 0, 500)) == []
    assert list(scan.valid_batches(fs, file, 0, 500)) == []
