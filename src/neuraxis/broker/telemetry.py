"""Client telemetry (KIP-714): which metrics are wanted of whom, when a client may speak, and the last metrics of each.

Subscriptions are the client-metrics configs. Rule of the file: everything kept of clients is bounded, and pushed bytes
are read only when somebody looks at them; a client's push costs the broker a copy, and decompression as a check.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.config_table.values import split_list
from neuraxis.broker.regex import Regex
from neuraxis.broker.regex_syntax import InvalidRegex
from neuraxis.wire.compression import CompressionType, decompress
from neuraxis.wire.crc import crc32c
from neuraxis.wire.errors import ErrorCode, Refused
from neuraxis.wire.otlp import read_metrics
from neuraxis.wire.primitives import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from neuraxis.broker.call import Call
    from neuraxis.broker.session import Session
    from neuraxis.broker.work import Now
    from neuraxis.wire.otlp import Point

CLIENT_METRICS = 16
"""The protocol's resource type of subscriptions."""
DEFAULT_INTERVAL_MS = 300_000
"""How often a client without a subscription asks again: Kafka's five minutes."""
ALL_METRICS = "*"
COMPRESSIONS = (CompressionType.ZSTD, CompressionType.LZ4, CompressionType.GZIP, CompressionType.SNAPPY)
"""What clients may compress with, in the order of Kafka's preference."""

MAX_INSTANCES = 4096
"""Client instances remembered: more than a machine serves at once (10,000 connections, two or more of each client)."""
MAX_PAYLOAD_BYTES = 32 * 1024 * 1024
"""Pushed bytes kept in all, compressed as they came: some 8 KiB for each instance. The oldest go first."""
MAX_DECOMPRESSED_BYTES = 16 * 1024 * 1024
"""Largest push after decompression: sixteen times Kafka's limit of the compressed one."""
MAX_POINTS = 10_000
"""Numbers read of one push: a client has some hundreds."""
MAX_MATCHED_CHARACTERS = 256
"""Characters of a client's name that patterns look at: names of ours are shorter, hostile ones are not worth the time."""

_LONG_AGO_MS = -(1 << 62)
NO_INSTANCE = bytes(16)

Matches = tuple[tuple[str, Regex], ...]


class Subscription(NamedTuple):
    """One client-metrics resource."""

    metrics: tuple[str, ...]
    interval_ms: int
    matches: Matches


@dataclass(slots=True)
class Instance:
    """One running client, as far as telemetry knows it. Times are `mono_ms`, but `received_ms`, which is Unix time."""

    id: bytes
    version: int
    metrics: tuple[str, ...]
    interval_ms: int
    subscription_id: int
    client_id: str
    software: str
    last_get_ms: int = _LONG_AGO_MS
    last_push_ms: int = _LONG_AGO_MS
    last_error: int = 0
    terminating: bool = False
    payload: bytes = b""
    compression: int = 0
    received_ms: int = 0


