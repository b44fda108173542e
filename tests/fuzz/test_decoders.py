"""fuzz/decoders.py: a short run finds nothing, a decoder that fails is found, and the corpus is read again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fuzz import decoders
from tests.tidy.repository import ROOT

CORPUS = ROOT / "fuzz" / "corpus"


def test_every_target_has_samples_that_its_decoder_takes() -> None:
    assert tuple(decoders.targets()) == decoders.TARGETS
    for name, target in decoders.targets().items():
        taken = 0
        for read, data in target.samples[:20]:
            try:
                read(data)
            except target.defined:
                continue
            taken += 1
        assert taken, name


def test_a_short_run_of_every_target_finds_nothing() -> None:
    for name in decoders.TARGETS:
        decoders.feed(name, random.Random(name), 60)


def test_what_must_not_come_out_escapes_with_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        raise IndexError("a bug")

    target = decoders.Target([(broken, b"valid bytes")], (ValueError,))
    monkeypatch.setitem(decoders.targets(), "index", target)
    with pytest.raises(IndexError) as found:
        decoders.feed("index", random.Random(1), 10)
    assert "bytes.fromhex(" in found.value.__notes__[0]


def test_memory_that_the_input_does_not_justify_is_found() -> None:
    with pytest.raises(AssertionError):
        decoders.measure("large", lambda data: bytearray(64 << 20), b"small", ())


KEPT = [path for path in sorted(CORPUS.glob("*.txt")) if path.stem != "core"]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_the_corpus_is_taken_or_refused_as_defined(path: Path) -> None:
    target = decoders.targets()[path.stem.replace("_", " ")]
    readers = {decoders.label_of(read): read for read, _ in target.samples}
    for line in path.read_text("utf-8").splitlines():
        _, label, data = line.split("\t")
        if label in readers:  # a version that is no longer served has no reader
            try:
                readers[label](bytes.fromhex(data))
            except target.defined:
                continue
