"""The audit log: which decisions are remembered, and that a broker writes them down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neuraxis.broker.authorisation import audit as module
from neuraxis.broker.authorisation.audit import Audit, dropped_line, line
from neuraxis.broker.authorisation.guard import STANDARD_AUTHORIZER
from neuraxis.broker.embedded import Broker
from neuraxis.wire.messages.metadata import MetadataRequest
from tests.broker.authorisation.test_guard import guarded, peer_of
from tests.broker.harness import PRODUCE_VERSION, batch_of, produce_request
from tests.broker.sockets import RawPeer


def test_what_was_denied_is_remembered_and_what_only_hides_is_not() -> None:
    broker = guarded(**{"neuraxis.audit.log.path": "unused"})
    ann = peer_of(broker, "ann")
    ann.produce("drives", batch_of(b"1"))
    ann.request(MetadataRequest(topics=None), 12)
    (event,) = broker.node.audit.take()
    assert (event.principal, event.host, event.name, event.allowed) == (
        "User:ann",
        "10.0.0.7",
        "drives",
        False,
    )
    peer_of(broker, "admin").request(MetadataRequest(topics=None), 12)
    assert broker.node.audit.take() == []


def test_everything_is_remembered_if_that_is_asked_for() -> None:
    settings = {"neuraxis.audit.log.path": "unused", "neuraxis.audit.log.events": "all"}
    broker = guarded(**settings)
    peer_of(broker, "admin").produce("drives", batch_of(b"1"))
    assert [event.allowed for event in broker.node.audit.take()] == [True]


def test_the_queue_is_bounded_and_counts_what_it_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    broker = guarded(**{"neuraxis.audit.log.path": "unused"})
    ann = peer_of(broker, "ann")
    for _ in range(3):
        ann.produce("drives", batch_of(b"1"))
    assert len(broker.node.audit.waiting) == 1
    assert broker.node.audit.dropped == 2


def test_without_a_path_there_is_no_audit_log() -> None:
    assert guarded().node.audit is None


def test_a_line_is_one_line_whatever_a_name_holds() -> None:
    event = module.Event(0, "User:a\nb", "h", "L", None, 3, 8, 2, "\u2028", allowed=True)
    text = line(event)
    assert text.count("\n") == 1
    assert json.loads(text)["principal"] == "User:a\nb"
    assert json.loads(dropped_line(1, 7)) == {"time": "1970-01-01T00:00:00.001Z", "dropped": 7}


def test_a_broker_writes_its_audit_log(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "audit.log"
    settings = {"authorizer.class.name": STANDARD_AUTHORIZER, "neuraxis.audit.log.path": str(path)}
    with Broker(settings=settings) as broker, RawPeer(int(broker.bootstrap.rpartition(":")[2])) as peer:
        answer = peer.request(produce_request("drives", batch_of(b"1")), PRODUCE_VERSION)
        assert answer.responses[0].partition_responses[0].error_code == 29
    (found,) = path.read_text().splitlines()
    shown = json.loads(found)
    assert (shown["principal"], shown["api"], shown["decision"]) == ("User:ANONYMOUS", "Produce", "denied")


def test_a_broker_whose_audit_log_cannot_be_written_does_not_start(tmp_path: Path) -> None:
    settings = {"authorizer.class.name": STANDARD_AUTHORIZER, "neuraxis.audit.log.path": str(tmp_path)}
    with pytest.raises(OSError, match=r"neuraxis\.audit\.log\.path"):
        Broker(settings=settings).start()


def test_the_queue_gives_its_events_once() -> None:
    audit = Audit()
    assert audit.take() == []


def test_what_is_kept_of_names_is_bounded() -> None:
    broker = guarded(**{"neuraxis.audit.log.path": "unused"})
    peer_of(broker, "ann").produce("x" * 30_000, batch_of(b"1"))
    (event,) = broker.node.audit.take()
    assert len(event.name) == module.MAX_TEXT
