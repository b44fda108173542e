"""Kafka's one-line login settings (`sasl.jaas.config`): a module's class, a flag and options, ended by a semicolon."""

from __future__ import annotations

import re

_OPTION = re.compile(r"""\s*([^\s=;"']+)\s*=\s*("((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^\s;"']+))\s*""")
_HEAD = re.compile(r"\s*([\w.$]+)\s+(required|requisite|sufficient|optional)\b", re.IGNORECASE)
USER = "user_"


def parse(text: str) -> dict[str, str]:
    """The options of the (one) module. Raises ValueError, without the text: it holds secrets."""
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(
            "it begins with no login module and flag (for example `...PlainLoginModule required`)"
        )
    options, position = {}, head.end()
    while position < len(text) and text[position:].strip()[:1] != ";":
        found = _OPTION.match(text, position)
        if found is None:
            raise ValueError(f'from character {position} on it is no option (name="value") and no semicolon')
        name, _, double, single, bare = found.groups()
        value = double if double is not None else single if single is not None else bare
        options[name] = re.sub(r"\\(.)", r"\1", value)
        position = found.end()
    if position >= len(text):
        raise ValueError("it does not end with a semicolon")
    return options


def given_users(text: str) -> dict[str, str]:
    """Users and passwords written as `user_NAME="password"`: how Kafka keeps those of PLAIN."""
    return {name.removeprefix(USER): value for name, value in parse(text).items() if name.startswith(USER)}
