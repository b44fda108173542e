"""Checks a config's text and makes it a value. Rule: a refusal names the config, the value and what is allowed."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from neuraxis.broker.config_table.broker_rows import ALL_BROKER_CONFIGS
from neuraxis.broker.config_table.topic_rows import TOPIC_CONFIGS, TOPIC_SYNONYMS
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from neuraxis.broker.config_table.rows import ConfigKey

Value = bool | int | float | str | tuple[str, ...] | None

_WHOLE = re.compile(r"[+-]?[0-9]+\Z")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_BOUNDS = {"short": 1 << 15, "int": 1 << 31, "long": 1 << 63}
_PATTERNS = {
    "leader.replication.throttled.replicas": (
        r"\*|[0-9]+:[0-9]+",
        "pairs partition:broker between commas, or *",
    ),
    "follower.replication.throttled.replicas": (
        r"\*|[0-9]+:[0-9]+",
        "pairs partition:broker between commas, or *",
    ),
    "share.auto.offset.reset": (
        r"earliest|latest|by_duration:P(?!\Z)([0-9]+D)?(T(?!\Z)([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?",
        "earliest, latest or by_duration: and an ISO 8601 duration (by_duration:PT1H30M)",
    ),
}
"""Configs whose words follow a rule of their own: the rule, and how it is said."""
_WORDS = {"short": "a whole number", "int": "a whole number", "long": "a whole number", "double": "a number"}


def parse(key: ConfigKey, text: str | None) -> Value:
    """The value of the text; raises `Refused` (40) when the config cannot have it."""
    if text is None:
        if key.default is None and not key.required:
            return None
        raise _refusal(key, text)
    text = text.strip()
    kind = key.type
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise _refusal(key, text)
        return text.lower() == "true"
    if kind in _BOUNDS:
        number = int(text) if _WHOLE.match(text) and len(text) < 32 else None
        if number is None or not -_BOUNDS[kind] <= number < _BOUNDS[kind] or not _in_range(key, number):
            raise _refusal(key, text)
        return number
    if kind == "double":
        real = float(text) if _REAL.match(text) else None
        if real is None or not _in_range(key, real):
            raise _refusal(key, text)
        return real
    if kind == "list":
        return _parse_list(key, text)
    if not _word_allowed(key, text):
        raise _refusal(key, text)
    return text


def _parse_list(key: ConfigKey, text: str) -> tuple[str, ...]:
    words = split_list(text)
    if any(not word or not _word_allowed(key, word) for word in words):
        raise _refusal(key, text)
    return tuple(dict.fromkeys(words))


def split_list(text: str) -> list[str]:
    """The words between the commas of a list config, without the blanks around them; none for an empty text."""
    return [word.strip() for word in text.split(",")] if text.strip() else []


def show(key: ConfigKey, text: str | None) -> str | None:
    """The text in the form in which Kafka shows the value: lists without repetition, numbers without a plus."""
    value = parse(key, text)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).upper().replace("E+", "E") if isinstance(value, float) else str(value).lower()


def _in_range(key: ConfigKey, number: float) -> bool:
    for choice in key.allowed.split(","):
        low, dots, high = choice.partition("..")
        if not dots:
            if not low or number == float(low):
                return True
        elif (not low or number >= float(low)) and (not high or number <= float(high)):
            return True
    return False


def _word_allowed(key: ConfigKey, word: str) -> bool:
    if key.name in _PATTERNS:
        return re.fullmatch(_PATTERNS[key.name][0], word) is not None
    if not key.allowed:
        return True
    if key.allowed == "+":
        return bool(word)
    if key.allowed.startswith("~"):
        return word.upper() in key.allowed[1:].upper().split(",")
    return word in key.allowed.split(",")


def describe_allowed(key: ConfigKey) -> str:
    """What the config takes, in words: `a whole number, at least -1`."""
    allowed = key.allowed
    if key.name in _PATTERNS:
        return _PATTERNS[key.name][1]
    if key.type == "boolean":
        return "true or false"
    if key.type in _WORDS:
        return f"{_WORDS[key.type]}{_describe_range(key)}"
    if allowed == "+":
        return "a text that is not empty"
    words = ", ".join(allowed.removeprefix("~").split(","))
    if key.type == "list":
        return f"a list, between commas, of {words}" if words else "a list between commas"
    return f"one of {words}" if words else "a text"


def _describe_range(key: ConfigKey) -> str:
    if not key.allowed:
        bound = _BOUNDS.get(key.type)
        return "" if bound is None or key.type == "long" else f" from {-bound} to {bound - 1}"
    choices = []
    for choice in key.allowed.split(","):
        low, dots, high = choice.partition("..")
        choices.append(low if not dots else f"from {low} to {high}" if high else f"at least {low}")
    return ", " + " or ".join(choices)


def _refusal(key: ConfigKey, text: str | None) -> Refused:
    shown = "a hidden value" if key.sensitive and text is not None else "null" if text is None else repr(text)
    return Refused(
        ErrorCode.INVALID_CONFIG, f"{key.name} cannot be {shown}: it takes {describe_allowed(key)}."
    )


def unknown_config(kind: str, name: str, known: Iterable[str]) -> Refused:
    """The refusal of a name that is not in the table; suggests the nearest one that is."""
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"the names are Apache Kafka's {kind} configs."
    return Refused(ErrorCode.INVALID_CONFIG, f"There is no {kind} config {name!r}: {hint}")


def _check(kind: str, table: Mapping[str, ConfigKey], configs: Mapping[str, str | None]) -> dict[str, Value]:
    values = {}
    for name, text in configs.items():
        key = table.get(name)
        if key is None:
            raise unknown_config(kind, name, table)
        values[name] = parse(key, text)
    return values


def as_topic_default(topic_config: str, text: str, factor: int) -> str:
    """What a broker config's text gives the topic config: hours and minutes count in ms, a retention below 0 is no limit."""
    if topic_config == "retention.ms":
        return str(max(-1, int(text) * factor))
    return text if factor == 1 else str(int(text) * factor)


