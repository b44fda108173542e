"""Compression: both ways against other implementations, framings, damage, and bombs with their memory measured."""

import contextlib
import gzip
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import cramjam
import lz4.frame
import pytest
import zstandard
from aiokafka.codec import snappy_decode as aiokafka_snappy_decode
from aiokafka.codec import snappy_encode as aiokafka_snappy_encode
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.wire.compression import CompressionType, compress, compress_snappy_raw, decompress
from neuraxis.wire.errors import ErrorCode, Refused
from tests.wire.oracles import kafka_python_codec as theirs

GZIP, SNAPPY, LZ4, ZSTD = (
    CompressionType.GZIP,
    CompressionType.SNAPPY,
    CompressionType.LZ4,
    CompressionType.ZSTD,
)
CODECS = [GZIP, SNAPPY, LZ4, ZSTD]
SAMPLES = [b"", b"a", bytes(100_000), random.Random(1).randbytes(100_000), b"telemetry " * 9_000]
XERIAL = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)


def refusal(codec: int, data: bytes, max_bytes: int = 10**6) -> ErrorCode:
    with pytest.raises(Refused) as caught:
        decompress(codec, data, max_bytes)
    return caught.value.code


@pytest.mark.parametrize("codec", list(CompressionType))
def test_round_trips_of_bytes_and_views(codec: CompressionType) -> None:
    for sample in SAMPLES:
        assert decompress(codec, compress(codec, sample), len(sample)) == sample
        view = memoryview(bytearray(b"xx" + sample))[2:]
        assert decompress(codec, memoryview(compress(codec, view)), len(sample)) == sample


@pytest.mark.parametrize(
    ("codec", "decode"),
    [
        (GZIP, theirs.gzip_decode),
        (GZIP, gzip.decompress),
        (SNAPPY, theirs.snappy_decode),
        (SNAPPY, aiokafka_snappy_decode),
        (LZ4, theirs.lz4_decode),
        (LZ4, lz4.frame.decompress),
        (ZSTD, theirs.zstd_decode),
    ],
)
def test_others_read_what_we_write(codec: CompressionType, decode: Callable[[bytes], bytes]) -> None:
    for sample in SAMPLES:
        assert bytes(decode(compress(codec, sample))) == sample


@pytest.mark.parametrize(
    ("codec", "encode"),
    [
        (GZIP, gzip.compress),
        (SNAPPY, theirs.snappy_encode),
        (SNAPPY, lambda data: theirs.snappy_encode(data, xerial_compatible=False)),
        (SNAPPY, aiokafka_snappy_encode),
        (SNAPPY, compress_snappy_raw),
        (LZ4, lz4.frame.compress),
        (LZ4, lambda data: lz4.frame.compress(data, block_linked=False, block_size=4, store_size=False)),
        (LZ4, lambda data: lz4.frame.compress(data, content_checksum=True, block_checksum=True)),
        (ZSTD, lambda data: zstandard.ZstdCompressor().compress(data)),
        (
            ZSTD,
            lambda data: zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress(
                data
            ),
        ),
    ],
)
def test_we_read_what_others_write(codec: CompressionType, encode: Callable[[bytes], bytes]) -> None:
    for sample in SAMPLES[1:]:
        assert decompress(codec, encode(sample), len(sample)) == sample


def test_lz4_blocks_are_independent_because_the_java_client_reads_no_others() -> None:
    frame = compress(LZ4, bytes(200_000))
    assert frame[:4] == b"\x04\x22\x4d\x18"
    assert frame[4] & 0x20, "block independence flag"


def test_snappy_is_framed_as_the_java_client_frames_it() -> None:
    data = random.Random(2).randbytes(70_000)
    blocks = [compress_snappy_raw(data[at : at + 32_768]) for at in (0, 32_768, 65_536)]
    framed = XERIAL + b"".join(struct.pack(">i", len(block)) + block for block in blocks)
    assert compress(SNAPPY, data) == framed
    assert decompress(SNAPPY, framed + XERIAL + framed[len(XERIAL) :]) == data + data, "streams in a row"
    assert decompress(SNAPPY, XERIAL) == b""


@pytest.mark.parametrize("codec", [GZIP, LZ4, ZSTD])
def test_members_and_frames_in_a_row_are_one_stream(codec: CompressionType) -> None:
    parts = [b"one", b"", b"two" * 1000, b"three"]
    assert decompress(codec, b"".join(compress(codec, part) for part in parts)) == b"".join(parts)


def test_a_thousand_empty_gzip_members_are_nothing() -> None:
    assert decompress(GZIP, compress(GZIP, b"") * 1000, 10) == b""


