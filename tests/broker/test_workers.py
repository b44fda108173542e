"""Works on threads: syncs overtake the rest, failures are told, the bell wakes the loop and nobody else."""

from __future__ import annotations

import socket
import threading

import pytest

from neuraxis.broker.work import Sync, SyncDir, Work
from neuraxis.broker.workers import Wake, Workers
from tests.broker.sockets import GatedFs


def test_a_wake_up_wakes_once_and_a_closed_one_touches_no_other_file() -> None:
    wake = Wake()
    wake.ring()
    wake.ring()
    wake.clear()
    with pytest.raises(BlockingIOError):
        wake.clear()
    number = wake.fd
    wake.close()
    with socket.socket() as reused:
        # The number is free now; a ring must not write to whoever got it.
        assert wake.fd != number
        wake.ring()
        assert reused.fileno() >= 0
    wake.close()


def test_syncs_do_not_queue_behind_slow_background_works() -> None:
    class SlowFs(GatedFs):
        def sync_dir(self, path: str) -> None:
            assert self.gate.wait(5), "the sync came too late"

    fs, wake = SlowFs(), Wake()
    file = fs.open("journal", create=True)
    workers = Workers(fs, wake)
    workers.start()
    fs.gate.clear()
    for number in range(5):
        workers.submit(Work(number, "checkpoint", (SyncDir(""),)))
    synced = threading.Event()
    fs.sync = lambda file: synced.set()  # type: ignore[method-assign]  # this disk syncs at once
    workers.submit(Work(9, "sync", (Sync(file),)))
    assert synced.wait(5)
    fs.gate.set()
    assert workers.stop()
    assert sorted(work_id for work_id, _, _ in workers.results) == [0, 1, 2, 3, 4, 9]
    wake.close()


def test_a_work_that_fails_reports_its_error_whatever_it_was(caplog: pytest.LogCaptureFixture) -> None:
    fs, wake = GatedFs(), Wake()
    failure = fs.failure = OSError(28, "No space left on device")
    file = fs.open("journal", create=True)
    workers = Workers(fs, wake)
    workers.start()
    workers.submit(Work(1, "sync", (Sync(file),)))
    workers.submit(Work(2, "checkpoint", ("no step",)))  # type: ignore[arg-type]  # a bug of ours
    assert workers.stop()
    errors = {work_id: error for work_id, _, error in workers.results}
    assert errors[1] is failure
    assert isinstance(errors[2], OSError)
    assert "work checkpoint failed" in caplog.text
    wake.close()


def test_workers_that_were_never_started_stop_at_once() -> None:
    wake = Wake()
    assert Workers(GatedFs(), wake).stop()
    wake.close()
