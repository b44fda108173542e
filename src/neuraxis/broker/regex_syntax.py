"""RE2's syntax of regular expressions as a tree. Rule: what RE2 refuses is refused; nothing here depends on a name to match.

A class of characters is a bit mask: a bit for each of ASCII, and one for everything beyond. What a pattern names beyond ASCII
matches nothing; `.` and negated classes match it.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

MAX_PATTERN = 1_000
"""Characters of a pattern: longer ones are lists of topics, and those have a field of their own."""

MAX_REPEAT = 1_000
"""The largest bound of {n,m}: RE2's own."""

MAX_DEPTH = 100
"""Nested groups: the parser recurses, and nobody reads deeper ones."""

ASCII = [chr(code) for code in range(128)]
BEYOND = 128
"""The bit of all characters beyond ASCII."""
ANY = (1 << BEYOND + 1) - 1
WORD = sum(1 << code for code, each in enumerate(ASCII) if each.isalnum() or each == "_")
DIGIT = sum(1 << code for code, each in enumerate(ASCII) if each.isdigit())
SPACE = sum(1 << ord(each) for each in "\t\n\f\r ")
NEWLINE = 1 << 10
PERL = {"d": DIGIT, "w": WORD, "s": SPACE}
POSIX = {
    "alnum": WORD & ~(1 << 95),
    "alpha": WORD & ~DIGIT & ~(1 << 95),
    "ascii": ANY & ~(1 << BEYOND),
    "blank": 1 << 9 | 1 << 32,
    "cntrl": (1 << 32) - 1 | 1 << 127,
    "digit": DIGIT,
    "graph": sum(1 << code for code in range(33, 127)),
    "lower": sum(1 << code for code in range(97, 123)),
    "print": sum(1 << code for code in range(32, 127)),
    "punct": sum(1 << c for c in range(33, 127) if not chr(c).isalnum()),
    "space": SPACE | 1 << 11,
    "upper": sum(1 << code for code in range(65, 91)),
    "word": WORD,
    "xdigit": sum(1 << ord(each) for each in "0123456789abcdefABCDEF"),
}
CONTROLS = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}

BEGIN, END, BEGIN_LINE, END_LINE, BOUNDARY, NO_BOUNDARY = range(6)


class InvalidRegex(ValueError):
    """The pattern is none; says why."""


class Node(NamedTuple):
    """A parsed pattern: kind and what belongs to it.

    "char" (mask), "assert" (which), "sequence" (nodes), "choice" (nodes), "repeat" (node, least, most or None).
    """

    kind: str
    mask: int = 0
    nodes: tuple[Node, ...] = ()
    least: int = 0
    most: int | None = None


EMPTY = Node("sequence")


