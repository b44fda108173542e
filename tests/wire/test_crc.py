"""CRC-32C against published values and against a second implementation."""

import random
import sys
from types import ModuleType

import crc32c as reference
import pytest

from neuraxis.wire import crc


def test_published_values() -> None:
    # RFC 3720, appendix B.4
    assert crc.crc32c(b"\x00" * 32) == 0x8A9136AA
    assert crc.crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc.crc32c(bytes(range(32))) == 0x46DD794E
    assert crc.crc32c(b"") == 0


def test_equal_to_a_second_implementation_whole_and_in_pieces() -> None:
    rng = random.Random(1)
    for _ in range(200):
        data = rng.randbytes(rng.randrange(3000))
        cut = rng.randrange(len(data) + 1)
        view = memoryview(bytearray(data))
        assert crc.crc32c(data) == reference.crc32c(data)
        assert crc.crc32c(view[cut:], crc.crc32c(view[:cut])) == reference.crc32c(data)


def test_the_portable_package_serves_when_the_fast_one_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastcrc", None)
    implementation = crc._implementation()
    assert implementation is reference.crc32c
    crc._self_test(implementation)


def test_a_wrong_implementation_is_refused_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ModuleType("fastcrc")
    wrong.crc32 = ModuleType("fastcrc.crc32")
    wrong.crc32.iscsi = lambda buffer, initial=0: len(buffer) + initial
    monkeypatch.setitem(sys.modules, "fastcrc", wrong)
    with pytest.raises(ImportError, match="wrong checksums"):
        crc._self_test(crc._implementation())
