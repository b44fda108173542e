"""The authoriser: its semantics in sentences, and against a model that looks at every rule every time."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from neuraxis.broker.authorisation import authoriser as module
from neuraxis.broker.authorisation.authoriser import (
    CLUSTER,
    CLUSTER_NAME,
    DENY,
    GROUP,
    LITERAL,
    PREFIXED,
    TOPIC,
    Authoriser,
    super_users,
)
from neuraxis.broker.coordinators.topics.cluster_facts import AclRule
from neuraxis.broker.operations import (
    ALL,
    ALTER,
    ALTER_CONFIGS,
    DELETE,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    IDEMPOTENT_WRITE,
    READ,
    WRITE,
)

ALLOW = 3
ANN, BOB = "User:ann", "User:bob"
HOST = "10.0.0.7"


def rule(
    operation: int = READ,
    name: str = "drives",
    *,
    kind: int = TOPIC,
    pattern: int = LITERAL,
    principal: str = ANN,
    host: str = "*",
    permission: int = ALLOW,
) -> AclRule:
    return AclRule(kind, name, pattern, principal, host, operation, permission)


def may(
    *rules: AclRule,
    operation: int = READ,
    name: str = "drives",
    kind: int = TOPIC,
    host: str = HOST,
    open_by_default: bool = False,
) -> bool:
    authoriser = Authoriser(["User:root"], allow_if_no_rule=open_by_default)
    authoriser.load(rules)
    return authoriser.allows(ANN, host, operation, kind, name)


def test_nothing_is_allowed_without_a_rule() -> None:
    assert not may()
    assert not may(rule(WRITE))
    assert not may(rule(name="drive"))
    assert not may(rule(kind=GROUP))
    assert not may(rule(principal=BOB))


def test_a_rule_allows_its_principal_its_operation_on_its_resource() -> None:
    assert may(rule())
    assert may(rule(ALL), operation=DELETE)
    assert may(rule(principal="User:*"))
    assert may(rule(name="*"))
    assert may(rule(name="dri", pattern=PREFIXED))
    assert may(rule(name="drives", pattern=PREFIXED))
    assert not may(rule(name="drives2", pattern=PREFIXED))
    assert may(
        rule(IDEMPOTENT_WRITE, CLUSTER_NAME, kind=CLUSTER),
        operation=IDEMPOTENT_WRITE,
        kind=CLUSTER,
        name=CLUSTER_NAME,
    )


@pytest.mark.parametrize("granted", [READ, WRITE, DELETE, ALTER, DESCRIBE, ALL])
def test_whoever_may_change_or_read_may_describe(granted: int) -> None:
    assert may(rule(granted), operation=DESCRIBE)
    assert may(rule(granted), operation=DESCRIBE_CONFIGS) == (granted == ALL)


def test_whoever_may_alter_configs_may_describe_them() -> None:
    assert may(rule(ALTER_CONFIGS), operation=DESCRIBE_CONFIGS)
    assert not may(rule(ALTER_CONFIGS), operation=DESCRIBE)


def test_a_denial_wins_over_whatever_allows() -> None:
    for denial in (
        rule(permission=DENY),
        rule(ALL, permission=DENY),
        rule(name="*", permission=DENY),
        rule(name="d", pattern=PREFIXED, permission=DENY),
        rule(principal="User:*", permission=DENY),
        rule(host=HOST, permission=DENY),
        rule(host="10.0.0.0/8", permission=DENY),
    ):
        assert not may(rule(), denial)
        assert not may(denial, rule())
        assert not may(denial, open_by_default=True)


def test_a_denial_is_about_its_own_operation_alone() -> None:
    assert may(rule(READ), rule(WRITE, permission=DENY), operation=DESCRIBE)
    assert may(rule(READ), rule(DESCRIBE, permission=DENY), operation=READ)


def test_a_rule_may_be_about_one_host_or_a_network() -> None:
    assert may(rule(host=HOST))
    assert not may(rule(host="10.0.0.8"))
    assert may(rule(host="10.0.0.0/29"))
    assert not may(rule(host="10.0.0.8/29"))
    assert may(rule(host="fe80::/10"), host="fe80::1")
    assert not may(rule(host="fe80::/10"))
    assert not may(rule(host="10.0.0.0/8"), host="no address")


def test_the_switch_decides_only_where_a_resource_has_no_rule_at_all() -> None:
    assert may(open_by_default=True)
    assert not may(rule(principal=BOB), open_by_default=True)
    assert not may(rule(name="dr", pattern=PREFIXED, principal=BOB), open_by_default=True)


def test_super_users_are_never_asked() -> None:
    authoriser = Authoriser(super_users("User:root; User:CN=a,O=b ;"))
    authoriser.load([rule(principal="User:*", permission=DENY)])
    assert authoriser.allows("User:root", HOST, READ, TOPIC, "drives")
    assert authoriser.allows_any("User:CN=a,O=b", HOST, READ, TOPIC)


def test_a_change_of_the_rules_counts_at_once() -> None:
    authoriser = Authoriser()
    assert not authoriser.allows(ANN, HOST, READ, TOPIC, "drives")
    authoriser.load([rule()])
    assert authoriser.allows(ANN, HOST, READ, TOPIC, "drives")
    authoriser.load([])
    assert not authoriser.allows(ANN, HOST, READ, TOPIC, "drives")


def test_the_decisions_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CACHED", 3)
    authoriser = Authoriser(allow_if_no_rule=True)
    for index in range(10):
        assert authoriser.allows(ANN, HOST, READ, TOPIC, str(index))
    assert len(authoriser._decisions) <= 3


def test_decisions_about_very_long_names_are_not_kept() -> None:
    authoriser = Authoriser(allow_if_no_rule=True)
    assert authoriser.allows(ANN, HOST, READ, TOPIC, "x" * 32_000)
    assert not authoriser._decisions


def may_any(*rules: AclRule, open_by_default: bool = False) -> bool:
    authoriser = Authoriser(allow_if_no_rule=open_by_default)
    authoriser.load(rules)
    return authoriser.allows_any(ANN, HOST, WRITE, TOPIC)


def test_any_resource_will_do() -> None:
    assert not may_any()
    assert may_any(open_by_default=True)
    assert may_any(rule(WRITE))
    assert may_any(rule(ALL, name="*"))
    assert not may_any(rule(READ))
    assert not may_any(rule(WRITE), rule(WRITE, permission=DENY))
    assert not may_any(rule(WRITE), rule(WRITE, name="d", pattern=PREFIXED, permission=DENY))
    assert may_any(rule(WRITE, name="d", pattern=PREFIXED), rule(WRITE, permission=DENY))
    assert not may_any(rule(WRITE), rule(WRITE, name="*", permission=DENY))


# The model: every rule is looked at, and nothing is remembered.


def model(
    rules: list[AclRule], principal: str, host: str, operation: int, kind: int, name: str, default: bool
) -> bool:
    def names(one: AclRule) -> bool:
        if one.pattern_type == PREFIXED:
            return name.startswith(one.resource_name)
        return one.resource_name in ("*", name)

    def means(one: AclRule) -> bool:
        here = one.host in ("*", host)
        if "/" in one.host:
            here = ipaddress.ip_address(host) in ipaddress.ip_network(one.host, strict=False)
        return here and one.principal in ("User:*", principal)

    about = [one for one in rules if one.resource_type == kind and names(one)]
    if not about:
        return default
    denied = [one for one in about if means(one) and one.permission_type == DENY]
    if any(one.operation in (ALL, operation) for one in denied):
        return False
    granted = {one.operation for one in about if means(one) and one.permission_type == ALLOW}
    if operation == DESCRIBE and granted & {READ, WRITE, DELETE, ALTER}:
        return True
    if operation == DESCRIBE_CONFIGS and ALTER_CONFIGS in granted:
        return True
    return bool(granted & {ALL, operation})


names = st.sampled_from(["a", "ab", "abc", "abd", "b", "*"])
hosts = st.sampled_from(["10.0.0.7", "10.0.0.8", "::1"])
principals = st.sampled_from([ANN, BOB, "Group:x"])
operations = st.sampled_from([READ, WRITE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS])
kinds = st.sampled_from([TOPIC, GROUP])
rules = st.builds(
    AclRule,
    kinds,
    names,
    st.sampled_from([LITERAL, PREFIXED]),
    principals | st.just("User:*"),
    hosts | st.sampled_from(["*", "10.0.0.0/29", "::/0"]),
    operations | st.just(ALL),
    st.sampled_from([DENY, ALLOW, ALLOW, ALLOW]),
)
questions = st.lists(st.tuples(principals, hosts, operations, kinds, names), min_size=1, max_size=8)


@given(st.lists(rules, max_size=8), questions, st.booleans())
@example([rule(READ, "*", pattern=PREFIXED)], [(ANN, HOST, READ, TOPIC, "a")], False)
@settings(deadline=None)
def test_the_index_decides_as_the_model_does(
    given_rules: list[AclRule], asked: list[tuple[str, str, int, int, str]], default: bool
) -> None:
    authoriser = Authoriser(allow_if_no_rule=default)
    authoriser.load(given_rules)
    for question in asked * 2:  # the second time from memory
        assert authoriser.allows(*question) == model(given_rules, *question, default)
