"""What one config is, and how the tables of this package are written down: one line a config.

A line is `name|type|default|allowed|mode|flags`, shortened from the right where empty. Default `~` is none (null), `!`
must be given. Allowed is `low..high`, words between commas (`~` before them: in any case), or `+` (not empty). Mode is
`r` (read-only), `b` (per broker) or `c` (also cluster-wide). Flag `i`: internal to Kafka, settable and not shown.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CODES = {
    "boolean": 1,
    "string": 2,
    "int": 3,
    "short": 4,
    "long": 5,
    "double": 6,
    "list": 7,
    "class": 8,
    "password": 9,
}
"""DescribeConfigs' code of each type."""


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """One config: `default` as text (None: null), `allowed` and `mode` as this module's docstring says."""

    name: str
    type: str
    default: str | None
    allowed: str = ""
    mode: str = "r"
    internal: bool = False
    required: bool = False

    @property
    def sensitive(self) -> bool:
        """Whether its value is never shown."""
        return self.type == "password"

    @property
    def type_code(self) -> int:
        """DescribeConfigs' code of the type."""
        return TYPE_CODES[self.type]


def parse_rows(text: str) -> dict[str, ConfigKey]:
    """The table in the text, by name, in the text's order."""
    table = {}
    for line in text.split("\n"):
        if line:
            name, kind, default, allowed, mode, flags = [*line.split("|"), "", "", ""][:6]
            table[name] = ConfigKey(
                name,
                kind,
                None if default in "~!" and default else default,
                allowed,
                mode or "r",
                "i" in flags,
                default == "!",
            )
    return table
