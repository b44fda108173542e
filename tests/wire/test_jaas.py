from __future__ import annotations

import pytest

from neuraxis.wire import jaas

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


def test_options_are_read_quoted_or_not() -> None:
    text = f"""{PLAIN} username="ann" password='p;"q' serviceName=kafka escaped="a\\"b\\\\c" ;"""
    assert jaas.parse(text) == {
        "username": "ann",
        "password": 'p;"q',
        "serviceName": "kafka",
        "escaped": 'a"b\\c',
    }


def test_users_of_plain_are_the_options_that_begin_so() -> None:
    assert jaas.given_users(f'{PLAIN} username=admin user_admin="x" user_ann.b="y";') == {
        "admin": "x",
        "ann.b": "y",
    }


@pytest.mark.parametrize(
    "text", ["", "x;", PLAIN, f"{PLAIN} username=ann", f"{PLAIN} secretpass;", f"{PLAIN} a='secretpass;"]
)
def test_what_is_malformed_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="it ") as refused:
        jaas.parse(text)
    assert "secretpass" not in str(refused.value)