def check_broker_config(name: str, value: str) -> None:
    """Refuse (40) a broker config that Kafka does not know or would not take, or that no topic could have as its default."""
    _check("broker", ALL_BROKER_CONFIGS, {name: value})
    if name == "max.connections.per.ip.overrides":
        limits_by_address(value)
    for topic_config, synonyms in TOPIC_SYNONYMS.items():
        for synonym, factor in synonyms:
            if synonym == name:
                try:
                    parse(TOPIC_CONFIGS[topic_config], as_topic_default(topic_config, value, factor))
                except Refused as refused:
                    raise Refused(
                        refused.code,
                        f"{name} cannot be {value!r}, for it is the default of a topic config: {refused.message}",
                    ) from refused


def limits_by_address(text: str) -> dict[str, int]:
    """`max.connections.per.ip.overrides` (`10.0.0.7:5,::1:2`) by address. Refuses (40) what is no such list."""
    found = {}
    for one in split_list(text):
        address, _, number = one.rpartition(":")
        if not address or not number.isdecimal():
            raise Refused(
                ErrorCode.INVALID_CONFIG,
                f"max.connections.per.ip.overrides cannot hold {one!r}: write address:number, as in 10.0.0.7:5.",
            )
        found[address.strip("[]")] = int(number)
    return found


def check_topic_configs(configs: Mapping[str, str | None]) -> None:
    """Refuse (40) topic configs that Kafka does not know or would not take, alone or together."""
    values = _check("topic", TOPIC_CONFIGS, configs)
    for name, text in configs.items():
        if text is None:
            raise Refused(
                ErrorCode.INVALID_CONFIG, f"{name} cannot be null; leave it out to get the default."
            )
    if values.get("remote.storage.enable"):
        raise Refused(
            ErrorCode.INVALID_CONFIG,
            "remote.storage.enable cannot be true: this broker has no tiered storage.",
        )
    least, most = values.get("min.compaction.lag.ms", 0), values.get("max.compaction.lag.ms", (1 << 63) - 1)
    assert isinstance(least, int)
    assert isinstance(most, int)
    if least > most:
        raise Refused(
            ErrorCode.INVALID_CONFIG,
            f"min.compaction.lag.ms ({least}) cannot be above max.compaction.lag.ms ({most}).",
        )
