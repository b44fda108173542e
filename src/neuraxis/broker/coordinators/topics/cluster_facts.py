"""What the catalogue remembers of the cluster besides topics: quotas, credentials, access rules, tokens, features.

Rule of the file: one fact, one key; a fact without content is a tombstone. Keys and values are texts and numbers packed
one after another (`_Reader` reads them back), after the kind byte of the key and the version byte of the value.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

K = TypeVar("K")
V = TypeVar("V")

VERSION = 1
"""The version of every value written by this release."""

QUOTA, SCRAM, ACL, TOKEN, FEATURE = 5, 6, 7, 8, 9
KINDS = frozenset({QUOTA, SCRAM, ACL, TOKEN, FEATURE})
"""Kind bytes of the keys; those below are in `facts`."""

Entity = tuple[tuple[str, str | None], ...]
"""Whom a quota is for: (type, name) sorted by type; None is the default of that type."""


class ScramCredential(NamedTuple):
    """What a SCRAM server needs of a password (RFC 5802), which cannot be turned back into one."""

    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int


class AclRule(NamedTuple):
    """One access rule, in the protocol's numbers."""

    resource_type: int
    resource_name: str
    pattern_type: int
    principal: str
    host: str
    operation: int
    permission_type: int


class Token(NamedTuple):
    """A delegation token. Principals are `Type:name`; times are Unix milliseconds."""

    owner: str
    requester: str
    renewers: tuple[str, ...]
    issue_ms: int
    expiry_ms: int
    max_ms: int
    hmac: bytes


@dataclass(frozen=True, slots=True)
class QuotaFact:
    """All quotas of an entity, by key."""

    entity: Entity
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScramFact:
    """The credential of a user for a mechanism (1 SCRAM-SHA-256, 2 SCRAM-SHA-512)."""

    user: str
    mechanism: int
    credential: ScramCredential | None


@dataclass(frozen=True, slots=True)
class AclFact:
    """Whether a rule exists."""

    rule: AclRule
    exists: bool = True


@dataclass(frozen=True, slots=True)
class TokenFact:
    """A delegation token by its id."""

    token_id: str
    token: Token | None


@dataclass(frozen=True, slots=True)
class FeatureFact:
    """The finalised level of a feature; None: the level a new cluster has."""

    name: str
    level: int | None


ClusterFact = QuotaFact | ScramFact | AclFact | TokenFact | FeatureFact


@dataclass(slots=True)
class ClusterState:
    """The fold of the cluster facts.

    Attributes:
        quotas: quotas by entity.
        scram: credentials by (user, mechanism).
        acls: the access rules, in the order they were made.
        tokens: delegation tokens by id.
        features: finalised levels that differ from those of a new cluster.
    """

    quotas: dict[Entity, Mapping[str, float]] = field(default_factory=dict)
    scram: dict[tuple[str, int], ScramCredential] = field(default_factory=dict)
    acls: dict[AclRule, None] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    features: dict[str, int] = field(default_factory=dict)

    def apply(self, fact: ClusterFact) -> None:
        """Write the fact."""
        if isinstance(fact, QuotaFact):
            _put(self.quotas, fact.entity, dict(fact.values) or None)
        elif isinstance(fact, ScramFact):
            _put(self.scram, (fact.user, fact.mechanism), fact.credential)
        elif isinstance(fact, TokenFact):
            _put(self.tokens, fact.token_id, fact.token)
        elif isinstance(fact, FeatureFact):
            _put(self.features, fact.name, fact.level)
        elif fact.exists:
            self.acls[fact.rule] = None
        else:
            self.acls.pop(fact.rule, None)

    def changes(self, fact: ClusterFact) -> bool:
        """Whether the fact says something that the state does not know."""
        if isinstance(fact, QuotaFact):
            return self.quotas.get(fact.entity, {}) != fact.values
        if isinstance(fact, ScramFact):
            return self.scram.get((fact.user, fact.mechanism)) != fact.credential
        if isinstance(fact, TokenFact):
            return self.tokens.get(fact.token_id) != fact.token
        if isinstance(fact, FeatureFact):
            return self.features.get(fact.name) != fact.level
        return (fact.rule in self.acls) != fact.exists

    def facts(self) -> list[ClusterFact]:
        """The facts whose fold is this state."""
        found: list[ClusterFact] = [QuotaFact(entity, values) for entity, values in self.quotas.items()]
        found += [ScramFact(user, mechanism, one) for (user, mechanism), one in self.scram.items()]
        found += [AclFact(rule) for rule in self.acls]
        found += [TokenFact(token_id, token) for token_id, token in self.tokens.items()]
        found += [FeatureFact(name, level) for name, level in self.features.items()]
        return found


