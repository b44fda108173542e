"""Variable-length integers and tag sections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.wire.primitives import (
    MAX_TAGS,
    Malformed,
    encode_uvarint,
    encode_varlong,
    read_uvarint,
    read_varlong,
    skip_tags,
)


@given(st.integers(0, 0x7FFFFFFF))
def test_an_unsigned_varint_comes_back(value: int) -> None:
    data = encode_uvarint(value)
    assert read_uvarint(b"\xff" + data + b"\xff", 1) == (value, 1 + len(data))


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_signed_varlong_comes_back(value: int) -> None:
    data = encode_varlong(value)
    assert read_varlong(data + b"\xff", 0) == (value, len(data))


def test_known_encodings() -> None:
    assert [encode_uvarint(value).hex() for value in (0, 127, 128, 300)] == ["00", "7f", "8001", "ac02"]
    assert [encode_varlong(value).hex() for value in (0, -1, 1, -64, 64)] == ["00", "01", "02", "7f", "8001"]


@pytest.mark.parametrize("data", ["8080808010", "ffffffff7f", "808080808000"])
def test_a_varint_beyond_31_bits_is_malformed(data: str) -> None:
    with pytest.raises(Malformed):
        read_uvarint(bytes.fromhex(data), 0)


def test_a_varlong_of_more_than_ten_bytes_is_malformed() -> None:
    with pytest.raises(Malformed):
        read_varlong(b"\x80" * 10 + b"\x00", 0)


def test_a_varint_that_ends_early_is_the_end_of_the_input() -> None:
    with pytest.raises(IndexError):
        read_uvarint(b"\x80\x80", 0)


def test_unknown_tags_are_skipped() -> None:
    section = b"\x02" + b"\x05\x03abc" + b"\x80\x01\x00"
    assert skip_tags(section + b"rest", 1, section[0]) == len(section)


def test_too_many_tags_are_malformed() -> None:
    count = encode_uvarint(MAX_TAGS + 1)
    with pytest.raises(Malformed):
        skip_tags(count + bytes(3 * MAX_TAGS), 1, count[0])
