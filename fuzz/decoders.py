"""Fuzz targets for every decoder, fast: valid samples made once, spoiled for each input; only what is defined may come out.

    python -m fuzz.decoders --seconds 30 [--seed N]

One input in `MEASURED_EVERY` is decoded under tracemalloc: memory is bounded by the size of the input, whatever it claims.
What comes out is remembered by its kind (accepted, or which exception from which line): the first input of each kind is
what `fuzz/corpus` keeps. `messages.py` and `batches.py` measure every input, and so are slower.
"""

from __future__ import annotations

import argparse
import functools
import random
import re
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath

from fuzz import batches
from fuzz.hostile import BLOBS, PATTERNS, spoil
from fuzz.messages import attempt_header, classes
from neuraxis.broker.coordinators import snapshot
from neuraxis.broker.coordinators.group import facts as group_facts
from neuraxis.broker.coordinators.group.consumer import facts as consumer_facts
from neuraxis.broker.coordinators.share import facts as share_facts
from neuraxis.broker.coordinators.share import group_facts as share_group_facts
from neuraxis.broker.coordinators.streams import records as streams_facts
from neuraxis.broker.coordinators.topics import cluster_facts
from neuraxis.broker.coordinators.topics import facts as topic_facts
from neuraxis.broker.coordinators.transaction import facts as transaction_facts
from neuraxis.broker.log import checkpoint
from neuraxis.broker.log.index import OffsetIndex, TimeIndex
from neuraxis.broker.log.journal import Journal, Kind, Replay, file_name
from neuraxis.broker.log.memory import MemoryFs
from neuraxis.broker.log.tail_state import LeaderEpochs, ProducerStates
from neuraxis.broker.regex import Regex
from neuraxis.broker.regex_syntax import InvalidRegex
from neuraxis.broker.security.distinguished_name import subject_of
from neuraxis.broker.security.jwt import Rules, parse_key_set
from neuraxis.broker.security.mapping import parse_rules
from neuraxis.broker.security.oauth import OauthServer
from neuraxis.broker.security.plain import PlainServer
from neuraxis.broker.security.scram import Directory, ScramServer
from neuraxis.broker.work import Now
from neuraxis.wire import facts, jaas
from neuraxis.wire.codec import decode, encode
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.frames import FrameReader, encode_request, read_request_header
from neuraxis.wire.messages import flexible_from
from neuraxis.wire.messages.metadata import MetadataRequest
from neuraxis.wire.otlp import read_metrics
from neuraxis.wire.primitives import Malformed
from neuraxis.wire.schema import schema_of
from tests.wire.instances import declared, random_instance

NOW = Now(1_000, 1_750_000_000_000)
MEASURED_EVERY = 2_000
"""tracemalloc makes decoding four times slower."""
MEMORY_BASE = 512 * 1024
"""Bytes for exceptions, caches and the first objects of whichever decoder it is."""
MEMORY_PER_BYTE = 300
"""Bytes per byte of input (and of its decompressed form, of which there are at most `batches.LIMIT`)."""
NOT_WORDS = re.compile(r"'[^']*'|[^A-Za-z ]+")
KEPT_BYTES = 2_048
"""A longer input is not kept in the corpus."""

Read = Callable[[bytes], object]


@dataclass
class Target:
    """A decoder with valid samples. `defined` are the exceptions that its callers expect."""

    samples: list[tuple[Read, bytes]]
    defined: tuple[type[Exception], ...]
    weight: int = 1
    kinds: dict[str, tuple[str, bytes]] = field(default_factory=dict)


# ---- samples -------------------------------------------------------------------------------------------------------


def _messages(family: str) -> list[tuple[Read, bytes]]:
    rng = random.Random(f"samples of {family}")
    made: list[tuple[Read, bytes]] = []
    for cls, version in classes(family):
        read = functools.partial(attempt_strictly, cls, version)
        for _ in range(3):
            data = encode(random_instance(cls, version, rng), version)
            if len(data) < 1_500:  # what is larger differs by its length alone
                read(data)  # compiles: the memory that takes is not the input's
                made.append((read, data))
    return made


def attempt_strictly(cls: type, version: int, data: bytes) -> None:
    """Decode, and encode again what was a message. Raises Malformed."""
    back, end = decode(cls, version, data)
    assert end <= len(data), "more was read than there is"
    if schema_of(cls).kind == "header":
        attempt_header(data)
    encode(back, version)


def _of(read: Read, make: Callable[[random.Random], bytes], count: int = 60) -> list[tuple[Read, bytes]]:
    rng = random.Random("samples")
    return [(read, make(rng)) for _ in range(count)]


