"""Byte equality with two libraries that know the protocol independently of us: kio and kafka-python."""

from __future__ import annotations

import io
import random
import warnings
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import kio.index
import kio.serial
import pytest
from kio.static.constants import EntityType

from neuraxis.wire import messages
from neuraxis.wire.codec import decode, encode
from neuraxis.wire.schema import schema_of
from tests.wire.instances import random_instance

ROUNDS = 4
"""Random instances of each version; every round has its own seed."""

KIO_LACKS = {18: {5}, 28: {6}, 42: {3}, 88: {1}, 89: {1}, 93: {0}, 94: {0}}
"""Key to the versions that kio does not know: those of Kafka 4.4, newer than kio."""
KAFKA_PYTHON_LACKS = {*range(38, 42), 64, 68, 69, 71, 72, *range(76, 82), *range(83, 95)}
"""Keys that kafka-python does not speak."""


@pytest.mark.parametrize("key", messages.APIS)
def test_bytes_equal_those_of_kio(key: int) -> None:
    unknown = set()
    for version in messages.versions(key):
        for cls, kind in (
            (messages.request_class(key), EntityType.request),
            (messages.response_class(key), EntityType.response),
        ):
            try:
                theirs = kio.index.load_payload_module(key, version, kind)
            except kio.index.KioIndexError:
                unknown.add(version)
                continue
            entity = getattr(theirs, schema_of(cls).name)
            read, write = kio.serial.entity_reader(entity), kio.serial.entity_writer(entity)
            for seed in range(ROUNDS):
                instance = random_instance(cls, version, random.Random(f"{key}.{version}.{kind}.{seed}"))
                ours = encode(instance, version)
                value, size = read(ours, 0)
                assert size == len(ours)
                out = io.BytesIO()
                write(out, value)
                assert out.getvalue() == ours, (cls, version, seed)
                assert decode(cls, version, out.getvalue()) == (instance, len(ours))
    assert unknown == KIO_LACKS.get(key, set())


def kafka_python_classes() -> dict[str, Any]:
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # the library reads its resources in a deprecated way
        base = import_module("kafka.protocol.api_message").ApiMessage
        modules = [import_module("kafka.protocol.sasl")]
        for name in ("admin", "consumer", "metadata", "producer"):
            package = import_module("kafka.protocol." + name)
            modules += [
                import_module(each.name) for each in iter_modules(package.__path__, package.__name__ + ".")
            ]
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, base) and value is not base:
                found[name] = value
    return found


THEIRS = kafka_python_classes()


@pytest.mark.parametrize("key", messages.APIS)
def test_bytes_equal_those_of_kafka_python(key: int) -> None:
    for cls in (messages.request_class(key), messages.response_class(key)):
        name = schema_of(cls).name
        if name not in THEIRS:
            assert key in KAFKA_PYTHON_LACKS, name
            continue
        assert key not in KAFKA_PYTHON_LACKS
        theirs = THEIRS[name]
        for version in messages.versions(key):
            if version > theirs.max_version:
                continue
            for seed in range(ROUNDS):
                instance = random_instance(cls, version, random.Random(f"{name}.{version}.{seed}"))
                if name == "ApiVersionsResponse":
                    instance.error_code = 0  # type: ignore[attr-defined]  # with an error it reads any version as 0
                ours = encode(instance, version)
                value = theirs.decode(ours, version=version)
                value._header = None
                assert value.encode(version=version) == ours, (cls, version, seed)
                assert decode(cls, version, ours) == (instance, len(ours))
