"""What a run knows of one broker: names that belong to the case at hand, and ids learned from answers.

The rule of the file: a script never holds an id. It asks the world, which knows what this broker gave for a symbol.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Hashable

UNKNOWN_ID = bytes(range(16))
"""A topic id that no broker gave."""

CLIENT_ID = "differential"

_OF_A_CASE = re.compile(r"-[0-9a-f]{8}(?![0-9a-f-])")


class World:
    """Ids by symbol and symbols by id; `case` is the name of the case being played."""

    def __init__(self) -> None:
        self.case = ""
        self._ids: dict[str, bytes] = {}
        self._learned: dict[str, Hashable] = {}
        self._symbols: dict[Hashable, str] = {}

    @property
    def suffix(self) -> str:
        """Eight hex digits that mark the names of the case at hand."""
        return f"{zlib.crc32(self.case.encode()):08x}"

    def begin(self, case: str) -> None:
        """Turn to a case: what an earlier one learned is of no use to it."""
        self.case = case
        for value in self._learned.values():
            self._symbols.pop(value, None)
        self._learned.clear()

    def name(self, stem: str) -> str:
        """A name that belongs to this case alone, so that cases do not meet."""
        return f"{stem}-{self.suffix}"

    def is_foreign(self, name: str) -> bool:
        """Whether the name belongs to another case."""
        return any(found != f"-{self.suffix}" for found in _OF_A_CASE.findall(name))

    def topic_id(self, name: str) -> bytes:
        """The id that this broker gave to a topic; an unknown id before it was learned."""
        return self._ids.get(name, UNKNOWN_ID[::-1])

    def learn_topic(self, name: str, topic_id: bytes) -> None:
        """Keep the id of a topic for the whole run."""
        self._ids[name] = topic_id
        self._symbols[topic_id] = f"<id of {name}>"

    def learn(self, symbol: str, value: Hashable) -> None:
        """Keep a value (member id, producer id, session id) until the next case."""
        self._learned[symbol] = value
        self._symbols[value] = f"<{symbol}>"

    def text(self, symbol: str) -> str:
        """A learned string; before it was learned, the symbol itself."""
        return str(self._learned.get(symbol, f"<{symbol}>"))

    def number(self, symbol: str) -> int:
        """A learned number; before it was learned, one that no broker gives."""
        value = self._learned.get(symbol, 4_242_424_242)
        return value if isinstance(value, int) else 4_242_424_242

    def raw(self, symbol: str) -> bytes:
        """Learned bytes; before they were learned, an id that no broker gave."""
        value = self._learned.get(symbol, UNKNOWN_ID[::-1])
        return bytes(value) if isinstance(value, bytes | memoryview) else UNKNOWN_ID[::-1]

    def symbol(self, value: Hashable) -> str | None:
        """The symbol behind a learned value."""
        return self._symbols.get(value)