@dataclass(slots=True)
class Telemetry:
    """The subscriptions in force and the instances known, the one that spoke last at the end."""

    version: int = 0
    instances: dict[bytes, Instance] = field(default_factory=dict)
    payload_bytes: int = 0
    _subscriptions: tuple[Subscription, ...] = ()
    _seen_offset: int = -1
    _seen: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def refresh(self, configs: Mapping[tuple[int, str], Mapping[str, str]], end_offset: int) -> None:
        """Take subscriptions from the catalogue's configs, if its log has grown and they are others now."""
        if end_offset == self._seen_offset:
            return
        self._seen_offset = end_offset
        now = {name: each for (kind, name), each in configs.items() if kind == CLIENT_METRICS}
        if now != self._seen:
            self._seen = now
            self._subscriptions = tuple(_subscriptions(now.values()))
            self.version += 1

    def subscribe(self, instance_id: bytes, call: Call, new_id: Callable[[], bytes]) -> Instance:
        """GetTelemetrySubscriptions: the client's instance. Refuses (89) a client that asks again too soon."""
        if instance_id == NO_INSTANCE:
            instance_id = new_id()
        instance = self._instance(instance_id, call.session)
        now_ms = call.now.mono_ms
        if now_ms - max(instance.last_get_ms, instance.last_push_ms) >= instance.interval_ms:
            instance.last_get_ms = now_ms
        elif instance.last_error not in (
            ErrorCode.UNKNOWN_SUBSCRIPTION_ID,
            ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
        ):
            raise Refused(ErrorCode.THROTTLING_QUOTA_EXCEEDED)
        instance.last_error = 0
        return instance

    def push(
        self,
        instance_id: bytes,
        subscription_id: int,
        terminating: bool,
        compression: int,
        payload: bytes,
        max_bytes: int,
        call: Call,
    ) -> None:
        """PushTelemetry: keep the metrics. Refuses as Kafka does: 42, 89, 117, 76, 118, and 87 for damage."""
        if instance_id == NO_INSTANCE:
            raise Refused(ErrorCode.INVALID_REQUEST)
        instance = self._instance(instance_id, call.session)
        try:
            self._check_push(instance, terminating, call.now)
            if subscription_id != instance.subscription_id:
                raise Refused(ErrorCode.UNKNOWN_SUBSCRIPTION_ID)
            if compression not in (CompressionType.NONE, *COMPRESSIONS):
                raise Refused(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
            if len(payload) > max_bytes:
                raise Refused(ErrorCode.TELEMETRY_TOO_LARGE)
        except Refused as refused:
            instance.last_error = refused.code
            raise
        instance.terminating = terminating
        if payload:
            _decompressed(compression, payload)
            self._keep(instance, compression, payload, call.now)

    def _check_push(self, instance: Instance, terminating: bool, now: Now) -> None:
        if instance.terminating:
            raise Refused(ErrorCode.INVALID_REQUEST)
        # The first push after a subscription may come early: clients spread their pushes over the interval.
        early = (
            instance.last_get_ms <= instance.last_push_ms
            and now.mono_ms - instance.last_push_ms < instance.interval_ms
        )
        if not early:
            instance.last_push_ms = now.mono_ms
        elif not terminating:
            raise Refused(ErrorCode.THROTTLING_QUOTA_EXCEEDED)

    def _keep(self, instance: Instance, compression: int, payload: bytes, now: Now) -> None:
        self.payload_bytes += len(payload) - len(instance.payload)
        instance.payload, instance.compression, instance.received_ms = payload, compression, now.wall_ms
        for other in list(self.instances.values()):
            if self.payload_bytes <= MAX_PAYLOAD_BYTES:
                break
            if other is not instance:
                self.payload_bytes -= len(other.payload)
                other.payload = b""

    def _instance(self, instance_id: bytes, session: Session) -> Instance:
        known = self.instances.pop(instance_id, None)
        if known is not None and known.version == self.version:
            self.instances[instance_id] = known
            return known
        instance = self._new_instance(instance_id, session)
        if known is not None:
            instance.payload, instance.compression = known.payload, known.compression
            instance.received_ms = known.received_ms
        self.instances[instance_id] = instance
        if len(self.instances) > MAX_INSTANCES:
            oldest = self.instances.pop(next(iter(self.instances)))
            self.payload_bytes -= len(oldest.payload)
        return instance

    def _new_instance(self, instance_id: bytes, session: Session) -> Instance:
        text = base64.urlsafe_b64encode(instance_id).decode().rstrip("=")
        facts = {
            "client_instance_id": text,
            "client_id": session.client_id or "",
            "client_software_name": session.software_name or "unknown",
            "client_software_version": session.software_version or "unknown",
            "client_source_address": session.host,
            "client_source_port": str(session.port),
        }
        metrics: dict[str, None] = {}
        interval_ms = DEFAULT_INTERVAL_MS
        for each in self._subscriptions:
            if all(pattern.matches(facts[name][:MAX_MATCHED_CHARACTERS]) for name, pattern in each.matches):
                metrics.update(dict.fromkeys(each.metrics))
                interval_ms = min(interval_ms, each.interval_ms)
        if ALL_METRICS in metrics:
            metrics = {ALL_METRICS: None}
        wanted = tuple(metrics)
        software = f"{session.software_name} {session.software_version}".strip()
        return Instance(
            id=instance_id,
            version=self.version,
            metrics=wanted,
            interval_ms=interval_ms,
            subscription_id=_subscription_id(wanted, interval_ms, instance_id),
            client_id=session.client_id or "",
            software=software,
        )


def points_of(instance: Instance) -> Iterator[Point]:
    """The numbers that an instance pushed last; none for bytes that are not metrics."""
    try:
        yield from read_metrics(_decompressed(instance.compression, instance.payload), MAX_POINTS)
    except Malformed:
        return


def _decompressed(compression: int, payload: bytes) -> bytes | bytearray:
    try:
        return decompress(compression, payload, MAX_DECOMPRESSED_BYTES)
    except Refused as refused:
        raise Refused(ErrorCode.INVALID_RECORD, refused.message) from refused


def _subscriptions(resources: Iterable[Mapping[str, str]]) -> Iterator[Subscription]:
    """The subscriptions of client-metrics resources; one that an older release took with a pattern we refuse is for nobody."""
    for configs in resources:
        words = [word.partition("=") for word in split_list(configs.get("match", ""))]
        try:
            matches = tuple((name, Regex(pattern)) for name, _, pattern in words)
        except InvalidRegex:
            continue
        yield Subscription(
            metrics=tuple(split_list(configs.get("metrics", ""))),
            interval_ms=int(configs.get("interval.ms", DEFAULT_INTERVAL_MS)),
            matches=matches,
        )


def _subscription_id(metrics: tuple[str, ...], interval_ms: int, instance_id: bytes) -> int:
    """A number that changes with what is wanted, and differs between instances: a CRC of the one with the other's hash."""
    checksum = crc32c(f"{sorted(metrics)}{interval_ms}".encode())
    high, low = (int.from_bytes(half, "big") for half in (instance_id[:8], instance_id[8:]))
    mixed = high ^ low
    number = checksum ^ (mixed >> 32) ^ (mixed & 0xFFFF_FFFF)
    return number - (1 << 32) if number >> 31 else number
