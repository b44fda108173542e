from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.broker.regex_syntax import EMPTY, InvalidRegex, Node, parse


def test_a_pattern_is_a_tree() -> None:
    a, b = Node("char", 1 << 97), Node("char", 1 << 98)
    assert parse("a|b") == Node("choice", nodes=(a, b))
    assert parse("ab") == Node("sequence", nodes=(a, b))
    assert parse("a{2,}") == Node("repeat", nodes=(a,), least=2)
    assert parse("()") == EMPTY


def test_an_error_says_what_is_wrong() -> None:
    with pytest.raises(InvalidRegex, match=r"missing closing \)"):
        parse("(a")
    with pytest.raises(InvalidRegex, match="longer than"):
        parse("a" * 1_001)


@given(st.text(alphabet="ab()[]{}|*+?^$\\.-:,19ipPQEx<>=", max_size=12))
def test_any_text_is_a_tree_or_refused(pattern: str) -> None:
    try:
        tree = parse(pattern)
    except InvalidRegex:
        return
    assert isinstance(tree, Node)
