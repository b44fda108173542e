from __future__ import annotations

import pytest

from neuraxis.broker.topic_names import collision_key, is_valid_name


@pytest.mark.parametrize(
    "name", ["a", "drives", "Drives.2024_eu-west", "...", "__consumer_offsets", "x" * 249]
)
def test_a_name_of_kafkas_alphabet_is_valid(name: str) -> None:
    assert is_valid_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "x" * 250, "a b", "a/b", "../a", "a\n", "a\0", "größe", "a:b", "١٢٣", "a,b"]
)
def test_any_other_name_is_invalid(name: str) -> None:
    assert not is_valid_name(name)


def test_names_that_differ_only_in_dots_and_underscores_collide() -> None:
    assert collision_key("a.b_c") == collision_key("a_b.c")
    assert collision_key("a.b") != collision_key("a-b")
