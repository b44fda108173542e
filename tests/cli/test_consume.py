"""`neuraxis consume`."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tests.cli.support import NEURAXIS, Run


@pytest.fixture
def topic(run: Run, name: str) -> str:
    """Ten records v0 .. v9 on partition 0, one second of event time apart; partition 1 is empty."""
    run("topic", "create", name, "-p", "2")
    lines = [
        json.dumps({"value": f"v{number}", "timestamp_ms": 1000 * number + 1000}) for number in range(10)
    ]
    run("produce", name, "--format", "json", "--partition", "0", stdin="\n".join(lines))
    return name


@pytest.mark.parametrize(
    ("start", "first"),
    [
        (None, 0),
        ("beginning", 0),
        ("3", 3),
        ("-2", 8),
        ("@6000", 5),
        ("1970-01-01T00:00:06Z", 5),
        ("1970-01-01T01:00:06+01:00", 5),
        ("end", 10),
        ("99", 10),
    ],
)
def test_where_to_start(run: Run, topic: str, start: str | None, first: int) -> None:
    where = ["--from", start] if start else []
    assert run("consume", topic, "--exit", *where).stdout.split() == [f"v{at}" for at in range(first, 10)]


def test_max_stops_exactly(run: Run, topic: str) -> None:
    assert run("consume", topic, "--max", "3").stdout.split() == ["v0", "v1", "v2"]


def test_a_partition_of_its_own(run: Run, topic: str) -> None:
    assert run("consume", topic, "--exit", "-p", "1").stdout == ""
    assert "has no partition 7" in run("consume", topic, "-p", "7", code=1).stderr


def test_json_lines_have_a_stable_shape(run: Run, topic: str) -> None:
    [line] = run("consume", topic, "--max", "1", "--json").stdout.splitlines()
    assert json.loads(line) == {
        "topic": topic,
        "partition": 0,
        "offset": 0,
        "timestamp_ms": 1000,
        "key": None,
        "headers": [],
        "value": "v0",
    }


def test_verbose_lines_say_time_place_and_key(run: Run, topic: str) -> None:
    assert run("consume", topic, "--max", "1", "-v").stdout == "1970-01-01T00:00:01.000Z  0:0  -  v0\n"


def test_a_group_goes_on_where_it_was(run: Run, topic: str, name: str) -> None:
    assert run("consume", topic, "--group", name, "--max", "4").stdout.split() == ["v0", "v1", "v2", "v3"]
    assert run("consume", topic, "--group", name, "--max", "2").stdout.split() == ["v4", "v5"]


def test_a_group_and_a_place_exclude_each_other(run: Run, topic: str) -> None:
    failed = run("consume", topic, "--group", "g", "--from", "end", code=2)
    assert "neuraxis group reset g" in failed.stderr


def test_a_time_that_is_none_is_refused_with_the_forms(run: Run, topic: str) -> None:
    assert "2026-11-24T08:30:00Z" in run("consume", topic, "--from", "yesterday", code=1).stderr


def test_an_unknown_topic_is_not_created_by_reading_it(run: Run, name: str) -> None:
    assert f"neuraxis topic create {name}" in run("consume", name, code=1).stderr
    run("topic", "describe", name, code=1)


def test_it_waits_for_more_until_ctrl_c(bootstrap: str, run: Run, topic: str) -> None:
    command = [NEURAXIS, "--bootstrap", bootstrap, "consume", topic, "--from", "-1"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "v9\n"
        run("produce", topic, stdin="new\n")
        assert waiting.stdout.readline() == "new\n"
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(20) == 0
