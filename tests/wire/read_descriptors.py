"""Reads the message descriptors inside Kafka's jars into the compact fact table that the tests compare with.

Run it when a new Kafka is released (the jars come from Maven Central, groups org.apache.kafka):

    python tests/wire/read_descriptors.py kafka-clients-4.4.0.jar kafka-group-coordinator-4.4.0.jar \
        kafka-share-coordinator-4.4.0.jar \
        kafka-transaction-coordinator-4.4.0.jar > tests/wire/data/descriptors.json

Only facts are kept (names, types, version ranges, nullability, tags, defaults), no prose.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


def descriptors(jar: str) -> Iterator[dict[str, Any]]:
    """The descriptors of one jar, in order of name."""
    with zipfile.ZipFile(jar) as archive:
        for name in sorted(archive.namelist()):
            if name.startswith("common/message/") and name.endswith(".json"):
                yield json.loads(COMMENT.sub("", archive.read(name).decode()))


def field_facts(fields: list[dict[str, Any]], common: dict[str, Any]) -> list[list[Any]]:
    """[name, type, versions, nullable versions, tag, default, legacy, fields] of each field."""
    facts = []
    for field in fields:
        inner = field.get("fields") or common.get(field["type"].removeprefix("[]"))
        facts.append(
            [
                field["name"],
                field["type"],
                field.get("versions") or field["taggedVersions"],
                field.get("nullableVersions", "none"),
                field.get("tag"),
                ("null" if field["default"] is None else str(field["default"]))
                if "default" in field
                else None,
                field.get("flexibleVersions") == "none",
                field_facts(inner, common) if inner else None,
            ]
        )
    return facts


def facts(descriptor: dict[str, Any]) -> dict[str, Any]:
    """The compact form of a descriptor."""
    common = {each["name"]: each["fields"] for each in descriptor.get("commonStructs", [])}
    return {
        "type": descriptor["type"],
        "key": descriptor.get("apiKey"),
        "valid": descriptor["validVersions"],
        "flexible": descriptor.get("flexibleVersions", "none"),
        "unstable": descriptor.get("latestVersionUnstable", False),
        "fields": field_facts(descriptor.get("fields", []), common),
    }


def main(jars: list[str]) -> None:
    """Print the table: one descriptor a line, so that a new release is a readable diff."""
    table = {each["name"]: facts(each) for jar in jars for each in descriptors(jar)}
    lines = [
        f"{json.dumps(name)}: {json.dumps(table[name], separators=(',', ':'))}" for name in sorted(table)
    ]
    print("{\n" + ",\n".join(lines) + "\n}")


if __name__ == "__main__":
    main(sys.argv[1:])
