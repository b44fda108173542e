"""`neuraxis quota`, on whichever broker the tests of the command line run against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from neuraxis.broker.authorisation.guard import STANDARD_AUTHORIZER
from neuraxis.broker.embedded import Broker
from tests.cli.support import Run, runner, value


@pytest.fixture(scope="module")
def quotas_broker() -> Iterator[str]:
    with Broker() as broker:
        yield broker.bootstrap


@pytest.fixture
def quota(quotas_broker: str) -> Iterator[Run]:
    run = runner(quotas_broker)
    yield run
    for one in value(run("quota", "list", "--json"))["quotas"]:
        options = []
        for kind, name in one["entity"].items():
            options += [f"--default-{kind}"] if name is None else [f"--{kind}", name]
        run("quota", "remove", *options)


def listed(run: Run, *filters: str) -> list[tuple[dict[str, Any], dict[str, float]]]:
    return [
        (one["entity"], one["values"]) for one in value(run("quota", "list", *filters, "--json"))["quotas"]
    ]


def test_quotas_are_set_kept_and_shown(quota: Run) -> None:
    shown = quota("quota", "set", "--user", "ann", "--producer-byte-rate", "5MB").output
    assert "user ann" in shown
    assert "5,000,000 bytes" in shown
    quota("quota", "set", "--user", "ann", "--request-percentage", "12.5", "--consumer-byte-rate", "1 MiB/s")
    assert listed(quota) == [
        (
            {"user": "ann"},
            {"consumer_byte_rate": 1048576.0, "producer_byte_rate": 5000000.0, "request_percentage": 12.5},
        )
    ]
    assert "12.5 %" in quota("quota", "list").output


def test_defaults_and_combinations_are_entities_of_their_own(quota: Run) -> None:
    quota("quota", "set", "--default-user", "--controller-mutation-rate", "10")
    quota("quota", "set", "--user", "ann", "--client-id", "app", "--producer-byte-rate", "1000")
    quota("quota", "set", "--user", "ann", "--default-client-id", "--producer-byte-rate", "2000")
    quota("quota", "set", "--default-ip", "--connection-creation-rate", "20")
    assert len(listed(quota)) == 4
    assert listed(quota, "--user", "ann", "--client-id", "app") == [
        ({"client-id": "app", "user": "ann"}, {"producer_byte_rate": 1000.0})
    ]
    assert len(listed(quota, "--user", "ann")) == 2
    assert listed(quota, "--default-user") == [({"user": None}, {"controller_mutation_rate": 10.0})]
    assert "user ann, client-id <default>" in quota("quota", "list").output


def test_only_what_is_named_is_removed(quota: Run) -> None:
    quota("quota", "set", "--client-id", "app", "--producer-byte-rate", "1", "--request-percentage", "2")
    said = quota("quota", "remove", "--client-id", "app", "--producer-byte-rate").output
    assert said == "Removed producer_byte_rate of client-id app.\n"
    assert listed(quota) == [({"client-id": "app"}, {"request_percentage": 2.0})]
    quota("quota", "remove", "--client-id", "app")
    assert listed(quota) == []
    assert "no such quota" in quota("quota", "remove", "--client-id", "app").output
    assert "no such quota" in quota("quota", "list").output


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("set", "--producer-byte-rate", "1"), "Say whose"),
        (("set", "--user", "ann"), "Say how much"),
        (("set", "--user", "ann", "--default-user", "--request-percentage", "1"), "not both"),
        (("set", "--user", "ann", "--ip", "::1", "--request-percentage", "1"), "cannot be combined"),
        (("set", "--user", "ann", "--producer-byte-rate", "fast"), "is not a rate"),
        (("remove",), "Say whose"),
    ],
)
def test_what_cannot_be_meant_is_a_wrong_use(quota: Run, arguments: tuple[str, ...], hint: str) -> None:
    assert hint in quota("quota", *arguments, code=2).output


def test_what_the_broker_refuses_is_told_with_the_next_step(quota: Run) -> None:
    said = quota("quota", "set", "--user", "ann", "--connection-creation-rate", "1", code=1).output
    assert "connection_creation_rate" in said
    assert "neuraxis quota --help" in said


def test_who_may_not_is_told_what_is_missing() -> None:
    settings = {"authorizer.class.name": STANDARD_AUTHORIZER, "super.users": "User:admin"}
    with Broker(settings=settings) as broker:
        said = runner(broker.bootstrap)("quota", "list", code=1).output
    assert "DESCRIBE_CONFIGS" in said
