"""The fixtures that come with the package, in a test session of their own, as a user's project would run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuraxis.broker.registry import api_table

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def handlers_are_imported() -> None:
    """Handlers register once in a process, but pytester forgets what was first imported by a session inside of it."""
    api_table()


MY_TESTS = """
import socket

import pytest


def test_a_fresh_broker_listens(neuraxis_bootstrap):
    host, port = neuraxis_bootstrap.split(":")
    with socket.create_connection((host, int(port)), timeout=5):
        pass


def test_the_fixture_and_its_address_are_one_broker(neuraxis_broker, neuraxis_bootstrap):
    assert neuraxis_broker.bootstrap == neuraxis_bootstrap


seen = []


@pytest.mark.parametrize("turn", range(2))
def test_each_test_gets_its_own(neuraxis_broker, turn):
    assert neuraxis_broker not in seen
    seen.append(neuraxis_broker)


def test_the_one_before_has_stopped():
    from neuraxis.broker.embedded import BrokerNotRunning

    for broker in seen:
        with pytest.raises(BrokerNotRunning):
            broker.bootstrap


@pytest.mark.neuraxis(settings={"num.partitions": 3}, durability="interval")
def test_the_marker_says_how_it_is_started(neuraxis_broker):
    assert neuraxis_broker._config.kafka == {"num.partitions": "3"}
    assert neuraxis_broker._config.durability == "interval"
"""


def run(pytester: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(text)
    return pytester.runpytest_inprocess("--strict-markers", "-q", *options)


def test_the_fixtures_give_each_test_a_broker_of_its_own(pytester: pytest.Pytester) -> None:
    run(pytester, MY_TESTS).assert_outcomes(passed=6)


def test_the_plugin_is_found_without_being_named(pytester: pytest.Pytester) -> None:
    from importlib.metadata import entry_points

    (found,) = [each for each in entry_points(group="pytest11") if each.name == "neuraxis"]
    assert found.value == "neuraxis.testing.plugin"
    pytester.makepyfile(
        "def test_it(neuraxis_bootstrap):\n    assert neuraxis_bootstrap.startswith('127.0.0.1:')\n"
    )
    pytester.runpytest_inprocess("-q").assert_outcomes(passed=1)


def test_a_setting_that_does_not_exist_fails_the_test_with_its_name(pytester: pytest.Pytester) -> None:
    text = """
import pytest


@pytest.mark.neuraxis(settings={"no.such.config": 1})
def test_it(neuraxis_broker):
    pass
"""
    result = run(pytester, text)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no.such.config*"])


def test_the_package_offers_the_broker_beside_the_fixtures() -> None:
    import neuraxis
    import neuraxis.testing

    assert neuraxis.testing.Broker is neuraxis.Broker
    assert Path(str(neuraxis.testing.__file__)).parent.joinpath("plugin.py").exists()
