"""Describes configs as DescribeConfigs shows them: value, where it comes from, and what it would be without that.

The rule of the file: a config's sources are its synonyms in Kafka's order (set on the thing itself, on this broker, on
all brokers, at start, default); the first one is in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.config_table.broker_rows import ALL_BROKER_CONFIGS, BROKER_CONFIGS
from neuraxis.broker.config_table.documentation import DOCUMENTATION
from neuraxis.broker.config_table.topic_rows import (
    BROKER_SYNONYMS,
    CLIENT_METRICS_CONFIGS,
    GROUP_CONFIGS,
    GROUP_SYNONYMS,
    TOPIC_CONFIGS,
    TOPIC_SYNONYMS,
)
from neuraxis.broker.config_table.values import parse, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neuraxis.broker.config_table.rows import ConfigKey
    from neuraxis.broker.config_table.settings import BrokerSettings

DYNAMIC_TOPIC, DYNAMIC_BROKER, DYNAMIC_DEFAULT_BROKER, STATIC_BROKER, DEFAULT = 1, 2, 3, 4, 5
CLIENT_METRICS, GROUP = 7, 8


class Synonym(NamedTuple):
    """One place where a value comes from; `value` is None where it is hidden."""

    name: str
    value: str | None
    source: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One config as shown. `synonyms` begins with the one in force; none at all is a default without a broker config."""

    key: ConfigKey
    value: str | None
    source: int
    read_only: bool
    synonyms: tuple[Synonym, ...]

    @property
    def documentation(self) -> str:
        """What it does, in a few words; "" where we do not act on it."""
        return DOCUMENTATION.get(self.key.name, "")


class Layers(NamedTuple):
    """The broker configs by where they were set: on this node, on all nodes, at start."""

    node: Mapping[str, str]
    shared: Mapping[str, str]
    static: Mapping[str, str]


def broker_synonyms(name: str, layers: Layers) -> list[Synonym]:
    """Everything that gives a broker config its value, the first in force."""
    names = BROKER_SYNONYMS.get(name, (name,))
    found = []
    for source, values in zip((DYNAMIC_BROKER, DYNAMIC_DEFAULT_BROKER, STATIC_BROKER), layers, strict=True):
        found += [Synonym(each, values[each], source) for each in names if each in values]
    for each in names:
        default = ALL_BROKER_CONFIGS[each].default
        if default is not None:
            found.append(Synonym(each, default, DEFAULT))
    # Kafka drops what stands before the config's own name: a synonym alone (log.roll.hours for log.roll.ms) gives it none.
    while found and found[0].name != name:
        del found[0]
    return [synonym._replace(value=None) for synonym in found] if _key(name).sensitive else found


def describe_broker(layers: Layers) -> list[Entry]:
    """Every config of this broker that is not internal."""
    entries = []
    for key in BROKER_CONFIGS.values():
        if not key.internal:
            text = next((values[key.name] for values in layers if key.name in values), key.default)
            entries.append(_broker_entry(key, text, broker_synonyms(key.name, layers)))
    return entries


def describe_all_brokers(layers: Layers) -> list[Entry]:
    """The configs set on all brokers at run time, and nothing else."""
    entries = []
    for name, text in layers.shared.items():
        synonyms = [each for each in broker_synonyms(name, layers) if each.source == DYNAMIC_DEFAULT_BROKER]
        entries.append(_broker_entry(_key(name), text, synonyms))
    return entries


def _broker_entry(key: ConfigKey, text: str | None, synonyms: list[Synonym]) -> Entry:
    value = None if key.sensitive or text is None else show(key, text)
    source = synonyms[0].source if synonyms else DEFAULT
    return Entry(key, value, source, key.mode == "r", tuple(synonyms))


def _key(name: str) -> ConfigKey:
    return ALL_BROKER_CONFIGS[name]


def describe_topic(overrides: Mapping[str, str], settings: BrokerSettings, layers: Layers) -> list[Entry]:
    """Every config of a topic that is not internal, and internal ones that are set."""
    entries = []
    for key in TOPIC_CONFIGS.values():
        name = key.name
        if key.internal and name not in overrides:
            continue
        synonyms = broker_synonyms(TOPIC_SYNONYMS[name][0][0], layers) if name in TOPIC_SYNONYMS else []
        value = show(key, overrides.get(name, settings.topic_default(name)))
        if name in overrides:
            synonyms.insert(0, Synonym(name, value, DYNAMIC_TOPIC))
        source = synonyms[0].source if synonyms else DEFAULT
        entries.append(Entry(key, value, source, False, tuple(synonyms)))
    return entries


def describe_group(overrides: Mapping[str, str], settings: BrokerSettings, layers: Layers) -> list[Entry]:
    """Every config of a group that is not internal."""
    entries = []
    for key in GROUP_CONFIGS.values():
        if key.internal:
            continue
        broker_name = GROUP_SYNONYMS.get(key.name)
        text = key.default
        synonyms = [Synonym(key.name, key.default, DEFAULT)]
        if broker_name is not None:
            synonyms = broker_synonyms(broker_name, layers)
            text = settings.text(broker_name)
            if key.type != "list" and _key(broker_name).type == "list":
                words = parse(
                    _key(broker_name), text
                )  # streams.assignor.name: the first of the broker's assignors
                text = words[0] if isinstance(words, tuple) and words else None
        if key.name in overrides:
            text = overrides[key.name]
            synonyms.insert(0, Synonym(key.name, show(key, text), GROUP))
            if broker_name is None:
                del synonyms[1:]
        entries.append(
            Entry(key, show(key, text), synonyms[0].source if synonyms else DEFAULT, False, tuple(synonyms))
        )
    return entries


def describe_client_metrics(overrides: Mapping[str, str]) -> list[Entry]:
    """The configs of a client metrics subscription."""
    entries = []
    for key in CLIENT_METRICS_CONFIGS.values():
        if key.name in overrides:
            value = show(key, overrides[key.name])
            entries.append(
                Entry(key, value, CLIENT_METRICS, False, (Synonym(key.name, value, CLIENT_METRICS),))
            )
        else:
            entries.append(Entry(key, show(key, key.default), DEFAULT, False, ()))
    return entries
