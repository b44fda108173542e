"""`neuraxis produce`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import Run, process, value


def records(run: Run, topic: str) -> list[dict[str, object]]:
    lines = run("consume", topic, "--exit", "--json").stdout.splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda one: str(one["value"]))


def test_lines_with_keys_and_headers(run: Run, name: str) -> None:
    run("topic", "create", name, "-p", "3")
    sent = run("produce", name, "-k", ":", "-H", "source=test", "--json", stdin="a:1\nb:2:3\n")
    assert value(sent)["records"] == 2
    assert [(one["key"], one["value"], one["headers"]) for one in records(run, name)] == [
        ("a", "1", [["source", "test"]]),
        ("b", "2:3", [["source", "test"]]),
    ]


def test_a_file_to_one_partition(run: Run, name: str, tmp_path: Path) -> None:
    run("topic", "create", name, "-p", "3")
    file = tmp_path / "lines.txt"
    file.write_text("x\ny\nlast line without an end")
    run("produce", name, "--file", str(file), "--partition", "2")
    found = records(run, name)
    assert [one["value"] for one in found] == ["last line without an end", "x", "y"]
    assert {one["partition"] for one in found} == {2}


def test_what_consume_prints_produce_takes(bootstrap: str, run: Run, name: str) -> None:
    copy = f"{name}-copy"
    for topic in (name, copy):
        run("topic", "create", topic, "-p", "1")
    line = '{"key": "k", "value": {"speed": 50}, "headers": {"a": "b"}, "timestamp_ms": 1558644851000}\n'
    bytes_line = '{"value": {"base64": "/w=="}}\n{"key": "k", "value": null}\n'
    run("produce", name, "--format", "json", stdin=line + "\n" + bytes_line)
    printed = run("consume", name, "--exit", "--json").stdout
    assert (
        process("--bootstrap", bootstrap, "produce", copy, "--format", "json", stdin=printed).returncode == 0
    )
    assert run("consume", copy, "--exit", "--json").stdout == printed.replace(name, copy)
    first = json.loads(printed.splitlines()[0])
    assert (first["value"], first["timestamp_ms"], first["headers"]) == (
        '{"speed": 50}',
        1558644851000,
        [["a", "b"]],
    )


@pytest.mark.parametrize("line", ["not json", "[1]", '{"key": "k"}'])
def test_a_wrong_json_line_is_named_by_its_number(run: Run, name: str, line: str) -> None:
    run("topic", "create", name)
    failed = run("produce", name, "--format", "json", stdin='{"value": 1}\n' + line, code=1)
    assert "line 2 is not a JSON object with a value" in failed.stderr


def test_a_line_without_the_separator_is_named_by_its_number(run: Run, name: str) -> None:
    run("topic", "create", name)
    assert "line 2 has no ':'" in run("produce", name, "-k", ":", stdin="a:1\nb\n", code=1).stderr


def test_a_missing_file_is_named(run: Run, name: str) -> None:
    assert "no-such-file" in run("produce", name, "--file", "no-such-file", code=1).stderr


def test_a_record_that_is_too_large_fails_with_the_next_command(run: Run, name: str) -> None:
    run("topic", "create", name, "-c", "max.message.bytes=1000")
    failed = run("produce", name, stdin="x" * 5000, code=1)
    assert f"neuraxis config set topic {name} max.message.bytes" in failed.stderr