def _fact_pairs() -> list[bytes]:
    """Keys and values of coordinator records, one after the other behind the key's length."""
    rng = random.Random("pairs")
    names = declared()
    pairs = []
    for name, cls in names.items():
        value_class = names.get(name.removesuffix("Key") + "Value") if name.endswith("Key") else None
        if value_class is None:
            continue
        for _ in range(4):
            try:
                key = facts.encode_fact(random_instance(cls, 0, rng), 0)
                value = facts.encode_fact(random_instance(value_class, 0, rng), 0)
            except ValueError:
                continue
            if len(key) < 256:
                pairs.append(bytes([len(key)]) + key + value)
    return pairs


FACT_READERS: tuple[Callable[[bytes, bytes | None], object], ...] = (
    group_facts.decode_fact,
    consumer_facts.decode_fact,
    share_facts.decode_share_fact,
    share_group_facts.decode_fact,
    streams_facts.decode_fact,
    transaction_facts.decode,
    topic_facts.decode,
    cluster_facts.decode,
)


def _read_pair(data: bytes) -> None:
    """The readers of all coordinators see the pair. Whatever one raises, a start tells as the record that it cannot read."""
    length = data[0] if data else 0
    key, value = data[1 : 1 + length], data[1 + length :] or None
    refusals = []
    for read in FACT_READERS:
        try:
            read(key, value)
        except Exception as error:
            refusals.append(error)
    if len(refusals) == len(FACT_READERS):
        raise refusals[0]


def _read_journal(data: bytes) -> None:
    fs = MemoryFs()
    fs.make_dir("journal")
    fs.make_dir(file_name(0).rpartition("/")[0])
    fs.write(fs.open(file_name(0), create=True), 0, data)
    for frame in Replay(fs, 0):
        assert frame.end <= len(data)


def _read_indexes(data: bytes) -> None:
    for index in (OffsetIndex(0, data), TimeIndex(0, data)):
        for number in range(min(len(index), 4)):
            index.entry(number)
    OffsetIndex(0, data).is_sound(1 << 20)
    TimeIndex(0, data).is_sound()


def _read_producers(data: bytes) -> None:
    states = ProducerStates()
    if states.restore(data):
        states.snapshot()
    LeaderEpochs().restore(data)


def _read_texts(data: bytes) -> None:
    """The small files of a data directory."""
    checkpoint.parse(data)
    checkpoint.parse_kafka_checkpoint(data)
    checkpoint.parse_partition_metadata(data)


def _read_rules(data: bytes) -> None:
    parse_rules(data.decode("utf-8", "replace"))


def _read_jaas(data: bytes) -> None:
    jaas.parse(data.decode("utf-8", "replace"))


def _read_regex(data: bytes) -> None:
    regex = Regex(data[:200].decode("utf-8", "replace"))
    for name in ("t0", "aaaaaaaaaaaaaaaaaaaaaaaa", "größe", ""):
        regex.matches(name)


DIRECTORY = Directory(lambda user, number: None, lambda token, now: None, b"secret")


def _read_login(data: bytes) -> None:
    """Every mechanism takes the message, and then once more."""
    for server in (
        PlainServer(DIRECTORY, {"ann": "pencil"}),
        ScramServer("SCRAM-SHA-256", DIRECTORY, "nonce"),
        OauthServer(Rules(), list, lambda now: None),
    ):
        server.step(data, NOW)
        server.step(data, NOW)


LOGINS = [
    *BLOBS["auth_bytes"],
    b"n,a=ann,n=ann,r=x=2C=3D,ext=1",
    b"c=biws,r=nonce,p=" + b"A" * 44,
    b"n,,\x01host=h\x01auth=Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIiwiZXhwIjoxfQ.AAAA\x01\x01",
    b"n,,\x01auth=Bearer eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.eyJzdWIiOlsxXX0.\x01\x01",
]
KEY_SETS = [
    b'{"keys": [{"kty": "RSA", "kid": "a", "alg": "RS256", "use": "sig", "n": "AQAB", "e": "AQAB"}]}',
    b'{"keys": [{"kty": "EC", "kid": "b", "crv": "P-256", "x": "AQAB", "y": "AQAB"}, {"kty": "oct"}]}',
    b'{"keys": []}',
    b"[" * 200,
]


