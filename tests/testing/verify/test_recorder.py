"""Writing down what happened."""

from __future__ import annotations

import io
from itertools import count

from neuraxis.testing.history import History, Log, Record, from_lines
from neuraxis.testing.verify.recorder import Recorder

LOG = Log("t", 0)


def test_the_tally_follows_what_is_acknowledged_and_read() -> None:
    recorder = Recorder(clock_ns=count().__next__)
    number = recorder.invoke("send", "p", sends=(Record(LOG, 1),))
    doubtful = recorder.invoke("send", "p", sends=(Record(LOG, 2),))
    recorder.complete(number, "ok", "send", "p", sends=(Record(LOG, 1, 0),))
    recorder.complete(doubtful, "unknown", "send", "p")
    assert (recorder.sent, recorder.acknowledged) == (2, {(LOG, 1)})
    assert recorder.unseen(("g",)) == 1
    recorder.whole("ok", "poll", "r", 0, polls=(Record(LOG, 1, 0),), group="g")
    assert recorder.unseen(("g",)) == 0
    assert recorder.unseen(("g", "h")) == 1
    assert recorder.unseen(()) == 0


def test_a_value_may_be_read_before_it_is_acknowledged_and_again_after() -> None:
    recorder = Recorder()
    number = recorder.invoke("send", "p", sends=(Record(LOG, 1),))
    for _ in range(2):
        recorder.whole("ok", "poll", "r", 0, polls=(Record(LOG, 1, 0),), group="g")
    assert recorder.unseen(("g", "h")) == 0
    recorder.complete(number, "ok", "send", "p", sends=(Record(LOG, 1, 0),))
    recorder.whole("ok", "poll", "r", 0, polls=(Record(LOG, 1, 0),), group="g")
    assert (recorder.unseen(("g",)), recorder.unseen(("h",))) == (0, 1)


def test_the_file_holds_the_same_history_as_the_memory() -> None:
    sink = io.StringIO()
    recorder = Recorder(sink)
    number = recorder.invoke("send", "p", sends=(Record(LOG, 1),))
    recorder.complete(number, "ok", "send", "p", sends=(Record(LOG, 1, 0),))
    recorder.whole("ok", "assign", "r", 5, group="g")
    assert list(from_lines(sink.getvalue().splitlines())) == recorder.events
    assert len(History.of(recorder.events).operations) == 2
