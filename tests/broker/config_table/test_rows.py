from __future__ import annotations

from neuraxis.broker.config_table.broker_rows import BROKER_CONFIGS
from neuraxis.broker.config_table.documentation import DOCUMENTATION
from neuraxis.broker.config_table.own_rows import OWN_CONFIGS, OWN_DOCUMENTATION
from neuraxis.broker.config_table.rows import parse_rows
from neuraxis.broker.config_table.topic_rows import (
    CLIENT_METRICS_CONFIGS,
    GROUP_CONFIGS,
    TOPIC_CONFIGS,
    TOPIC_SYNONYMS,
)


def test_a_row_may_end_early() -> None:
    key = parse_rows("a.b|int|5\n")["a.b"]
    assert (key.type, key.default, key.allowed, key.mode, key.internal) == ("int", "5", "", "r", False)


def test_null_an_empty_text_and_no_default_are_three_things() -> None:
    table = parse_rows("null|string|~\nempty|string|||c\nrequired|int|!|0..|r\n")
    assert table["null"].default is None
    assert not table["null"].required
    assert table["empty"].default == ""
    assert table["required"].default is None
    assert table["required"].required


def test_a_password_is_sensitive_and_has_kafkas_type_code() -> None:
    key = parse_rows("secret|password|~||b|i")["secret"]
    assert key.sensitive
    assert key.type_code == 9
    assert key.mode == "b"
    assert key.internal


def test_every_topic_group_and_metrics_config_says_what_it_does() -> None:
    for table in (TOPIC_CONFIGS, GROUP_CONFIGS, CLIENT_METRICS_CONFIGS):
        undocumented = [
            key.name for key in table.values() if not key.internal and key.name not in DOCUMENTATION
        ]
        assert not undocumented


def test_every_documented_config_exists() -> None:
    known = (
        BROKER_CONFIGS.keys() | TOPIC_CONFIGS.keys() | GROUP_CONFIGS.keys() | CLIENT_METRICS_CONFIGS.keys()
    )
    assert DOCUMENTATION.keys() <= known


def test_every_synonym_of_a_topic_config_is_a_broker_config() -> None:
    assert TOPIC_SYNONYMS.keys() <= TOPIC_CONFIGS.keys()
    assert {name for synonyms in TOPIC_SYNONYMS.values() for name, _ in synonyms} <= BROKER_CONFIGS.keys()


def test_every_config_of_our_own_says_what_it_does_and_is_hidden_from_kafkas_tools() -> None:
    assert OWN_CONFIGS.keys() == OWN_DOCUMENTATION.keys()
    assert all(key.internal for key in OWN_CONFIGS.values())
    assert not OWN_CONFIGS.keys() & BROKER_CONFIGS.keys()
