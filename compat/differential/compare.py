"""Answers reduced to what must be equal on both brokers, and the differences between two reduced answers.

The rule of the file: what is dropped or replaced here is all that may differ without being looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from compat.differential.world import UNKNOWN_ID, World
from neuraxis.wire import batch, records
from neuraxis.wire.errors import Refused
from neuraxis.wire.messages.describe_quorum import DescribeQuorumRequest
from neuraxis.wire.messages.describe_topic_partitions import DescribeTopicPartitionsRequest
from neuraxis.wire.schema import ZERO_UUID, Message, fields_of

QUORUM = {
    "leader_epoch",
    "high_watermark",
    "log_end_offset",
    "last_fetch_timestamp",
    "last_caught_up_timestamp",
}
"""What DescribeQuorum tells of a log that only Kafka keeps."""

DROPPED = {
    "throttle_time_ms",  # quotas are off on both
    "host",
    "port",
    "rack",
    "cluster_id",
    "log_dir",
    "total_bytes",
    "usable_bytes",
    "finalized_features_epoch",  # how often the controller wrote
    "documentation",
}
MESSAGES = {"error_message", "batch_index_error_message"}
TIMES = {"log_append_time_ms", "transaction_start_time_ms", "last_timestamp"}
SESSIONS = {"session_id"}
SUBSCRIPTIONS = {"subscription_id"}
"""Numbers that change with the instance that asks."""
NAMES = (
    "name",
    "topic",
    "topic_name",
    "group_id",
    "group",
    "resource_name",
    "key",
    "transactional_id",
    "user",
)
"""Fields that say what a list item is about; items about other cases are dropped."""

OWN_TOPICS = {"__transaction_state", "__share_group_state"}
"""Topics that a broker makes for itself when it first needs them, which need not be at the same time."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9_-]{22}(?![\w-])")


def reduce_answer(answer: Message | str, request: tuple[type[Message], int], world: World) -> Any:
    """An answer as plain data; text when there was none."""
    if isinstance(answer, str):
        return answer
    kind, version = request
    return _Reducer(world, kind, version).message(answer)


class _Reducer:
    def __init__(self, world: World, kind: type[Message], version: int) -> None:
        self._world = world
        self._version = version
        self._in_order = kind is DescribeTopicPartitionsRequest
        self._dropped = DROPPED | QUORUM if kind is DescribeQuorumRequest else DROPPED

    def message(self, message: Message) -> dict[str, Any]:
        reduced = {
            name: self._value(name, getattr(message, name))
            for name, field in fields_of(type(message))
            if name not in self._dropped and (field.present(self._version) or field.tag is not None)
        }
        if "topic_config_error_code" in reduced and reduced.get("configs"):
            # A created topic shows all its configs (another test holds those equal): kept are those set on it.
            reduced["configs"] = [item for item in reduced["configs"] if item["config_source"] == 1]
        return reduced

    def _value(self, name: str, value: object) -> Any:
        if isinstance(value, Message):
            return self.message(value)
        if isinstance(value, list):
            items = _merged([self._value(name, item) for item in value if not self._foreign(item)])
            if self._in_order:
                return items
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
        if name in MESSAGES:
            return value and "..."
        if name in TIMES:
            return value if value == -1 else "time"
        if name in SESSIONS:
            return value and "session"
        if name in SUBSCRIPTIONS:
            return value and "subscription"
        if isinstance(value, bytes | bytearray | memoryview):
            return self._bytes(name, bytes(value))
        if isinstance(value, str):
            return self._text(value)
        if name == "producer_id" and isinstance(value, int) and value >= 0:
            return self._world.symbol(value) or "some id"
        return value

    def _foreign(self, item: object) -> bool:
        """Whether a list item tells of something that another case made."""
        if isinstance(item, str):
            return self._world.is_foreign(item)
        if any(getattr(item, name, None) in OWN_TOPICS for name in NAMES):
            return True
        if any(self._world.is_foreign(part.entity_name or "") for part in getattr(item, "entity", ())):
            return True
        return any(
            isinstance(getattr(item, name, None), str) and self._world.is_foreign(getattr(item, name))
            for name in NAMES
        )

    def _bytes(self, name: str, value: bytes) -> Any:
        symbol = self._world.symbol(value)
        if symbol:
            return symbol
        if name == "records":
            return batches(value)
        if len(value) == 16 and name.endswith("_id"):
            return "zero" if value == ZERO_UUID else "unknown" if value == UNKNOWN_ID else "some id"
        return value.hex()

    def _text(self, value: str) -> str:
        return self._world.symbol(value) or _UUID.sub("<uuid>", value)


def _merged(items: list[Any]) -> list[Any]:
    """Entries of one topic as one: Kafka lets a topic come back in several, as its partitions finish."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        if not isinstance(item, dict) or "partitions" not in item:
            return items
        rest = json.dumps({name: part for name, part in item.items() if name != "partitions"}, sort_keys=True)
        if rest in found:
            merged = found[rest]["partitions"] + item["partitions"]
            found[rest] = {
                **item,
                "partitions": sorted(merged, key=lambda one: json.dumps(one, sort_keys=True)),
            }
        else:
            found[rest] = item
    return list(found.values())


def batches(value: bytes) -> list[Any]:
    """Fetched batches: offsets, epoch, attributes, and keys and values of their records."""
    found: list[Any] = []
    position = 0
    while position + batch.HEADER_SIZE <= len(value):
        header = batch.read_header(value, position)
        view = memoryview(value)[position : position + header.size]
        position += header.size
        if position > len(value):
            break  # Kafka fills up with the beginning of a batch, which clients drop
        try:
            contents = [[_plain(one.key), _plain(one.value)] for one in records.iter_records(view)]
        except Refused as refused:
            contents = [[str(refused), ""]]
        found.append(
            [
                header.base_offset,
                header.last_offset,
                header.partition_leader_epoch,
                header.attributes,
                contents,
            ]
        )
    return found


def _plain(value: bytes | memoryview | None) -> str | None:
    return None if value is None else bytes(value).decode(errors="replace")


def differences(kafka: Any, ours: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, Kafka's value and ours, wherever two reduced answers differ."""
    if isinstance(kafka, dict) and isinstance(ours, dict):
        for name in kafka.keys() | ours.keys():
            yield from differences(kafka.get(name), ours.get(name), f"{path}.{name}" if path else name)
    elif isinstance(kafka, list) and isinstance(ours, list):
        yield from _list_differences(kafka, ours, path)
    elif kafka != ours:
        yield path, _short(kafka), _short(ours)


def _list_differences(kafka: list[Any], ours: list[Any], path: str) -> Iterator[tuple[str, str, str]]:
    """What is in both is set aside; of as many left on each side, item by item; else what only one side has."""
    left_over, missing = list(ours), []
    for item in kafka:
        if item in left_over:
            left_over.remove(item)
        else:
            missing.append(item)
    if len(missing) == len(left_over):
        for left, right in zip(missing, left_over, strict=True):
            yield from differences(left, right, f"{path}[{_about(left)}]")
        return
    for item in missing:
        yield f"{path}[]", _short(item), "absent"
    for item in left_over:
        yield f"{path}[]", "absent", _short(item)


def _about(item: Any) -> str:
    """What identifies a list item, for a path."""
    if isinstance(item, dict):
        for name in (*NAMES, "partition_index", "partition", "index"):
            if name in item and item[name] is not None:
                return str(item[name])
    return ""


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= 300 else text[:300] + "..."
