"""`neuraxis group`."""

from __future__ import annotations

import json

import pytest

from neuraxis.client import Client
from tests.cli.support import Run, value


@pytest.fixture
def group(run: Run, name: str) -> str:
    """A group and a topic of one name: ten records a second apart, four of them read."""
    run("topic", "create", name, "-p", "1")
    lines = [json.dumps({"value": str(number), "timestamp_ms": 1000 * number + 1000}) for number in range(10)]
    run("produce", name, "--format", "json", stdin="\n".join(lines))
    run("consume", name, "--group", name, "--max", "4")
    return name


def committed(run: Run, group: str) -> int:
    return int(
        value(run("group", "describe", group, "--json"))["groups"][0]["partitions"][0]["committed_offset"]
    )


def test_list_names_the_group_and_its_state(run: Run, group: str) -> None:
    found = {one["name"]: one for one in value(run("group", "list", "--json"))["groups"]}
    assert found[group]["state"] == "empty"


def test_describe_shows_the_lag_of_every_partition(run: Run, group: str) -> None:
    [described] = value(run("group", "describe", group, "--json"))["groups"]
    assert (described["lag"], described["members"]) == (6, [])
    assert described["partitions"] == [
        {
            "topic": group,
            "partition": 0,
            "committed_offset": 4,
            "latest_offset": 10,
            "lag": 6,
            "member_id": None,
        }
    ]
    assert "lag 6" in run("group", "describe", group).output


def test_describe_shows_who_reads_and_reset_refuses_meanwhile(bootstrap: str, run: Run, group: str) -> None:
    with Client(bootstrap=bootstrap).consumer([group], group=group) as consumer:
        while not consumer.records(1, 0.2):
            pass
        [described] = value(run("group", "describe", group, "--json"))["groups"]
        [member] = described["members"]
        assert member["partitions"] == [[group, 0]]
        assert described["partitions"][0]["member_id"] == member["member_id"]
        failed = run("group", "reset", group, "--all-topics", "--to-earliest", "--execute", code=1)
        assert "stop its consumers" in failed.stderr
        assert "Next:" in run("group", "delete", group, "--yes", code=1).stderr


def test_reset_is_a_dry_run_unless_told_otherwise(run: Run, group: str) -> None:
    shown = run("group", "reset", group, "--topic", group, "--to-earliest")
    assert "--execute" in shown.output
    assert committed(run, group) == 4


@pytest.mark.parametrize(
    ("where", "offset"),
    [
        (["--to-earliest"], 0),
        (["--to-latest"], 10),
        (["--to-offset", "7"], 7),
        (["--to-offset", "700"], 10),
        (["--to-datetime", "@6000"], 5),
        (["--to-datetime", "2100-01-01"], 10),
        (["--shift-by", "-3"], 1),
        (["--shift-by", "2"], 6),
        (["--shift-by", "-100"], 0),
    ],
)
def test_reset_moves_the_offset(run: Run, group: str, where: list[str], offset: int) -> None:
    moved = value(run("group", "reset", group, "--topic", f"{group}:0", *where, "--execute", "--json"))
    assert moved["executed"] is True
    assert moved["partitions"] == [{"topic": group, "partition": 0, "before": 4, "after": offset}]
    assert committed(run, group) == offset


def test_reset_wants_one_place_and_some_topic(run: Run, group: str) -> None:
    run("group", "reset", group, "--topic", group, code=2)
    run("group", "reset", group, "--to-earliest", code=2)
    assert "no partition 5" in run("group", "reset", group, "-t", f"{group}:5", "--to-latest", code=1).stderr


def test_deleting_a_group_forgets_its_offsets(run: Run, group: str) -> None:
    assert f"neuraxis group delete {group} --yes" in run("group", "delete", group, code=1).stderr
    assert value(run("group", "delete", group, "--yes", "--json")) == {"deleted": [group]}
    assert "neuraxis group list" in run("group", "describe", group, code=1).stderr
