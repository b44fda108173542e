"""`neuraxis topic`."""

from __future__ import annotations

from tests.cli.support import Run, value


def test_create_list_describe_alter_delete(run: Run, name: str) -> None:
    created = value(run("topic", "create", name, "-p", "2", "-c", "retention.ms=1000", "--json"))
    assert created == {"created": [name], "existing": [], "dry_run": False}
    assert {"name": name, "partitions": 2} in value(run("--json", "topic", "list"))["topics"]
    run("topic", "alter", name, "-p", "3", "-c", "max.message.bytes=5000", "--delete-config", "retention.ms")
    [topic] = value(run("topic", "describe", name, "--json"))["topics"]
    assert topic["configs"]["max.message.bytes"] == "5000"
    assert "retention.ms" not in topic["configs"]
    assert [one["id"] for one in topic["partitions"]] == [0, 1, 2]
    assert topic["partitions"][0].keys() == {
        "id",
        "leader",
        "replicas",
        "in_sync_replicas",
        "earliest_offset",
        "latest_offset",
    }
    assert value(run("topic", "delete", name, "--yes", "--json")) == {"deleted": [name], "absent": []}
    assert name not in run("topic", "list").output


def test_people_get_tables(run: Run, name: str) -> None:
    assert run("topic", "create", name, "-p", "1").output == f"Created topic {name}\n"
    described = run("topic", "describe", name).output
    assert described.startswith(f"Topic {name}  id ")
    assert "PARTITION  LEADER" in described
    assert "TOPIC" in run("topic", "list").output


def test_an_existing_topic_fails_unless_told_otherwise(run: Run, name: str) -> None:
    run("topic", "create", name)
    failed = run("topic", "create", name, code=1)
    assert "exist" in failed.stderr
    assert f"neuraxis topic describe {name}" in failed.stderr
    assert value(run("topic", "create", name, "--if-not-exists", "--json"))["existing"] == [name]


def test_a_dry_run_creates_nothing(run: Run, name: str) -> None:
    run("topic", "create", name, "--dry-run")
    run("topic", "describe", name, code=1)


def test_deleting_without_a_terminal_wants_a_yes(run: Run, name: str) -> None:
    run("topic", "create", name)
    failed = run("topic", "delete", name, code=1)
    assert f"neuraxis topic delete {name} --yes" in failed.stderr
    run("topic", "describe", name)


def test_unknown_topics(run: Run, name: str) -> None:
    for arguments in (["describe", name], ["delete", name, "--yes"], ["alter", name, "-p", "9"]):
        failed = run("topic", *arguments, code=1)
        assert "Unknown topic" in failed.stderr or "does not exist" in failed.stderr
    assert value(run("topic", "delete", name, "--yes", "--if-exists", "--json"))["absent"] == [name]


def test_bad_names_and_configurations_are_refused_with_the_next_step(run: Run, name: str) -> None:
    assert "topic names take letters" in run("topic", "create", "bad name!", code=1).stderr
    failed = run("topic", "create", name, "-c", "retention.ms=soon", code=1)
    assert "Next:" in failed.stderr
    assert "NAME=VALUE" in run("topic", "create", name, "-c", "retention.ms", code=2).stderr
    assert "nothing to change" in run("topic", "alter", name, code=2).stderr


def test_partitions_cannot_shrink(run: Run, name: str) -> None:
    run("topic", "create", name, "-p", "3")
    assert "can only grow" in run("topic", "alter", name, "-p", "2", code=1).stderr
