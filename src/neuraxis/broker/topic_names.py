"""The rules for topic names: Kafka's alphabet and length, and the names that differ only in '.' and '_'."""

from __future__ import annotations

import re

MAX_NAME_LENGTH = 249
"""Kafka's limit: a partition directory must fit a file name with its suffixes."""

_NAME = re.compile(r"[a-zA-Z0-9._-]+")


def is_valid_name(name: str) -> bool:
    """Whether a topic may be called this."""
    return 0 < len(name) <= MAX_NAME_LENGTH and name not in (".", "..") and _NAME.fullmatch(name) is not None


def collision_key(name: str) -> str:
    """Names with the same key collide: metrics of Kafka write '.' as '_'."""
    return name.replace(".", "_")