class _Parser:
    """RE2's syntax by recursive descent; flags i, m, s, U are known (U says nothing about whole matches)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.flags: frozenset[str] = frozenset()

    def parse(self) -> Node:
        node = self.choice()
        if self.at < len(self.text):
            raise InvalidRegex("unexpected )")
        return node

    def peek(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def take(self, text: str) -> bool:
        if self.peek(text):
            self.at += len(text)
            return True
        return False

    def next(self, what: str) -> str:
        if self.at >= len(self.text):
            raise InvalidRegex(what)
        self.at += 1
        return self.text[self.at - 1]

    def choice(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise InvalidRegex(f"groups nested more than {MAX_DEPTH} deep")
        options = [self.sequence()]
        while self.take("|"):
            options.append(self.sequence())
        self.depth -= 1
        return options[0] if len(options) == 1 else Node("choice", nodes=tuple(options))

    def sequence(self) -> Node:
        nodes: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            node = self.atom()
            if node is not None:
                nodes.append(self.repeated(node))
        return nodes[0] if len(nodes) == 1 else Node("sequence", nodes=tuple(nodes))

    def repeated(self, node: Node) -> Node:
        quantified = False
        while (bounds := self.quantifier()) is not None:
            if quantified:
                raise InvalidRegex("invalid nested repetition operator")
            quantified = True
            self.take("?")
            node = Node("repeat", nodes=(node,), least=bounds[0], most=bounds[1])
        return node

    def quantifier(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.take(sign):
                return bounds
        if not self.peek("{"):
            return None
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at + 1 : max(end, 0)].partition(",")
        if (
            end < 0
            or not (low.isascii() and low.isdigit())
            or not (high == "" or (high.isascii() and high.isdigit()))
        ):
            return None  # a brace that begins no repeat stands for itself
        least = int(low)
        most = least if not comma else int(high) if high else None
        if max(least, most or 0) > MAX_REPEAT or (most is not None and most < least):
            raise InvalidRegex("invalid repeat count")
        self.at = end + 1
        return least, most

    def atom(self) -> Node | None:
        sign = self.next("")
        if sign == "(":
            return self.group()
        if sign == "[":
            return Node("char", self.char_class())
        if sign == ".":
            return Node("char", ANY if "s" in self.flags else ANY & ~NEWLINE)
        if sign == "^":
            return Node("assert", BEGIN_LINE if "m" in self.flags else BEGIN)
        if sign == "$":
            return Node("assert", END_LINE if "m" in self.flags else END)
        if sign in "*+?":
            raise InvalidRegex(f"missing argument to repetition operator: {sign}")
        if sign == "\\":
            return self.escape()
        return Node("char", self.fold(self.bit(sign)))

    def group(self) -> Node | None:
        before = self.flags
        if self.take("?P<") or self.take("?<"):
            name = self.text[self.at : self.text.find(">", self.at)]
            if not name.isidentifier() or not self.peek(name + ">"):
                raise InvalidRegex("invalid named capture")
            self.at += len(name) + 1
        elif self.take("?") and not self.set_flags():
            return None  # (?flags): they hold to the end of the enclosing group
        node = self.choice()
        if not self.take(")"):
            raise InvalidRegex("missing closing )")
        self.flags = before
        return node

    def set_flags(self) -> bool:
        """Flags after "(?"; whether a group follows."""
        on, flags = True, set(self.flags)
        while True:
            sign = self.next("missing closing )")
            if sign == "-" and on:
                on = False
            elif sign in "imsU":
                flags = flags | {sign} if on else flags - {sign}
            elif sign in ":)":
                self.flags = frozenset(flags)
                return sign == ":"
            else:
                raise InvalidRegex("invalid or unsupported group syntax")

    def escape(self) -> Node | None:
        sign = self.next("trailing backslash at end of expression")
        if sign in "AzbB":
            return Node("assert", {"A": BEGIN, "z": END, "b": BOUNDARY, "B": NO_BOUNDARY}[sign])
        if sign == "Q":
            # What is quoted is read again, each character escaped: a repeat after it means the last one alone.
            quoted, _, rest = self.text[self.at :].partition("\\E")
            escaped = "".join(each if each.isalnum() else "\\" + each for each in quoted)
            self.text, self.at = escaped + rest, 0
            return None
        return Node("char", self.escaped_class(sign))

    def escaped_class(self, sign: str) -> int:
        """The mask of what follows a backslash, in a class or outside."""
        if sign.lower() in PERL:
            mask = PERL[sign.lower()]
            return ANY & ~mask if sign.isupper() else mask
        if sign in "pP":
            return self.unicode_class(negated=sign == "P")
        return self.fold(self.bit(self.escaped_char(sign)))

    def escaped_char(self, sign: str) -> str:
        if sign in CONTROLS:
            return CONTROLS[sign]
        if sign == "x":
            if self.take("{"):
                end = self.text.find("}", self.at)
                digits = self.text[self.at : max(end, self.at)]
                self.at = end + 1
            else:
                digits = self.text[self.at : self.at + 2]
                self.at += 2
            try:
                return chr(int(digits, 16))
            except (ValueError, OverflowError):
                raise InvalidRegex("invalid escape sequence") from None
        if sign == "0" or (sign in "1234567" and self.text[self.at : self.at + 1] in tuple("01234567")):
            digits = sign
            while len(digits) < 3 and self.text[self.at : self.at + 1] in tuple("01234567"):
                digits += self.next("")
            return chr(int(digits, 8))
        if sign.isalnum():
            raise InvalidRegex("invalid escape sequence")  # a reference to a group, for one
        return sign

    def unicode_class(self, *, negated: bool) -> int:
        name = self.next("invalid character class range")
        if name == "{":
            end = self.text.find("}", self.at)
            name = self.text[self.at : max(end, self.at)]
            self.at = end + 1
            if name.startswith("^"):
                name, negated = name[1:], not negated
        if name == "Latin":
            mask = POSIX["alpha"]
        elif name in ("Any", "ASCII"):
            mask = ANY if name == "Any" else POSIX["ascii"]
        else:
            if name[:1] not in tuple("LMNPSZC") or len(name) > 2:
                raise InvalidRegex(f"invalid character class range: {name}")
            mask = sum(1 << c for c, each in enumerate(ASCII) if unicodedata.category(each).startswith(name))
        return ANY & ~mask if negated else mask

    def char_class(self) -> int:
        negated = self.take("^")
        mask, first = 0, True
        while first or not self.peek("]"):
            first = False
            if self.peek("[:"):
                end = self.text.find(":]", self.at)
                name = self.text[self.at + 2 : end] if end > 0 else ""
                if end > 0:
                    if name.removeprefix("^") not in POSIX:
                        raise InvalidRegex(f"invalid character class range: [:{name}:]")
                    posix = POSIX[name.removeprefix("^")]
                    mask |= ANY & ~posix if name.startswith("^") else posix
                    self.at = end + 2
                    continue
            mask |= self.class_item()
        self.at += 1
        return ANY & ~mask if negated else mask

    def class_item(self) -> int:
        low = self.next("missing closing ]")
        if low == "\\":
            sign = self.next("missing closing ]")
            if sign.lower() in PERL or sign in "pP":
                return self.escaped_class(sign)
            low = self.escaped_char(sign)
        if not self.peek("-") or self.peek("-]"):
            return self.fold(self.bit(low))
        self.at += 1
        high = self.next("missing closing ]")
        if high == "\\":
            high = self.escaped_char(self.next("missing closing ]"))
        if high < low:
            raise InvalidRegex(f"invalid character class range: {low}-{high}")
        return self.fold(sum(1 << code for code in range(ord(low), min(ord(high), 127) + 1)))

    def bit(self, sign: str) -> int:
        return 1 << ord(sign) if ord(sign) < 128 else 0

    def fold(self, mask: int) -> int:
        if "i" not in self.flags:
            return mask
        lower, upper = POSIX["lower"], POSIX["upper"]
        return mask | (mask & lower) >> 32 | (mask & upper) << 32


def parse(pattern: str) -> Node:
    """The tree of a pattern. Raises `InvalidRegex`."""
    if len(pattern) > MAX_PATTERN:
        raise InvalidRegex(f"longer than {MAX_PATTERN} characters")
    return _Parser(pattern).parse()
