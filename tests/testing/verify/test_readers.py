"""From a message to a record."""

from __future__ import annotations

from typing import Any

import pytest

from neuraxis.testing.history import Log, Record
from neuraxis.testing.verify.readers import record_of


class Message:
    def __init__(self, value: bytes | None) -> None:
        self._value = value

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 7

    def value(self) -> bytes | None:
        return self._value


def test_a_message_is_a_record_and_a_strange_one_is_refused() -> None:
    def read(value: bytes | None) -> Record:
        message: Any = Message(value)
        return record_of(message)

    assert read(b"12") == Record(Log("t", 3), 12, 7)
    for strange in (None, b"x"):
        with pytest.raises(ValueError, match=r"without|invalid literal"):
            read(strange)
