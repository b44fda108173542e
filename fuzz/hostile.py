"""Requests valid in form with hostile or plausible values: made from the declarations, with words the broker itself said.

The rule of the file: fast. What can be drawn or compiled before the first input is; one draw is one `random()`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

from neuraxis.wire.batch import ControlType, build_control_batch, renew_checksum
from neuraxis.wire.codec import encode
from neuraxis.wire.compression import CompressionType
from neuraxis.wire.messages.consumer_protocol import ConsumerProtocolSubscription
from neuraxis.wire.records import Record, build_batch
from neuraxis.wire.schema import Field, Message, fields_of, schema_of
from tests.wire.instances import bounds

WALL_MS = 1_750_000_000_000
KEPT_WORDS = 24
"""Words kept of each kind that answers taught: enough for several clients at once, few enough to be used again."""
HOSTILE = (
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\xff\xff\xff\xff\x07",
    b"\xff\xff\xff\xff\xff\xff",
    b"\x00",
    b"\x7f\xff",
    b"\xc0\x84\x3d",  # a compact length of a million
)

TOPICS = ["t0", "t0", "t1", "t2", "made", "__consumer_offsets", "__transaction_state", "__share_group_state"]
BAD_NAMES = ["", ".", "..", "a/b", "x" * 249, "x" * 250, "größe", "\0", "__neuraxis_catalogue", "*", "\ud7ff"]
GROUPS = ["g0", "g0", "g1", "share", "streams", "connect", ""]
MEMBERS = ["", "m0", "m1", "AAAAAAAAAAAAAAAAAAAAAA"]
TRANSACTIONAL = ["tx0", "tx0", "tx1", ""]
CONFIGS = [
    "retention.ms",
    "cleanup.policy",
    "segment.bytes",
    "flush.messages",
    "compression.type",
    "max.message.bytes",
    "min.insync.replicas",
    "group.max.size",
    "metrics",
    "interval.ms",
    "consumer.session.timeout.ms",
    "no.such.config",
]
VALUES = ["1", "0", "-1", "compact", "delete", "zstd", "1048588", "9223372036854775808", "", "x" * 300, "lz4"]
MECHANISMS = ["PLAIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI", ""]
PROTOCOLS = ["consumer", "consumer", "connect", "range", "uniform", "roundrobin", ""]
PRINCIPALS = ["User:ann", "User:*", "User:ANONYMOUS", "ann", "User:", "127.0.0.1", "*", "10.0.0.0/8"]
PATTERNS = ["t.*", "(a|b)*c", "((((", "[^t]", "\\p{Lu}+", "(x+x+)+y", "a{1000}", "t{0,1001}", ".*" * 40]
STRINGS: tuple[tuple[str, list[str]], ...] = (
    ("regex", PATTERNS),
    ("pattern", PATTERNS + TOPICS),
    ("topic", TOPICS + BAD_NAMES),
    ("group", GROUPS + BAD_NAMES[:5]),
    ("member", MEMBERS),
    ("instance", ["", "i0", "i1"]),
    ("transactional", TRANSACTIONAL),
    ("mechanism", MECHANISMS),
    ("protocol", PROTOCOLS),
    ("assignor", PROTOCOLS),
    ("principal", PRINCIPALS),
    ("host", PRINCIPALS),
    ("config", CONFIGS),
    ("value", VALUES),
    ("resource", TOPICS + GROUPS + ["1", "0", "kafka-cluster", *BAD_NAMES]),
    ("key", GROUPS + TRANSACTIONAL + ["g0:AAAAAAAAAAAAAAAAAAAAAA:0", "::", "x:y:z"]),
    ("", [*TOPICS, *GROUPS, *CONFIGS, *BAD_NAMES, *PRINCIPALS, "ann", "user", "client-id", "ip"]),
)
"""What a string field may hold, by what its name contains; the first that fits counts."""
NUMBERS: tuple[tuple[str, list[int]], ...] = (
    ("producer_id", [-1, 0, 1]),
    ("epoch", [0, 0, 1, 2, -1, 3]),
    ("sequence", [0, 1, 2]),
    ("generation", [1, 0, -1, 2]),
    ("session_id", [0, 0, 1, -1]),
    ("offset", [0, 0, 1, 2, 3, 7, -1, -2, -3, -4, -5, -6, 1 << 40]),
    ("partitions", [1, 2, 0, -1, 3, 4, 10_001]),
    ("partition", [0, 0, 0, 1, 2, -1]),
    ("index", [0, 0, 0, 1, 2, -1]),
    ("replication", [1, 1, -1, 0, 3]),
    ("timeout", [0, 100, 1_000, 6_000, 45_000, 300_000]),
    ("_ms", [0, 0, 1, 100, 500, 6_000, 45_000, -1]),
    ("bytes", [0, 1, 100, 1 << 20, 50 << 20]),
    ("records", [0, 1, 10, 500]),
    ("acks", [-1, -1, 1, 0, 2]),
    ("isolation", [0, 1, 2]),
    ("acknowledge", [0, 1, 2, 3, 4, 5, -1]),
    ("iterations", [4_096, 8_192, 0, 16_384]),
    ("node", [1, 1, 0, -1]),
    ("broker", [1, 1, 0, -1]),
    ("", [0, 1, 2, 3, 4, 5, 6, 8, 10, 16, 32, -1, 127]),
)
"""What an integer field may hold, likewise; extremes of its kind are added."""
TAUGHT = frozenset(
    {"member_id", "producer_id", "producer_epoch", "topic_id", "member_epoch", "session_id"}
) | {
    "generation_id",
    "share_session_epoch",
    "leader_epoch",
    "client_instance_id",
    "subscription_id",
    "base_offset",
    "token_id",
    "hmac",
}
"""Fields of answers whose values come back in later requests, in fields whose names end alike."""


def spoil(data: bytes, random: Callable[[], float]) -> bytes:
    """Valid bytes made invalid (mostly) in one of the ways that peers and disks make them so."""
    out = bytearray(data)
    for _ in range((1, 1, 2, 5)[int(random() * 4)]):
        place = int(random() * (len(out) + 1))
        way = int(random() * 5)
        if way == 0:
            del out[place:]
        elif way == 1 and place < len(out):
            out[place] ^= 1 << int(random() * 8)
        elif way == 2:
            hostile = HOSTILE[int(random() * len(HOSTILE))]
            out[place : place + len(hostile)] = hostile
        elif way == 3:
            out[place:place] = int(random() * (1 << 48)).to_bytes(6, "big")[: 1 + int(random() * 6)]
        else:
            del out[place : place + 1 + int(random() * 8)]
    return bytes(out)


class Words:
    """The dice of one world, and the words its broker taught it."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.random = rng.random
        self.taught: dict[str, list[Any]] = {}  # Any: values of the wire

    def pick(self, choices: Any) -> Any:  # Any: a sequence and what is in it
        """One of them."""
        return choices[int(self.random() * len(choices))]

    def learn(self, value: Any, depth: int = 0) -> None:  # Any: a response or a part of one
        """Remember what an answer says of ids and epochs; of long lists the first three."""
        if isinstance(value, Message):
            for name, _ in fields_of(type(value)):
                found = getattr(value, name)
                if name in TAUGHT:
                    known = self.taught.setdefault(name, [])
                    if found in known:
                        continue
                    if len(known) < KEPT_WORDS:
                        known.append(found)
                    else:
                        known[int(self.random() * KEPT_WORDS)] = found
                elif depth < 4 and isinstance(found, list | Message):
                    self.learn(found, depth + 1)
        elif isinstance(value, list):
            for item in value[:3]:
                if isinstance(item, Message):
                    self.learn(item, depth)


