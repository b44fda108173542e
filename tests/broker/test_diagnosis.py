"""The dump of a broker: each open call with what it waits for, and the works in flight."""

from __future__ import annotations

from neuraxis.broker import diagnosis
from neuraxis.broker.work import Now
from tests.broker.harness import PRODUCE_VERSION, CoreHarness, batch_of, fetch_request, produce_request


def test_it_says_of_each_open_call_what_it_waits_for_and_for_how_long() -> None:
    broker = CoreHarness()
    broker.create_topic("drives")
    idle, reader, writer = broker.connect(), broker.connect(), broker.connect()
    broker.works_wait = True
    reader.send(fetch_request({"drives": {0: 0}}), 12)
    writer.send(produce_request("drives", batch_of(b"a")), PRODUCE_VERSION)
    lines = list(diagnosis.describe(broker.core, Now(broker.now.mono_ms + 40, 0)))
    assert lines[0].startswith(
        "4 sessions, 2 open calls" if len(broker.node.sessions) == 4 else "3 sessions, 2 open calls"
    )
    text = "\n".join(lines)
    assert "Fetch v12, correlation id 1, for 40 ms: parked" in text
    assert f"Produce v{PRODUCE_VERSION}, correlation id 1, for 40 ms: answered, waits for ticket" in text
    assert "(sync): Sync(" in text
    sessions = [line for line in lines if line.startswith("session ")]
    assert sessions[-1].startswith(f"session {idle.session.id}:"), "idle sessions come last"


def test_it_stays_short_with_many_sessions() -> None:
    broker = CoreHarness()
    for _ in range(diagnosis.MAX_SESSIONS + 5):
        broker.connect()
    lines = list(diagnosis.describe(broker.core, broker.now))
    assert "and 5 more sessions" in lines
    assert len(lines) < diagnosis.MAX_SESSIONS + 10