@pytest.mark.parametrize("codec", [GZIP, LZ4, ZSTD])
def test_bytes_after_the_end_are_damage(codec: CompressionType) -> None:
    assert refusal(codec, compress(codec, b"data") + b"zzzzzzzz") is ErrorCode.CORRUPT_MESSAGE


def test_levels_are_honoured() -> None:
    data = b"".join(b'{"speed": %d, "rpm": %d}' % (i % 90, i * 7 % 6000) for i in range(5000))
    for codec, low, high in ((GZIP, 1, 9), (ZSTD, 1, 15), (LZ4, 1, 9)):
        assert len(compress(codec, data, low)) > len(compress(codec, data, high))
        assert decompress(codec, compress(codec, data, high)) == data


def test_an_unknown_codec_is_unsupported() -> None:
    assert refusal(5, b"") is ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    with pytest.raises(Refused):
        compress(7, b"")


@pytest.mark.parametrize("codec", CODECS)
def test_data_cut_anywhere_is_damaged(codec: CompressionType) -> None:
    whole = compress(codec, bytes(range(200)) * 2)
    for size in range(len(whole)):
        if codec is SNAPPY and size == len(XERIAL):
            continue  # a header and no block is an empty stream
        assert refusal(codec, whole[:size]) is ErrorCode.CORRUPT_MESSAGE


@pytest.mark.parametrize("codec", CODECS)
def test_flipped_bits_never_raise_anything_but_a_refusal(codec: CompressionType) -> None:
    whole = bytearray(compress(codec, b"abcdefgh" * 40 + bytes(range(100))))
    for bit in range(len(whole) * 8):
        whole[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(Refused):
            assert len(decompress(codec, whole, 4096)) <= 4096
        whole[bit // 8] ^= 1 << bit % 8


@given(st.sampled_from(CODECS), st.binary(max_size=300), st.integers(0, 1000))
def test_noise_never_raises_anything_but_a_refusal(
    codec: CompressionType, noise: bytes, max_bytes: int
) -> None:
    for data in (noise, XERIAL + noise):
        with contextlib.suppress(Refused):
            assert len(decompress(codec, data, max_bytes)) <= max_bytes


@pytest.mark.parametrize("codec", list(CompressionType))
def test_the_limit_is_exact(codec: CompressionType) -> None:
    for size in (0, 1, 5, 65_535, 65_536, 65_537, 300_000):
        packed = compress(codec, bytes(size))
        assert len(decompress(codec, packed, size)) == size
        if size:
            assert refusal(codec, packed, size - 1) is ErrorCode.INVALID_RECORD


def bombs() -> dict[str, tuple[CompressionType, bytes]]:
    zeros = bytes(64 << 20)
    half = len(zeros) // 2
    return {
        "gzip": (GZIP, zlib.compress(zeros, 9, wbits=31)),
        "gzip members": (GZIP, compress(GZIP, zeros[:half]) * 2),
        "snappy raw": (SNAPPY, compress_snappy_raw(zeros)),
        "snappy framed": (SNAPPY, compress(SNAPPY, zeros)),
        "lz4": (LZ4, compress(LZ4, zeros)),
        "zstd": (ZSTD, compress(ZSTD, zeros)),
        "zstd without a size": (ZSTD, zstandard.ZstdCompressor(write_content_size=False).compress(zeros)),
        "zstd frames": (ZSTD, bytes(cramjam.zstd.compress(zeros[:half])) * 2),
    }


def test_a_bomb_is_refused_and_costs_no_more_memory_than_the_limit() -> None:
    limit = 4 << 20
    for name, (codec, bomb) in bombs().items():
        tracemalloc.start()
        try:
            assert refusal(codec, bomb, limit) is ErrorCode.INVALID_RECORD, name
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < limit + (1 << 20), f"{name}: {peak} bytes"


def test_a_small_input_that_claims_much_costs_little_under_a_large_limit() -> None:
    claims = {
        "snappy": (SNAPPY, b"\xff\xff\xff\xff\x07" + b"\x00a"),
        "snappy block": (SNAPPY, XERIAL + struct.pack(">i", 7) + b"\xff\xff\xff\xff\x07\x00a"),
        "xerial length": (SNAPPY, XERIAL + struct.pack(">i", 2**31 - 1) + b"a"),
        "xerial negative": (SNAPPY, XERIAL + struct.pack(">i", -5) + b"aaaa"),
        "zstd": (ZSTD, b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**31) + b"\x01\x00\x00"),
        "lz4": (LZ4, compress(LZ4, b"x")[:-8] + b"\xff\xff\xff\x7f"),
    }
    for name, (codec, data) in claims.items():
        tracemalloc.start()
        try:
            assert refusal(codec, data, 2**31 - 1) is ErrorCode.CORRUPT_MESSAGE, name
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 1 << 20, f"{name}: {peak} bytes"