Maker = Callable[[Words], Any]  # Any: a value of a field


@cache
def request_maker(cls: type[Message], version: int) -> Callable[[Words], Message]:
    """A function that makes instances of the class for this version."""
    plan = [(name, _maker(field, version, name)) for name, field in fields_of(cls) if field.present(version)]

    def make(words: Words) -> Message:
        return cls(**{name: maker(words) for name, maker in plan})

    return make


def _maker(field: Field, version: int, name: str) -> Maker:
    if field.kind == "struct":
        assert isinstance(field.item, type)
        inner = request_maker(field.item, version)
    elif field.kind == "array":
        inner = _array_maker(field, version, name)
    else:
        inner = _scalar_maker(field.kind, name)
    nullable, tagged = field.is_nullable(version), field.tag is not None
    if not nullable and not tagged:
        return inner
    default = None if nullable else field.default_value

    def make(words: Words) -> Any:  # Any: see `Maker`
        if words.random() < 0.2:
            return None if default is None else default()
        return inner(words)

    return make


def _array_maker(field: Field, version: int, name: str) -> Maker:
    if isinstance(field.item, type):
        item: Maker = request_maker(field.item, version)
        counts = (1, 1, 1, 1, 2, 2, 3, 0)
    else:
        item = _scalar_maker(str(field.item), name)
        counts = (1, 1, 1, 2, 3, 5, 0, 40)

    def make(words: Words) -> list[Any]:  # Any: see `Maker`
        count = counts[int(words.random() * 8)]
        made = [item(words) for _ in range(count)]
        if made and words.random() < 0.03:
            made.append(made[0])  # the same thing twice
        return made

    return make


def _scalar_maker(kind: str, name: str) -> Maker:
    if kind == "bool":
        return lambda words: words.random() < 0.5
    if kind == "float64":
        return lambda words: words.pick((0.0, 1.0, -1.0, 1e300, float("inf"), float("nan"), 1024.0))
    if kind == "uuid":
        return lambda words: _uuid(words, name)
    if kind == "string":
        return _string_maker(name)
    if kind == "records":
        return batch
    if kind == "bytes":
        return lambda words: _bytes(words, name)
    return _integer_maker(kind, name)