def _certificate() -> bytes:
    """A DER shape with all that `subject_of` looks at."""

    def item(tag: int, *parts: bytes) -> bytes:
        content = b"".join(parts)
        return bytes([tag, len(content)]) + content

    def name(kind: bytes, value: bytes, tag: int = 0x0C) -> bytes:
        return item(0x31, item(0x30, item(6, kind), item(tag, value)))

    common, unit = b"\x55\x04\x03", b"\x55\x04\x0b"
    subject = item(0x30, name(unit, b"Cars, Ltd"), name(common, b"duke"), name(b"\x2a\x03", b"\x00d", 0x1E))
    issuer = item(0x30, name(common, b"a"))
    body = item(
        0x30,
        item(0xA0, item(2, b"\x02")),
        item(2, b"\x01"),
        item(0x30, item(6, b"\x2a\x03")),
        issuer,
        item(0x30, item(0x17, b"250101000000Z"), item(0x17, b"350101000000Z")),
        subject,
    )
    return item(0x30, body, item(0x30), item(3, b"\0"))


def _metrics(rng: random.Random) -> bytes:
    def item(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    attribute = item(7, item(1, b"k") + item(2, item(1, b"v")))
    point = b"\x19" + rng.randbytes(8) + b"\x21" + rng.randbytes(8) + attribute
    kind = rng.choice((5, 7, 9))
    metric = item(1, b"m") + item(3, b"ms") + item(kind, item(1, point))
    return item(1, item(1, attribute) + item(2, item(2, metric)))


def _small(make: Callable[[random.Random], bytes]) -> Callable[[random.Random], bytes]:
    def smaller(rng: random.Random) -> bytes:
        while len(data := make(rng)) > 3_000:
            pass
        return data

    return smaller


@functools.cache
def targets() -> dict[str, Target]:
    """All of them, by name. Made once: some seconds, most of it compiling the decoders of every version."""
    request = encode_request(7, MetadataRequest(topics=[]), 12, "client")
    snapshots = [snapshot.encode(snapshot.Snapshot(7, 9, [(b"key", b"value"), (b"gone", None)]))]
    producers = [b"\0\1" + bytes(8), ProducerStates().snapshot()]
    made: dict[str, Target] = {
        family: Target(_messages(family), (Malformed,), weight)
        for family, weight in (("request", 30), ("response", 25), ("fact", 12), ("header", 3))
    }
    header = _read_header
    malformed = (Malformed,)
    made |= {
        "request header": Target([(header, request[4:]), (header, request[4:20])], malformed, 5),
        "framing": Target([(_read_frames, request * 3), (_read_frames, request)], malformed, 4),
        "batch": Target(_of(batches.fuzz_batch, _small(batches.batch)), (Refused,), 5),
        "records": Target(_of(_read_records, _small(batches.batch)), (Refused,), 6),
        "damaged batch": Target(_of(_read_renewed, _small(batches.batch)), (Refused,), 4),
        "compression": Target(
            _of(batches.fuzz_compression, _small(batches.spoiled_compression)), (Refused,), 2
        ),
        "coordinator record": Target([(_read_pair, data) for data in _fact_pairs()], (Exception,), 4),
        "metrics": Target(_of(lambda data: list(read_metrics(data, 100)), _metrics), (Malformed,), 3),
        "login": Target([(_read_login, data) for data in LOGINS], (), 4),
        "key set": Target([(parse_key_set, data) for data in KEY_SETS], (ValueError, RecursionError), 1),
        "certificate": Target([(subject_of, _certificate())], (ValueError,), 3),
        "regex": Target([(_read_regex, text.encode()) for text in PATTERNS], (InvalidRegex,), 1),
        "rules": Target(
            [(_read_rules, b"RULE:^CN=(.*?),OU=x$/$1/L,DEFAULT"), (_read_jaas, b'a.B required user_x="y";')],
            (ValueError,),
            1,
        ),
        "journal": Target([(_read_journal, data) for data in _journals()], (), 2),
        "snapshot": Target([(snapshot.decode, data) for data in snapshots], (), 1),
        "producer snapshot": Target([(_read_producers, data) for data in producers], (), 1),
        "checkpoint": Target([(_read_texts, data) for data in _checkpoints()], (), 1),
        "index": Target([(_read_indexes, bytes(48)), (_read_indexes, bytes(range(120)))], (), 1),
    }
    return made


def _read_header(data: bytes) -> None:
    read_request_header(data, flexible_from)


def _read_frames(data: bytes) -> None:
    reader = FrameReader(1_000)
    reader.feed(data)
    while reader.next() is not None:
        pass


def _read_records(data: bytes) -> None:
    batches.fuzz_records(data)


def _read_renewed(data: bytes) -> None:
    """Length and checksum made right again: the damage reaches the records and the codecs."""
    if len(data) <= batches.HEADER_SIZE:
        raise Refused(ErrorCode.CORRUPT_MESSAGE, "cut within the header")
    raw = bytearray(data)
    raw[8:12] = (len(raw) - batches.LOG_OVERHEAD).to_bytes(4, "big")
    raw[16] = 2
    batches.renew_checksum(raw)
    batches.fuzz_records(bytes(raw))


def _journals() -> list[bytes]:
    fs = MemoryFs()
    fs.make_dir("journal")
    journal = Journal(fs, 1 << 16)
    journal.open_at(0)
    for number in range(3):
        journal.append(Kind.DATA, bytes(16), 0, number, 0, number * 100, bytes(100))
    data = fs.read(fs.open(file_name(0)), 0, 700)
    return [data, data[:200]]


def _checkpoints() -> list[bytes]:
    return [
        checkpoint.to_bytes(checkpoint.Checkpoint(0, True, 0, "", known=True), []),
        checkpoint.kafka_checkpoint([("t0", 0, 5), ("t1", 1, 7)]),
        checkpoint.partition_metadata(bytes(range(16))),
        b"0\n2\n0 0\n1 5\n",
    ]


# ---- feeding -------------------------------------------------------------------------------------------------------


def kind_of(error: Exception) -> str:
    """Which exception, from which function of ours, in which words but for numbers: what makes two refusals two kinds."""
    place = error.__traceback__
    name = ""
    while place is not None:
        if "neuraxis" in PurePath(place.tb_frame.f_code.co_filename).parts:
            name = place.tb_frame.f_code.co_name
        place = place.tb_next
    words = NOT_WORDS.sub("#", str(error))[:60].strip()
    return f"{type(error).__name__} {name} {words}"


def label_of(read: Read) -> str:
    """What finds a reader of a target again: class and version of a message, nothing where there is one reader."""
    return (
        f"{read.args[0].__name__} {read.args[1]}" if isinstance(read, functools.partial) and read.args else ""
    )


def feed(name: str, rng: random.Random, count: int) -> int:
    """Feed `count` inputs to a target; gives how many were refused. What must not come out escapes, with the input."""
    target = targets()[name]
    samples, defined, kinds = target.samples, target.defined, target.kinds
    random_, amount, refused = rng.random, len(target.samples), 0
    for number in range(count):
        read, valid = samples[int(random_() * amount)]
        data = spoil(valid, random_)
        if number % MEASURED_EVERY == 0:
            measure(name, read, data, defined)
        try:
            read(data)
        except defined as error:
            refused += 1
            if number % 16 == 0:  # to name a kind costs more than to decode
                kind = kind_of(error)
                if kind not in kinds and len(data) <= KEPT_BYTES:
                    kinds[kind] = (label_of(read), data)
        except Exception as error:
            error.add_note(f"target {name!r}: {read}, bytes.fromhex('{data.hex()}')")
            raise
    return refused


def measure(name: str, read: Read, data: bytes, defined: tuple[type[Exception], ...]) -> None:
    """Decode under tracemalloc. Raises AssertionError when it takes more than the input's size allows."""
    tracemalloc.start()
    try:
        try:
            read(data)
        except defined:
            pass
        except Exception as error:
            error.add_note(f"target {name!r}: {read}, bytes.fromhex('{data.hex()}')")
            raise
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    allowed = MEMORY_BASE + batches.LIMIT + MEMORY_PER_BYTE * len(data)
    assert peak < allowed, (name, data.hex(), peak, allowed)


COUNTED = "inputs refused"
TARGETS = (
    "request",
    "response",
    "fact",
    "header",
    "request header",
    "framing",
    "batch",
    "records",
    "damaged batch",
    "compression",
    "coordinator record",
    "metrics",
    "login",
    "key set",
    "certificate",
    "regex",
    "rules",
    "journal",
    "snapshot",
    "producer snapshot",
    "checkpoint",
    "index",
)


def run(name: str, seed: int, iterations: int = 0, seconds: float = 0) -> int:
    """Fuzz a target for so many iterations or seconds; gives how many inputs were refused."""
    rng = random.Random(f"{name}.{seed}")
    refused = feed(name, rng, iterations)
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        refused += feed(name, rng, 200)
    return refused


def main() -> None:
    """Fuzz every target for its share of the time."""
    parser = argparse.ArgumentParser(description="Fuzz every decoder.")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    for name in TARGETS:
        refused = run(name, options.seed, seconds=options.seconds / len(TARGETS))
        print(f"{name}: seed {options.seed}, {refused} inputs refused, nothing but what is defined")


if __name__ == "__main__":
    main()
