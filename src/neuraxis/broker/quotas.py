"""Client quotas: who may have which, and how filters find them. Kept in the catalogue; `client_quotas.py` enforces them.

Rule of the file: Kafka's answers, but for host names: an `ip` entity is an address, since the broker looks up no names.
"""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from neuraxis.wire.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from neuraxis.broker.coordinators.topics.cluster_facts import Entity

USER, CLIENT_ID, IP = "user", "client-id", "ip"
EXACT, DEFAULT, ANY = 0, 1, 2
"""The protocol's ways to match an entity's name."""

_LONG, _INT, _DOUBLE = (1 << 63) - 1, (1 << 31) - 1, math.inf
CLIENT_QUOTAS: Mapping[str, float] = {
    "producer_byte_rate": _LONG,
    "consumer_byte_rate": _LONG,
    "request_percentage": _DOUBLE,
    "controller_mutation_rate": _DOUBLE,
}
"""The quotas of users and client ids with their largest value; infinity also says that fractions are allowed."""
IP_QUOTAS: Mapping[str, float] = {"connection_creation_rate": _INT}
"""The quotas of addresses, likewise."""

WHOLE_TOLERANCE = 1e-6
"""How far from a whole number a whole quota may be: Kafka's tolerance for values that went through arithmetic."""


class Change(NamedTuple):
    """One step: set the quota of this key to the value, or (None) remove it."""

    key: str
    value: float | None


class Component(NamedTuple):
    """One part of a filter."""

    entity_type: str
    match_type: int
    match: str | None


def check_entity(parts: Mapping[str, str | None]) -> Entity:
    """The entity of these types and names (None: the type's default). Refuses (42) what can have no quota."""
    if not parts:
        raise _refuse("A quota needs an entity: a user, a client-id or an ip.")
    for kind, name in parts.items():
        if kind not in (USER, CLIENT_ID, IP):
            raise _refuse(f"There are no quotas for {kind!r}: entities are user, client-id and ip.")
        if name == "":
            raise _refuse(f"The name of the {kind} is empty; null stands for the default.")
    if IP in parts:
        if len(parts) > 1:
            raise _refuse("An ip cannot be combined with a user or client-id.")
        name = parts[IP]
        try:
            if name is not None:
                ipaddress.ip_address(name)
        except ValueError:
            raise _refuse(f"{name!r} is not an IP address; the broker looks up no host names.") from None
    return tuple(sorted(parts.items()))


def plan(entity: Entity, current: Mapping[str, float], changes: Sequence[Change]) -> dict[str, float]:
    """The quotas an entity has after the changes. Refuses (42) unknown keys and values out of bounds."""
    table = IP_QUOTAS if entity[0][0] == IP else CLIENT_QUOTAS
    repeated = [key for key, count in Counter(change.key for change in changes).items() if count > 1]
    if repeated:
        raise _refuse(f"The request names {repeated[0]!r} twice for one entity.")
    values = dict(current)
    for key, value in changes:
        if value is None:
            values.pop(key, None)
            continue
        if key not in table:
            raise _refuse(f"There is no quota {key!r} for {entity[0][0]}: there are {', '.join(table)}.")
        if not 0 < value < math.inf:
            raise _refuse(f"{key} must be above 0 and finite, not {value}.")
        most = table[key]
        if most != math.inf and (value > most or abs(value - round(value)) > WHOLE_TOLERANCE):
            raise _refuse(f"{key} must be a whole number up to {most:.0f}, not {value}.")
        values[key] = value
    return values


def check_filter(components: Sequence[Component]) -> None:
    """Refuse a filter that Kafka refuses: 42, or 35 for a type it does not know."""
    types = Counter(component.entity_type for component in components)
    for kind, match_type, match in components:
        if not kind:
            raise _refuse("A component of the filter has no entity type.")
        if match_type not in (EXACT, DEFAULT, ANY):
            raise _refuse(f"There is no match type {match_type}: 0 is exact, 1 the default, 2 any name.")
        if (match is None) == (match_type == EXACT):
            raise _refuse("An exact match needs a name, the other matches take none.")
        if types[kind] > 1:
            raise _refuse(f"The filter names {kind} twice.")
    for kind in types:
        if kind not in (USER, CLIENT_ID, IP):
            raise Refused(ErrorCode.UNSUPPORTED_VERSION, f"There are no quotas for {kind!r}.")
    if IP in types and len(types) > 1:
        raise _refuse("An ip cannot be combined with a user or client-id.")


def find(
    quotas: Mapping[Entity, Mapping[str, float]], components: Sequence[Component], *, strict: bool
) -> Iterator[tuple[Entity, Mapping[str, float]]]:
    """The entities that every component matches; `strict`: those alone that have no other part."""
    for entity, values in quotas.items():
        parts = dict(entity)
        if strict and len(parts) != len(components):
            continue
        if all(_matches(parts, component) for component in components):
            yield entity, values


def _matches(parts: Mapping[str, str | None], component: Component) -> bool:
    if component.entity_type not in parts:
        return False
    name = parts[component.entity_type]
    if component.match_type == ANY:
        return True
    return name is None if component.match_type == DEFAULT else name == component.match


def _refuse(message: str) -> Refused:
    return Refused(ErrorCode.INVALID_REQUEST, message)
