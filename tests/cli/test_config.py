"""`neuraxis config`."""

from __future__ import annotations

import pytest

from tests.cli.support import Run, value


@pytest.fixture
def topic(run: Run, name: str) -> str:
    run("topic", "create", name)
    return name


def test_set_get_delete_on_a_topic(run: Run, topic: str) -> None:
    run("config", "set", "topic", topic, "retention.ms=1000", "max.message.bytes=5000")
    [found] = value(run("config", "get", "topic", topic, "retention.ms", "--json"))["configs"]
    assert found == {
        "name": "retention.ms",
        "value": "1000",
        "source": "dynamic_topic",
        "default": False,
        "read_only": False,
        "sensitive": False,
    }
    run("config", "delete", "topic", topic, "retention.ms")
    names = [one["name"] for one in value(run("config", "get", "topic", topic, "--json"))["configs"]]
    assert "retention.ms" not in names
    assert "max.message.bytes" in names


def test_all_shows_the_defaults_too(run: Run, topic: str) -> None:
    shown = run("config", "get", "topic", topic, "--all").output
    assert "cleanup.policy" in shown
    assert "NAME" in shown


def test_a_dry_run_changes_nothing_but_still_checks(run: Run, topic: str) -> None:
    run("config", "set", "topic", topic, "retention.ms=1000", "--dry-run")
    assert value(run("config", "get", "topic", topic, "retention.ms", "--json"))["configs"][0]["default"]
    run("config", "set", "topic", topic, "retention.ms=soon", "--dry-run", code=1)


def test_a_broker_shows_its_configuration(run: Run, bootstrap: str) -> None:
    from neuraxis.client import Client

    admin = Client(bootstrap=bootstrap).admin()
    admin.create_topic("config-of-a-broker") if "config-of-a-broker" not in admin.topic_names() else None
    broker = admin.topics(["config-of-a-broker"])[0].partitions[0].leader
    found = value(run("config", "get", "broker", str(broker), "--all", "--json"))["configs"]
    assert "log.retention.ms" in {one["name"] for one in found}


def test_a_group_has_configuration_of_its_own(run: Run, name: str) -> None:
    run("config", "set", "group", name, "consumer.session.timeout.ms=45001")
    [found] = value(run("config", "get", "group", name, "--json"))["configs"]
    assert (found["name"], found["value"]) == ("consumer.session.timeout.ms", "45001")
    run("config", "delete", "group", name, "consumer.session.timeout.ms")


def test_unknown_names_and_kinds_are_refused_with_the_next_step(run: Run, topic: str) -> None:
    assert "--all" in run("config", "get", "topic", topic, "nope", code=1).stderr
    assert "Next:" in run("config", "set", "topic", topic, "nope=1", code=1).stderr
    assert (
        "librdkafka wants a name" in run("config", "set", "broker", "", "log.retention.ms=1", code=1).stderr
    )
    run("config", "get", "client-metrics", "x", code=2)
