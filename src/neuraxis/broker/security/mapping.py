"""Kafka's `ssl.principal.mapping.rules`: which user a certificate's subject is.

Rules stand between commas and the first that matches the whole name counts: `DEFAULT` takes the name as it is,
`RULE:pattern/replacement/` rewrites it, with `L` or `U` behind it in lower or upper case. Patterns are regular
expressions; `$1` in a replacement is the first group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_RULES = "DEFAULT"
_RULE = re.compile(r"(DEFAULT)|RULE:((?:\\.|[^\\/])*)/((?:\\.|[^\\/])*)/([LU]?)")
_GROUP = re.compile(r"\\(.)|\$(\d)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MappingRule:
    """One rule; `pattern` None is `DEFAULT`."""

    pattern: re.Pattern[str] | None
    replacement: str = ""
    case: str = ""

    def apply(self, name: str) -> str | None:
        """The user, or None when the rule does not match the whole name."""
        if self.pattern is None:
            return name
        if self.pattern.fullmatch(name) is None:
            return None
        user = self.pattern.sub(self._expand, name)
        return user.lower() if self.case == "L" else user.upper() if self.case == "U" else user

    def _expand(self, match: re.Match[str]) -> str:
        def part(found: re.Match[str]) -> str:
            literal, group = found.groups()
            if literal is not None:
                return str(literal)
            number = int(group)
            return (match.group(number) or "") if number <= match.re.groups else f"${number}"

        return _GROUP.sub(part, self.replacement)


def parse_rules(text: str) -> tuple[MappingRule, ...]:
    """The rules of a config value. Raises ValueError that names the place."""
    rules, position = [], 0
    text = text.strip()
    while position < len(text):
        found = _RULE.match(text, position)
        if found is None:
            raise ValueError(
                f"ssl.principal.mapping.rules: {text[position:]!r} is no rule; "
                "write DEFAULT or RULE:pattern/replacement/ with L or U behind it, commas between"
            )
        default, pattern, replacement, case = found.groups()
        try:
            rules.append(
                MappingRule(None) if default else MappingRule(re.compile(pattern), replacement, case)
            )
        except re.error as error:
            raise ValueError(f"ssl.principal.mapping.rules: {pattern!r} is no pattern: {error}") from error
        position = found.end()
        while position < len(text) and text[position] in ", \t\n":
            position += 1
    return tuple(rules) or (MappingRule(None),)


def map_name(name: str, rules: tuple[MappingRule, ...]) -> str | None:
    """The user of a certificate's subject, or None when no rule matches: then nobody is let in."""
    for rule in rules:
        user = rule.apply(name)
        if user is not None:
            return user
    return None
