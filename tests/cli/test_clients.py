"""`neuraxis clients`."""

from __future__ import annotations

import socket

import pytest

import neuraxis
from neuraxis.client import Client
from tests.cli.support import runner, value


def test_it_names_who_is_connected_and_who_was_refused_and_why() -> None:
    with neuraxis.Broker() as broker:
        run = runner(broker.bootstrap)
        assert "No client was refused." in run("clients", "--refused").output
        host, port = broker.bootstrap.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as old:
            fetch = b"\0\1\0\1" + b"\0\0\0\7" + b"\0\7ancient" + b"\xff\xff\xff\xff" + bytes(12)
            old.sendall(len(fetch).to_bytes(4, "big") + fetch)
            assert old.recv(1) == b"", "refused without an answer, as by Kafka"
        Client(bootstrap=broker.bootstrap, client_id="modern").admin().topic_names()
        shown = {one["client_id"]: one for one in value(run("clients", "--json"))["clients"]}
        assert shown["modern"]["software_name"] == "confluent-kafka-python"
        assert shown["modern"]["apis"]["ApiVersions"] == 3
        assert shown["ancient"]["software_name"] is None
        assert [each["reason"] for each in shown["ancient"]["refusals"]] == [
            "asked for Fetch version 1; served are 4 to 18: the client is too old"
        ]
        text = run("clients", "--refused").output
    assert "ancient" in text
    assert "modern" not in text
    assert "it asked for Fetch version 1" in text


@pytest.mark.parametrize("as_json", [False, True])
def test_without_a_broker_it_says_what_to_do(as_json: bool) -> None:
    result = runner("127.0.0.1:1")("clients", *(["--json"] if as_json else []), code=1)
    assert "neuraxis up" in result.stderr
