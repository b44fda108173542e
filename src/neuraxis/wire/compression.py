"""The four compressions of record batches, as the Java client writes and reads them, under a bomb guard.

Rule of the file: a decoder never allocates more than the `max_bytes` it was given (and a small constant), whatever
its input claims; all it raises is Refused.
"""

import zlib
from collections.abc import Callable, Iterator
from enum import IntEnum
from struct import Struct

import cramjam

from neuraxis.wire.crc import Buffer
from neuraxis.wire.errors import ErrorCode, Refused


class CompressionType(IntEnum):
    """The codec of a record batch, as its attributes number it; `name.lower()` is Kafka's `compression.type`."""

    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


# max.decompressed.message.bytes of Kafka 4.4.0: the longest array that Java can make
DEFAULT_MAX_DECOMPRESSED_BYTES = 2_147_483_639

_GZIP_WBITS = 31  # zlib's way to say: 32 KiB window, gzip header and trailer
_LZ4_LEVEL = 1  # the higher levels of the package run at 56 MB/s, this one at 327 (ratio 2.0 against 2.7)
_ZSTD_LEVEL = 3  # what Kafka and zstd itself take when nobody chooses

_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER = _XERIAL_MAGIC + b"\x00\x00\x00\x01\x00\x00\x00\x01"  # version 1, readable since version 1
_XERIAL_BLOCK_BYTES = 32 * 1024  # what the Java client puts into one block
_SNAPPY_MAX_RATIO = 32  # no snappy element of n bytes yields more than 22 n

_FIRST_GUESS_BYTES = 64 * 1024  # the output buffer starts here or at four times the input, and grows fourfold
_GROWTH = 4
_OUTPUT_FULL = "failed to write whole buffer"  # how cramjam says that the output buffer is too small

_INT32 = Struct(">i")


def compress(codec: int, data: Buffer, level: int | None = None) -> bytes:
    """`data` compressed so that every Kafka client can read it; `level` as in gzip, lz4 or zstd."""
    if codec == CompressionType.NONE:
        return bytes(data)
    if codec == CompressionType.GZIP:
        return zlib.compress(data, -1 if level is None else level, wbits=_GZIP_WBITS)
    if codec == CompressionType.SNAPPY:
        return _compress_xerial(memoryview(data))
    if codec == CompressionType.LZ4:
        # the Java client reads no frame whose blocks refer to earlier ones
        encoder = cramjam.lz4.Compressor(level=_LZ4_LEVEL if level is None else level, block_linked=False)
        encoder.compress(bytes(data))  # it takes nothing else; bytes are not copied
        return bytes(encoder.finish())
    if codec == CompressionType.ZSTD:
        return bytes(cramjam.zstd.compress(data, _ZSTD_LEVEL if level is None else level))
    raise _unknown(codec)


def compress_snappy_raw(data: Buffer) -> bytes:
    """`data` as one unframed snappy block, as librdkafka writes it."""
    return bytes(cramjam.snappy.compress_raw(data))


def decompress(
    codec: int, data: Buffer, max_bytes: int = DEFAULT_MAX_DECOMPRESSED_BYTES
) -> bytes | bytearray:
    """What was compressed. Raises Refused: CORRUPT_MESSAGE for damage, and as Kafka INVALID_RECORD above `max_bytes`.

    Takes snappy raw or in xerial framing, and several gzip members or frames one after the other.
    """
    if codec == CompressionType.NONE:
        if len(data) > max_bytes:
            raise _too_large(max_bytes)
        return bytes(data)
    if codec == CompressionType.GZIP:
        return _decompress_growing(cramjam.gzip.decompress_into, data, max_bytes, CompressionType.GZIP)
    if codec == CompressionType.SNAPPY:
        return _decompress_snappy(memoryview(data), max_bytes)
    if codec == CompressionType.LZ4:
        return _decompress_growing(cramjam.lz4.decompress_into, data, max_bytes, CompressionType.LZ4)
    if codec == CompressionType.ZSTD:
        return _decompress_growing(cramjam.zstd.decompress_into, data, max_bytes, CompressionType.ZSTD)
    raise _unknown(codec)


def _unknown(codec: int) -> Refused:
    return Refused(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, f"There is no codec {codec} (0 to 4 exist).")


def _too_large(max_bytes: int) -> Refused:
    return Refused(
        ErrorCode.INVALID_RECORD,
        f"The batch decompresses to more than max.decompressed.message.bytes, {max_bytes}.",
    )


def _damaged(codec: CompressionType) -> Refused:
    return Refused(ErrorCode.CORRUPT_MESSAGE, f"The {codec.name.lower()} data of the batch is damaged.")


def _decompress_growing(
    decode_into: Callable[[Buffer, bytearray], int], data: Buffer, max_bytes: int, codec: CompressionType
) -> bytearray:
    """Decode into a buffer that grows only while the data really fills it, so that claims cost nothing."""
    capacity = min(max_bytes, max(_FIRST_GUESS_BYTES, _GROWTH * len(data)))
    while True:
        output = bytearray(capacity)
        try:
            size = decode_into(data, output)
        except cramjam.DecompressionError as error:
            del output  # before the next, larger one
            if str(error) != _OUTPUT_FULL:
                raise _damaged(codec) from error
            if capacity >= max_bytes:
                raise _too_large(max_bytes) from error
            capacity = min(max_bytes, _GROWTH * capacity)
        else:
            del output[size:]
            return output


def _compress_xerial(data: memoryview) -> bytes:
    """Snappy in the framing of the Java client: a header, then blocks, each after its length."""
    parts = [_XERIAL_HEADER]
    for start in range(0, len(data) or 1, _XERIAL_BLOCK_BYTES):  # one empty block for no data: others need it
        block = compress_snappy_raw(data[start : start + _XERIAL_BLOCK_BYTES])
        parts += (_INT32.pack(len(block)), block)
    return b"".join(parts)


def _decompress_snappy(data: memoryview, max_bytes: int) -> bytearray:
    """Snappy with or without the framing of the Java client."""
    try:
        blocks = [(block, cramjam.snappy.decompress_raw_len(block)) for block in _snappy_blocks(data)]
        if any(size > _SNAPPY_MAX_RATIO * len(block) for block, size in blocks):
            raise _damaged(CompressionType.SNAPPY)
        total = sum(size for _, size in blocks)
        if total > max_bytes:
            raise _too_large(max_bytes)
        output = bytearray(total)
        position = 0
        with memoryview(output) as whole:
            for block, size in blocks:
                with whole[position : position + size] as room:
                    position += cramjam.snappy.decompress_raw_into(block, room)
    except cramjam.DecompressionError as error:
        raise _damaged(CompressionType.SNAPPY) from error
    if position != total:
        raise _damaged(CompressionType.SNAPPY)
    return output


def _snappy_blocks(data: memoryview) -> Iterator[memoryview]:
    """The blocks of snappy data: one without framing; else each after its length, with a header wherever one is."""
    if data[: len(_XERIAL_MAGIC)] != _XERIAL_MAGIC:
        yield data
        return
    position = 0
    while position < len(data):
        if data[position : position + len(_XERIAL_MAGIC)] == _XERIAL_MAGIC:
            position += len(_XERIAL_HEADER)
            if position > len(data):
                raise _damaged(CompressionType.SNAPPY)
            continue
        start = position + _INT32.size
        if start > len(data):
            raise _damaged(CompressionType.SNAPPY)
        position = start + _INT32.unpack_from(data, position)[0]
        if not start <= position <= len(data):
            raise _damaged(CompressionType.SNAPPY)
        yield data[start:position]
