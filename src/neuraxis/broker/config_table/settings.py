"""The configs in force: what was set at start and at run time over Kafka's defaults, as typed values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neuraxis.broker.config_table.broker_rows import ALL_BROKER_CONFIGS
from neuraxis.broker.config_table.topic_rows import TOPIC_CONFIGS, TOPIC_SYNONYMS
from neuraxis.broker.config_table.values import Value, as_topic_default, parse
from neuraxis.broker.log.settings import LogSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """A topic's effective configs, those the broker acts on, as values; `log` is what the log package acts on.

    `min_insync_replicas` is the wish: one replica is all there is, so without the strict switch it counts as 1.
    """

    cleanup_policy: frozenset[str]
    compression_type: str
    compression_gzip_level: int
    compression_lz4_level: int
    compression_zstd_level: int
    max_message_bytes: int
    max_decompressed_message_bytes: int
    message_timestamp_type: str
    message_timestamp_before_max_ms: int
    message_timestamp_after_max_ms: int
    min_insync_replicas: int
    log: LogSettings
    stores_as_sent: bool = field(init=False)
    """Whether a batch goes into the log as the client made it: nothing recompressed or stamped, no key required."""

    def __post_init__(self) -> None:
        as_sent = not (self.compacted or self.log_append_time) and self.compression_type == "producer"
        object.__setattr__(self, "stores_as_sent", as_sent)

    @property
    def compacted(self) -> bool:
        """Whether records need keys, because the newest of each key is kept."""
        return "compact" in self.cleanup_policy

    @property
    def log_append_time(self) -> bool:
        """Whether records show the broker's clock."""
        return self.message_timestamp_type == "LogAppendTime"


class BrokerSettings:
    """The broker configs in force: `dynamic` (set at run time) over `static` (set at start) over Kafka's defaults.

    Both mappings hold texts that were checked when they were set.
    """

    def __init__(self, static: Mapping[str, str], dynamic: Mapping[str, str]) -> None:
        self.static = static
        self.dynamic = dynamic
        self._values: dict[str, Value] = {}
        self._topic_defaults: dict[str, str | None] = {}

    def text(self, name: str) -> str | None:
        """The config's text in force; None where there is none. KeyError for a name that is not in the table."""
        key = ALL_BROKER_CONFIGS[name]
        if name in self.dynamic:
            return self.dynamic[name]
        return self.static.get(name, key.default)

    def value(self, name: str) -> Value:
        """The config's value in force; a config that is null takes its synonym's (`log.roll.ms`: not the hours')."""
        if name not in self._values:
            self._values[name] = parse(ALL_BROKER_CONFIGS[name], self.text(name))
        return self._values[name]

    def integer(self, name: str) -> int:
        """A whole number in force."""
        value = self.value(name)
        assert isinstance(value, int), f"{name} is {value!r}, not a whole number"
        return value

    def double(self, name: str) -> float:
        """A number in force."""
        value = self.value(name)
        assert isinstance(value, int | float), f"{name} is {value!r}, not a number"
        return float(value)

    def boolean(self, name: str) -> bool:
        """A switch in force."""
        value = self.value(name)
        assert isinstance(value, bool), f"{name} is {value!r}, not a switch"
        return value

    def string(self, name: str) -> str:
        """A text in force; "" where there is none."""
        value = self.value(name)
        assert value is None or isinstance(value, str), f"{name} is {value!r}, not a text"
        return value or ""

    def words(self, name: str) -> tuple[str, ...]:
        """A list in force; () where there is none."""
        value = self.value(name)
        assert value is None or isinstance(value, tuple), f"{name} is {value!r}, not a list"
        return value or ()

    @property
    def syncs_by_default(self) -> bool:
        """Whether topics that say nothing else have the durability policy `sync`."""
        return self.integer("log.flush.interval.messages") == 1

    def topic_default(self, name: str) -> str | None:
        """The text a topic config has where the topic says nothing: that of the first broker synonym, or Kafka's."""
        if name not in self._topic_defaults:
            self._topic_defaults[name] = self._find_topic_default(name)
        return self._topic_defaults[name]

    def _find_topic_default(self, name: str) -> str | None:
        for synonym, factor in TOPIC_SYNONYMS.get(name, ()):
            text = self.text(synonym)
            if text is not None:
                return as_topic_default(name, text, factor)
        return TOPIC_CONFIGS[name].default

    def topic_config(self, overrides: Mapping[str, str]) -> TopicConfig:
        """The effective configs of a topic that has these overrides."""

        def value(name: str) -> Value:
            return parse(TOPIC_CONFIGS[name], overrides.get(name, self.topic_default(name)))

        def integer(name: str) -> int:
            found = value(name)
            assert isinstance(found, int)
            return found

        def string(name: str) -> str:
            found = value(name)
            assert isinstance(found, str)
            return found

        def ratio(name: str) -> float:
            found = value(name)
            assert isinstance(found, float)
            return found

        policy = value("cleanup.policy")
        assert isinstance(policy, tuple)
        segment_ms = integer("segment.ms")
        if "compact" in policy:  # only a closed segment can be compacted in time
            segment_ms = min(segment_ms, integer("max.compaction.lag.ms"))
        return TopicConfig(
            cleanup_policy=frozenset(policy),
            compression_type=string("compression.type"),
            compression_gzip_level=integer("compression.gzip.level"),
            compression_lz4_level=integer("compression.lz4.level"),
            compression_zstd_level=integer("compression.zstd.level"),
            max_message_bytes=integer("max.message.bytes"),
            max_decompressed_message_bytes=integer("max.decompressed.message.bytes"),
            message_timestamp_type=string("message.timestamp.type"),
            message_timestamp_before_max_ms=integer("message.timestamp.before.max.ms"),
            message_timestamp_after_max_ms=integer("message.timestamp.after.max.ms"),
            min_insync_replicas=integer("min.insync.replicas"),
            log=LogSettings(
                segment_bytes=integer("segment.bytes"),
                segment_ms=segment_ms,
                segment_index_bytes=integer("segment.index.bytes"),
                index_interval_bytes=integer("index.interval.bytes"),
                retention_ms=integer("retention.ms"),
                retention_bytes=integer("retention.bytes"),
                flush_messages=integer("flush.messages"),
                flush_ms=integer("flush.ms"),
                file_delete_delay_ms=integer("file.delete.delay.ms"),
                delete="delete" in policy,
                compact="compact" in policy and self.boolean("log.cleaner.enable"),
                min_cleanable_dirty_ratio=ratio("min.cleanable.dirty.ratio"),
                min_compaction_lag_ms=integer("min.compaction.lag.ms"),
                max_compaction_lag_ms=integer("max.compaction.lag.ms"),
                delete_retention_ms=integer("delete.retention.ms"),
            ),
        )
