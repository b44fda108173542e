from __future__ import annotations

import pytest

from neuraxis.broker import quotas
from neuraxis.broker.quotas import Change, Component
from neuraxis.wire.errors import Refused

BOB = (("user", "bob"),)
APP_OF_BOB = (("client-id", "app"), ("user", "bob"))
EVERY_USER = (("user", None),)
KNOWN = {BOB: {"producer_byte_rate": 1.0}, APP_OF_BOB: {"request_percentage": 2.5}, EVERY_USER: {"x": 3.0}}


def found(*components: Component, strict: bool = False) -> list[object]:
    return [entity for entity, _ in quotas.find(KNOWN, components, strict=strict)]


def test_an_entity_is_sorted_by_type() -> None:
    assert quotas.check_entity({"user": None, "client-id": "a"}) == (("client-id", "a"), ("user", None))


@pytest.mark.parametrize(
    "parts", [{}, {"device": "x"}, {"user": ""}, {"ip": "host"}, {"ip": "::1", "user": "a"}]
)
def test_what_can_have_no_quota_is_refused(parts: dict[str, str | None]) -> None:
    with pytest.raises(Refused):
        quotas.check_entity(parts)


def test_changes_keep_what_they_do_not_name() -> None:
    changes = [Change("consumer_byte_rate", 5.0), Change("request_percentage", None)]
    current = {"producer_byte_rate": 1.0, "request_percentage": 2.0}
    assert quotas.plan(BOB, current, changes) == {"producer_byte_rate": 1.0, "consumer_byte_rate": 5.0}


@pytest.mark.parametrize("value", [0.0, -1.0, 1.5, 1e30, float("nan"), float("inf")])
def test_a_rate_of_bytes_is_a_whole_positive_number(value: float) -> None:
    with pytest.raises(Refused):
        quotas.plan(BOB, {}, [Change("producer_byte_rate", value)])


def test_filters_match_names_defaults_and_any() -> None:
    assert found(Component("user", quotas.EXACT, "bob")) == [BOB, APP_OF_BOB]
    assert found(Component("user", quotas.EXACT, "bob"), strict=True) == [BOB]
    assert found(Component("user", quotas.DEFAULT, None)) == [EVERY_USER]
    assert found(Component("user", quotas.ANY, None)) == [BOB, APP_OF_BOB, EVERY_USER]
    assert found() == [BOB, APP_OF_BOB, EVERY_USER]
    assert found(strict=True) == []


def test_a_filter_of_an_unknown_type_is_of_a_later_version() -> None:
    with pytest.raises(Refused) as refused:
        quotas.check_filter([Component("device", quotas.EXACT, "x")])
    assert refused.value.code == 35


def test_a_filter_of_a_hundred_thousand_components_is_refused_before_anybody_notices() -> None:
    components = [Component(f"kind {number}", 2, None) for number in range(100_000)]
    with pytest.raises(Refused, match="There are no quotas for 'kind 0'"):
        quotas.check_filter(components)