def _put(table: dict[K, V], key: K, value: V | None) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def encode(fact: ClusterFact) -> tuple[bytes, bytes | None]:
    """Key and value of the record that keeps the fact; a value of None is a tombstone."""
    if isinstance(fact, QuotaFact):
        key = bytes([QUOTA]) + b"".join(_text(kind) + _text(name) for kind, name in fact.entity)
        pairs = b"".join(
            _text(name) + struct.pack(">d", value) for name, value in sorted(fact.values.items())
        )
        return key, bytes([VERSION]) + pairs if fact.values else None
    if isinstance(fact, ScramFact):
        key = bytes([SCRAM, fact.mechanism]) + _text(fact.user)
        return key, None if fact.credential is None else _scram_value(fact.credential)
    if isinstance(fact, AclFact):
        rule = fact.rule
        numbers = (rule.resource_type, rule.pattern_type, rule.operation, rule.permission_type)
        key = bytes([ACL, *numbers]) + _text(rule.resource_name) + _text(rule.principal) + _text(rule.host)
        return key, bytes([VERSION]) if fact.exists else None
    if isinstance(fact, TokenFact):
        key = bytes([TOKEN]) + _text(fact.token_id)
        return key, None if fact.token is None else _token_value(fact.token)
    key = bytes([FEATURE]) + _text(fact.name)
    return key, None if fact.level is None else struct.pack(">Bh", VERSION, fact.level)


def _scram_value(credential: ScramCredential) -> bytes:
    parts = (credential.salt, credential.stored_key, credential.server_key)
    return struct.pack(">Bi", VERSION, credential.iterations) + b"".join(_bytes(part) for part in parts)


def _token_value(token: Token) -> bytes:
    head = struct.pack(">Bqqq", VERSION, token.issue_ms, token.expiry_ms, token.max_ms)
    texts = b"".join(_text(text) for text in (token.owner, token.requester, *token.renewers))
    return head + _bytes(token.hmac) + texts


def decode(key: bytes, value: bytes | None) -> ClusterFact:
    """The fact of a record of one of `KINDS`. Raises ValueError, IndexError or struct.error for damaged bytes."""
    kind, named = key[0], _Reader(key, 1)
    held = None if value is None else _Reader(value, 1)
    if kind == QUOTA:
        entity: list[tuple[str, str | None]] = []
        while not named.at_end:
            entity.append((named.text(), named.optional_text()))
        values = {}
        while held is not None and not held.at_end:
            name = held.text()
            values[name] = held.number(">d")
        return QuotaFact(tuple(entity), values)
    if kind == SCRAM:
        mechanism = int(named.number(">B"))
        return ScramFact(named.text(), mechanism, None if held is None else _scram(held))
    if kind == ACL:
        resource, pattern, operation, permission = key[1:5]
        named = _Reader(key, 5)
        name, principal, host = named.text(), named.text(), named.text()
        rule = AclRule(resource, name, pattern, principal, host, operation, permission)
        return AclFact(rule, held is not None)
    if kind == TOKEN:
        return TokenFact(named.text(), None if held is None else _token(held))
    assert kind == FEATURE, f"not a kind of this module: {kind}"
    return FeatureFact(named.text(), None if held is None else int(held.number(">h")))


def _scram(reader: _Reader) -> ScramCredential:
    iterations = int(reader.number(">i"))
    return ScramCredential(reader.bytes(), reader.bytes(), reader.bytes(), iterations)


def _token(reader: _Reader) -> Token:
    issue_ms, expiry_ms, max_ms = (int(reader.number(">q")) for _ in range(3))
    hmac = reader.bytes()
    owner, requester = reader.text(), reader.text()
    renewers = []
    while not reader.at_end:
        renewers.append(reader.text())
    return Token(owner, requester, tuple(renewers), issue_ms, expiry_ms, max_ms, hmac)


def _bytes(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def _text(text: str | None) -> bytes:
    return struct.pack(">i", -1) if text is None else _bytes(text.encode("utf-8", "surrogatepass"))


class _Reader:
    """Reads packed texts and numbers from the front to the end."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position

    @property
    def at_end(self) -> bool:
        return self._position == len(self._data)

    def number(self, shape: str) -> float:
        (value,) = struct.unpack_from(shape, self._data, self._position)
        self._position += struct.calcsize(shape)
        return float(value) if shape == ">d" else int(value)

    def bytes(self) -> bytes:
        length = int(self.number(">i"))
        start, end = self._position, self._position + length
        if length < 0 or end > len(self._data):
            raise ValueError(
                f"{length} bytes at {start} do not fit the {len(self._data)} bytes of the record"
            )
        self._position = end
        return self._data[start:end]

    def text(self) -> str:
        return self.bytes().decode("utf-8", "surrogatepass")

    def optional_text(self) -> str | None:
        if self._data[self._position : self._position + 4] == b"\xff\xff\xff\xff":
            self._position += 4
            return None
        return self.text()
