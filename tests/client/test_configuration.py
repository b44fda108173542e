"""The librdkafka configuration: what wins, and where its log goes."""

from __future__ import annotations

import logging

import pytest

from neuraxis.client import Settings
from neuraxis.client.configuration import librdkafka


def test_defaults_give_way_to_the_connection_and_that_to_extra() -> None:
    settings = Settings(bootstrap="a:1", extra={"linger.ms": "0", "client.id": "mine"})
    config = librdkafka(settings, {"linger.ms": 5, "acks": "all"})
    assert {name: config[name] for name in ("bootstrap.servers", "linger.ms", "client.id", "acks")} == {
        "bootstrap.servers": "a:1",
        "linger.ms": "0",
        "client.id": "mine",
        "acks": "all",
    }


def test_its_log_is_pythons_and_silent_unless_somebody_listens(capfd: pytest.CaptureFixture[str]) -> None:
    logger = librdkafka(Settings(), {})["logger"]
    assert isinstance(logger, logging.Logger)
    logger.propagate = False
    logger.error("the broker is away")
    logger.propagate = True
    assert capfd.readouterr() == ("", "")
