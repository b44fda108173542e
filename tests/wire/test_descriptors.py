"""Our declarations against the descriptors inside Kafka 4.4.0's own jars (tests/wire/read_descriptors.py)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neuraxis.wire import messages
from neuraxis.wire.schema import Field, Message, fields_of, parse_versions, schema_of
from tests.wire.instances import declared

FACTS: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "descriptors.json").read_text())

BETWEEN_BROKERS = {
    # Sent between the nodes of a Kafka cluster, never on a client listener.
    "AllocateProducerIds", "AlterPartition", "AssignReplicasToDirs", "BeginQuorumEpoch", "BrokerHeartbeat",
    "BrokerRegistration", "ControllerRegistration", "EndQuorumEpoch", "Envelope", "FetchSnapshot",
    "UpdateRaftVoter", "Vote",
}  # fmt: skip
WITHOUT_VERSIONS = {"ControlledShutdown", "LeaderAndIsr", "StopReplica", "UpdateMetadata"}
"""Removed from Kafka: the key is kept, but no version of it is valid any more."""
NOT_MESSAGES = {
    "AbortedTxn": "Kafka's file of aborted transactions; ours has its own form",
    "DefaultPrincipalData": "travels inside Envelope, between brokers",
    "KRaftVersionRecord": "a record of the metadata quorum",
    "LeaderChangeMessage": "a control record of the metadata quorum",
    "SnapshotFooterRecord": "a record of the metadata quorum",
    "SnapshotHeaderRecord": "a record of the metadata quorum",
    "VotersRecord": "a record of the metadata quorum",
}
KINDS = {"bool": False, "string": "", "bytes": b"", "uuid": bytes(16), "float64": 0.0}
CLIENT_DESCRIPTORS = 203
"""Descriptors in kafka-clients-4.4.0.jar; the others come from the two coordinator jars."""


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def valid_range(name: str) -> tuple[int, int]:
    """The stable versions of a descriptor; a response is as unstable as its request."""
    low, high = parse_versions(FACTS[name]["valid"])
    request = FACTS.get(name.removesuffix("Response").removesuffix("Request") + "Request", FACTS[name])
    return low, high - request["unstable"]


def clip(versions: str | tuple[int, int], within: tuple[int, int]) -> tuple[int, int] | None:
    low, high = parse_versions(versions) if isinstance(versions, str) else versions
    low, high = max(low, within[0]), min(high, within[1])
    return (low, high) if low <= high else None


def expected_default(kind: str, text: str | None, tagged_struct: bool) -> object:
    """Kafka's default as a value of ours."""
    if text == "null" or kind == "records" or tagged_struct:
        return None
    if kind.startswith("[]"):
        return []
    if kind in KINDS:
        return text in ("true", "True") if kind == "bool" else text or KINDS[kind]
    if kind.startswith(("int", "uint")):
        return int(text or "0", 0)
    return "a new struct"


def describe_expected(fields: list[list[Any]], valid: tuple[int, int]) -> list[Any]:
    """The descriptor's fields in the form of describe_declared."""
    rows = []
    for name, kind, versions, nullable, tag, default, legacy, inner in fields:
        present = clip(versions, valid)
        if present is None:
            continue
        is_struct = inner is not None and not kind.startswith("[]")
        base = kind.removeprefix("[]")
        rows.append(
            {
                "name": snake(name),
                "type": ("[]" if kind.startswith("[]") else "") + ("struct" if inner is not None else base),
                "versions": present,
                "nullable": clip(nullable, present),
                "tag": tag,
                "default": expected_default(kind, default, is_struct and tag is not None),
                "legacy": legacy,
                "fields": describe_expected(inner, valid) if inner is not None else None,
            }
        )
    return rows


def describe_declared(cls: type, valid: tuple[int, int]) -> list[Any]:
    """Our declaration, in the same form."""
    rows = []
    for name, field in fields_of(cls):
        present = clip(field.versions, valid)
        assert present is not None, f"{cls.__name__}.{name} exists in no valid version"
        rows.append(describe_field(name, field, present, valid))
    return rows


def describe_field(
    name: str, field: Field, present: tuple[int, int], valid: tuple[int, int]
) -> dict[str, Any]:
    is_array = field.kind == "array"
    struct = field.item if isinstance(field.item, type) else None
    kind = "struct" if struct else field.item if is_array else field.kind
    default = field.default_value()
    return {
        "name": name,
        "type": ("[]" if is_array else "") + str(kind),
        "versions": present,
        "nullable": clip(field.nullable, present),
        "tag": field.tag,
        "default": "a new struct" if isinstance(default, Message) else default,
        "legacy": field.legacy,
        "fields": describe_declared(struct, valid) if struct else None,
    }


OURS = {name + kind for name, *_ in messages.OWN_APIS.values() for kind in ("Request", "Response")}


def test_our_own_messages_are_none_of_kafkas() -> None:
    assert not OURS & set(FACTS)
    assert not set(messages.OWN_APIS) & {facts["key"] for facts in FACTS.values()}


@pytest.mark.parametrize("name", sorted(set(declared()) - OURS))
def test_a_declaration_says_what_kafka_says(name: str) -> None:
    schema = schema_of(declared()[name])
    facts = FACTS[name]
    valid = valid_range(name)
    assert (schema.name, schema.kind, schema.key) == (name, facts["type"], facts["key"])
    assert (schema.versions.start, schema.versions.stop - 1) == valid
    assert clip(schema.flexible, valid) == clip(facts["flexible"], valid)
    assert describe_declared(declared()[name], valid) == describe_expected(facts["fields"], valid)


def test_every_descriptor_is_declared_or_named_here_with_its_reason() -> None:
    left_out = {
        name + kind for name in BETWEEN_BROKERS | WITHOUT_VERSIONS for kind in ("Request", "Response")
    }
    assert set(FACTS) - set(declared()) == left_out | set(NOT_MESSAGES)
    assert all(FACTS[name + "Request"]["valid"] == "none" for name in WITHOUT_VERSIONS)


def test_the_fact_table_holds_every_descriptor_of_the_client_jar() -> None:
    coordinators = [each for each in FACTS.values() if each["type"].startswith("coordinator-")]
    assert len(FACTS) - len(coordinators) == CLIENT_DESCRIPTORS


def test_the_static_table_repeats_what_the_modules_declare() -> None:
    for key, (name, low, high, flexible) in {**messages.APIS, **messages.OWN_APIS}.items():
        for cls in (messages.request_class(key), messages.response_class(key)):
            schema = schema_of(cls)
            assert schema.name in (name + "Request", name + "Response")
            assert (schema.key, schema.versions) == (key, range(low, high + 1))
            assert schema.versions == messages.versions(key)
            first = clip(schema.flexible, (low, high))
            assert flexible == messages.flexible_from(key) == (first[0] if first else messages.NEVER)
    requests = {schema_of(cls).key for cls in declared().values() if schema_of(cls).kind == "request"}
    assert requests == set(messages.APIS) | set(messages.OWN_APIS)


def test_an_unknown_key_has_no_class_and_is_never_flexible() -> None:
    assert messages.flexible_from(4) == messages.NEVER
    with pytest.raises(KeyError):
        messages.request_class(4)


def test_no_message_is_imported_before_it_is_asked_for() -> None:
    program = "import sys, neuraxis.wire.messages as m, neuraxis.wire.frames; m.response_class(0); print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [name for name in out if name.startswith("neuraxis.wire.messages.")] == [
        "neuraxis.wire.messages.produce"
    ]
