from __future__ import annotations

import pytest

from neuraxis.broker.acls import (
    ANY,
    LITERAL,
    MATCH,
    PREFIXED,
    AclFilter,
    check_rule,
    check_switched_on,
    matches,
)
from neuraxis.broker.coordinators.topics.cluster_facts import AclRule
from neuraxis.wire.errors import Refused
from tests.broker.harness import CoreHarness
from tests.broker.scripts.acls import SCRIPT

RULE = AclRule(2, "drives", LITERAL, "User:ann", "*", 3, 3)
EVERYTHING = AclFilter(ANY, None, ANY, None, None, ANY, ANY)


@pytest.mark.parametrize(
    ("name", "pattern", "rule", "meant"),
    [
        ("drives", MATCH, RULE, True),
        ("drives-eu", MATCH, RULE, False),
        ("drives-eu", MATCH, RULE._replace(pattern_type=PREFIXED), True),
        ("anything", MATCH, RULE._replace(resource_name="*"), True),
        ("anything", MATCH, RULE._replace(resource_name="*", pattern_type=PREFIXED), False),
        ("drives", ANY, RULE._replace(pattern_type=PREFIXED), True),
        ("drives", LITERAL, RULE._replace(pattern_type=PREFIXED), False),
        ("drives-eu", PREFIXED, RULE._replace(pattern_type=PREFIXED), False),
        (None, PREFIXED, RULE, False),
        (None, MATCH, RULE, True),
    ],
)
def test_a_filter_means_names_by_its_kind_of_pattern(
    name: str | None, pattern: int, rule: AclRule, meant: bool
) -> None:
    assert matches(EVERYTHING._replace(resource_name=name, pattern_type=pattern), rule) is meant


@pytest.mark.parametrize("field", ["resource_type", "principal", "host", "operation", "permission_type"])
def test_every_field_of_a_filter_counts(field: str) -> None:
    wanted = EVERYTHING._replace(**{field: getattr(RULE, field)})
    assert matches(wanted, RULE)
    other = "other" if isinstance(getattr(RULE, field), str) else 2 + (getattr(RULE, field) == 2)
    assert not matches(wanted, RULE._replace(**{field: other}))


@pytest.mark.parametrize(
    "host", ["*", "10.0.0.7", "::1", "host.example", "10.0.0.0/8", "10.0.0.1/8", "fe80::/10"]
)
def test_hosts_may_be_addresses_names_and_networks(host: str) -> None:
    check_rule(RULE._replace(host=host))


@pytest.mark.parametrize("host", ["", "10.0.0.0/99", "host/8", "10.0.0.0/", "10.0.0.0/255.0.0.0", "1/2/3"])
def test_wrong_networks_are_refused(host: str) -> None:
    with pytest.raises(Refused):
        check_rule(RULE._replace(host=host))


def test_the_apis_are_switched_on_by_an_authoriser() -> None:
    check_switched_on(CoreHarness(**SCRIPT.settings).node)
    with pytest.raises(Refused) as refused:
        check_switched_on(CoreHarness().node)
    assert refused.value.code == 54
    assert "authorizer.class.name" in refused.value.message
