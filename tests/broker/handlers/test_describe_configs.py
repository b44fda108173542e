from __future__ import annotations

import pytest

from neuraxis.broker.config_changes import BROKER, BROKER_LOGGER, TOPIC
from tests.broker.admin_script import describe
from tests.broker.harness import CoreHarness


@pytest.mark.parametrize("version", range(1, 5))
def test_every_version_shows_all_configs_of_a_topic(version: int) -> None:
    harness = CoreHarness()
    harness.create_topic("a", segment_bytes="2000000")
    (result,) = harness.connect().request(describe((TOPIC, "a"), include_synonyms=True), version).results
    shown = {config.name: config for config in result.configs}
    assert len(shown) == 37
    assert shown["segment.bytes"].value == "2000000"
    assert [synonym.source for synonym in shown["segment.bytes"].synonyms] == [1, 5]
    assert list(shown) == sorted(shown)


def test_documentation_comes_when_it_is_asked_for() -> None:
    harness = CoreHarness()
    harness.create_topic("a")
    peer = harness.connect()
    silent = peer.request(describe((TOPIC, "a")), 4).results[0].configs
    assert {config.documentation for config in silent} == {None}
    telling = peer.request(describe((TOPIC, "a"), include_documentation=True), 4).results[0].configs
    assert all(config.documentation for config in telling)


def test_the_broker_shows_its_addresses_directory_and_policy_as_set_at_start() -> None:
    (result,) = CoreHarness("sync").connect().request(describe((BROKER, "1")), 4).results
    shown = {config.name: config for config in result.configs}
    assert shown["listeners"].value == "PLAINTEXT://127.0.0.1:9092"
    assert shown["advertised.listeners"].value == "PLAINTEXT://broker.test:9092"
    assert shown["log.dirs"].value == "memory"
    assert shown["log.flush.interval.messages"].value == "1"
    assert {
        shown[name].config_source for name in ("listeners", "log.dirs", "log.flush.interval.messages")
    } == {4}
    assert len(shown) == 350


def test_the_loggers_of_this_broker_are_none_and_those_of_others_unknown() -> None:
    peer = CoreHarness().connect()
    own, other = peer.request(describe((BROKER_LOGGER, "1"), (BROKER_LOGGER, "2")), 4).results
    assert (own.error_code, own.configs) == (0, [])
    assert other.error_code == 42
