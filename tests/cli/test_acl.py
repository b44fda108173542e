"""`neuraxis acl`, on a broker with an authoriser, and on one without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from neuraxis.broker.authorisation.guard import STANDARD_AUTHORIZER
from neuraxis.broker.embedded import Broker
from tests.cli.support import Run, runner, value


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    settings = {"authorizer.class.name": STANDARD_AUTHORIZER, "super.users": "User:ANONYMOUS"}
    with Broker(settings=settings) as broker:
        yield broker.bootstrap


@pytest.fixture
def acl(guarded: str) -> Iterator[Run]:
    run = runner(guarded)
    yield run
    for rule in value(run("acl", "list", "--json"))["rules"]:
        run("acl", "remove", rule["principal"])


def rules(run: Run, *filters: str) -> list[tuple[str, str, str]]:
    found = value(run("acl", "list", *filters, "--json"))["rules"]
    return [(one["principal"], one["operation"], one["name"]) for one in found]


def test_a_producer_and_a_consumer_get_what_they_need(acl: Run) -> None:
    acl("acl", "add", "User:ann", "--producer", "--topic", "drives", "--transactional-id", "app")
    acl("acl", "add", "User:bob", "--consumer", "--topic", "drives", "--group", "dashboard")
    assert sorted(rules(acl)) == [
        ("User:ann", "create", "drives"),
        ("User:ann", "describe", "app"),
        ("User:ann", "describe", "drives"),
        ("User:ann", "write", "app"),
        ("User:ann", "write", "drives"),
        ("User:bob", "describe", "drives"),
        ("User:bob", "read", "dashboard"),
        ("User:bob", "read", "drives"),
    ]


def test_the_rules_of_a_resource_are_those_that_count_for_it(acl: Run) -> None:
    acl("acl", "add", "User:ann", "--operation", "read", "--topic", "dri", "--prefixed")
    acl("acl", "add", "User:*", "--operation", "describe", "--topic", "*", "--host", "10.0.0.0/8")
    acl("acl", "add", "User:eve", "--operation", "ALL", "--topic", "other")
    assert rules(acl, "--topic", "drives") == [("User:*", "describe", "*"), ("User:ann", "read", "dri")]
    assert rules(acl, "--topic", "drives", "--principal", "User:ann") == [("User:ann", "read", "dri")]
    assert rules(acl, "--operation", "all") == [("User:eve", "all", "other")]
    shown = acl("acl", "list").output
    assert "PRINCIPAL" in shown
    assert "10.0.0.0/8" in shown
    assert "prefixed" in shown


def test_rules_about_the_cluster_users_and_tokens(acl: Run) -> None:
    acl("acl", "add", "User:ops", "--operation", "alter", "--cluster", "--prefixed")
    acl("acl", "add", "User:ops", "--operation", "create-tokens", "--user", "User:ann")
    acl("acl", "add", "User:ops", "--operation", "describe", "--token", "abc", "--deny")
    assert sorted(rules(acl)) == [
        ("User:ops", "alter", "kafka-cluster"),
        ("User:ops", "create-tokens", "User:ann"),
        ("User:ops", "describe", "abc"),
    ]


def test_only_what_is_named_is_removed(acl: Run) -> None:
    acl("acl", "add", "User:ann", "--operation", "read", "--operation", "write", "--topic", "drives")
    acl("acl", "add", "User:ann", "--operation", "read", "--topic", "*")
    said = acl("acl", "remove", "User:ann", "--topic", "drives", "--operation", "write").output
    assert "1 rule removed" in said
    assert rules(acl) == [("User:ann", "read", "*"), ("User:ann", "read", "drives")]
    assert "no such rule" in acl("acl", "remove", "User:bob").output
    assert "2 rules removed" in acl("acl", "remove", "User:ann", "--allow").output
    assert "no such rule" in acl("acl", "list").output


def test_wrong_rules_are_refused_with_the_next_step(acl: Run) -> None:
    assert "Next:" in acl("acl", "add", "ann", "--operation", "read", "--topic", "t", code=1).stderr
    acl("acl", "add", "User:ann", "--operation", "read", code=2)
    acl("acl", "add", "User:ann", "--topic", "t", code=2)
    acl("acl", "add", "User:ann", "--producer", "--group", "g", code=2)


def test_without_an_authoriser_it_says_how_to_get_one(run: Run) -> None:
    assert "authoriser" in run("acl", "list", code=1).stderr


def test_the_help_teaches_how_rules_count() -> None:
    shown = runner("127.0.0.1:1")("acl", "--help").output
    for word in ("super users", "denies wins", "StandardAuthorizer", "--prefixed"):
        assert word in shown
