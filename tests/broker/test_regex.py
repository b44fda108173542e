from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.broker import regex as module
from neuraxis.broker.regex import Regex
from neuraxis.broker.regex_syntax import InvalidRegex

atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\W", "^", "$", r"\b", r"\B", "(?:)"])
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{1,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)
names = st.text(alphabet="ab1.-_", min_size=1, max_size=6)  # Python: \B does not match nothing


@given(pattern=patterns, name=names)
def test_a_name_matches_as_in_python(pattern: str, name: str) -> None:
    # Python's $ also matches before a newline at the end: names have none.
    assert Regex(pattern).matches(name) == bool(re.fullmatch(pattern, name)), (pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("", "", True),
        ("orders", "orders-2", False),
        ("orders.*", "orders-2", True),
        ("(?i)ORDERS", "orders", True),
        ("a(?i)b(?-i)c", "aBc", True),
        ("a(?i)b(?-i)c", "aBC", False),
        ("(?:(?i)a)b", "AB", False),
        (r"\Qa.b\E+", "a.bbb", True),
        (r"\Qa.b", "a.b", True),
        (r"\Qa.b\E", "axb", False),
        ("[[:alpha:]]+[[:^alpha:]]", "abc1", True),
        (r"\pL\p{Nd}\P{L}\p{^L}", "a1__", True),
        (r"[\d\-x]+", "12-x", True),
        ("[]a]+", "]a", True),
        ("[a-]+", "-a", True),
        ("a{,2}", "a{,2}", True),
        (r"\x61\x{62}\143", "abc", True),
        ("(?P<name>a)(?<other>b)", "ab", True),
        ("(?s).", "\n", True),
        (".", "\n", False),
        ("(?m)a$\n^b", "a\nb", True),
        (r"\Aa\z", "a", True),
        ("ä", "a", False),
        (".+", "größe", True),
        ("gr[^a]{2}e", "größe", True),
        (r"gr\W\We", "größe", True),
        ("[[:ascii:]]+", "größe", False),
        (r"\p{ASCII}+", "größe", False),
        (r"gr\B.\bx", "gröx", False),
        ("a|b|", "", True),
    ],
)
def test_the_syntax_is_re2s(pattern: str, name: str, matches: bool) -> None:
    assert Regex(pattern).matches(name) is matches


@pytest.mark.parametrize(
    "pattern",
    ["(a", "a)", "t[2", r"(a)\1", "a{1001}", "a{2,1}", "*a", "a|*", "a\\", "(?=a)", "(?<!a)", "a**", "a++"]
    + ["[z-a]", r"\pX", r"\p{Klingon}", "[[:nope:]]", r"\x{110000000}", r"\y", "(?P<1>a)", "(?", "(?i", "["]
    + ["(" * 200 + ")" * 200, "a" * 2_000, "((a{1000}){1000}){1000}", "(((){1000}){1000}){1000}"],
)
def test_what_re2_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidRegex):
        Regex(pattern)


def test_a_pattern_that_stops_backtracking_engines_costs_nothing() -> None:
    regex = Regex("(a*)*" * 30 + "b")
    assert not regex.matches("a" * 249)
    assert regex.matches("a" * 248 + "b")
    assert len(regex._known) < 10, "states are remembered, not explored anew"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KNOWN", 4)
    monkeypatch.setattr(module, "MAX_NAMES", 4)
    regex = Regex("[ab]*a[ab]{3}")
    words = [f"{number:08b}".replace("0", "a").replace("1", "b") for number in range(64)]
    assert [word for word in words if word[-4] == "a"] == regex.matching(words)
    assert regex.matching(words) == regex.matching(iter(words))
    assert len(regex._known) <= 4