def _integer_maker(kind: str, name: str) -> Maker:
    low, high = bounds(kind)
    usual = next(values for part, values in NUMBERS if part in name)
    choices = [value for value in usual if low <= value <= high]
    ends = taught_names(name)

    def make(words: Words) -> int:
        luck = words.random()
        if luck < 0.04:
            return low if luck < 0.02 else high
        if ends and luck < 0.7:
            for end in ends:
                known = words.taught.get(end)
                if known:
                    value = known[int(words.random() * len(known))]
                    return value if low <= value <= high else low
        return choices[int(words.random() * len(choices))]

    return make


@cache
def taught_names(name: str) -> tuple[str, ...]:
    """The taught words that may stand in a field of this name."""
    return tuple(sorted(word for word in TAUGHT if name.endswith(word) or word.endswith(name)))


def _string_maker(name: str) -> Maker:
    choices = next(values for part, values in STRINGS if part in name)
    ends = taught_names(name)

    def make(words: Words) -> str:
        if ends and words.random() < 0.7:
            known = words.taught.get(ends[0])
            if known:
                value = known[int(words.random() * len(known))]
                return value if isinstance(value, str) else ""
        return choices[int(words.random() * len(choices))]

    return make


def _uuid(words: Words, name: str) -> bytes:
    known = words.taught.get("client_instance_id" if "instance" in name else "topic_id")
    luck = words.random()
    if known and luck < 0.8:
        value = known[int(words.random() * len(known))]
        return value if isinstance(value, bytes) and len(value) == 16 else bytes(16)
    return bytes(16) if luck < 0.9 else words.rng.randbytes(16)


def _subscriptions() -> list[bytes]:
    return [
        version.to_bytes(2, "big") + encode(ConsumerProtocolSubscription(topics=["t0", "t1"]), version)
        for version in schema_of(ConsumerProtocolSubscription).versions
    ]


BLOBS: dict[str, list[bytes]] = {
    "metadata": [*_subscriptions(), b"", b"\0", bytes(300)],
    "assignment": [b"", b"\0\0\0\0\0\1\0\2t0\0\0\0\1\0\0\0\0\xff\xff\xff\xff", bytes(100)],
    "auth_bytes": [
        b"\0ann\0pencil",
        b"\0ann\0wrong",
        b"\0bob\0pencil",
        b"n,,n=ann,r=abcdef",
        b"n,,n=ann,r=abcdef,tokenauth=true",
        b"c=biws,r=abcdef,p=AAAA",
        b"n,,\x01auth=Bearer e30.e30.e30\x01\x01",
        b"\x01",
        b"",
        b"\xff\xfe",
        b"\0\0",
    ],
    "hmac": [b"", bytes(64), bytes(32)],
    "salt": [b"", bytes(16)],
    "salted_password": [bytes(32), bytes(64), b""],
    "metrics": [b"", b"\n\x0c\x12\n\x12\x08\n\x01a*\x03\n\x01\0", bytes(40)],
}
BLOBS[""] = [b"", b"\0", b"payload", bytes(200)]


def _bytes(words: Words, name: str) -> bytes:
    known = words.taught.get(name)
    if known and words.random() < 0.6:
        value = known[int(words.random() * len(known))]
        if isinstance(value, bytes):
            return value
    blob: bytes = words.pick(BLOBS.get(name) or BLOBS[""])
    return blob if words.random() < 0.8 else spoil(blob, words.random)


@cache
def _batches() -> list[bytes]:
    """Valid batches of every kind and codec, one that decompresses to much, and some old formats."""
    rng = random.Random(1)
    made = []
    for compression in CompressionType:
        for count in (1, 3, 12):
            records = [
                Record(offset, WALL_MS + offset, rng.choice([b"a", b"b", None]), rng.randbytes(20))
                for offset in range(count)
            ]
            made.append(bytes(build_batch(records, compression=compression)))
        made.append(bytes(build_batch([Record(0, WALL_MS, b"k", bytes(200_000))], compression=compression)))
    for kind in ControlType:
        made.append(bytes(build_control_batch(kind, 1, 0, 0, WALL_MS)))
    return made


def batch(words: Words) -> bytes | None:
    """A batch for Produce: good, good with another producer, spoiled behind a right checksum, or spoiled."""
    batches = _batches()
    luck = words.random()
    if luck < 0.03:
        return None if luck < 0.02 else b""
    out = bytearray(batches[int(words.random() * len(batches))])
    if luck < 0.45:
        ids, epochs = words.taught.get("producer_id") or [0], words.taught.get("producer_epoch") or [0]
        producer_id, epoch = words.pick(ids), words.pick(epochs)
        out[43:51] = producer_id.to_bytes(8, "big", signed=True)
        out[51:53] = epoch.to_bytes(2, "big", signed=True)
        out[53:57] = words.pick((0, 0, 1, 2, 3, (1 << 31) - 1)).to_bytes(4, "big", signed=True)
        if luck < 0.3:
            out[22] |= 16  # transactional
        renew_checksum(out)
    elif luck < 0.6:
        out[int(21 + words.random() * (len(out) - 21))] ^= 1 << int(words.random() * 8)
        renew_checksum(out)
    elif luck < 0.68:
        return spoil(bytes(out), words.random)
    elif luck < 0.72:
        out += batches[int(words.random() * len(batches))]
    return bytes(out)
