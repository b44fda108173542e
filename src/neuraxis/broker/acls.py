"""Access rules (ACLs): what a rule may be, and how filters find rules. Kept in the catalogue.

The APIs answer once `authorizer.class.name` is set, as Kafka's do. What the rules mean is in `authorisation/authoriser.py`.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.coordinators.topics.cluster_facts import AclRule
from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from neuraxis.broker.node import Node

UNKNOWN, ANY = 0, 1
"""The protocol's numbers in every enumeration of access rules: not known to the client, and "whatever" in filters."""
CLUSTER = 4
CLUSTER_NAME = "kafka-cluster"
"""The name of the one resource of type cluster."""
RESOURCES = range(2, 8)
"""Topic, group, cluster, transactional id, delegation token, user."""
MATCH, LITERAL, PREFIXED = 2, 3, 4
OPERATIONS = range(2, 16)
"""All, read, write, ... two-phase commit (15)."""
PERMISSIONS = (2, 3)
"""Deny and allow."""
WILDCARD = "*"


class AclFilter(NamedTuple):
    """Which rules are meant; None and ANY mean all."""

    resource_type: int
    resource_name: str | None
    pattern_type: int
    principal: str | None
    host: str | None
    operation: int
    permission_type: int


def check_switched_on(node: Node) -> None:
    """Refuse (54) when no authoriser is configured."""
    if not node.settings.string("authorizer.class.name"):
        raise Refused(
            ErrorCode.SECURITY_DISABLED,
            "No authoriser is configured: start the broker with --set authorizer.class.name="
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        )


def check_rule(rule: AclRule) -> None:
    """Refuse (42) a rule that cannot be."""
    if rule.resource_type not in RESOURCES:
        raise _refuse(f"A rule cannot be for resource type {rule.resource_type}.")
    if rule.pattern_type not in (LITERAL, PREFIXED):
        raise _refuse("A rule's pattern is literal (3) or prefixed (4); the others are for filters.")
    if rule.operation not in OPERATIONS:
        raise _refuse(f"A rule cannot be about operation {rule.operation}.")
    if rule.permission_type not in PERMISSIONS:
        raise _refuse("A rule denies (2) or allows (3).")
    if not rule.resource_name:
        raise _refuse("The resource name is empty; * stands for all.")
    if rule.resource_type == CLUSTER and rule.resource_name != CLUSTER_NAME:
        raise _refuse(f"The cluster is called {CLUSTER_NAME}, not {rule.resource_name}.")
    if ":" not in rule.principal:
        raise _refuse(f"A principal is written Type:name, as User:ann, not {rule.principal!r}.")
    _check_host(rule.host)


def _check_host(host: str) -> None:
    if not host:
        raise _refuse("The host is empty; * stands for all.")
    address, slash, bits = host.partition("/")
    if slash:
        try:
            if not bits.isdigit():
                raise ValueError
            ipaddress.ip_network(f"{address}/{bits}", strict=False)
        except ValueError:
            raise _refuse(f"{host!r} is not a network: write an address, a slash and the bits.") from None


def check_filter(wanted: AclFilter, *, deletes: bool) -> None:
    """Refuse (42) a filter with something unknown in it; one that deletes also with something we do not know."""
    numbers = (wanted.resource_type, wanted.pattern_type, wanted.operation, wanted.permission_type)
    if UNKNOWN in numbers:
        raise _refuse("The filter holds an enumeration value of 0, which means unknown; 1 means any.")
    known = (
        wanted.resource_type in (ANY, *RESOURCES)
        and wanted.pattern_type in (ANY, MATCH, LITERAL, PREFIXED)
        and wanted.operation in (ANY, *OPERATIONS)
        and wanted.permission_type in (ANY, *PERMISSIONS)
    )
    if deletes and not known:
        raise _refuse("The filter holds an enumeration value that this broker does not know.")


def matches(wanted: AclFilter, rule: AclRule) -> bool:
    """Whether the filter means the rule."""
    return (
        wanted.resource_type in (ANY, rule.resource_type)
        and _names_match(wanted, rule)
        and wanted.principal in (None, rule.principal)
        and wanted.host in (None, rule.host)
        and wanted.operation in (ANY, rule.operation)
        and wanted.permission_type in (ANY, rule.permission_type)
    )


def _names_match(wanted: AclFilter, rule: AclRule) -> bool:
    if wanted.pattern_type not in (ANY, MATCH, rule.pattern_type):
        return False
    name = wanted.resource_name
    if name is None:
        return True
    if wanted.pattern_type != MATCH:
        return name == rule.resource_name
    if rule.pattern_type == PREFIXED:
        return name.startswith(rule.resource_name)
    return rule.resource_name in (name, WILDCARD)


def _refuse(message: str) -> Refused:
    return Refused(ErrorCode.INVALID_REQUEST, message)
