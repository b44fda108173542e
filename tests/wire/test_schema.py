"""Declarations: version ranges, defaults, and what the classes made from them can do."""

from __future__ import annotations

import pytest

from neuraxis.wire.schema import (
    MAX_VERSION,
    ZERO_UUID,
    array_of,
    boolean,
    fields_of,
    int32,
    message,
    parse_versions,
    schema_of,
    string,
    struct,
    struct_of,
    uuid,
)


@struct
class Inner:
    number: int = int32(default=-1)


@message(key=7, valid="2-5", flexible="4+")
class ExampleRequest:
    name: str | None = string(nullable="3+")
    flags: list[bool] = array_of(boolean, "3+")
    inner: Inner = struct_of(Inner)
    items: list[Inner] | None = array_of(Inner, nullable="2+", default=None)
    leader: Inner | None = struct_of(Inner, "4+", tag=0)
    id: bytes = uuid("5")


def test_version_ranges_are_read_as_kafka_writes_them() -> None:
    assert parse_versions("3+") == (3, MAX_VERSION)
    assert parse_versions("3-13") == (3, 13)
    assert parse_versions("4") == (4, 4)
    low, high = parse_versions("none")
    assert low > high


def test_a_declaration_knows_its_kind_key_and_versions() -> None:
    schema = schema_of(ExampleRequest)
    assert (schema.name, schema.kind, schema.key) == ("ExampleRequest", "request", 7)
    assert list(schema.versions) == [2, 3, 4, 5]
    assert [schema.is_flexible(version) for version in schema.versions] == [False, False, True, True]


def test_a_field_knows_its_versions() -> None:
    fields = dict(fields_of(ExampleRequest))
    assert list(fields) == ["name", "flags", "inner", "items", "leader", "id"]
    assert fields["name"].present(2)
    assert not fields["name"].is_nullable(2)
    assert fields["name"].is_nullable(3)
    assert not fields["id"].present(4)


def test_every_field_has_a_default_and_each_instance_its_own_lists() -> None:
    first, second = ExampleRequest(), ExampleRequest()
    assert first == second
    assert (first.name, first.flags, first.items, first.leader, first.id) == ("", [], None, None, ZERO_UUID)
    assert first.inner == Inner(-1)
    first.flags.append(True)
    first.inner.number = 3
    assert second == ExampleRequest()
    assert first != second


def test_fields_are_given_by_name_or_in_order_and_can_change() -> None:
    request = ExampleRequest("a", flags=[True])
    request.name = None
    assert (request.name, request.flags) == (None, [True])
    with pytest.raises(TypeError):
        ExampleRequest(unknown=1)  # type: ignore[call-arg]  # that is the test
    with pytest.raises(AttributeError):
        request.unknown = 1  # type: ignore[attr-defined]  # that is the test


def test_instances_print_their_fields_and_are_not_hashable() -> None:
    assert repr(Inner(5)) == "Inner(number=5)"
    with pytest.raises(TypeError):
        hash(Inner())
    assert Inner() != ExampleRequest()
