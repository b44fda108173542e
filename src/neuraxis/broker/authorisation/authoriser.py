"""Decides, from the access rules, whether a principal may do something. The semantics of Kafka's StandardAuthorizer.

The rule of the file: a rule that denies wins over any that allows, whatever the order and however exact the names; where a
resource has no rule at all, `allow.everyone.if.no.acl.found` decides; super users are never asked.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.broker.operations import (
    ALL,
    ALTER,
    ALTER_CONFIGS,
    DELETE,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    READ,
    WRITE,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from neuraxis.broker.coordinators.topics.cluster_facts import AclRule

TOPIC, GROUP, CLUSTER, TRANSACTIONAL_ID, DELEGATION_TOKEN, USER = 2, 3, 4, 5, 6, 7
"""Kafka's numbers of the kinds of resources."""
CLUSTER_NAME = "kafka-cluster"
"""The name of the one resource of kind cluster."""
LITERAL, PREFIXED = 3, 4
DENY = 2
WILDCARD = "*"
EVERYBODY = "User:*"

ALLOWED_BY = {
    DESCRIBE: frozenset({ALL, DESCRIBE, READ, WRITE, DELETE, ALTER}),
    DESCRIBE_CONFIGS: frozenset({ALL, DESCRIBE_CONFIGS, ALTER_CONFIGS}),
}
"""Operations that are allowed along with others; a rule that denies is about its own operation alone."""

MAX_CACHED = 100_000
"""Decisions kept: a thousand principals with a hundred topics each, some 30 MB. When it is full it starts anew."""
MAX_CACHED_NAME = 256
"""Longer names are decided each time: a request may name resources by 32 kB, and who is denied must not fill the memory."""

Resource = tuple[int, str]
"""Kind and name."""


class Entry(NamedTuple):
    """A rule without its resource. `hosts` is a network if the rule names one."""

    principal: str
    host: str
    operation: int
    denies: bool
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None


class Authoriser:
    """The rules, indexed by kind and name of the resource, and the decisions made since they last changed.

    Args:
        super_users: principals (`User:admin`) that may do everything.
        allow_if_no_rule: what is decided for a resource that no rule is about.
    """

    def __init__(self, super_users: Iterable[str] = (), *, allow_if_no_rule: bool = False) -> None:
        self.super_users = frozenset(super_users)
        self.allow_if_no_rule = allow_if_no_rule
        self._exact: dict[Resource, list[Entry]] = {}
        self._prefixed: dict[Resource, list[Entry]] = {}
        self._lengths: dict[int, tuple[int, ...]] = {}
        self._decisions: dict[tuple[str, str, int, int, str], bool] = {}

    def load(self, rules: Iterable[AclRule]) -> None:
        """Take these rules instead of those before."""
        self._exact, self._prefixed = {}, {}
        for rule in rules:
            table = self._prefixed if rule.pattern_type == PREFIXED else self._exact
            entry = Entry(
                rule.principal, rule.host, rule.operation, rule.permission_type == DENY, _network(rule.host)
            )
            table.setdefault((rule.resource_type, rule.resource_name), []).append(entry)
        lengths: dict[int, set[int]] = {}
        for kind, prefix in self._prefixed:
            lengths.setdefault(kind, set()).add(len(prefix))
        self._lengths = {kind: tuple(sorted(found)) for kind, found in lengths.items()}
        self._decisions = {}

    def allows(self, principal: str, host: str, operation: int, kind: int, name: str) -> bool:
        """Whether the principal, connected from this address, may do this to the resource."""
        key = (principal, host, operation, kind, name)
        known = self._decisions.get(key)
        if known is None:
            known = self._decide(principal, host, operation, kind, name)
            if len(name) <= MAX_CACHED_NAME:
                if len(self._decisions) >= MAX_CACHED:
                    self._decisions = {}
                self._decisions[key] = known
        return known

    def _decide(self, principal: str, host: str, operation: int, kind: int, name: str) -> bool:
        if principal in self.super_users:
            return True
        allowing = ALLOWED_BY.get(operation, frozenset({ALL, operation}))
        allowed = ruled = False
        for entry in self._about(kind, name):
            ruled = True
            if entry.principal not in (principal, EVERYBODY) or not _comes_from(entry, host):
                continue
            if not entry.denies:
                allowed = allowed or entry.operation in allowing
            elif entry.operation in (ALL, operation):
                return False
        return allowed if ruled else self.allow_if_no_rule

    def _about(self, kind: int, name: str) -> Iterator[Entry]:
        yield from self._exact.get((kind, name), ())
        if name != WILDCARD:
            yield from self._exact.get((kind, WILDCARD), ())
        for length in self._lengths.get(kind, ()):
            if length > len(name):
                break
            yield from self._prefixed.get((kind, name[:length]), ())

    def allows_any(self, principal: str, host: str, operation: int, kind: int) -> bool:
        """Whether there is, or could be, a resource of this kind with which the principal may do this.

        So an idempotent producer needs no rule of its own: who may write to any topic may have a producer id.
        """
        if principal in self.super_users:
            return True
        allowed: list[tuple[str, bool]] = []
        denied: set[tuple[str, bool]] = set()
        everything_allowed = self.allow_if_no_rule
        for table, prefixed in ((self._exact, False), (self._prefixed, True)):
            for (its_kind, name), entries in table.items():
                if its_kind != kind:
                    continue
                for entry in entries:
                    if entry.principal not in (principal, EVERYBODY) or not _comes_from(entry, host):
                        continue
                    if entry.operation not in (ALL, operation):
                        continue
                    if entry.denies:
                        denied.add((name, prefixed))
                    else:
                        allowed.append((name, prefixed))
        if (WILDCARD, False) in denied:
            return False
        if everything_allowed or (WILDCARD, False) in allowed:
            return True
        return any(not _is_denied(name, prefixed, denied) for name, prefixed in allowed)


def _is_denied(name: str, prefixed: bool, denied: set[tuple[str, bool]]) -> bool:
    """Whether all that an allowing pattern means is denied by others."""
    if (name, prefixed) in denied:
        return True
    return any(shorter and name.startswith(prefix) for prefix, shorter in denied)


def _network(host: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    return ipaddress.ip_network(host, strict=False) if "/" in host else None


def _comes_from(entry: Entry, host: str) -> bool:
    if entry.network is None:
        return entry.host in (WILDCARD, host)
    try:
        return ipaddress.ip_address(host) in entry.network
    except ValueError:
        return False


def super_users(text: str) -> tuple[str, ...]:
    """The principals in the text of `super.users`: between semicolons, since names of certificates hold commas."""
    return tuple(part.strip() for part in text.split(";") if part.strip())
